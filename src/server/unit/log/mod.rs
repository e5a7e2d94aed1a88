//! The log of a new invocation: crash messages that the release before did not log fail the release, error messages are a
//! warning.
//!
//! What the lines say is read by the room `logs`. Knows `exec`, `store`, `channel` and `unit::systemd`.

mod baseline;
mod check;
mod explain;
mod fields;

mod invocation;

mod old;
mod output;
mod read;
mod status;

pub(in crate::server) use baseline::Baseline;
pub(super) use check::check;
pub(in crate::server) use check::{check_output, without_gate};
pub(super) use explain::explain;
pub(super) use invocation::{FailedStart, Invocation, PreviousInvocation};
pub(super) use read::{journal, log_file};
pub(super) use status::status;
