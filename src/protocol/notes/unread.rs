//! A log that was not read.

use crate::text::excerpt::excerpt;
use serde::{Deserialize, Serialize};

/// What of the log of the new process was not read, so that it may have crash messages that nobody saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum UnreadLog {
    /// Without an invocation, its lines cannot be told from earlier ones.
    #[error("systemd reports no invocation of the unit")]
    NoInvocation,
    /// The deploy user may not read the journal, and `systemctl status` does not show what came after the reload.
    #[error("the journal shows {} no line since the reload", excerpt(.user))]
    NothingSinceReload {
        /// The deploy user.
        user: String,
    },
    /// The deploy user may not read the journal, and `systemctl status` shows no line.
    #[error("neither journalctl nor {}systemctl status {} shows a line of it", if *.sudo { "sudo -n " } else { "" }, excerpt(.service))]
    Nothing {
        /// As configured.
        service: String,
        /// The deploy user.
        user: String,
        /// The deploy user is not root.
        sudo: bool,
    },
    /// The deploy user may not read the journal, not even that of its own units: it is kept only in memory, or the user is one
    /// of the system's.
    #[error("neither journalctl nor systemctl --user status {} shows a line of it", excerpt(.service))]
    NothingOfOwnUnit {
        /// As configured.
        service: String,
        /// The deploy user.
        user: String,
    },
    /// The deploy user may not read the journal, and `systemctl status` shows only so many lines.
    #[error("only its last {lines} lines can be read")]
    OnlyLast {
        /// How many.
        lines: u32,
        /// The deploy user.
        user: String,
    },
    /// The unit writes its log elsewhere: its `StandardError` or `StandardOutput`.
    #[error("the unit's log goes to {}, not to the journal", destination(.0))]
    Elsewhere(String),
    /// `log-pattern` is no regular expression.
    #[error("log-pattern is not a valid pattern: {}", excerpt(.error))]
    Pattern {
        /// What the library reports.
        error: String,
    },
}

/// `append:/var/log/diting.log` in words.
fn destination(output: &str) -> String {
    match output.split_once(':') {
        Some(("file" | "append" | "truncate", path)) => format!("the file {}", excerpt(path)),
        _ => excerpt(output),
    }
}
