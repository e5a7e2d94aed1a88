//! The texts of the GitHub issue of a server and service.

mod quiet;
mod text;
mod types;

pub use text::issue_text;
pub use types::{IssueAct, IssueText};
