//! Time spans as systemctl prints them.

use crate::text::amounts::decimal;
use std::time::Duration;

/// A time span, such as `1min 30s`; `None` for `infinity`.
pub(super) fn parse(text: &str) -> Option<Duration> {
    if text.is_empty() || text == "infinity" {
        return None;
    }
    text.split_whitespace().map(parse_part).sum()
}

fn parse_part(part: &str) -> Option<Duration> {
    let unit_at = part
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(part.len());
    let (number, unit) = part.split_at(unit_at);
    let micros = match unit {
        "us" => 1,
        "ms" => 1000,
        "s" => 1_000_000,
        "" if number == "0" => 1,
        "min" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        "w" => 604_800_000_000,
        // as systemd has them: 30.44 and 365.25 days
        "month" => 2_630_016_000_000,
        "y" => 31_557_600_000_000,
        _ => return None,
    };
    let (micros, divisor) = decimal(number, micros)?;
    let micros = u64::try_from(micros / divisor).ok()?;
    Some(Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_parsed_as_systemctl_prints_them() {
        assert_eq!(parse("1min 30s"), Some(Duration::from_secs(90)));
        assert_eq!(parse("10s"), Some(Duration::from_secs(10)));
        assert_eq!(parse("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(
            parse("1y 1month 1w 2d 3h 4.25ms 7us"),
            Some(Duration::from_micros(34_976_016_004_257))
        );
        for odd in ["1.2.3s", ".s", "s", "5", &format!("{}s", "9".repeat(60))] {
            assert_eq!(parse(odd), None, "{odd}");
        }
        assert_eq!(parse("0"), Some(Duration::ZERO));
        assert_eq!(parse("infinity"), None);
        assert_eq!(parse("5 parsecs"), None);
    }
}
