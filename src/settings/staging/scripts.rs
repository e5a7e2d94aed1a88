//! Shell commands that run on the server.

use super::source::Source;
use crate::protocol::{Install, SmokeTest};
use crate::settings::problem::{invalid, Invalid};
use crate::text::Prose;

/// The longest script, in bytes.
const LONGEST: usize = 64 * 1024;

/// The input `install`, before the source decides what `auto` means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::settings) enum InstallInput {
    Auto,
    None,
    Commands(String),
}

impl InstallInput {
    pub(in crate::settings) fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::None),
            _ => script(text, &["auto", "none"]).map(Self::Commands),
        }
    }

    /// Decides what `auto` means for this source.
    pub(in crate::settings) fn resolve(self, source: &Source) -> Result<Install, Invalid> {
        match self {
            Self::None => Ok(Install::Nothing),
            Self::Commands(script) => Ok(Install::Commands(script)),
            Self::Auto if source.has("uv.lock") => Ok(Install::Uv),
            Self::Auto if source.has("pyproject.toml") => invalid(
                "the source has pyproject.toml, but no uv.lock",
                "Commit the lock file that `uv lock` writes, or give `install` your own commands or `none`",
            ),
            Self::Auto => Ok(Install::Nothing),
        }
    }
}

/// The input `smoke-test`.
pub(in crate::settings) fn smoke_test(text: &str) -> Result<Option<SmokeTest>, Invalid> {
    match text {
        "none" => Ok(None),
        "auto" => Ok(Some(SmokeTest::Auto)),
        _ => script(text, &["auto", "none"]).map(|script| Some(SmokeTest::Commands(script))),
    }
}

/// Commands of which there may be none.
pub(in crate::settings) fn optional(text: &str) -> Result<Option<String>, Invalid> {
    match text {
        "none" => Ok(None),
        _ => script(text, &["none"]).map(Some),
    }
}

/// A script for `sh -eu`, which would take a `\r` at a line's end as a part of the last word. None of the `words` with a
/// meaning of their own in another case.
pub(in crate::settings) fn script(text: &str, words: &[&str]) -> Result<String, Invalid> {
    if text.contains('\0') {
        return invalid("holds a NUL", "Write plain text");
    }
    if text.len() > LONGEST {
        let fix = "Put it into a script in the source and call that";
        return invalid("is longer than 64 KiB", fix);
    }
    if let Some(word) = words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
        let fix = Prose::of("Write `{}` in lower case", [&word]);
        return invalid("is not a command", fix);
    }
    Ok(text.replace("\r\n", "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b25_commands_may_have_several_lines() {
        let lines = InstallInput::parse("make\r\nmake install").unwrap();
        let expected = "make\nmake install".to_owned();
        assert_eq!(lines, InstallInput::Commands(expected));
        let reload = "sudo systemctl reload x";
        assert_eq!(script(reload, &["none"]).unwrap(), reload);
    }

    #[test]
    fn b25_a_nul_and_more_than_64_kib_are_refused() {
        for text in ["a\0b", &"x".repeat(LONGEST + 1), "None", "AUTO"] {
            assert!(InstallInput::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn words_have_their_meaning() {
        assert_eq!(InstallInput::parse("auto"), Ok(InstallInput::Auto));
        assert_eq!(InstallInput::parse("none"), Ok(InstallInput::None));
        assert_eq!(optional("none"), Ok(None));
        let migrate = "./migrate".to_owned();
        assert_eq!(optional("./migrate"), Ok(Some(migrate)));
        assert!(script("NONE", &["none"]).is_err());
    }
}
