//! Why a source cannot be deployed.

use crate::protocol::{Bug, RunError, SourceProblem};
use std::io;

/// The source cannot be deployed. The server was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// A problem that the user must fix.
    #[error("{} {problem}", String::from_utf8_lossy(path))]
    At {
        /// Relative to the source; empty for the source itself.
        path: Vec<u8>,
        /// What is wrong with it.
        problem: SourceProblem,
    },
    /// Reading was cancelled.
    #[error("reading was stopped")]
    Stopped,
}

impl SourceError {
    pub(super) fn at(path: &[u8], problem: SourceProblem) -> Self {
        Self::At {
            path: path.to_vec(),
            problem,
        }
    }

    /// A file cannot be read; which one is unknown.
    pub(crate) fn unreadable(error: &io::Error) -> Self {
        let error = error.to_string();
        Self::at(b"", SourceProblem::Unreadable { error })
    }
}

impl From<SourceError> for RunError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::At { path, problem } => Self::Source { path, problem },
            SourceError::Stopped => Self::Bug(Bug::Stopped),
        }
    }
}
