//! The steps of a run.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The steps, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Step {
    /// Log in, start the server part.
    Connect,
    /// Wait for the lock.
    Lock,
    /// Bring an interrupted transaction to its end.
    Recover,
    /// Find what must be fixed first.
    Check,
    /// Bring the tree into the release's folder.
    Upload,
    /// Run install in it.
    Install,
    /// Run before-switch in it.
    BeforeSwitch,
    /// Start it beside the live release, ask it, end it.
    SmokeTest,
    /// Make it durable, record it as complete.
    Seal,
    /// Point `current` at it.
    Switch,
    /// Restart the unit.
    Restart,
    /// Watch it.
    Verify,
    /// Make it the good release.
    Commit,
    /// Roll back to the previous release.
    RollBack,
    /// Delete releases beyond the retention.
    Retention,
}

/// The name in texts; fits after "failed to", with the exception of `before-switch` and `smoke test`.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect",
            Self::Lock => "lock",
            Self::Recover => "recover",
            Self::Check => "check",
            Self::Upload => "upload",
            Self::Install => "install",
            Self::BeforeSwitch => "before-switch",
            Self::SmokeTest => "smoke test",
            Self::Seal => "seal",
            Self::Switch => "switch",
            Self::Restart => "restart",
            Self::Verify => "verify",
            Self::Commit => "commit",
            Self::RollBack => "roll back",
            Self::Retention => "clean up",
        })
    }
}

impl Step {
    /// The name for programs: the output `failed-step`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Lock => "lock",
            Self::Recover => "recover",
            Self::Check => "check",
            Self::Upload => "upload",
            Self::Install => "install",
            Self::BeforeSwitch => "before-switch",
            Self::SmokeTest => "smoke-test",
            Self::Seal => "seal",
            Self::Switch => "switch",
            Self::Restart => "restart",
            Self::Verify => "verify",
            Self::Commit => "commit",
            Self::RollBack => "roll-back",
            Self::Retention => "retention",
        }
    }
}
