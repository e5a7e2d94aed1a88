//! What travels between the runner half and the server part, and what the server keeps: plain data, no I/O.
//!
//! Both halves are the same binary (the server part is started by the hash of its bytes), so the wire needs no
//! compatibility between versions; what lies on the server's disk does, and is JSON.

mod as_text;
pub mod chunks;
mod events;
mod failure;
mod holder;
mod ids;
mod known_hosts;
mod listing;
mod manifest;
mod notes;
mod plan;
mod run;
mod step;
mod verdict;
pub mod wire;

pub use events::{Attempt, Diagnostic, DiagnosticOrigin, Event, Staged, What};
pub use failure::{
    BadUpload, Ending, Failure, Finding, HealthAnswer, HealthError, Interference, IoKind,
    LinkState, LockError, Operation, Phase, PortHolder, ProcessEnd, ProgramError, Reason,
    RollbackTargetError, SharedError, SystemdError, UnitState, UnreadableState,
};
pub use holder::Holder;
pub use ids::{BadId, Digest, ReleaseId, ShortDigest, TransactionId};
pub use known_hosts::{known_hosts_command, known_hosts_name};
pub use listing::{Attempted, Listed, Listing, Standing};
pub use manifest::{root_of, validate, Entry, Kind, ManifestError, MAX_ENTRIES};
pub use notes::{Notice, UncheckedListener, UnreadLog, Warning};
pub use plan::{
    BodyPattern, Health, HealthUrl, Install, LogCheck, LogLevel, Origin, Plan, Restart, Retention,
    Secret, SharedPath, Staging, Target, Task, UnitName, Verification,
};
pub use run::{
    BinaryError, Bug, ConnectionError, ConnectionKind, End, FileKind, Hop, KeyState, OfferedKey,
    Part, Planned, ProtocolError, RunError, RunEvent, ServerPartError, Side, SourceProblem,
    ToolError,
};
pub use step::Step;
pub use verdict::{Outcome, Verdict};

use serde::{Deserialize, Serialize};

/// From the runner half to the server part, in this order: one `Start` or `Resume`, all `Entries`, then either the
/// contents unasked or one `Ask` and, for each answer, the contents that were asked for; `Sent` ends them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToServer {
    /// What is to be done.
    Start(Box<Plan>),
    /// The same once more, after a line that was cut. Where the transaction is at work or has ended, nothing is begun:
    /// what the runner half has not heard of it is told.
    Resume {
        /// As it was sent before.
        plan: Box<Plan>,
        /// How many of the transaction's own events, [`What::PointOfNoReturn`] being the first, have been heard.
        heard: u32,
    },
    /// Only say what is there; instead of everything else.
    List,
    /// Only tell what becomes of the transaction that the command line names; where it has not passed the point of no
    /// return, it never will.
    Follow {
        /// As in `Resume`.
        heard: u32,
    },
    /// A part of the manifest, in order.
    Entries(Vec<Entry>),
    /// The manifest is complete; say what is lacking.
    Ask,
    /// A piece of one file's content, in order; the entry's size says where it ends.
    Content {
        /// Index of the file's entry in the manifest.
        entry: u32,
        /// At most [`wire::MAX_PIECE`] bytes.
        bytes: Vec<u8>,
    },
    /// The next piece of one file's content is what the server has already.
    Known {
        /// As in `Content`.
        entry: u32,
        /// Index of the first of the [`Known::chunks`].
        first: u32,
        /// Of chunks, one after the other.
        count: u32,
    },
    /// Everything (asked for) has been sent.
    Sent,
}

/// From the server part to the runner half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToRunner {
    /// Something happened.
    Event(Event),
    /// What is there: the answer to `List`, and the end.
    Listing(Box<Listing>),
    /// Files the server lacks, as half-open ranges of entry indexes.
    Need {
        /// `start..end` of indexes.
        ranges: Vec<(u32, u32)>,
        /// What the server has of files among them. Where the whole is not right in the end, the file is asked for once
        /// more, behind the last part of the answer: all of it then.
        known: Vec<Known>,
        /// Whether this was the last part of the answer.
        last: bool,
    },
}

/// What the server has of a file that it lacks: an earlier version, or what an upload that was cut short left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Index of the file's entry in the manifest.
    pub entry: u32,
    /// As [`chunks::cut`] cuts it for the entry's size.
    pub chunks: Vec<chunks::ChunkDigest>,
}

/// The first word of the protocol: what the server part prints before anything else, so that the noise of login scripts
/// can be skipped. It is a hash of the transaction id, so that an echo of the command line is not taken for it.
#[must_use]
pub fn greeting(transaction: &TransactionId) -> String {
    format!(
        "deploy-action greets {}\n",
        Digest::of(format!("deploy-action {transaction}").as_bytes())
    )
}
