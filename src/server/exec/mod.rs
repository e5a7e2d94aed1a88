//! Child processes: finds, starts and stops programs, and runs the user's shell commands.
//!
//! Knows `protocol` only.

pub(super) mod process;
pub(super) mod shell;
pub(super) mod user;
