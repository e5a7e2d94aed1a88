//! What of the source is not uploaded.

use super::error::SourceError;
use crate::protocol::SourceProblem;
use crate::settings::Excludes;
use ignore::gitignore::Gitignore;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Paths are matched as if the source were the root, wherever it lies.
const ROOT: &str = "/";

/// What is not uploaded.
#[derive(Debug, Clone, Default)]
pub struct LeaveOut {
    /// Patterns as in .gitignore, later ones win.
    pub excludes: Excludes,
    /// Whether the source's own `.venv` stays behind, whatever the patterns say.
    pub venv: bool,
}

pub(super) struct Matcher {
    patterns: Gitignore,
    venv: bool,
}

impl Matcher {
    pub(super) fn new(leave_out: &LeaveOut) -> Result<Self, SourceError> {
        let patterns = leave_out.excludes.matcher(Path::new(ROOT));
        let patterns = patterns.map_err(|error| {
            let error = error.to_string();
            SourceError::at(b"", SourceProblem::Patterns { error })
        })?;
        Ok(Self {
            patterns,
            venv: leave_out.venv,
        })
    }

    /// Whether `path` stays behind, and all below it.
    pub(super) fn leaves_out(&self, path: &[u8], folder: bool) -> bool {
        if self.never(path) {
            return true;
        }
        if self.patterns.is_empty() {
            return false;
        }
        let mut rooted = PathBuf::from(ROOT);
        rooted.push(OsStr::from_bytes(path));
        self.patterns.matched(&rooted, folder).is_ignore()
    }

    /// What may hold secrets or can't work elsewhere: checkout leaves the job's token in `.git`, in every checkout that
    /// lies in the tree, submodules and worktrees have a file of that name; google-github-actions/auth leaves its
    /// credentials at the top.
    fn never(&self, path: &[u8]) -> bool {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        let credentials =
            path.starts_with(b"gha-creds-") && path.ends_with(b".json") && name == path;
        name == b".git" || credentials || (self.venv && path == b".venv")
    }
}
