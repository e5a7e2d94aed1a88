//! How long the run may take, and which releases are kept.

use crate::protocol::Retention;
use crate::settings::input::{Definition, Input};
use crate::settings::model::Command;
use crate::settings::values::durations::{within, JOB, SECOND};
use crate::settings::values::retention;
use std::time::Duration;

pub(super) static INPUTS: [&Input; 3] = [&RETENTION.input, &WAIT_LOCK.input, &TIMEOUT.input];

pub(super) static RETENTION: Definition<Retention> = Definition::with_default(
    "retention",
    "3, 7d",
    "Which releases are kept: a good release is deleted if it is not among the newest 3 or is older than 7 days. `3`: \
     count only; `7d`: age only. The releases that current and previous point to are always kept.",
    retention::parse,
)
.only(&[Command::Deploy, Command::Rollback]);

pub(super) static WAIT_LOCK: Definition<Duration> = Definition::with_default(
    "wait-lock",
    "2m",
    "How long to wait for another deployment of the same target; then the outcome is `busy`. May be `0s`.",
    |text| within(text, Duration::ZERO..=JOB),
)
.only(&[Command::Deploy, Command::Rollback]);

pub(super) static TIMEOUT: Definition<Duration> = Definition::with_default(
    "timeout",
    "30m",
    "Time limit for everything before the switch. After that the server uses its own deadline, shown in the log.",
    |text| within(text, SECOND..=JOB),
);
