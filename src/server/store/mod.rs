//! What lies on the disk below the target: where it lies, how it is changed durably, and what each file means.
//!
//! Knows `exec`, and nothing of units, uploads or the runner half.

pub(super) mod binary;
pub(super) mod durable;
pub(super) mod journal;
pub(super) mod layout;
pub(super) mod links;
pub(super) mod listing;
pub(super) mod lock;
pub(super) mod pending;
pub(super) mod records;
pub(super) mod retention;
pub(super) mod verdicts;
