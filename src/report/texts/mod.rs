//! Sentences for log, summary and issue, as small functions, each with its snapshot. The types that say what went wrong
//! have their own texts, in `protocol`.

mod failed;
mod findings;
mod handed_over;
mod heading;
mod last_line;
mod live;
mod notes;
mod progress;
mod quotes;
mod steps;

pub(super) use failed::{fate, is_crash, last_seen, outcome, why, why_rollback};
pub(super) use findings::finding_in_parts;
pub use handed_over::{handed_over, reported_before, unfollowed, unlisted};
pub(super) use heading::{heading, Heading};
pub use last_line::{annotation_title, last_line, run_error, title, what_happened};
pub(super) use last_line::{interruption, listing_title, restored};
pub(super) use live::{finished_by, is_healthy_but_unrecorded};
pub use live::{live, now};
pub(super) use notes::advice;
pub use notes::{more_warnings, warning};
pub use progress::{
    attempt, changes, connect_failed, connection_lost, copying, found, left_out, live_before,
    log_stopped, of_lines, omitted, planned, point_of_no_return, reconnected, recovered, release,
    sending, staged, waiting, watch_limited, whole_output, PROGRAM_OUTPUT,
};
pub(super) use quotes::{finding, notice, of_end};
pub use steps::{continued, step_output, step_result};
