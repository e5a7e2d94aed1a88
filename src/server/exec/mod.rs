//! Child processes: how programs are found, started and stopped, and how a user's shell commands run.
//!
//! Knows `protocol` only.

pub(super) mod process;
pub(super) mod shell;
pub(super) mod user;
