//! Durations, sizes and times as people read and write them.

use chrono::{DateTime, Utc};
use std::time::Duration;

/// A measured duration: `0.3 s`, `12.4 s`, `3 min 05 s`, `1 h 03 min`.
#[must_use]
pub fn duration(took: Duration) -> String {
    let tenths = took.as_millis().saturating_add(50) / 100;
    let seconds = tenths / 10;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}.{} s", tenths % 10),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s:02} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m:02} min"),
    }
}

/// How long ago something was, roughly: `40 s`, `5 min`, `3 h`, `12 days`.
#[must_use]
pub fn age(ago: Duration) -> String {
    match ago.as_secs() {
        s @ ..60 => format!("{s} s"),
        s @ ..3_600 => format!("{} min", s / 60),
        s @ ..172_800 => format!("{} h", s / 3_600),
        s => format!("{} days", s / 86_400),
    }
}

/// A configured limit: whole seconds without a decimal.
#[must_use]
pub fn limit(limit: Duration) -> String {
    if limit.subsec_nanos() == 0 && limit.as_secs() < 60 {
        return format!("{} s", limit.as_secs());
    }
    duration(limit)
}

/// Bytes in decimal units: `512 B`, `1.2 MB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    // tenths of the unit, in integers: rounding may carry into the next unit
    let mut tenths = bytes.saturating_add(50) / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths = tenths.saturating_add(500) / 1000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// A decimal number of units that have `unit` parts each, as a fraction of whole numbers: the caller rounds it. The standard
/// library's parser of floating-point numbers has 15 kB.
#[must_use]
pub fn decimal(number: &str, unit: u64) -> Option<(u128, u128)> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let divisor = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    Some((digits.checked_mul(unit.into())?, divisor))
}

/// `1 file`, `2 files`.
#[must_use]
pub fn count(number: impl Into<u64>, thing: &str) -> String {
    match number.into() {
        1 => format!("1 {thing}"),
        n => format!("{n} {thing}s"),
    }
}

/// Epoch seconds as `2026-11-23 03:04:25 UTC`; the last second of the year 9999 for all that come later.
#[must_use]
pub fn utc(seconds: u64) -> String {
    const LAST_OF_YEAR_9999: u64 = 253_402_300_799;
    let seconds = i64::try_from(seconds.min(LAST_OF_YEAR_9999));
    let time = seconds.ok().and_then(DateTime::<Utc>::from_timestamp_secs);
    time.unwrap_or_default()
        .format("%Y-%m-%d %H:%M:%S UTC")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> String {
        duration(Duration::from_millis(ms))
    }

    #[test]
    fn durations_have_one_decimal_below_a_minute() {
        let all = [
            0, 49, 50, 300, 12_449, 59_949, 59_950, 60_000, 185_000, 1_800_000, 3_600_000,
            3_780_000,
        ]
        .map(ms);
        insta::assert_snapshot!(all.join(", "), @"0.0 s, 0.0 s, 0.1 s, 0.3 s, 12.4 s, 59.9 s, 1 min, 1 min, 3 min 05 s, 30 min, 1 h, 1 h 03 min");
        assert_eq!(limit(Duration::from_secs(10)), "10 s");
        assert_eq!(limit(Duration::from_secs(90)), "1 min 30 s");
        assert_eq!(limit(Duration::from_millis(500)), "0.5 s");
    }

    #[test]
    fn an_age_is_rounded_down() {
        let all = [0, 59, 60, 3_599, 3_600, 172_799, 172_800, u64::MAX];
        let all = all.map(|seconds| age(Duration::from_secs(seconds)));
        insta::assert_snapshot!(all.join(", "), @"0 s, 59 s, 1 min, 59 min, 1 h, 47 h, 2 days, 213503982334601 days");
    }

    #[test]
    fn a_decimal_is_a_fraction_of_whole_numbers() {
        assert_eq!(decimal("1.5", 1000), Some((15_000, 10)));
        assert_eq!(decimal(".25", 4), Some((100, 100)));
        assert_eq!(decimal("7", 1), Some((7, 1)));
        for odd in ["", ".", "1.2.3", "-1", "1e3", &"9".repeat(60)] {
            assert_eq!(decimal(odd, 1), None, "{odd}");
        }
    }

    #[test]
    fn sizes_are_decimal() {
        let all = [
            0,
            999,
            1000,
            1_234_567,
            999_949,
            999_950,
            5_000_000_000,
            u64::MAX,
        ]
        .map(size);
        insta::assert_snapshot!(all.join(", "), @"0 B, 999 B, 1.0 kB, 1.2 MB, 999.9 kB, 1.0 MB, 5.0 GB, 18446744.1 TB");
        assert_eq!(
            (count(1_u32, "file"), count(0_u32, "file")),
            ("1 file".into(), "0 files".into())
        );
    }

    #[test]
    fn times_are_those_that_date_prints() {
        // from `date -u -d @…`
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_762_147_685, "2025-11-03 05:28:05 UTC"),
            (1_795_403_065, "2026-11-23 03:04:25 UTC"),
            (4_107_542_399, "2100-02-28 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
            (253_402_300_799, "9999-12-31 23:59:59 UTC"),
            (u64::MAX, "9999-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(utc(seconds), text);
        }
    }
}
