//! How many releases stay, and for how long.

use std::num::NonZeroU32;
use std::time::Duration;

use super::durations;
use super::problem::{wrong, Wrong};

/// More than that is a slip of the finger.
const MOST: u32 = 1000;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A good release goes when it is beyond the newest `count` **or** older than `age`; one of them is always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    count: Option<NonZeroU32>,
    age: Option<Duration>,
}

impl Retention {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let mut retention = Self {
            count: None,
            age: None,
        };
        for part in text.split(',').map(str::trim) {
            let twice = if part.bytes().any(|byte| byte.is_ascii_alphabetic()) {
                retention.age.replace(age(part)?).is_some()
            } else {
                retention.count.replace(count(part)?).is_some()
            };
            if twice {
                return wrong(
                    "has two counts or two ages",
                    "Write one count, one age, or one of each, as in `3, 7d`",
                );
            }
        }
        Ok(retention)
    }

    /// How many of the newest releases stay at most; `None`: any number.
    pub fn count(&self) -> Option<NonZeroU32> {
        self.count
    }

    /// How old a release may become; `None`: any age.
    pub fn age(&self) -> Option<Duration> {
        self.age
    }
}

fn count(text: &str) -> Result<NonZeroU32, Wrong> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<NonZeroU32>() {
        Ok(count) if digits && count.get() <= MOST => Ok(count),
        _ => wrong(
            "has no valid count",
            format!("A count is a whole number from 1 to {MOST}, as in `3` or `3, 7d`"),
        ),
    }
}

fn age(text: &str) -> Result<Duration, Wrong> {
    let cure = "An age is a duration of 1m to 3650d, as in `7d` or `3, 7d`";
    match durations::parse(text) {
        Ok(age) if (Duration::from_secs(60)..=DAY * 3650).contains(&age) => Ok(age),
        _ => wrong("has no valid age", cure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_and_age_come_in_any_order_or_alone() {
        let parsed = |text| {
            Retention::parse(text)
                .map(|kept| (kept.count.map(NonZeroU32::get), kept.age))
                .unwrap()
        };
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
            assert!(Retention::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn b24_an_age_is_a_duration_up_to_ten_years() {
        for text in ["-7d", "week", "3651d", "0d", "7d, 8d", "3, x"] {
            assert!(Retention::parse(text).is_err(), "{text}");
        }
    }
}
