//! The status codes that count as healthy.

use super::problem::{wrong, Wrong};

/// One or more final status codes, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statuses(Vec<u16>);

impl Statuses {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let mut codes = Vec::new();
        for part in text.split(',').map(str::trim) {
            match part.parse::<u16>() {
                Ok(code @ 200..=599) if part.len() == 3 => codes.push(code),
                _ => {
                    let cure =
                        "Write codes from 200 to 599 with commas between them, as in `200, 204`";
                    return wrong("is not a list of status codes", cure);
                }
            }
        }
        codes.dedup();
        Ok(Self(codes))
    }

    /// The codes.
    pub fn codes(&self) -> &[u16] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Statuses;

    #[test]
    fn b22_statuses_are_three_digit_codes() {
        assert_eq!(
            Statuses::parse("200, 204,301").unwrap().codes(),
            [200, 204, 301]
        );
        for text in [
            "2xx", "99", "abc", "200,", "200 204", "+20", "0200", "100", "600", "200-299",
        ] {
            assert!(Statuses::parse(text).is_err(), "{text}");
        }
    }
}
