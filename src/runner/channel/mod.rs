//! One channel of a connection, and what the server part says on it.
//!
//! Knows `ssh` and `server_part` (streams, unexpected output, what is printed for a missing server part), `upload`,
//! `progress` and `watch`.

mod ask;
mod follow;
mod listener;
mod truncate;

pub(super) use ask::{ask, Answer};
pub(super) use follow::{follow, Followed, Why};
