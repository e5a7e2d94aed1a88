//! What people and other steps read about a run: pure functions of its events. No I/O and no clock; times are in the
//! events.

mod activity;
mod causes;
mod commits;
mod evidence;
mod facts;
pub mod hints;
mod issue;
mod job;
mod listing;
mod log;
mod markdown;
mod outputs;
mod page;
mod place;
mod raw_logs;
mod run;
mod steps;
mod summary;
pub mod texts;

#[cfg(test)]
mod tests;

pub use crate::text::amounts::{count, duration, limit, size, utc};
pub use activity::Activity;
pub use facts::Facts;
pub use issue::{issue_line, issue_text, no_issue_line, IssueAct, IssueText};
pub use job::Job;
pub use listing::{end_json, failure_json, listed, listing, listing_json, listing_outputs};
pub use log::{Log, ReportedBy};
pub use outputs::{outputs, outputs_table, OUTPUTS};
pub use page::{Page, ANNOTATIONS};
pub use place::Place;
pub use raw_logs::RawLogs;
pub use run::Report;
pub use steps::{Answers, Mark, StepRun};
pub use summary::{invalid_summary, listing_summary, short_summary, summary, BadInput};
