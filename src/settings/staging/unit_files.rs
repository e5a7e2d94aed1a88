//! Which files of the source are unit files.

use crate::protocol::UnitPatterns;
use crate::settings::problem::{invalid, Invalid};
use crate::settings::values::lists::{self, Form};
use crate::text::Prose;

/// More patterns than that were not written by a person.
const MOST: usize = 100;
/// As long as a path may be, and braces nest.
const LONGEST: usize = 1024;
const MOST_BRACES: usize = 50;

/// Paths and patterns, one per line: relative, in normal form, each once.
pub(in crate::settings) fn parse(text: &str) -> Result<Vec<String>, Invalid> {
    lists::check(text, Form::Patterns)?;
    let mut patterns: Vec<String> = Vec::new();
    let lines = text.lines().map(str::trim).enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let place = format!("line {}", index + 1);
        check(line).map_err(|invalid| invalid.at(&place))?;
        if patterns.iter().any(|other| other == line) {
            let what = Prose::of("{} is there twice", [&place]);
            return invalid(what, "Write each path or pattern once");
        }
        patterns.push(line.to_owned());
    }
    if patterns.len() > MOST {
        let what = Prose::of("has more than {} lines", [&MOST]);
        return invalid(what, "Write a pattern, as in `deploy/*.service`");
    }
    Ok(patterns)
}

fn check(line: &str) -> Result<(), Invalid> {
    if line.starts_with(['/', '~']) {
        let fix = "Write a path from the source's folder, as in `deploy/diting.service`";
        return invalid("is not relative", fix);
    }
    if line.starts_with(['-', '!', '#']) {
        let fix = "Write only paths and patterns of unit files, as in `deploy/*.service`";
        return invalid("is neither a path nor a pattern", fix);
    }
    let many_braces = line.matches('{').count() > MOST_BRACES;
    if line.chars().any(char::is_control) || line.len() > LONGEST || many_braces {
        let fix = "Write up to 1024 printable characters with at most 50 braces";
        return invalid("is neither a path nor a pattern", fix);
    }
    if line.split('/').any(|part| ["", ".", ".."].contains(&part)) {
        let fix = "Write it without `//`, `.`, `..` and a `/` at the end";
        return invalid("is not in normal form", fix);
    }
    match UnitPatterns::new(&[line.to_owned()]) {
        Ok(_) => Ok(()),
        Err(_) => invalid(
            "is no valid pattern",
            "Brackets and braces come in pairs; put a `\\` before one that is meant as it is",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Problem;

    fn problem(text: &str) -> String {
        Problem::showing("units", text, parse(text).unwrap_err()).to_string()
    }

    #[test]
    fn paths_and_patterns_stand_one_per_line() {
        let text = "deploy/web.service\r\n\n  deploy/*.timer \n**/web.service.d/*.conf\n[ab].{path,socket}";
        let expected = [
            "deploy/web.service",
            "deploy/*.timer",
            "**/web.service.d/*.conf",
            "[ab].{path,socket}",
        ];
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn other_lines_are_refused_with_their_number() {
        let texts = [
            "/etc/systemd/system/web.service",
            "~/web.service",
            "a.service\n../b.service",
            "deploy/../b.service",
            "./a.service",
            "deploy//a.service",
            "deploy/",
            "- a.service",
            "-a.service",
            "!a.service",
            "# a.service",
            "a\tb.service",
            "deploy/[ab.service",
            "{a,b.service",
            "a.service\na.service",
            "[\"a.service\"]",
            "'a.service'",
        ];
        insta::assert_snapshot!(texts.map(problem).join("\n"), @r##"
        units = "/etc/systemd/system/web.service": line 1 is not relative. Write a path from the source's folder, as in `deploy/diting.service`.
        units = "~/web.service": line 1 is not relative. Write a path from the source's folder, as in `deploy/diting.service`.
        units = "a.service\n../b.service": line 2 is not in normal form. Write it without `//`, `.`, `..` and a `/` at the end.
        units = "deploy/../b.service": line 1 is not in normal form. Write it without `//`, `.`, `..` and a `/` at the end.
        units = "./a.service": line 1 is not in normal form. Write it without `//`, `.`, `..` and a `/` at the end.
        units = "deploy//a.service": line 1 is not in normal form. Write it without `//`, `.`, `..` and a `/` at the end.
        units = "deploy/": line 1 is not in normal form. Write it without `//`, `.`, `..` and a `/` at the end.
        units = "- a.service": line 1 is neither a path nor a pattern. Write only paths and patterns of unit files, as in `deploy/*.service`.
        units = "-a.service": line 1 is neither a path nor a pattern. Write only paths and patterns of unit files, as in `deploy/*.service`.
        units = "!a.service": line 1 is neither a path nor a pattern. Write only paths and patterns of unit files, as in `deploy/*.service`.
        units = "# a.service": line 1 is neither a path nor a pattern. Write only paths and patterns of unit files, as in `deploy/*.service`.
        units = "a\tb.service": line 1 is neither a path nor a pattern. Write up to 1024 printable characters with at most 50 braces.
        units = "deploy/[ab.service": line 1 is no valid pattern. Brackets and braces come in pairs; put a `\` before one that is meant as it is.
        units = "{a,b.service": line 1 is no valid pattern. Brackets and braces come in pairs; put a `\` before one that is meant as it is.
        units = "a.service\na.service": line 2 is there twice. Write each path or pattern once.
        units = "[\"a.service\"]": is an array. Write each entry plainly on a line of its own: `a.service`.
        units = "'a.service'": line 1 is in quotes. Write each entry plainly on a line of its own: `a.service`.
        "##);
        let lines = |count| {
            (0..count)
                .map(|n| format!("{n}.service\n"))
                .collect::<String>()
        };
        assert_eq!(parse(&lines(MOST)).unwrap().len(), MOST);
        assert!(problem(&lines(MOST + 1)).contains("more than 100 lines"));
        assert!(parse(&"a".repeat(LONGEST)).is_ok());
        assert!(parse(&"a".repeat(LONGEST + 1)).is_err());
    }
}
