//! Why a source can't be deployed.

use crate::protocol::Trouble;
use std::io;

/// A source that can't be deployed as it is; the server has not been touched by it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The user's to fix.
    #[error("{} {problem}", String::from_utf8_lossy(path))]
    At {
        /// In the source; empty: the source itself.
        path: Vec<u8>,
        /// What is wrong with it, as in "… is a socket".
        problem: String,
    },
    /// The reading was stopped from outside.
    #[error("reading was stopped")]
    Stopped,
}

impl SourceError {
    pub(super) fn at(path: &[u8], problem: impl ToString) -> Self {
        Self::At {
            path: path.to_vec(),
            problem: problem.to_string(),
        }
    }

    /// What reading it failed with, of a file that is not known any more.
    pub(crate) fn unreadable(error: &io::Error) -> Self {
        Self::at(b"", format!("cannot be read: {error}"))
    }
}

impl From<SourceError> for Trouble {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::At { path, problem } => Trouble::Source { path, problem },
            SourceError::Stopped => Trouble::Bug {
                problem: "reading the source stopped by itself".to_owned(),
            },
        }
    }
}
