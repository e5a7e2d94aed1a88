//! Which release a rollback goes to.

use super::problem::{wrong, Wrong};

/// The id of a release, or the beginning of a commit hash, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseChoice(String);

impl ReleaseChoice {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let id = text.len() <= 10
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && !text.starts_with('0');
        let hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if id || hex && (4..=64).contains(&text.len()) {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        let cure =
            "Write a release's id, as `command: releases` lists it, or at least the first four digits of its commit";
        wrong("is neither an id nor the beginning of a commit hash", cure)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_beginnings_of_commits_are_taken() {
        for text in [
            "1762147685",
            "1",
            "abcd",
            "0a1b",
            "DEADBEEF",
            &"a".repeat(40),
        ] {
            assert!(ReleaseChoice::parse(text).is_ok(), "{text}");
        }
        for text in [
            "abc",
            "0",
            "012",
            "main",
            "v1.2",
            "-1",
            "previous",
            "a b c d",
            &"a".repeat(65),
        ] {
            assert!(ReleaseChoice::parse(text).is_err(), "{text}");
        }
    }
}
