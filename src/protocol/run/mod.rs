//! What happens in a run, as the runner sees it.

mod connection;
mod details;
mod error;
mod quoted;
mod source;

pub use connection::{ConnectionError, ConnectionKind, Hop, KeyState, OfferedKey};
pub use details::{
    BinaryError, Bug, FileKind, LoginScriptError, ProtocolError, ServerPartError, SourceProblem,
    ToolError, UnsafeFolder,
};
pub use error::{RunError, Side};
pub use source::{SourceDoubt, SourceDoubtKind};

use super::{Event, HealthUrl, Outcome, Restart, Scope, Task, Verdict};
use std::time::Duration;

/// What a run emits on the runner: everything that the report is made of. `Ended` comes last, exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEvent {
    /// What is going to happen.
    Planned(Box<Planned>),
    /// The source is odd, but is deployed.
    Doubt(SourceDoubt),
    /// Connecting.
    Connecting,
    /// No connection; another attempt follows.
    ConnectFailed {
        /// From 1, for each connection.
        attempt: u32,
        /// Why.
        error: RunError,
        /// Until the next attempt.
        pause: Duration,
    },
    /// Logged in.
    Connected {
        /// Since `Connecting`.
        took: Duration,
    },
    /// The server part is missing on the server and is being copied there.
    CopyingServerPart {
        /// Bytes on the wire.
        bytes: u64,
    },
    /// The connection was lost; reconnecting.
    ConnectionLost {
        /// Epoch seconds (the runner's clock) by which the server finishes on its own; `None`: it is not known to be past
        /// the point of no return.
        finished_by: Option<u64>,
    },
    /// Logged in again.
    Reconnected {
        /// Since `ConnectionLost`.
        took: Duration,
    },
    /// Contents are being sent.
    Sending {
        /// Files.
        files: u32,
        /// Their bytes, before packing.
        bytes: u64,
        /// Files among them of which the server has an earlier version: only what is new in them is sent.
        known: u32,
    },
    /// Progress of sending.
    Sent {
        /// Of the bytes in `Sending`, including those that the server has.
        bytes: u64,
    },
    /// A line before the protocol starts, or of ssh itself. Untrusted.
    UnexpectedOutput(Vec<u8>),
    /// Something happened on the server.
    Server(Event),
    /// The server may need longer than the run watches it.
    WatchLimited {
        /// For how long it is watched.
        limit: Duration,
    },
    /// The end.
    Ended(Box<End>),
}

/// The part of a run that this process does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Part {
    /// From its beginning on.
    #[default]
    Whole,
    /// The end of what an earlier process has begun.
    End,
}

/// What is going to happen, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Whether this process begins it.
    pub part: Part,
    /// Deployment or rollback.
    pub task: Task,
    /// Name or address.
    pub host: String,
    /// TCP port of sshd.
    pub port: u16,
    /// Login name.
    pub user: String,
    /// Folder on the server.
    pub target: String,
    /// The first unit, if there is one.
    pub service: Option<String>,
    /// The other units of the service.
    pub others: Vec<String>,
    /// Which systemd runs them.
    pub scope: Scope,
    /// Whether unit files travel with the release.
    pub unit_files: bool,
    /// How the service is restarted.
    pub restart: Restart,
    /// The health check's URL, if there is one.
    pub health: Option<HealthUrl>,
    /// What outlives releases, as paths below `shared`.
    pub shared: Vec<String>,
    /// Commit, if it is known.
    pub commit: Option<String>,
    /// Whether tracked files differ from it.
    pub changed: bool,
    /// Who deploys, if that is known.
    pub actor: Option<String>,
    /// Entries and bytes of the tree.
    pub entries: u32,
    /// Bytes of its files.
    pub bytes: u64,
    /// For everything before the point of no return.
    pub timeout: Duration,
}

/// How the run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Decides the exit code.
    pub outcome: Outcome,
    /// The server's verdict, if there is one.
    pub verdict: Option<Verdict>,
    /// What failed on the runner or on the way.
    pub error: Option<RunError>,
    /// Of the whole run.
    pub took: Duration,
}

impl End {
    /// Whether the outcome can no longer change: the server has finished, or was asked for nothing.
    #[must_use]
    pub fn is_final(&self) -> bool {
        let crashed = matches!(
            self.error,
            Some(RunError::Bug(Bug::Crashed { begun: true, .. }))
        );
        self.outcome != Outcome::Unknown && !(self.outcome == Outcome::Error && crashed)
    }
}
