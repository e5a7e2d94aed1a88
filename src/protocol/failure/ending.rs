//! How a command ended.

use serde::{Deserialize, Serialize};

/// How a command ended. Fits after its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Ending {
    /// Exit code.
    #[error("ended with exit code {0}")]
    Exit(i32),
    /// Killed by this signal.
    #[error("was killed by signal {}{}", .0, signal_name(*.0))]
    Signal(i32),
    /// Killed by deploy-action, because the time limit was reached.
    #[error("did not end in time and was killed")]
    OutOfTime,
}

fn signal_name(number: i32) -> &'static str {
    match number {
        6 => " (SIGABRT)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        _ => "",
    }
}
