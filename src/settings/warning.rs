//! What is worth a line in the log, but no reason to stop.

use std::fmt;
use std::time::Duration;

use super::model::Surroundings;
use super::problem::quoted;
use super::ssh::Repair;

/// Something about the inputs that a person should know; the run goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputWarning {
    /// An `INPUT_*` variable that is not an input.
    UnknownInput {
        /// The variable's whole name, in quotes and escaped.
        variable: String,
        /// The input that may be meant.
        nearest: Option<&'static str>,
    },
    /// White space around a value of one line was removed.
    Trimmed {
        /// The input.
        input: &'static str,
    },
    /// The key was damaged in a way that can be repaired.
    KeyRepaired {
        /// What was done.
        repairs: Vec<Repair>,
    },
    /// No health check: only the units are checked.
    UnitOnly,
    /// No unit and no health check: a release that cannot run goes live unnoticed.
    NothingChecked,
    /// The smoke test has no URL: the release only has to stay up.
    SmokeTestUnasked {
        /// For how long.
        settle: Duration,
    },
    /// The health URL names neither the loopback nor the server.
    OtherHealthHost {
        /// The host in the URL.
        host: String,
    },
    /// An input that another one makes meaningless.
    NoEffect {
        /// The input.
        input: &'static str,
        /// Why it has no effect.
        because: &'static str,
    },
    /// Inputs that this command does not use.
    Unused {
        /// Their names.
        inputs: Vec<&'static str>,
        /// The command.
        command: &'static str,
    },
    /// The checkout that holds the source cannot be read.
    UnreadableCheckout {
        /// Why, in quotes and escaped.
        error: String,
        /// What is recorded instead.
        instead: &'static str,
    },
    /// A passphrase was given, but the key has none.
    PlainKey,
    /// Failures should be reported in an issue, but there is no token to open one.
    NoToken,
}

impl InputWarning {
    pub(super) fn unknown(variable: &str, nearest: Option<&'static str>) -> Self {
        Self::UnknownInput {
            variable: quoted(variable),
            nearest,
        }
    }

    pub(super) fn unreadable_checkout(error: &str, around: &Surroundings) -> Self {
        Self::UnreadableCheckout {
            error: quoted(error),
            instead: match around.commit {
                Some(_) => "the commit that GitHub names for the run is recorded instead",
                None => "no commit is recorded",
            },
        }
    }

    /// Whether it is a notice only: nothing needs to be changed.
    pub fn is_notice(&self) -> bool {
        matches!(
            self,
            Self::Trimmed { .. }
                | Self::PlainKey
                | Self::KeyRepaired { .. }
                | Self::OtherHealthHost { .. }
                | Self::SmokeTestUnasked { .. }
        )
    }
}

impl fmt::Display for InputWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownInput { variable, nearest: Some(name) } => {
                write!(f, "{variable} is not an input and is ignored. Did you mean `{name}`?")
            }
            Self::UnknownInput { variable, nearest: None } => {
                write!(f, "{variable} is not an input and is ignored. `deploy-action --help` lists them.")
            }
            Self::Trimmed { input } => write!(f, "{input}: white space around the value was removed."),
            Self::KeyRepaired { repairs } => {
                let repairs: Vec<_> = repairs.iter().map(Repair::to_string).collect();
                write!(f, "key: repaired ({}). Store it exactly as in its file.", repairs.join(", "))
            }
            Self::UnitOnly => f.write_str(
                "health-url is empty: only systemd's units are checked, and a release that runs but does not respond counts as \
                 healthy. If the app has no HTTP, write `health-url: none`.",
            ),
            Self::NothingChecked => f.write_str(
                "nothing is checked: there is no unit and no health check, so a broken release stays live. Give health-url or \
                 health-command.",
            ),
            Self::SmokeTestUnasked { settle } => {
                write!(f, "smoke-test: without health-url the app gets no request and only has to stay up for {}.", humantime::format_duration(*settle))
            }
            Self::OtherHealthHost { host } => {
                write!(f, "health-url names {host}, which is neither localhost nor `host`: the request is sent from the server.")
            }
            Self::Unused { inputs, command } => {
                let verb = if inputs.len() == 1 { "has" } else { "have" };
                write!(f, "{} {verb} no effect: `command` is {command}.", inputs.join(", "))
            }
            Self::UnreadableCheckout { error, instead } => {
                write!(f, "the git checkout of the source cannot be read ({error}): {instead}.")
            }
            Self::PlainKey => f.write_str("passphrase is not needed: the key is not encrypted."),
            Self::NoToken => f.write_str(
                "github-token is empty: no issue will report a failed deployment. Leave it out, so that the job's own \
                 token is used, or write `issue: off`.",
            ),
            Self::NoEffect { input, because } => write!(f, "{input} has no effect: {because}."),
        }
    }
}
