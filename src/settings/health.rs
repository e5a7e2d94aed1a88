//! When a release counts as healthy.

use std::time::Duration;

use regex::{Regex, RegexBuilder};

use super::problem::{wrong, Wrong};
use super::status::Statuses;
use super::url::HealthUrl;

/// When a release counts as healthy, and how long is waited for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// What is asked; `None`: only the unit is looked at.
    pub probe: Option<Probe>,
    /// How long the release may take to become healthy.
    pub timeout: Duration,
    /// The pause between two checks, at most the time-out.
    pub interval: Duration,
    /// How long it must stay healthy, less than the time-out; may be zero.
    pub settle: Duration,
}

/// A question over HTTP, and its healthy answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Where it is asked.
    pub url: HealthUrl,
    /// The status codes of a healthy answer.
    pub statuses: Statuses,
    /// What the body must match as well.
    pub pattern: Option<Pattern>,
}

/// A regular expression with places for the release and the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// `{release}` alone is no valid regular expression, so it is tried with what may come in its place.
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let pattern = Self(text.to_owned());
        match pattern.regex("1762147685", &"0123456789".repeat(4)) {
            Ok(_) => Ok(pattern),
            Err(error) => Err(not_an_expression(&error)),
        }
    }

    /// The text as given, with its placeholders.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The expression for a release: `{release}` and `{sha}` stand for exactly these texts.
    ///
    /// # Errors
    /// The expression is not valid; a checked one is, unless these texts are of immense length.
    pub fn regex(&self, release: &str, sha: &str) -> Result<Regex, regex::Error> {
        let filled = self
            .0
            .replace("{release}", &regex::escape(release))
            .replace("{sha}", &regex::escape(sha));
        RegexBuilder::new(&filled).size_limit(1 << 20).build()
    }
}

/// What the crate says against an expression: it draws the place over several lines, the last one says what is wrong.
pub(super) fn not_an_expression(error: &regex::Error) -> Wrong {
    let text = error.to_string();
    let reason = text
        .lines()
        .last()
        .unwrap_or_default()
        .trim_start_matches("error: ")
        .trim_end_matches('.');
    let cure = "See https://docs.rs/regex/latest/regex/#syntax; a literal brace is written \\{";
    Wrong::new(format!("is not a regular expression ({reason})"), cure)
}

/// The conditions between the durations.
pub(super) fn check_interval(interval: Duration, timeout: Duration) -> Result<Duration, Wrong> {
    if interval <= timeout {
        return Ok(interval);
    }
    wrong(
        format!(
            "is longer than health-timeout ({})",
            humantime::format_duration(timeout)
        ),
        "Lower health-interval, or raise health-timeout",
    )
}

/// The release must be able to settle before the time is up.
pub(super) fn check_settle(settle: Duration, timeout: Duration) -> Result<Duration, Wrong> {
    if settle < timeout {
        return Ok(settle);
    }
    wrong(
        format!(
            "is not shorter than health-timeout ({})",
            humantime::format_duration(timeout)
        ),
        "Lower health-settle, or raise health-timeout",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_stand_for_exactly_these_texts() {
        let regex = Pattern::parse(r#""release": ?"{release}".*"{sha}""#)
            .unwrap()
            .regex("1.2", "abc")
            .unwrap();
        assert!(regex.is_match(r#"{"release": "1.2", "sha": "abc"}"#));
        assert!(!regex.is_match(r#"{"release": "1x2", "sha": "abc"}"#));
    }

    #[test]
    fn an_invalid_expression_is_refused_with_the_reason() {
        let text = |text| {
            crate::settings::Problem::showing(
                "health-match",
                text,
                Pattern::parse(text).unwrap_err(),
            )
            .to_string()
        };
        insta::assert_snapshot!(text("(ok"), @r#"health-match = "(ok": is not a regular expression (unclosed group). See https://docs.rs/regex/latest/regex/#syntax; a literal brace is written \{."#);
        insta::assert_snapshot!(text("{other}"), @r#"health-match = "{other}": is not a regular expression (repetition operator missing expression). See https://docs.rs/regex/latest/regex/#syntax; a literal brace is written \{."#);
        insta::assert_snapshot!(text("x{1000}{1000}"), @r#"health-match = "x{1000}{1000}": is not a regular expression (Compiled regex exceeds size limit of 1048576 bytes). See https://docs.rs/regex/latest/regex/#syntax; a literal brace is written \{."#);
    }
}
