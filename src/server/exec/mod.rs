//! Child processes: finds, starts and stops programs, and runs the user's shell commands. Also what the kernel shows of
//! other processes.
//!
//! Knows `protocol` and `logs` only.

pub(super) mod in_use;
pub(super) mod process;
pub(super) mod processes;
pub(super) mod recent;
pub(super) mod shell;
pub(super) mod user;
