//! What is wrong with what the runner half sent.

use crate::protocol::as_text::from_text;
use crate::protocol::ManifestError;
use crate::text::excerpt::excerpt;
use serde::{Deserialize, Serialize};

/// What is wrong with an upload: a bug in deploy-action, or a disk that does not return what was written to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum BadUpload {
    /// More than the manifest may have.
    #[error("the tree has {0} entries, which is too many")]
    TooManyEntries(u32),
    /// Something else came before its end.
    #[error("the manifest is not complete")]
    ManifestIncomplete,
    /// More entries than the plan announced.
    #[error("the manifest is longer than announced")]
    ManifestTooLong,
    /// An entry that must not be created.
    #[error("{0}")]
    Manifest(ManifestError),
    /// A rollback sends no tree.
    #[error("a tree came with a rollback")]
    TreeWithRollback,
    /// An entry of size 0 that does not have the digest of nothing.
    #[error("an empty file has the digest of another")]
    EmptyFile,
    /// The content of a file does not have its digest.
    #[error("{} did not arrive as it was sent", excerpt(.0))]
    Corrupt(String),
    /// Something else came before the end of a file's content.
    #[error("the content of a file is missing")]
    ContentMissing,
    /// Content of a file that was not requested, or more of it.
    #[error("content came that was not requested")]
    Unrequested,
    /// More came than was requested.
    #[error("more came than was requested")]
    TooMuch,
    /// A chunk that the server does not have.
    #[error("a chunk was named that the server does not have")]
    UnknownChunk,
    /// A file, folder or link that is not as the manifest says.
    #[error("{} is not as announced", excerpt(.0))]
    Differs(String),
    /// Something is in the release's folder that the manifest does not have.
    #[error("the release has {found} entries instead of {announced}")]
    Count {
        /// In the folder.
        found: u64,
        /// In the manifest.
        announced: u64,
    },
    /// The tree does not have its digest.
    #[error("the tree is not the one that was announced")]
    OtherTree,
    /// A message over the limit, in bytes.
    #[error("a message of {0} bytes is too long")]
    MessageTooLong(u64),
    /// A message that cannot be read.
    #[error("a message cannot be read")]
    MessageUnreadable,
    /// Another version's text.
    #[error("{}", excerpt(.0))]
    Other(String),
}
from_text!(BadUpload: ManifestIncomplete, ManifestTooLong, TreeWithRollback, EmptyFile, ContentMissing, Unrequested, TooMuch,
    UnknownChunk, OtherTree, MessageUnreadable);
