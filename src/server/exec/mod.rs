//! Child processes: finds, starts and stops programs, and runs the user's shell commands. Also what the kernel shows of
//! other processes.
//!
//! Knows `protocol` only.

pub(super) mod process;
pub(super) mod processes;
pub(super) mod shell;
pub(super) mod user;
