//! The files below the target: where they are, what they mean, and how they are changed durably.
//!
//! Knows `exec`, but nothing about units, uploads or the runner half.

pub(super) mod binary;
pub(super) mod data_list;
pub(super) mod durable;
pub(super) mod history;
pub(super) mod journal;
pub(super) mod layout;
pub(super) mod links;
pub(super) mod listing;
pub(super) mod lock;
pub(super) mod pending;
pub(super) mod private;
pub(super) mod records;
pub(super) mod retention;
pub(super) mod rollback_target;
pub(super) mod verdicts;
pub(super) mod written;
