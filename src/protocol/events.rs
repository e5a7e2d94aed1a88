use super::{ReleaseId, Verdict};
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

/// The steps, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Step {
    /// Log in, start the server part.
    Connect,
    /// Wait for the lock.
    Lock,
    /// Bring an interrupted transaction to its end.
    Recover,
    /// Look for what must be fixed first.
    Check,
    /// Bring the tree into the release's folder.
    Upload,
    /// Run install in it.
    Install,
    /// Run before-switch in it.
    BeforeSwitch,
    /// Make it durable, record it as complete.
    Seal,
    /// Point `current` at it.
    Switch,
    /// Restart the unit.
    Restart,
    /// Watch it.
    Verify,
    /// Make it the one to stay.
    Commit,
    /// Go back to the previous release.
    RollBack,
    /// Remove what is no longer kept.
    Retention,
}

/// What happened. `Ended` comes last, exactly once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// A step begins; the one before it has ended.
    Step(Step),
    /// Another deployment holds the lock; it is waited for.
    Waiting(Option<Holder>),
    /// A transaction that an earlier run left pending was brought to its end.
    Recovered(Box<Verdict>),
    /// A line of what a command printed: untrusted bytes, at most 8 KiB.
    Output(Vec<u8>),
    /// Something a person should act on.
    Warning(Warning),
    /// Something a person should know.
    Notice(Notice),
    /// The tree is in place.
    Staged(Staged),
    /// The pending record is durable: from here on the server finishes alone.
    PointOfNoReturn {
        /// The release that goes live.
        release: ReleaseId,
        /// The one to go back to.
        previous: Option<ReleaseId>,
        /// The transaction's own deadline, from now.
        deadline: Duration,
    },
    /// Health was asked.
    Attempt(Attempt),
    /// The new release failed; what the server looked like then, before anything was put back.
    Diagnostics(Vec<Diagnostic>),
    /// The end.
    Ended(Box<Verdict>),
}

/// Who holds the lock: informative only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Link to the run.
    pub run: Option<String>,
    /// Who.
    pub actor: Option<String>,
    /// Epoch seconds, by the server's clock.
    pub since: u64,
}

/// What staging did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    /// The release's id.
    pub release: ReleaseId,
    /// Files that came over the wire.
    pub received: u32,
    /// Their bytes.
    pub received_bytes: u64,
    /// Files that the server had.
    pub copied: u32,
}

/// One question about health.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// What came back.
    pub answer: Answer,
    /// How long it took.
    pub took: Duration,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// A right status and a complete body that matches.
    Healthy {
        /// HTTP status.
        status: u16,
    },
    /// A status that is not right.
    Status {
        /// HTTP status.
        status: u16,
        /// Where a redirect leads.
        location: Option<String>,
        /// The body's beginning.
        body: Vec<u8>,
    },
    /// The body does not match `health-match`.
    Mismatch {
        /// The expression, placeholders filled in.
        pattern: String,
        /// The body's beginning.
        body: Vec<u8>,
    },
    /// Nobody listens.
    Refused,
    /// No complete answer within the time for one question.
    TimedOut {
        /// What it waited for.
        during: String,
    },
    /// The connection or the answer broke: in words.
    Broken(String),
}

/// A piece of diagnosis: untrusted text under a title of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// What was looked at.
    pub title: String,
    /// Whose words they are.
    pub voice: Voice,
    /// What it said.
    pub text: Vec<u8>,
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Voice {
    /// The application: its log, its answer. May tell what is nobody else's business.
    Application,
    /// The server's system.
    System,
}

/// Something a person should act on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Warning {
    /// A release that could not be deleted, by an earlier run.
    Leftover {
        /// Where it lies.
        path: String,
        /// The system's words.
        error: String,
    },
    /// `systemctl daemon-reload` is due for the unit.
    DaemonReload,
    /// The unit is not started at boot.
    NotEnabled(String),
    /// The target's disk is used to this many hundredths.
    DiskNearlyFull(u8),
    /// The log of the new start holds words that deserve a look: the lines.
    LogWords(Vec<Vec<u8>>),
    /// The log of the new start can't be read: in words.
    LogNotChecked(String),
    /// `sudo -n systemctl reset-failed <service>` is not allowed, so that systemd's start limit can only be waited for.
    NoResetFailed {
        /// As written.
        service: String,
        /// The deploy user.
        user: String,
    },
    /// What ran before was not healthy.
    OldUnhealthy(Answer),
}

/// Something a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// What was live without a record of ours, and healthy, was taken over as good.
    TakenOver(ReleaseId),
    /// The port's owner can't be seen, or is another service.
    ListenerNotChecked(String),
    /// Whether logind kills what a user leaves behind could not be read.
    LingerNotChecked,
    /// systemd's start limit is waited for.
    StartLimitWait {
        /// How long at the most.
        up_to: Duration,
        /// Whether the old release serves meanwhile.
        serving: bool,
    },
    /// `current` was as found: absolute, chained; the next switch writes a relative link.
    Adopted(String),
}
