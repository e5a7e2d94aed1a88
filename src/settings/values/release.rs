//! Which release to roll back to.

use crate::settings::problem::{invalid, Invalid};

/// The id of a release, or the beginning of a commit hash, in lower case.
pub(in crate::settings) fn parse(text: &str) -> Result<String, Invalid> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let id = digits && text.len() <= 10 && !text.starts_with('0');
    let hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if id || hex && (4..=64).contains(&text.len()) {
        return Ok(text.to_ascii_lowercase());
    }
    let fix = "Write a release's id, as `command: releases` lists it, or at least the first four digits of its commit";
    invalid("is neither an id nor the beginning of a commit hash", fix)
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
            assert!(parse(text).is_ok(), "{text}");
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
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
