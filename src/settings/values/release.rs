//! Which release to roll back to.

use crate::protocol::ReleaseId;
use crate::settings::problem::{invalid, Invalid};

/// Fewer digits of a commit hash are more likely a slip.
const LEAST_OF_COMMIT: usize = 4;

/// The id of a release, or the beginning of a commit hash.
pub(in crate::settings) fn parse(text: &str) -> Result<String, Invalid> {
    let slip = |id: &ReleaseId| {
        let hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        hex && !id.is_numbered() && text.len() < LEAST_OF_COMMIT
    };
    match text.parse() {
        Ok(id) if !slip(&id) => Ok(text.to_owned()),
        _ => {
            let fix = "Write a release's id, as `command: releases` lists it, or at least the first four digits of its commit";
            invalid("is neither an id nor the beginning of a commit hash", fix)
        }
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
            "20251128101010",
            "v1.4.2",
            "main",
        ] {
            assert_eq!(parse(text).as_deref(), Ok(text));
        }
        for text in [
            "abc",
            "0",
            "012",
            "-1",
            "..",
            "a/b",
            ".hidden",
            &"x".repeat(201),
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
