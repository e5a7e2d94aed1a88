//! Why a source can't be deployed.

use crate::protocol::{Bug, RunError, SourceProblem};
use std::io;

/// A source that can't be deployed as it is; the server has not been touched by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The user's to fix.
    #[error("{} {problem}", String::from_utf8_lossy(path))]
    At {
        /// In the source; empty: the source itself.
        path: Vec<u8>,
        /// What is wrong with it.
        problem: SourceProblem,
    },
    /// The reading was stopped from outside.
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

    /// What reading it failed with, of a file that is not known any more.
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
