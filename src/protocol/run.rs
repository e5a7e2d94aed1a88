use super::{Event, Outcome, Task, Verdict};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the whole run emits, on the runner: all that the report is made of. `Ended` comes last, exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEvent {
    /// What is going to happen.
    Planned(Box<Planned>),
    /// The connection is being made.
    Connecting,
    /// No connection; it is tried again.
    ConnectFailed {
        /// From 1, for each line.
        attempt: u32,
        /// Why.
        trouble: Trouble,
        /// Until the next attempt.
        pause: Duration,
    },
    /// Logged in.
    Connected {
        /// Since `Connecting`.
        took: Duration,
    },
    /// The server part was missing on the server and is being copied there.
    CopyingServerPart {
        /// Bytes on the wire.
        bytes: u64,
    },
    /// The line was cut; another one is being made.
    LineLost {
        /// Epoch seconds (the runner's clock) by which the server finishes alone; `None`: it is not known to be past
        /// the point of no return.
        finished_by: Option<u64>,
    },
    /// Logged in again.
    Reconnected {
        /// Since `LineLost`.
        took: Duration,
    },
    /// Contents are being sent.
    Sending {
        /// Files.
        files: u32,
        /// Their bytes, before packing.
        bytes: u64,
        /// Files among them of which the server has an earlier version: only what is new in them travels.
        known: u32,
    },
    /// So much of them is on its way.
    Sent {
        /// Of the bytes that `Sending` told, with those that the server knew.
        bytes: u64,
    },
    /// A line that is not of the protocol: of login scripts, or of ssh itself. Untrusted.
    Noise(Vec<u8>),
    /// Something happened on the server.
    Server(Event),
    /// The end.
    Ended(Box<End>),
}

/// The part of a run that a process has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Part {
    /// From its beginning on.
    #[default]
    Whole,
    /// The end of what an earlier process began.
    End,
}

/// What is going to happen, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Whether this process begins it.
    pub part: Part,
    /// What is to be done.
    pub task: Task,
    /// Name or address.
    pub host: String,
    /// TCP port of sshd.
    pub port: u16,
    /// Login name.
    pub user: String,
    /// Folder on the server.
    pub target: String,
    /// Unit, where there is one.
    pub service: Option<String>,
    /// Commit, where it is known.
    pub commit: Option<String>,
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
    /// What the process's exit code tells.
    pub outcome: Outcome,
    /// The server's word, where there is one.
    pub verdict: Option<Verdict>,
    /// What went wrong on the runner's side or on the way.
    pub trouble: Option<Trouble>,
    /// Of the whole run.
    pub took: Duration,
}

/// What can go wrong on the runner's side or on the way to the server. Texts named `said` are untrusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// A program that must be on the runner is missing or unusable.
    Tool {
        /// Its name.
        program: String,
        /// What is wrong.
        problem: String,
    },
    /// The key could not be loaded into the private agent.
    Key {
        /// What ssh-add said.
        said: Vec<u8>,
    },
    /// The passphrase is not that of the key.
    Passphrase,
    /// The tree can't be deployed as it is.
    Source {
        /// In the source.
        path: Vec<u8>,
        /// What is wrong with it.
        problem: String,
    },
    /// No connection.
    Connection {
        /// Which kind.
        kind: ConnectionKind,
        /// What ssh said.
        said: Vec<u8>,
        /// Where on the way.
        hop: Hop,
        /// The key that was offered, where it is not trusted.
        offered: Option<Box<OfferedKey>>,
    },
    /// The server part could not be started or copied.
    ServerPart {
        /// What was tried.
        operation: String,
        /// What the server said.
        said: Vec<u8>,
    },
    /// There is no server part for the server's CPU.
    NoBinary {
        /// What the server's `uname -m` says.
        cpu: String,
        /// The file that was looked for.
        file: String,
    },
    /// What came back is not of the protocol.
    Protocol {
        /// What is wrong.
        problem: String,
    },
    /// The line ended before the verdict.
    LineCut {
        /// Epoch seconds (the runner's clock) by which the server has finished alone; `None`: it was before the point of
        /// no return.
        finished_by: Option<u64>,
    },
    /// `timeout` is up.
    OutOfTime {
        /// The limit.
        limit: Duration,
    },
    /// The run was cancelled (SIGINT or SIGTERM).
    Cancelled {
        /// As in `LineCut`.
        finished_by: Option<u64>,
    },
    /// A bug of ours.
    Bug {
        /// What was not expected.
        problem: String,
    },
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConnectionKind {
    /// Nobody listens there.
    Refused,
    /// No answer in time.
    TimedOut,
    /// The name is unknown.
    Resolve,
    /// The host key is unknown, changed or revoked.
    HostKey,
    /// The login was refused.
    Login,
    /// Any other.
    Other,
}

/// Which of the servers on the way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hop {
    /// The one that is deployed to.
    #[default]
    Server,
    /// The jump host before it.
    Jump {
        /// Name or address.
        host: String,
        /// TCP port of its sshd.
        port: u16,
        /// Login name on it.
        user: String,
    },
}

/// A host key that a server offered, and that is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedKey {
    /// The line of `known_hosts` that would trust it. Untrusted.
    pub line: String,
    /// As `ssh-keygen -l` shows it. Untrusted.
    pub fingerprint: String,
    /// Why it is not trusted.
    pub state: KeyState,
}

/// What `known_hosts` says of an offered host key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyState {
    /// Nothing under this name.
    Unknown,
    /// Another key.
    Changed,
    /// It is revoked.
    Revoked,
    /// The same key, but under other names only.
    OtherName,
}
