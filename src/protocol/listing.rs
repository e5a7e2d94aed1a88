//! What the command `releases` lists.

use super::{Origin, Outcome, ReleaseId};
use serde::{Deserialize, Serialize};

/// What is on the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The releases, newest first.
    pub releases: Vec<Listed>,
    /// The last attempts, newest first.
    pub attempts: Vec<Attempted>,
}

/// A release that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its id.
    pub release: ReleaseId,
    /// Seconds since it was made, by the server's clock.
    pub age: u64,
    /// How good it is.
    pub standing: Standing,
    /// `current` leads to it.
    pub current: bool,
    /// `previous` leads to it.
    pub previous: bool,
    /// Bytes on the disk; `None`: it can't be read.
    pub size: Option<u64>,
    /// Who made it of what.
    pub origin: Origin,
}

/// How good a release is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// Once committed healthy, or taken over.
    Good,
    /// Went live and failed.
    Failed,
    /// Never went live.
    Incomplete,
    /// Without a record of ours.
    Unknown,
}

/// An attempt, from the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempted {
    /// Epoch seconds, by the server's clock.
    pub at: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// The release that was to go live.
    pub release: Option<ReleaseId>,
    /// What was live afterwards.
    pub live: Option<ReleaseId>,
    /// Who attempted what.
    pub origin: Origin,
}
