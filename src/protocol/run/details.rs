//! What exactly failed, for [`RunError`](super::RunError).

use super::quoted::quoted;
use crate::protocol::ManifestError;
use crate::text::amounts::{self, size};
use crate::text::excerpt::excerpt;
use serde::{Deserialize, Serialize};
use std::time::Duration;

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
    #[error("cannot get a private folder in /tmp or TMPDIR: {}", excerpt(.error))]
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
    /// It was asked for something else than the command line announced.
    #[error("received another plan than was announced")]
    OtherPlan,
    /// Others could have replaced it.
    #[error("was not started: {0}")]
    Unsafe(UnsafeFolder),
    /// It was copied, and is not there.
    #[error("was copied to {}, but is not there", excerpt(.folder))]
    Gone {
        /// Where it was copied to.
        folder: String,
    },
}

/// Where others could replace what is started, or what is read. Fits after "the server part was not started:". Its texts are the
/// server's and untrusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum UnsafeFolder {
    /// `.deploy` or its `bin` belongs to another user than the login.
    #[error("{} belongs to {}, but the login is {}", excerpt(.path), excerpt(.owner), excerpt(.user))]
    OtherOwner {
        /// Folder.
        path: String,
        /// Whose it is.
        owner: String,
        /// The deploy user.
        user: String,
    },
    /// Others than the deploy user can write to `.deploy` or its `bin`.
    #[error("other users can write to {} ({})", excerpt(.path), excerpt(.mode))]
    Writable {
        /// Folder.
        path: String,
        /// As `ls` shows it.
        mode: String,
    },
    /// Every user can write to the target, or to a folder above it without the sticky bit.
    #[error("every user can write to {} ({})", excerpt(.path), excerpt(.mode))]
    Everyone {
        /// Folder.
        path: String,
        /// As `ls` shows it.
        mode: String,
    },
}

/// How a login script on the server keeps the server part from its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum LoginScriptError {
    /// What arrives is not what was sent, and ssh would have noticed an error of the network.
    #[error("did not receive what was sent: a login script reads its input")]
    InputRead,
    /// Nothing arrives.
    #[error("received nothing within {}: a login script reads its input", amounts::limit(*.limit))]
    NoInput {
        /// The limit.
        limit: Duration,
    },
    /// Output without end.
    #[error("was not started: a login script prints without end (more than {})", size(*.limit))]
    Endless {
        /// In bytes.
        limit: u64,
    },
    /// Neither output nor an end.
    #[error("was not started within {}: a login script waits or reads the input", amounts::limit(*.limit))]
    Silent {
        /// The limit.
        limit: Duration,
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
    /// The program has panicked.
    #[error("it crashed{}", .at.as_ref().map(|at| format!(" at {}", excerpt(at))).unwrap_or_default())]
    Crashed {
        /// The line of the source.
        at: Option<String>,
        /// Whether the server may have been asked for anything.
        begun: bool,
    },
}
