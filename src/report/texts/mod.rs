//! Sentences for log, summary and issue, as small functions, each with its snapshot. The types that say what went wrong
//! have their own texts, in `protocol`.

mod findings;
mod handed_over;
mod last_line;
mod live;
mod notes;
mod progress;
mod quotes;
mod steps;

pub(super) use findings::finding_in_parts;
pub use handed_over::{handed_over, reported_before};
pub use last_line::{last_line, run_error, title, what_happened};
pub(super) use live::{finished_by, is_healthy_but_unrecorded};
pub use live::{live, now};
pub use notes::warning;
pub use progress::{
    attempt, changes, connect_failed, connection_lost, copying, found, left_out, log_stopped,
    omitted, planned, point_of_no_return, reconnected, recovered, sending, staged, waiting,
    watch_limited, whole_output,
};
pub(super) use quotes::{finding, notice, of_end};
pub use steps::description;
