//! The messages between the two halves.

use super::chunks::ChunkDigest;
use super::{Digest, Event, Listing, Plan, TransactionId, TreeEntry};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How long the runner half waits for the first word of the server part, and how old a login may be in which the server
/// part begins anything. Login scripts take a moment, or a minute if a network file system or a directory server does not
/// answer. sshd gives a login the same time before it is authenticated (`LoginGraceTime`).
pub const FIRST_WORD_TIME: Duration = Duration::from_secs(120);

/// What a login is for. The command line tells it, so the server part knows it even if a login script has read its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// Deploy or roll back; nothing of this transaction was begun before.
    Start,
    /// The same after the connection was lost.
    Resume,
    /// Report only the events of the transaction. If it has not passed the point of no return, it never will.
    Follow {
        /// As in [`ToServer::Resume`].
        heard: u32,
    },
    /// Report a listing, and nothing else.
    List,
}

/// As one word of a command line.
impl fmt::Display for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::Resume => f.write_str("resume"),
            Self::Follow { heard } => write!(f, "follow:{heard}"),
            Self::List => f.write_str("list"),
        }
    }
}

impl FromStr for Errand {
    type Err = super::BadId;

    fn from_str(word: &str) -> Result<Self, super::BadId> {
        let followed = || word.strip_prefix("follow:")?.parse().ok();
        match word {
            "start" => Ok(Self::Start),
            "resume" => Ok(Self::Resume),
            "list" => Ok(Self::List),
            _ => followed()
                .map(|heard| Self::Follow { heard })
                .ok_or_else(|| super::BadId(word.to_owned())),
        }
    }
}

/// From the runner half to the server part. The order: `Start` or `Resume`, all `Entries`, then either all contents
/// unasked, or `Ask` and, for each request of the server, the requested contents; `Sent` ends them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToServer {
    /// Deploy or roll back.
    Start(Box<Plan>),
    /// The same after the connection was lost. If the transaction is running or has ended, nothing is begun: the server
    /// sends the events that the runner half does not have.
    Resume {
        /// As it was sent before.
        plan: Box<Plan>,
        /// How many of the transaction's own events have arrived; [`What::PointOfNoReturn`](super::What::PointOfNoReturn) is
        /// the first.
        heard: u32,
    },
    /// A part of the manifest, in order.
    Entries(Vec<TreeEntry>),
    /// The manifest is complete; request what is missing.
    Ask,
    /// A piece of one file's content, in order; the entry's size shows where it ends.
    Content {
        /// Index of the file's entry in the manifest.
        entry: u32,
        /// At most [`wire::MAX_PIECE`](super::wire::MAX_PIECE) bytes.
        bytes: Vec<u8>,
    },
    /// The next piece of one file's content, which the server has already.
    Known {
        /// As in `Content`.
        entry: u32,
        /// Index of the first of the [`KnownFile::chunks`].
        first: u32,
        /// How many chunks.
        count: u32,
    },
    /// Everything (that was requested) has been sent.
    Sent,
}

/// From the server part to the runner half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToRunner {
    /// Something happened.
    Event(Event),
    /// The answer to [`Errand::List`], and the end.
    Listing(Box<Listing>),
    /// This login does not do what it is for. For [`Errand::Start`] that is the end. For [`Errand::Resume`] the verdict
    /// follows: of the transaction if it was begun, else that it is cancelled.
    Refused(Refusal),
    /// Files that the server does not have, as half-open ranges of entry indexes.
    Need {
        /// `start..end` of indexes.
        ranges: Vec<(u32, u32)>,
        /// What the server has of files among them. If such a file is wrong in the end, it is requested again as a whole,
        /// after the last part of the request.
        known: Vec<KnownFile>,
        /// Whether this was the last part of the request.
        last: bool,
    },
}

/// Why a login did not do what it is for. It has begun nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// Nothing arrived in time.
    NoInput {
        /// The limit.
        limit: Duration,
    },
    /// What arrived is not what the runner half sends first.
    Unreadable,
    /// The plan is not the one that the command line announced: a bug in deploy-action.
    OtherPlan,
    /// The login took so long that the runner half has given up.
    Late,
    /// The transaction was begun, but the server has lost every trace of it.
    NoTrace,
}

/// What the server has of a missing file: an earlier version, or a part from an interrupted upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFile {
    /// Index of the file's entry in the manifest.
    pub entry: u32,
    /// As [`chunks::cut`](super::chunks::cut) cuts it for the entry's size.
    pub chunks: Vec<ChunkDigest>,
}

/// The first line of the protocol. The runner half skips everything before it, such as the output of login scripts. It is
/// a hash of the transaction id, because an echo of the command line would contain the id itself.
#[must_use]
pub fn greeting(transaction: &TransactionId) -> String {
    format!(
        "deploy-action greets {}\n",
        Digest::of(format!("deploy-action {transaction}").as_bytes())
    )
}
