//! The status codes that count as healthy.

use super::lists::{self, Form};
use crate::settings::problem::{invalid, Invalid};

/// One or more final status codes, in the order given.
pub(in crate::settings) fn parse(text: &str) -> Result<Vec<u16>, Invalid> {
    lists::check(text, Form::Commas)?;
    let mut codes = Vec::new();
    for part in text.split(',').map(str::trim) {
        match part.parse::<u16>() {
            Ok(code @ 200..=599) if part.len() == 3 => codes.push(code),
            _ => {
                let fix = "Write codes from 200 to 599, separated by commas, as in `200, 204`";
                return invalid("is not a list of status codes", fix);
            }
        }
    }
    codes.dedup();
    Ok(codes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b22_statuses_are_three_digit_codes() {
        assert_eq!(parse("200, 204,301").unwrap(), [200, 204, 301]);
        for text in [
            "2xx", "99", "abc", "200,", "200 204", "+20", "0200", "100", "600", "200-299",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
