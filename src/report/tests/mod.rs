//! What the report's tests share: one of everything that can happen, and whole runs.

mod evidence;
mod findings;
mod guide;
mod harmless;
mod issue;
#[expect(clippy::too_many_lines, reason = "a log is as long as it is")]
mod logs;
mod markdown;
mod quiet;
mod rollbacks;
mod samples;
mod screen;
mod secrets;
mod smoke_test;
mod texts;
#[expect(clippy::too_many_lines, reason = "a page is as long as it is")]
mod units;
mod whole;

pub(super) use samples::*;
