//! The texts of the GitHub issue of a server and service.

mod line;
mod quiet;
mod text;
mod types;

pub use line::{issue_line, no_issue_line};
pub use text::issue_text;
pub use types::{IssueAct, IssueText};
