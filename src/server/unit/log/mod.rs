//! The log of a new invocation: crash messages fail the release, error messages are a warning.
//!
//! Knows `exec`, `channel` and `unit::systemd`.

mod cause;
mod check;
mod classify;
mod crash;
mod invocation;
mod level;
mod output;
mod read;
mod status;

pub(super) use cause::explain;
pub(super) use check::check;
pub(in crate::server) use check::without_gate;
pub(super) use invocation::{FailedStart, Invocation, PreviousInvocation};
pub(super) use read::journal;
pub(super) use status::status;
