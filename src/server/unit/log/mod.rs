//! The log of a new invocation: crash messages that the release before did not log fail the release, error messages are a
//! warning.
//!
//! Knows `exec`, `store`, `channel` and `unit::systemd`.

mod baseline;
mod cause;
mod check;
mod classify;
mod crash;
mod crashes;
mod frames;
mod invocation;
mod level;
mod normal;
mod old;
mod output;
mod read;
mod status;

pub(in crate::server) use baseline::Baseline;
pub(super) use cause::explain;
pub(super) use check::check;
pub(in crate::server) use check::without_gate;
pub(super) use invocation::{FailedStart, Invocation, PreviousInvocation};
pub(super) use read::{journal, log_file};
pub(super) use status::status;
