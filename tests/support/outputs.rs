//! The outputs of a step, as GitHub's runner reads them.

use std::collections::BTreeMap;

/// As the runner reads the file: `name=value`, or `name<<DELIMITER`, lines, `DELIMITER`; the last one counts
/// (`FileCommandManager.cs`).
pub(crate) fn parse_outputs(text: &str) -> BTreeMap<String, String> {
    let mut outputs = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let (equals, heredoc) = (line.find('='), line.find("<<"));
        let (name, value) = match (equals, heredoc) {
            (_, Some(at)) if equals.is_none_or(|equals| at < equals) => {
                let delimiter = &line[at + 2..];
                let value: Vec<&str> = lines
                    .by_ref()
                    .take_while(|line| *line != delimiter)
                    .collect();
                (&line[..at], value.join("\n"))
            }
            (Some(at), _) => (&line[..at], line[at + 1..].to_owned()),
            _ => panic!("the runner refuses this line of outputs: {line:?}"),
        };
        outputs.insert(name.to_owned(), value);
    }
    outputs
}
