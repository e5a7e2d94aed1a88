//! What is on a server.

use super::{Origin, Outcome, ReleaseId};
use serde::{Deserialize, Serialize};

/// What is on the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The release that `current` leads to.
    pub live: Option<ReleaseId>,
    /// The release that the rollback command means if none is named.
    pub rollback_target: Option<ReleaseId>,
    /// The releases, newest first.
    #[serde(deserialize_with = "crate::protocol::bounded::list")]
    pub releases: Vec<ListedRelease>,
    /// Older releases that are not listed.
    pub more: u64,
    /// The last attempts, newest first.
    #[serde(deserialize_with = "crate::protocol::bounded::list")]
    pub attempts: Vec<ListedAttempt>,
}

/// A release on the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedRelease {
    /// Its id.
    pub release: ReleaseId,
    /// Seconds since it was created, by the server's clock.
    pub age: u64,
    /// Whether it can be rolled back to.
    pub standing: Standing,
    /// `current` leads to it.
    pub current: bool,
    /// `previous` leads to it.
    pub previous: bool,
    /// Bytes on the disk; `None`: it cannot be read, or was not measured.
    pub size: Option<u64>,
    /// Who created it from what.
    pub origin: Origin,
}

/// Whether a release can be rolled back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// Once committed healthy, or taken over.
    Good,
    /// Went live and failed.
    Failed,
    /// Its deployment is pending: it is live and watched, or an interruption has left it so.
    OnTrial,
    /// Sealed, but it never went live.
    Complete,
    /// Its upload or install did not finish.
    Incomplete,
    /// Without a record of deploy-action.
    Unknown,
}

/// An attempt, from the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedAttempt {
    /// Epoch seconds, by the server's clock.
    pub at: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// The release that should go live.
    pub release: Option<ReleaseId>,
    /// The release that was live afterwards.
    pub live: Option<ReleaseId>,
    /// Who attempted what.
    pub origin: Origin,
}
