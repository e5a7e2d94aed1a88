//! Regular expressions: for a health body, and for a line of the log.

use crate::protocol::BodyPattern;
use crate::settings::problem::{invalid, Invalid};
use crate::text::Prose;
use regex::RegexBuilder;

/// A pattern for a health body. `{release}` alone is no valid regular expression, so it is tried with what may replace it.
pub(in crate::settings) fn body(text: &str) -> Result<BodyPattern, Invalid> {
    let pattern = BodyPattern::from(text.to_owned());
    match pattern.regex("1762147685", &"0123456789".repeat(4)) {
        Ok(_) => Ok(pattern),
        Err(error) => Err(not_an_expression(&error)),
    }
}

/// A pattern that is tried on each line of the log.
pub(in crate::settings) fn log_line(text: &str) -> Result<String, Invalid> {
    let regex = RegexBuilder::new(text).size_limit(1 << 20).build();
    if regex
        .map_err(|error| not_an_expression(&error))?
        .is_match("")
    {
        let fix = "Write what a crash looks like, as in `Traceback|panicked`";
        return invalid("matches an empty line, so every log", fix);
    }
    Ok(text.to_owned())
}

/// The crate shows the place over several lines; the last one says what is wrong.
fn not_an_expression(error: &regex::Error) -> Invalid {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    let reason = last.trim_start_matches("error: ").trim_end_matches('.');
    let fix = "See https://docs.rs/regex/latest/regex/#syntax; a literal brace is written `\\{`";
    Invalid::new(
        Prose::of("is not a regular expression ({})", [&reason]),
        fix,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Problem;

    #[test]
    fn an_invalid_expression_is_refused_with_the_reason() {
        let text = |text| Problem::showing("health-match", text, body(text).unwrap_err());
        let texts = ["(ok", "{other}", "x{1000}{1000}"].map(|it| text(it).to_string());
        insta::assert_snapshot!(texts.join("\n"), @r#"
        health-match = "(ok": is not a regular expression (unclosed group). See https://docs.rs/regex/latest/regex/#syntax; a literal brace is written `\{`.
        health-match = "{other}": is not a regular expression (repetition operator missing expression). See https://docs.rs/regex/latest/regex/#syntax; a literal brace is written `\{`.
        health-match = "x{1000}{1000}": is not a regular expression (Compiled regex exceeds size limit of 1048576 bytes). See https://docs.rs/regex/latest/regex/#syntax; a literal brace is written `\{`.
        "#);
    }

    #[test]
    fn an_expression_that_nests_without_end_is_refused() {
        for deep in [
            "(".repeat(20_000),
            format!("{}a{}", "(".repeat(20_000), ")".repeat(20_000)),
        ] {
            assert!(body(&deep).is_err() && log_line(&deep).is_err());
        }
        for many in [
            "[".repeat(20_000),
            "a{2}".repeat(2).repeat(10_000),
            "(?i:".repeat(20_000),
        ] {
            // whatever it is, it is no crash
            let _ = (body(&many).is_err(), log_line(&many).is_err());
        }
    }

    #[test]
    fn an_expression_for_the_log_must_not_match_everything() {
        assert!(log_line("Traceback|panicked at").is_ok());
        let problem = |text| Problem::of("log-pattern", log_line(text).unwrap_err()).to_string();
        insta::assert_snapshot!(["(", "a|", ".*"].map(problem).join("\n"), @r"
        log-pattern: is not a regular expression (unclosed group). See https://docs.rs/regex/latest/regex/#syntax; a literal brace is written `\{`.
        log-pattern: matches an empty line, so every log. Write what a crash looks like, as in `Traceback|panicked`.
        log-pattern: matches an empty line, so every log. Write what a crash looks like, as in `Traceback|panicked`.
        ");
    }
}
