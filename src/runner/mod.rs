//! The runner half: reads the source, connects, sends, follows, and says how it ended.

mod tree;

pub use tree::{Content, LeaveOut, SourceError, Tree};
