//! What is wrong with an input: each problem says what is allowed and what to do.

use crate::text::Prose;
use std::fmt;

/// The longest part of a value that is shown, in characters.
const SHOWN: usize = 60;

/// One bad input. Its text is a single line of printable characters and never holds a secret's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    subject: String,
    shown: Option<String>,
    invalid: Invalid,
}

/// What is wrong with a value, before it is known to which input it belongs, and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    what: Prose,
    fix: Prose,
}

/// Shorthand for the error side of every parser.
pub(super) fn invalid<T>(what: impl Into<Prose>, fix: impl Into<Prose>) -> Result<T, Invalid> {
    Err(Invalid::new(what, fix))
}

impl Invalid {
    pub(super) fn new(what: impl Into<Prose>, fix: impl Into<Prose>) -> Self {
        Self {
            what: what.into(),
            fix: fix.into(),
        }
    }

    /// The same, found in this place of the value.
    pub(super) fn at(mut self, place: &str) -> Self {
        self.what = Prose::of("{} ", [&place]).and(self.what);
        self
    }
}

impl Problem {
    /// A problem of an input without its value: it is missing, secret, or speaks for itself.
    pub(super) fn of(subject: impl Into<String>, invalid: Invalid) -> Self {
        Self {
            subject: subject.into(),
            shown: None,
            invalid,
        }
    }

    /// A problem of an input that shows the value.
    pub(super) fn showing(subject: impl Into<String>, value: &str, invalid: Invalid) -> Self {
        Self {
            subject: subject.into(),
            shown: Some(quoted(value)),
            invalid,
        }
    }

    /// The same, without the user and the password that a URL may have before its host.
    pub(super) fn showing_some(subject: impl Into<String>, value: &str, invalid: Invalid) -> Self {
        match secret_part(value) {
            Some((from, to)) => {
                let shown = format!("{}***{}", &value[..from], &value[to..]);
                Self::showing(subject, &shown, invalid)
            }
            None => Self::showing(subject, value, invalid),
        }
    }

    /// What is wrong and how to fix it.
    pub fn text(&self) -> Prose {
        let shown = self.shown.as_ref();
        Prose::verbatim(&self.subject)
            .and(shown.map_or_else(Prose::default, |shown| {
                Prose::from(" = ").and(Prose::verbatim(shown))
            }))
            .and(": ")
            .and(self.what().clone())
            .and(". ")
            .and(self.fix())
    }

    /// What is wrong; fits after the name.
    pub fn what(&self) -> &Prose {
        &self.invalid.what
    }

    /// How to fix it, as a sentence.
    pub fn fix(&self) -> Prose {
        let fix = self.invalid.fix.clone();
        match fix.to_string().ends_with('?') {
            true => fix,
            false => fix.and("."),
        }
    }

    /// The value in quotes, if it may be shown.
    pub fn shown(&self) -> Option<&str> {
        self.shown.as_deref()
    }

    /// The input's or the flag's name.
    pub fn subject(&self) -> &str {
        &self.subject
    }
}

/// Where the user and password before a host are.
fn secret_part(value: &str) -> Option<(usize, usize)> {
    let from = value.find("://").map_or(0, |at| at + "://".len());
    let end = value[from..].rfind('@').map(|at| from + at)?;
    // `user@host` alone is no secret
    (from > 0 || value[..end].contains(':')).then_some((from, end))
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.text())
    }
}

/// A value in quotes: escaped, without its middle if it is long, without anything that GitHub's runner would take for a command.
pub(super) fn quoted(value: &str) -> String {
    let escaped = |text: &str| {
        text.chars()
            .flat_map(char::escape_debug)
            .collect::<String>()
    };
    let count = value.chars().count();
    let at = |number| {
        value
            .char_indices()
            .nth(number)
            .map_or(value.len(), |(at, _)| at)
    };
    // the end of a path says as much as its beginning
    let shown = match count > SHOWN {
        true => {
            let (head, tail) = (&value[..at(SHOWN / 2)], &value[at(count - SHOWN / 2)..]);
            format!("{}…{}", escaped(head), escaped(tail))
        }
        false => escaped(value),
    };
    format!("\"{}\"", shown.replace("\\'", "'").replace("##[", "##\\["))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_long_value_gives_way() {
        let path = format!("/home/runner/work/{}config/app.yaml", "folder/".repeat(20));
        assert_eq!(
            quoted(&path),
            r#""/home/runner/work/folder/folde…/folder/folder/config/app.yaml""#
        );
        assert_eq!(quoted(&"é".repeat(SHOWN)).chars().count(), SHOWN + 2);
    }

    #[test]
    fn values_are_escaped_and_cut() {
        assert_eq!(
            quoted("a\r\n\u{1b}[0m\u{202e}\"##[error]"),
            r###""a\r\n\u{1b}[0m\u{202e}\"##\[error]""###
        );
        assert_eq!(quoted(&"x".repeat(1000)).chars().count(), SHOWN + 3);
    }

    #[test]
    fn a_password_before_a_host_is_not_shown() {
        for (value, shown) in [
            (
                "http://me:p@ss@localhost/x",
                r#"host = "http://***@localhost/x": "#,
            ),
            (
                "https://t0ken@localhost",
                r#"host = "https://***@localhost": "#,
            ),
            ("me:pass@web1", r#"host = "***@web1": "#),
            ("deploy@web1", r#"host = "deploy@web1": "#),
            ("web1:22", r#"host = "web1:22": "#),
        ] {
            let problem = Problem::showing_some("host", value, Invalid::new("is wrong", "Fix it"));
            assert!(problem.to_string().starts_with(shown), "{problem}");
        }
    }

    #[test]
    fn a_problem_is_one_line() {
        let problem = Problem::showing(
            "port",
            "2\n2",
            Invalid::new("is not a number", "Write 1 to 65535"),
        );
        assert_eq!(
            problem.to_string(),
            r#"port = "2\n2": is not a number. Write 1 to 65535."#
        );
    }
}
