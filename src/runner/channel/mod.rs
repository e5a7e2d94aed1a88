//! One channel of a connection: what the server part sends over it, and how it is followed.
//!
//! Knows `ssh`, `server_part`, `upload`, `progress` and `watch`.

mod decoder;
mod follow;
mod list;
mod truncate;

pub(super) use follow::{follow, FollowResult, LostCause};
pub(super) use list::{request_list, ListReply};
