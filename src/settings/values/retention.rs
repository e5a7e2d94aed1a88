//! How many releases stay, and for how long.

use super::durations;
use super::lists::{self, Form};
use crate::protocol::Retention;
use crate::settings::problem::{invalid, Invalid};
use crate::text::Prose;
use std::time::Duration;

/// More than that is a typing error.
const MOST: u32 = 1000;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A count, an age, or both in any order.
pub(in crate::settings) fn parse(text: &str) -> Result<Retention, Invalid> {
    lists::check(text, Form::Commas)?;
    let (mut kept_count, mut kept_age) = (None, None);
    for part in text.split(',').map(str::trim) {
        let twice = if part.bytes().any(|byte| byte.is_ascii_alphabetic()) {
            kept_age.replace(age(part)?).is_some()
        } else {
            kept_count.replace(count(part)?).is_some()
        };
        if twice {
            let fix = "Write one count, one age, or one of each, as in `3, 7d`";
            return invalid("has two counts or two ages", fix);
        }
    }
    Ok(Retention {
        count: kept_count,
        age: kept_age,
    })
}

fn count(text: &str) -> Result<u32, Invalid> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u32>() {
        Ok(count @ 1..=MOST) if digits => Ok(count),
        _ => invalid(
            "has no valid count",
            Prose::of(
                "A count is a whole number from 1 to {}, as in `3` or `3, 7d`",
                [&MOST],
            ),
        ),
    }
}

fn age(text: &str) -> Result<Duration, Invalid> {
    let fix = "An age is a duration of 1m to 3650d, as in `7d` or `3, 7d`";
    match durations::parse(text) {
        Ok(age) if (Duration::from_secs(60)..=DAY * 3650).contains(&age) => Ok(age),
        _ => invalid("has no valid age", fix),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_and_age_come_in_any_order_or_alone() {
        let parsed = |text| parse(text).map(|kept| (kept.count, kept.age)).unwrap();
        assert_eq!(parsed("3, 7d"), (Some(3), Some(DAY * 7)));
        assert_eq!(parsed("7d,3"), (Some(3), Some(DAY * 7)));
        assert_eq!(parsed("3"), (Some(3), None));
        assert_eq!(parsed("7d"), (None, Some(DAY * 7)));
        assert_eq!(parsed("1h 30m"), (None, Some(Duration::from_secs(5400))));
    }

    #[test]
    fn b23_a_count_is_at_least_one() {
        for text in [
            "0",
            "-1",
            "1.5",
            "1000000000",
            "+3",
            "3,",
            ",",
            "3, 4",
            "0, 7d",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn b24_an_age_is_a_duration_up_to_ten_years() {
        for text in ["-7d", "week", "3651d", "0d", "7d, 8d", "3, x"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
