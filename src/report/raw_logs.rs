//! Which reports may show raw log lines.

/// Whether an issue may contain output of the application: its log, its responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawLogs {
    /// It may.
    Show,
    /// It may not: strangers can read the issue.
    Hide,
}
