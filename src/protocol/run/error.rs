//! What can fail on the runner or on the way to the server, with the texts that people read.

use crate::protocol::ManifestError;
use crate::text::amounts;
use crate::text::excerpt::{excerpt, last_line};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// What failed on the runner or on the way to the server. Fields named `stderr`, `output` and `error` are what programs
/// and systems printed: untrusted.
///
/// Before the point of no return, the server runs what it ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum RunError {
    /// A program that the runner needs cannot be used: the runner's set-up. Nothing was sent.
    #[error("{} {error}", excerpt(.program))]
    Tool {
        /// Its name.
        program: String,
        /// Why.
        error: ToolError,
    },
    /// The key could not be loaded into the private agent: the fault of the input `key`. Nothing was sent.
    #[error("the private key could not be loaded{}", quoted(.output))]
    Key {
        /// What ssh-add printed.
        output: Vec<u8>,
    },
    /// The passphrase is not that of the key: the fault of the input `passphrase`. Nothing was sent.
    #[error("the passphrase does not open the private key")]
    Passphrase,
    /// The tree cannot be deployed: the user's to fix. Nothing was switched.
    #[error("{} {problem}", source(.path))]
    Source {
        /// In the source; empty: the source itself.
        path: Vec<u8>,
        /// Why.
        problem: SourceProblem,
    },
    /// No connection: the server, the network, or the inputs for the login. Nothing was changed.
    #[error("{}", connection(*.kind, .error, .hop, .offered.as_deref()))]
    Connection {
        /// Which kind.
        kind: ConnectionKind,
        /// What ssh reports.
        error: ConnectionError,
        /// To which host.
        hop: Hop,
        /// The key that was offered, if it is not trusted.
        offered: Option<Box<OfferedKey>>,
    },
    /// The server part could not be started or copied, or ended early: the server's set-up, or a bug in deploy-action.
    #[error("the server part {error}{}", quoted(.output))]
    ServerPart {
        /// What failed.
        error: ServerPartError,
        /// What the server printed.
        output: Vec<u8>,
    },
    /// There is no server part for the server's CPU beside this program. Nothing was switched.
    #[error("{}, the server part for the server's CPU ({}), {error}", excerpt(.file), excerpt(.cpu))]
    NoBinary {
        /// What `uname -m` prints on the server.
        cpu: String,
        /// The file that was searched.
        file: String,
        /// What is wrong with it.
        error: BinaryError,
    },
    /// The server sent what the server part never sends: login scripts that print, or a bug in deploy-action.
    #[error("unexpected output from the server: {0}")]
    Protocol(ProtocolError),
    /// The connection was lost before the verdict.
    #[error("the connection was lost before {}", if .finished_by.is_some() { "the server finished" } else { "the switch" })]
    ConnectionLost {
        /// Epoch seconds (the runner's clock) by which the server finishes by itself; `None`: before the point of no
        /// return.
        finished_by: Option<u64>,
    },
    /// The input `timeout` was reached before the point of no return. Nothing was switched.
    #[error("the time limit of {} was reached", amounts::limit(*.limit))]
    OutOfTime {
        /// The limit.
        limit: Duration,
    },
    /// The run was cancelled (SIGINT or SIGTERM).
    #[error("the run was cancelled{}", if .finished_by.is_some() { " when the server could no longer be stopped" } else { "" })]
    Cancelled {
        /// As in `ConnectionLost`.
        finished_by: Option<u64>,
    },
    /// A bug in deploy-action.
    #[error("a bug in deploy-action: {0}")]
    Bug(Bug),
}

impl RunError {
    /// Where it failed.
    #[must_use]
    pub fn side(&self) -> Side {
        match self {
            Self::Tool { .. }
            | Self::Key { .. }
            | Self::Passphrase
            | Self::Source { .. }
            | Self::NoBinary { .. }
            | Self::OutOfTime { .. }
            | Self::Cancelled { .. }
            | Self::Bug(_) => Side::Runner,
            Self::Connection { .. } | Self::Protocol(_) | Self::ConnectionLost { .. } => {
                Side::Connection
            }
            Self::ServerPart { .. } => Side::Server,
        }
    }
}

/// Where something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Side {
    /// On the runner.
    #[error("on the runner")]
    Runner,
    /// Between runner and server.
    #[error("between runner and server")]
    Connection,
    /// On the server.
    #[error("on the server")]
    Server,
}

fn source(path: &[u8]) -> String {
    match path {
        [] => "the source".to_owned(),
        path => excerpt(path),
    }
}

/// Where most programs print the error.
fn quoted(output: &[u8]) -> String {
    match last_line(output) {
        line if line.is_empty() => String::new(),
        line => format!(" ({line})"),
    }
}

fn connection(
    kind: ConnectionKind,
    error: &ConnectionError,
    hop: &Hop,
    offered: Option<&OfferedKey>,
) -> String {
    if let Some(OfferedKey {
        fingerprint, state, ..
    }) = offered
    {
        return state.describe(&hop.to_string(), &excerpt(fingerprint));
    }
    let what = match kind {
        ConnectionKind::Refused => format!("{hop} refused the connection"),
        ConnectionKind::TimedOut => format!("{hop} did not answer in time"),
        ConnectionKind::Resolve => format!("the name of {hop} is unknown"),
        ConnectionKind::HostKey => format!("the host key of {hop} is not the one in known-hosts"),
        ConnectionKind::Login => format!("{hop} refused the login"),
        ConnectionKind::Other => format!("no connection to {hop}"),
    };
    match error.to_string() {
        error if error.is_empty() => what,
        error => format!("{what} ({error})"),
    }
}

/// Why a program on the runner cannot be used. Fits after its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ToolError {
    /// It is not in PATH.
    #[error("was not found; OpenSSH's client is needed (package openssh-client)")]
    NotFound,
    /// The system cannot start it, or not communicate with it.
    #[error("cannot be used: {}", excerpt(.error))]
    Io {
        /// What the system reports.
        error: String,
    },
    /// It ended at once.
    #[error("does not start{}", quoted(.stderr))]
    Ended {
        /// What it printed.
        stderr: Vec<u8>,
    },
    /// It started, but nothing came from it in time.
    #[error("does not respond")]
    NoAnswer,
    /// It did not end in time.
    #[error("does not end")]
    Hangs,
    /// The private folder for its files.
    #[error("cannot get a folder: {}", excerpt(.error))]
    Folder {
        /// What the system reports.
        error: String,
    },
    /// Its configuration file.
    #[error("cannot get a configuration file: {}", excerpt(.error))]
    Config {
        /// What the system reports.
        error: String,
    },
    /// The script that records host keys.
    #[error("cannot get a helper script: {}", excerpt(.error))]
    Helper {
        /// What the system reports.
        error: String,
    },
    /// The passphrase could not be passed to it.
    #[error("cannot be given a passphrase: {}", excerpt(.error))]
    Passphrase {
        /// What the system reports.
        error: String,
    },
}

/// Why the tree cannot be deployed. Fits after a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum SourceProblem {
    /// Neither file, folder nor link.
    #[error("is a {0}, which cannot be deployed")]
    Kind(FileKind),
    /// The runner's user lacks the permission, or the disk fails.
    #[error("cannot be read: {}", excerpt(.error))]
    Unreadable {
        /// What the system reports.
        error: String,
    },
    /// Another process writes to it.
    #[error("changes while it is read")]
    Changes,
    /// It was a file when the tree was listed.
    #[error("is no longer a regular file")]
    NotFile,
    /// Everything is excluded, or there is nothing.
    #[error("has no files to deploy")]
    NoFiles,
    /// More than a manifest may have.
    #[error("has more than {limit} entries")]
    TooManyEntries {
        /// That many.
        limit: u64,
    },
    /// A name that the manifest cannot have.
    #[error("cannot be deployed: {0}")]
    Manifest(ManifestError),
    /// The input `exclude`.
    #[error("has an invalid exclude pattern, “{}”: {}", excerpt(.pattern), excerpt(.error))]
    Pattern {
        /// Its line.
        pattern: String,
        /// What the library reports.
        error: String,
    },
    /// The input `exclude` as a whole.
    #[error("has invalid exclude patterns: {}", excerpt(.error))]
    Patterns {
        /// What the library reports.
        error: String,
    },
}

/// A kind of file that cannot be deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum FileKind {
    /// A socket.
    #[error("socket")]
    Socket,
    /// A named pipe.
    #[error("named pipe")]
    Fifo,
    /// A device.
    #[error("device")]
    Device,
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConnectionKind {
    /// No process listens there.
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

/// What is known about a connection that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ConnectionError {
    /// ssh gave up.
    #[error("{}", last_line(.stderr))]
    Ssh {
        /// What it printed.
        stderr: Vec<u8>,
    },
    /// The jump host could not reach the server.
    #[error("from the jump host: {}", last_line(.stderr))]
    FromJumpHost {
        /// What its ssh printed.
        stderr: Vec<u8>,
    },
    /// deploy-action gave up.
    #[error("no login within {}", amounts::limit(*.limit))]
    NoLogin {
        /// The limit.
        limit: Duration,
    },
}

/// One of the hosts on the way.
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

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("the server"),
            Self::Jump { host, .. } => write!(f, "the jump host {}", excerpt(host)),
        }
    }
}

/// A host key that a server offered and that is not trusted. Its texts are untrusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedKey {
    /// The line of `known_hosts` that would trust it.
    pub line: String,
    /// As `ssh-keygen -l` shows it.
    pub fingerprint: String,
    /// Why it is not trusted.
    pub state: KeyState,
}

/// What `known_hosts` has about an offered host key.
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

impl KeyState {
    fn describe(self, hop: &str, key: &str) -> String {
        match self {
            Self::Unknown => format!("known-hosts has no key for {hop}, which offers {key}"),
            Self::Changed => format!("{hop} offers another host key than known-hosts has: {key}"),
            Self::Revoked => format!("{hop} offers a host key that known-hosts revokes: {key}"),
            Self::OtherName => {
                format!("{hop} offers a key that known-hosts has only for another name: {key}")
            }
        }
    }
}

/// Why the server part did not do its work. Fits after "the server part".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ServerPartError {
    /// The connection stands, but ssh opens no channel.
    #[error("could not be started: no channel")]
    Channel,
    /// It ended before its first message.
    #[error("could not be started")]
    Start,
    /// It ended without a verdict.
    #[error("ended before it had finished")]
    Finish,
    /// It could not be written there, or does not run there.
    #[error("could not be copied to the server")]
    Copy,
    /// It was copied, and is not there.
    #[error("was copied to {}, but is not there", excerpt(.folder))]
    Gone {
        /// Where it was copied to.
        folder: String,
    },
}

/// What is wrong with the file that holds the server part for another CPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum BinaryError {
    /// There is no such file.
    #[error("is missing")]
    Missing,
    /// It cannot be read.
    #[error("cannot be read: {}", excerpt(.error))]
    Unreadable {
        /// What the system reports.
        error: String,
    },
    /// It cannot be checked.
    #[error("is not listed in SHA256SUMS")]
    Unlisted,
    /// Its digest is another.
    #[error("is not the file that SHA256SUMS lists")]
    OtherFile,
}

/// What the server sent instead of what the server part would send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ProtocolError {
    /// Only other output.
    #[error("more than {limit} bytes before the server part's greeting")]
    NoGreeting {
        /// In bytes.
        limit: u64,
    },
    /// A message over the limit, in bytes.
    #[error("a message of {0} bytes is too long")]
    TooLong(u64),
    /// A message that cannot be read.
    #[error("a message cannot be read")]
    Unreadable,
    /// The verdict of another transaction.
    #[error("the verdict is that of another transaction")]
    OtherTransaction,
    /// A listing that was not requested.
    #[error("a listing that was not requested")]
    Listing,
    /// Something else than the listing that was requested.
    #[error("no listing")]
    NoListing,
    /// Files that the manifest does not have, or that were requested before.
    #[error("entries {start} to {end} of {entries} are requested")]
    Entries {
        /// First index.
        start: u32,
        /// Index behind the last.
        end: u32,
        /// In the manifest.
        entries: u32,
    },
    /// A request behind the last one.
    #[error("files are requested after the last request")]
    AfterLast,
    /// A request for nothing that is not the last.
    #[error("a request for nothing")]
    Nothing,
    /// The server claims to have more chunks than can be.
    #[error("more than {limit} chunks of earlier versions")]
    TooManyChunks {
        /// That many.
        limit: u64,
    },
    /// Chunks of a file that is not requested.
    #[error("chunks of a file that is not requested")]
    Chunks,
}

/// What should never happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Bug {
    /// The runner's system has no random numbers.
    #[error("no random numbers: {}", excerpt(.error))]
    Random {
        /// What the system reports.
        error: String,
    },
    /// No runtime for network and signals.
    #[error("no runtime: {}", excerpt(.error))]
    Runtime {
        /// What the system reports.
        error: String,
    },
    /// deploy-action cannot read its own file.
    #[error("its executable cannot be read: {}", excerpt(.error))]
    Executable {
        /// What the system reports.
        error: String,
    },
    /// A child process without standard input and output.
    #[error("{} has no pipes", excerpt(.program))]
    Pipes {
        /// Its name.
        program: String,
    },
    /// The inputs let an argument pass that a shell could interpret.
    #[error("“{}” cannot be on a command line", excerpt(.0))]
    Argument(String),
    /// The server part could not be compressed.
    #[error("the server part cannot be compressed: {}", excerpt(.error))]
    Compress {
        /// What the library reports.
        error: String,
    },
    /// A message could not be written.
    #[error("a message cannot be sent: {}", excerpt(.error))]
    Message {
        /// What the library reports.
        error: String,
    },
    /// A thread ended without a result.
    #[error("a thread failed: {}", excerpt(.error))]
    Thread {
        /// What the runtime reports.
        error: String,
    },
    /// Reading the source was stopped, and nobody had asked for it.
    #[error("reading the source stopped by itself")]
    Stopped,
}
