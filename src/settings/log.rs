//! What the log of the new start may hold.

use regex::RegexBuilder;

use super::health::not_an_expression;
use super::problem::{wrong, Wrong};

/// What is done about crash words in the log of the new start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogCheck {
    /// How serious they are.
    pub level: LogLevel,
    /// A regular expression in place of the known words.
    pub pattern: Option<String>,
}

/// How serious a crash word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// The release fails.
    Fail,
    /// A warning.
    Warn,
    /// Not looked at.
    Off,
}

impl LogLevel {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "fail" => Ok(Self::Fail),
            "warn" => Ok(Self::Warn),
            "off" => Ok(Self::Off),
            _ => wrong("is not a level", "Write `fail`, `warn` or `off`"),
        }
    }
}

/// An expression that is tried on each line.
pub(super) fn pattern(text: &str) -> Result<String, Wrong> {
    let tried = RegexBuilder::new(text).size_limit(1 << 20).build();
    let regex = tried.map_err(|error| not_an_expression(&error))?;
    if regex.is_match("") {
        return wrong(
            "matches an empty line, so every log",
            "Write what a crash looks like, as in `Traceback|panicked`",
        );
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_must_not_match_everything() {
        assert!(pattern("Traceback|panicked at").is_ok());
        let problem = |text| {
            crate::settings::Problem::of("log-pattern", pattern(text).unwrap_err()).to_string()
        };
        insta::assert_snapshot!(["(", "a|", ".*"].map(problem).join("\n"), @r#"
        log-pattern: is not a regular expression (unclosed group). See https://docs.rs/regex/latest/regex/#syntax; a literal brace is written \{.
        log-pattern: matches an empty line, so every log. Write what a crash looks like, as in `Traceback|panicked`.
        log-pattern: matches an empty line, so every log. Write what a crash looks like, as in `Traceback|panicked`.
        "#);
    }
}
