//! Amounts of bytes as people write them: `500MB`, `1.5GiB`.

use crate::settings::problem::{invalid, Invalid};

const UNITS: &[(&str, f64)] = &[
    ("B", 1.0),
    ("kB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("KiB", 1024.0),
    ("MiB", 1_048_576.0),
    ("GiB", 1_073_741_824.0),
    ("TiB", 1_099_511_627_776.0),
];

/// More is a typing error.
const MOST: f64 = 100e12;

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
    match (number.parse::<f64>(), factor) {
        (Ok(number), Some(factor)) if number * factor <= MOST => Ok(whole(number * factor)),
        (Ok(_), Some(_)) => invalid("is too much", "Allowed is at most 100TB"),
        _ => invalid("is not an amount of bytes", FIX),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked: not negative, at most 100 TB"
)]
fn whole(bytes: f64) -> u64 {
    bytes.ceil() as u64
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
