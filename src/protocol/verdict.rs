//! What a transaction and a run end with.

use super::{Failure, ReleaseId, TransactionId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the whole run ends with. The runner half adds those the server can't know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// The release is live and healthy.
    Deployed,
    /// The release that the rollback command named is live and healthy.
    Restored,
    /// A bug in deploy-action.
    Error,
    /// Bad input; nothing was contacted.
    Invalid,
    /// No connection, login refused, or host key not trusted.
    Unreachable,
    /// The check found what must be fixed first.
    NotReady,
    /// Failed, and the server still runs what it ran; or there is no good release to roll back to.
    Failed,
    /// The new release failed, the previous one is healthy again.
    RolledBack,
    /// The rollback failed too: manual intervention required.
    RollbackFailed,
    /// Another deployment holds the lock.
    Busy,
    /// Connection lost, or cancelled after the point of no return; the server finishes on its own.
    Unknown,
    /// Cancelled before it; the server still runs what it ran.
    Cancelled,
    /// A command that deploys nothing did what it is for. Only the runner half ends so: no server part writes it, and none is
    /// believed that sends it.
    #[serde(skip)]
    Done,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Outcome; 13] = [
        Self::Deployed,
        Self::Restored,
        Self::Error,
        Self::Invalid,
        Self::Unreachable,
        Self::NotReady,
        Self::Failed,
        Self::RolledBack,
        Self::RollbackFailed,
        Self::Busy,
        Self::Unknown,
        Self::Cancelled,
        Self::Done,
    ];

    /// The process's exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Deployed | Self::Restored | Self::Done => 0,
            Self::Error => 1,
            Self::Invalid => 2,
            Self::Unreachable => 3,
            Self::NotReady => 4,
            Self::Failed => 5,
            Self::RolledBack => 6,
            Self::RollbackFailed => 7,
            Self::Busy => 8,
            Self::Unknown => 9,
            Self::Cancelled => 130,
        }
    }

    /// Whether the run did what it is for: the requested release is live and healthy, or nothing was to be deployed.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::Deployed | Self::Restored | Self::Done)
    }

    /// The name in outputs and texts.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Deployed => "deployed",
            Self::Restored => "restored",
            Self::Error => "error",
            Self::Invalid => "invalid",
            Self::Unreachable => "unreachable",
            Self::NotReady => "not-ready",
            Self::Failed => "failed",
            Self::RolledBack => "rolled-back",
            Self::RollbackFailed => "rollback-failed",
            Self::Busy => "busy",
            Self::Unknown => "unknown",
            Self::Cancelled => "cancelled",
            Self::Done => "done",
        }
    }
}

/// What the transaction decided. Durable on the server once it is past the point of no return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The transaction.
    pub transaction: TransactionId,
    /// How it ended.
    pub outcome: Outcome,
    /// The release that should go live, once it has an id.
    pub release: Option<ReleaseId>,
    /// What was live before.
    pub previous: Option<ReleaseId>,
    /// What `current` points to now.
    pub live: Option<ReleaseId>,
    /// Why the new release failed.
    pub failure: Option<Failure>,
    /// Why the rollback failed too.
    pub rollback: Option<Failure>,
    /// Whether the transaction was past the point of no return.
    pub switched: bool,
    /// What `before-switch` commands changed was made for another release than the one that is live. Versions before 1.5 did
    /// not write it.
    #[serde(default)]
    pub before_switch: bool,
    /// How long users were not served. `None`: it is unknown, or the outcome tells. Versions before 1.9 did not write it.
    #[serde(default)]
    pub interruption: Option<Interruption>,
    /// Epoch seconds, by the server's clock.
    pub at: u64,
}

/// From the restart to the first healthy answer after which the release stayed healthy; rolled back: from the release's own
/// restart to the old release's answer. Milliseconds since the epoch, by the server's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interruption {
    /// The restart.
    pub from: u64,
    /// The answer.
    pub to: u64,
}

impl Interruption {
    /// Nothing was restarted.
    #[must_use]
    pub fn none(at: u64) -> Self {
        Self { from: at, to: at }
    }

    /// One that lasted so long.
    #[must_use]
    pub fn of(from: u64, took: Duration) -> Self {
        let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Self {
            from,
            to: from.saturating_add(took),
        }
    }

    /// Whether nobody was interrupted.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.to <= self.from
    }

    /// How long it lasted.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_millis(self.to.saturating_sub(self.from))
    }
}

impl Verdict {
    /// Whether an older release lives with what `before-switch` changed for a newer one.
    #[must_use]
    pub fn leaves_changes(&self) -> bool {
        let is_older = self.outcome == Outcome::Restored || self.live != self.release;
        self.before_switch && is_older
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_but_done_travels_and_is_kept() {
        for outcome in Outcome::ALL {
            let kept = serde_json::to_string(&outcome).ok();
            let sent = postcard::to_stdvec(&outcome).ok();
            let is_kept = outcome != Outcome::Done;
            assert_eq!(
                (kept.is_some(), sent.is_some()),
                (is_kept, is_kept),
                "{outcome:?}"
            );
            if let (Some(kept), Some(sent)) = (kept, sent) {
                assert_eq!(serde_json::from_str::<Outcome>(&kept).unwrap(), outcome);
                assert_eq!(postcard::from_bytes::<Outcome>(&sent).unwrap(), outcome);
            }
        }
        assert!(serde_json::from_str::<Outcome>("\"Done\"").is_err());
        assert!(postcard::from_bytes::<Outcome>(&[12]).is_err());
    }
}
