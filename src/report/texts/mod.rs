//! Every text that a person reads, in one place: small functions, each with its snapshot.

mod answer;
mod last_line;
mod live;
mod notes;
mod progress;
mod reason;
mod steps;
mod trouble;
mod unready;

pub use answer::{answer, kind};
pub use last_line::{last_line, title, what_happened};
pub use live::{live, now};
pub use notes::{notice, warning};
pub use progress::{
    attempt, connect_failed, copying, found, left_out, line_lost, planned, point_of_no_return,
    reconnected, recovered, sending, staged, waiting,
};
pub use reason::{ending, failure, holder, reason};
pub use steps::{doing, step, step_name};
pub use trouble::trouble;
pub use unready::unready;
