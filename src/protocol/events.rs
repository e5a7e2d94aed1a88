//! What happens on the server, as it travels and as the transaction's file keeps it.

use super::{
    FailedStart, HealthAnswer, Holder, Listing, Notice, ReleaseId, Step, Verdict, Warning,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Something that happened on the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Milliseconds since the epoch, by the server's clock.
    pub at: u64,
    /// What.
    pub what: What,
}

/// What happened. `Ended` comes last, exactly once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// A step begins; the one before it has ended.
    Step(Step),
    /// Waiting for another deployment, which holds the lock.
    Waiting(Option<Holder>),
    /// A transaction that an earlier run left pending was brought to its end.
    Recovered(Box<Verdict>),
    /// A line that a command printed: untrusted bytes, at most 8 KiB.
    Output(Vec<u8>),
    /// Someone should act on it.
    Warning(Warning),
    /// Worth knowing.
    Notice(Notice),
    /// The tree is in place.
    Staged(Staged),
    /// The pending record is durable: from here on the server finishes without the runner.
    PointOfNoReturn {
        /// The release that goes live.
        release: ReleaseId,
        /// The rollback target.
        previous: Option<ReleaseId>,
        /// The transaction's own deadline, from now.
        deadline: Duration,
        /// The commit of the release that goes live, if it is known.
        commit: Option<String>,
        /// What is known of the rollback target.
        made: Made,
    },
    /// A health check was made.
    Attempt(Attempt),
    /// The new release failed: its start.
    FailedStart(Box<FailedStart>),
    /// The new release failed; the state of the server before the rollback.
    Diagnostics(#[serde(deserialize_with = "crate::protocol::bounded::list")] Vec<Diagnostic>),
    /// The end.
    Ended(Box<Verdict>),
    /// The middle of a command's output is not sent; its end follows.
    OutputLeftOut(LeftOut),
    /// The release that is live before anything is changed; nothing is sent if there is none.
    Live(Box<LiveRelease>),
    /// The rollback command named no release that it can roll back to: what there is, without sizes and attempts.
    Releases(Box<Listing>),
}

/// Output that was not sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its lines.
    pub lines: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The file on the server that has the output from its beginning; `None`: it could not be written.
    pub file: Option<String>,
    /// Whether the file has all of it.
    pub whole: bool,
}

/// What an existing release was made from. Untrusted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Its commit, if it is known.
    pub commit: Option<String>,
    /// Whether tracked files differed from it.
    pub changed: bool,
    /// When it went live: epoch seconds, by the server's clock.
    pub live_since: Option<u64>,
    /// Who deployed it.
    pub actor: Option<String>,
    /// Link to the run that deployed it.
    pub run: Option<String>,
}

/// The release that is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveRelease {
    /// Its id.
    pub release: ReleaseId,
    /// What it was made from.
    pub made: Made,
}

/// The result of staging.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    /// The release's id.
    pub release: ReleaseId,
    /// Files that were uploaded.
    pub received: u32,
    /// Their bytes.
    pub received_bytes: u64,
    /// Files that the server had already.
    pub copied: u32,
}

/// One health check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// Its result.
    pub answer: HealthAnswer,
    /// How long it took.
    pub took: Duration,
}

/// A part of the diagnosis: untrusted text under a title of deploy-action's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// What was inspected.
    pub title: String,
    /// Where the text comes from.
    pub origin: DiagnosticOrigin,
    /// What it shows.
    pub text: Vec<u8>,
}

/// Where the text of a diagnostic comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DiagnosticOrigin {
    /// The log of the failed start. May contain personal data.
    Log,
    /// The application: its response. May contain personal data.
    Application,
    /// The server's system.
    System,
}
