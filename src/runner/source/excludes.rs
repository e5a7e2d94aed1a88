//! Which parts of the source are not uploaded.

use super::error::SourceError;
use crate::protocol::SourceProblem;
use crate::settings::Excludes;
use ignore::gitignore::Gitignore;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Paths are matched as if the source were the root folder.
const ROOT: &str = "/";

/// Which parts of the source are not uploaded.
#[derive(Debug, Clone, Default)]
pub struct UploadRules {
    /// Patterns as in .gitignore. Later ones win.
    pub excludes: Excludes,
    /// Whether the `.venv` of the source is excluded, whatever the patterns say.
    pub venv: bool,
}

pub(super) struct Matcher {
    patterns: Gitignore,
    venv: bool,
}

impl Matcher {
    pub(super) fn new(upload_rules: &UploadRules) -> Result<Self, SourceError> {
        let patterns = upload_rules.excludes.matcher(Path::new(ROOT));
        let patterns = patterns.map_err(|error| {
            let error = error.to_string();
            SourceError::at(b"", SourceProblem::Patterns { error })
        })?;
        Ok(Self {
            patterns,
            venv: upload_rules.venv,
        })
    }

    /// Whether `path` is excluded, with everything below it.
    pub(super) fn excludes(&self, path: &[u8], folder: bool) -> bool {
        if self.is_never_uploaded(path) {
            return true;
        }
        if self.patterns.is_empty() {
            return false;
        }
        let mut rooted = PathBuf::from(ROOT);
        rooted.push(OsStr::from_bytes(path));
        self.patterns.matched(&rooted, folder).is_ignore()
    }

    /// Whether `path` may hold secrets or cannot work on another machine. actions/checkout leaves the job's token in
    /// `.git`, a folder, or a file in submodules and worktrees. google-github-actions/auth leaves credentials at the
    /// top level.
    fn is_never_uploaded(&self, path: &[u8]) -> bool {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        let credentials =
            path.starts_with(b"gha-creds-") && path.ends_with(b".json") && name == path;
        name == b".git" || credentials || (self.venv && path == b".venv")
    }
}
