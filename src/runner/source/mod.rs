//! The source on the runner: its tree is listed and hashed, and its files are read again when they are sent.
//!
//! Knows `protocol` and `settings`.

mod content;
mod doubts;
mod error;
mod excludes;
mod hashing;
mod tree;
mod walk;

pub use content::Content;
pub(crate) use doubts::Purpose;
pub use error::SourceError;
pub use excludes::UploadRules;
pub(crate) use tree::size_of;
pub use tree::{Tree, UnhashedTree};
