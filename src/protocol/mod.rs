//! What travels between the runner half and the server part, and what the server keeps: plain data, no I/O.
//!
//! Both halves are the same binary (the server part is started by the hash of its bytes), so the wire needs no
//! compatibility between versions; what lies on the server's disk does, and is JSON.

mod events;
mod ids;
mod listing;
mod manifest;
mod plan;
mod reasons;
mod run;
mod verdict;
pub mod wire;

pub use events::{Answer, Attempt, Diagnostic, Event, Holder, Notice, Staged, Step, Voice, Warning, What};
pub use ids::{BadId, Digest, ReleaseId, TransactionId};
pub use listing::{Attempted, Listed, Listing, Standing};
pub use manifest::{root_of, validate, Entry, Kind, ManifestError, MAX_ENTRIES};
pub use plan::{
    Health, HealthUrl, Hidden, Install, LogCheck, LogLevel, Origin, Plan, Restart, Retention, Shared, Task,
    Verification,
};
pub use reasons::{Ending, Failure, IoKind, Reason, Unready};
pub use run::{ConnectionKind, End, Hop, KeyState, OfferedKey, Part, Planned, RunEvent, Trouble};
pub use verdict::{Outcome, Verdict};

use serde::{Deserialize, Serialize};

/// From the runner half to the server part, in this order: one `Start` or `Resume`, all `Entries`, then either the
/// contents unasked or one `Ask` and the contents that were asked for; `Sent` ends them.
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
    /// A piece of one file's content, in order, behind what the server has of it; the entry's size says where it ends.
    Content {
        /// Index of the file's entry in the manifest.
        entry: u32,
        /// At most [`wire::MAX_PIECE`] bytes.
        bytes: Vec<u8>,
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
        /// Of these among them the server has the first so many bytes, from an upload that was cut short. Where the whole
        /// is not right in the end, the file is asked for once more.
        begun: Vec<(u32, u64)>,
        /// Whether this was the last part of the answer.
        last: bool,
    },
}

/// The first word of the protocol: what the server part prints before anything else, so that the noise of login scripts
/// can be skipped. It is a hash of the transaction id, so that an echo of the command line is not taken for it.
#[must_use]
pub fn greeting(transaction: &TransactionId) -> String {
    format!("deploy-action greets {}\n", Digest::of(format!("deploy-action {transaction}").as_bytes()))
}
