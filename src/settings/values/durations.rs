//! Durations as people write them: `90s`, `5m`, `1h 30m`.

use crate::text::Prose;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::settings::problem::{invalid, Invalid};

pub(in crate::settings) const MILLISECOND: Duration = Duration::from_millis(1);
pub(in crate::settings) const SECOND: Duration = Duration::from_secs(1);
pub(in crate::settings) const HOUR: Duration = Duration::from_secs(3600);
/// No job of GitHub's own runners runs longer.
pub(in crate::settings) const JOB: Duration = Duration::from_secs(6 * 3600);

const UNITS: &str = "Write it with a unit, as in 500ms, 90s, 5m or 1h 30m";

/// A duration within these limits.
pub(in crate::settings) fn within(
    text: &str,
    limits: RangeInclusive<Duration>,
) -> Result<Duration, Invalid> {
    let duration = parse(text)?;
    if limits.contains(&duration) {
        return Ok(duration);
    }
    let [least, most] =
        [limits.start(), limits.end()].map(|limit| humantime::format_duration(*limit));
    let what = if duration < *limits.start() {
        "is too short"
    } else {
        "is too long"
    };
    invalid(what, Prose::of("Allowed is {} to {}", [&least, &most]))
}

/// A duration of any length.
pub(in crate::settings) fn parse(text: &str) -> Result<Duration, Invalid> {
    if text.starts_with('-') {
        return invalid("is negative", UNITS);
    }
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return invalid(
            "has no unit",
            Prose::of("{}; for seconds append `s`", [&UNITS]),
        );
    }
    humantime::parse_duration(text).or_else(|_| invalid("is not a duration", UNITS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        let wrong = within(text, Duration::from_secs(1)..=HOUR).unwrap_err();
        crate::settings::Problem::of("timeout", wrong).to_string()
    }

    #[test]
    fn durations_have_units() {
        for (text, seconds) in [
            ("90s", 90),
            ("5m", 300),
            ("1h", 3600),
            ("1m 30s", 90),
            ("1000ms", 1),
        ] {
            assert_eq!(
                within(text, Duration::from_secs(1)..=HOUR),
                Ok(Duration::from_secs(seconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn zero_needs_no_unit() {
        assert_eq!(within("0", Duration::ZERO..=HOUR), Ok(Duration::ZERO));
        assert!(within("00", Duration::ZERO..=HOUR).is_err());
    }

    #[test]
    fn b21_zero_negative_unitless_and_huge_ones_are_refused_with_the_cure() {
        let problems: Vec<_> = [
            "0",
            "0s",
            "-5s",
            "10",
            "10s 10",
            "1.5",
            "NaN",
            "inf",
            "abc",
            "2h",
            "99999999999999999999s",
        ]
        .map(|text| format!("{text} -> {}", problem(text)))
        .into();
        insta::assert_snapshot!(problems.join("\n"), @r#"
        0 -> timeout: is too short. Allowed is 1s to 1h.
        0s -> timeout: is too short. Allowed is 1s to 1h.
        -5s -> timeout: is negative. Write it with a unit, as in 500ms, 90s, 5m or 1h 30m.
        10 -> timeout: has no unit. Write it with a unit, as in 500ms, 90s, 5m or 1h 30m; for seconds append `s`.
        10s 10 -> timeout: is not a duration. Write it with a unit, as in 500ms, 90s, 5m or 1h 30m.
        1.5 -> timeout: has no unit. Write it with a unit, as in 500ms, 90s, 5m or 1h 30m; for seconds append `s`.
        NaN -> timeout: is not a duration. Write it with a unit, as in 500ms, 90s, 5m or 1h 30m.
        inf -> timeout: is not a duration. Write it with a unit, as in 500ms, 90s, 5m or 1h 30m.
        abc -> timeout: is not a duration. Write it with a unit, as in 500ms, 90s, 5m or 1h 30m.
        2h -> timeout: is too long. Allowed is 1s to 1h.
        99999999999999999999s -> timeout: is not a duration. Write it with a unit, as in 500ms, 90s, 5m or 1h 30m.
        "#);
    }
}
