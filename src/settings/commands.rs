//! What to do, and the commands that run on the server.

use super::problem::{wrong, Wrong};
use super::source::Source;

/// The longest command, in bytes.
const LONGEST: usize = 64 * 1024;

/// What only a deployment uses, and then what listing does not use either.
const UNUSED: &[&str] = &[
    "source",
    "exclude",
    "shared",
    "env-file",
    "install",
    "before-switch",
    "min-free",
    "env",
    "release",
    "restart",
    "health-url",
    "health-status",
    "health-match",
    "health-timeout",
    "health-interval",
    "health-settle",
    "log-check",
    "log-pattern",
    "retention",
    "wait-lock",
    // not github-token, which the runner fills in
    "issue",
    "issue-labels",
    "issue-assignees",
    "issue-logs",
];
const ONLY_TO_DEPLOY: usize = 8;

/// What this run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Bring the source live.
    Deploy,
    /// Bring a release live that is on the server.
    Rollback,
    /// List what is on the server.
    Releases,
}

/// What the input `install` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Install {
    Auto,
    None,
    Commands(String),
}

/// What is run in the new release before it goes live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstallPlan {
    /// `uv sync --frozen`.
    Uv,
    /// Nothing.
    Nothing,
    /// These lines, by `sh -eu`.
    Commands(String),
}

/// What the input `before-switch` says.
pub(super) fn before_switch(text: &str) -> Result<Option<String>, Wrong> {
    match text {
        "none" => Ok(None),
        _ => lines(text, &["none"]).map(Some),
    }
}

/// How the service is restarted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restart {
    /// Not at all, and no unit is looked at.
    None,
    /// `sudo -n systemctl restart <service>`.
    Default,
    /// By these lines.
    Command(String),
}

impl Command {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "deploy" => Ok(Self::Deploy),
            "rollback" => Ok(Self::Rollback),
            "releases" => Ok(Self::Releases),
            _ => wrong(
                "there is no such command",
                "Write `deploy`, `rollback` or `releases`, or leave it out",
            ),
        }
    }

    /// As it is written in the input.
    pub fn word(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
            Self::Releases => "releases",
        }
    }

    /// The inputs that mean nothing to it.
    pub(super) fn unused(self) -> &'static [&'static str] {
        match self {
            Self::Deploy => &[],
            Self::Rollback => &UNUSED[..ONLY_TO_DEPLOY],
            Self::Releases => UNUSED,
        }
    }
}

impl Install {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::None),
            _ => lines(text, &["auto", "none"]).map(Self::Commands),
        }
    }

    /// Decides what `auto` means for this source.
    pub(super) fn plan(self, source: &Source) -> Result<InstallPlan, Wrong> {
        match self {
            Self::None => Ok(InstallPlan::Nothing),
            Self::Commands(lines) => Ok(InstallPlan::Commands(lines)),
            Self::Auto if source.has("uv.lock") => Ok(InstallPlan::Uv),
            Self::Auto if source.has("pyproject.toml") => wrong(
                "the source has pyproject.toml, but no uv.lock",
                "Commit the lock file that `uv lock` writes, or give `install` your own commands or `none`",
            ),
            Self::Auto => Ok(InstallPlan::Nothing),
        }
    }
}

impl Restart {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "none" => Ok(Self::None),
            _ => lines(text, &["none"]).map(Self::Command),
        }
    }
}

/// Lines for `sh -eu`, which takes a `\r` at a line's end for a part of the last word.
fn lines(text: &str, words: &[&str]) -> Result<String, Wrong> {
    if text.contains('\0') {
        return wrong("holds a NUL", "Write plain text");
    }
    if text.len() > LONGEST {
        return wrong(
            "is longer than 64 KiB",
            "Put it into a script of the source and call that",
        );
    }
    if let Some(word) = words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
        return wrong("is not a command", format!("Write `{word}` in lower case"));
    }
    Ok(text.replace("\r\n", "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b25_commands_may_have_several_lines() {
        let lines = Install::parse("make\r\nmake install").unwrap();
        assert_eq!(lines, Install::Commands("make\nmake install".to_owned()));
        assert_eq!(
            Restart::parse("sudo systemctl reload x"),
            Ok(Restart::Command("sudo systemctl reload x".to_owned()))
        );
    }

    #[test]
    fn b25_a_nul_and_more_than_64_kib_are_refused() {
        for text in ["a\0b", &"x".repeat(LONGEST + 1), "None", "AUTO"] {
            assert!(Install::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn words_have_their_meaning() {
        assert_eq!(Install::parse("auto"), Ok(Install::Auto));
        assert_eq!(Install::parse("none"), Ok(Install::None));
        assert_eq!(Restart::parse("none"), Ok(Restart::None));
        for command in [Command::Deploy, Command::Rollback, Command::Releases] {
            assert_eq!(Command::parse(command.word()), Ok(command));
        }
        assert!(Command::parse("restore").is_err());
        assert_eq!(before_switch("none"), Ok(None));
        assert_eq!(before_switch("./migrate"), Ok(Some("./migrate".to_owned())));
    }
}
