//! Splits values into words as systemd does: systemd.syntax(7), "Quoting".

use super::specifiers::UNKNOWN;

/// The words of a value without their quotes, and whether a word had none and no backslash.
pub(super) fn words(value: &str) -> Vec<(String, bool)> {
    let (mut all, mut word) = (Vec::new(), None::<(String, bool)>);
    let (mut quote, mut rest) = (None, value.chars());
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                let (word, is_plain) = word.get_or_insert_with(start);
                word.push(escaped(&mut rest));
                *is_plain = false;
            }
            _ if quote == Some(c) => quote = None,
            '"' | '\'' if quote.is_none() => {
                quote = Some(c);
                word.get_or_insert_with(start).1 = false;
            }
            c if c.is_ascii_whitespace() && quote.is_none() => all.extend(word.take()),
            c => word.get_or_insert_with(start).0.push(c),
        }
    }
    all.extend(word);
    all
}

fn start() -> (String, bool) {
    (String::new(), true)
}

/// What stands for a backslash and the characters after it.
fn escaped(rest: &mut std::str::Chars<'_>) -> char {
    match rest.next() {
        Some('s') => ' ',
        Some('t') => '\t',
        Some('x') => {
            let digits: String = rest.take(2).collect();
            let code = u8::from_str_radix(&digits, 16).ok();
            code.filter(u8::is_ascii).map_or(UNKNOWN, char::from)
        }
        Some(c @ ('\\' | '"' | '\'' | ';' | ' ')) => c,
        _ => UNKNOWN,
    }
}

/// One command of a line such as `ExecStart=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExecCommand {
    pub(super) program: String,
    /// With the name that the program is called by first.
    pub(super) arguments: Vec<String>,
    pub(super) ignores_errors: bool,
}

/// The commands of a line: systemd.service(5), "Command lines".
pub(super) fn commands(value: &str) -> Vec<ExecCommand> {
    let words = words(value);
    let is_end = |(word, is_plain): &(String, bool)| *is_plain && word == ";";
    let of = |words: &[(String, bool)]| {
        let mut arguments: Vec<String> = words.iter().map(|(word, _)| word.clone()).collect();
        let first = arguments.first()?;
        let program = first.trim_start_matches(['-', '@', ':', '+', '!', '|']);
        let prefixes = &first[..first.len() - program.len()];
        let (has_name, ignores_errors) = (prefixes.contains('@'), prefixes.contains('-'));
        let program = program.to_owned();
        match has_name {
            true => drop(arguments.remove(0)),
            false => arguments[0].clone_from(&program),
        }
        Some(ExecCommand {
            program,
            arguments,
            ignores_errors,
        })
    };
    words.split(is_end).filter_map(of).collect()
}
