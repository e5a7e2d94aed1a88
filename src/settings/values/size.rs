//! Amounts of bytes as people write them: `500MB`, `1.5GiB`.

use crate::settings::problem::{invalid, Invalid};
use crate::text::amounts::decimal;

const UNITS: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// More is a typing error.
const MOST: u64 = 100_000_000_000_000;

const FIX: &str = "Write a number and a unit (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB), as in 500MB";

pub(in crate::settings) fn parse(text: &str) -> Result<u64, Invalid> {
    let split = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    if text.starts_with('-') {
        return invalid("is negative", FIX);
    }
    // zero needs no unit
    if text == "0" {
        return Ok(0);
    }
    if unit.is_empty() && !number.is_empty() {
        return invalid("has no unit", FIX);
    }
    let factor = UNITS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit.trim_start()))
        .map(|(_, factor)| factor);
    match factor.and_then(|factor| bytes(number, *factor)) {
        Some(bytes) if bytes <= MOST => Ok(bytes),
        Some(_) => invalid("is too much", "Allowed is at most 100TB"),
        None => invalid("is not an amount of bytes", FIX),
    }
}

/// Rounded up.
fn bytes(number: &str, unit: u64) -> Option<u64> {
    let (bytes, divisor) = decimal(number, unit)?;
    Some(u64::try_from(bytes.div_ceil(divisor)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_units() {
        for (text, expected) in [
            ("500MB", 500_000_000),
            ("0", 0),
            ("0B", 0),
            ("1.5 GiB", 1_610_612_736),
            ("1kb", 1000),
            (".5kB", 500),
            ("0.0001kB", 1),
            ("1.kB", 1000),
            ("100TB", 100_000_000_000_000),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn others_are_refused_with_the_cure() {
        let problem =
            |text| crate::settings::Problem::of("min-free", parse(text).unwrap_err()).to_string();
        let texts = [
            "00", "500", "-1MB", "500M", "MB", "10 %", "1.2.3MB", "101TB",
        ]
        .map(problem);
        insta::assert_snapshot!(texts.join("\n"), @r#"
        min-free: has no unit. Write a number and a unit (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB), as in 500MB.
        min-free: has no unit. Write a number and a unit (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB), as in 500MB.
        min-free: is negative. Write a number and a unit (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB), as in 500MB.
        min-free: is not an amount of bytes. Write a number and a unit (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB), as in 500MB.
        min-free: is not an amount of bytes. Write a number and a unit (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB), as in 500MB.
        min-free: is not an amount of bytes. Write a number and a unit (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB), as in 500MB.
        min-free: is not an amount of bytes. Write a number and a unit (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB), as in 500MB.
        min-free: is too much. Allowed is at most 100TB.
        "#);
    }
}
