//! The source on the runner: walked, hashed, and read again when its contents are sent.
//!
//! Knows `protocol` only.

mod content;
mod error;
mod excludes;
mod hashing;
mod tree;
mod walk;

pub use content::Content;
pub use error::SourceError;
pub use excludes::LeaveOut;
pub(crate) use tree::size_of;
pub use tree::{Tree, Walked};
