use super::{content, SourceError};
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// In the source: patterns that are added to those of the input.
const DEPLOY_IGNORE: &[u8] = b".deployignore";
/// Far more than anyone writes by hand.
const MOST_BYTES: u64 = 1 << 20;
/// Paths are matched as if the source were the root, wherever it lies.
const ROOT: &str = "/";

/// What is not uploaded.
#[derive(Debug, Clone, Default)]
pub struct LeaveOut {
    /// Patterns as in .gitignore, later ones win; the source's `.deployignore` comes after them.
    pub patterns: Vec<String>,
    /// Whether the source's own `.venv` stays behind, whatever the patterns say.
    pub venv: bool,
}

pub(super) struct Matcher {
    patterns: Gitignore,
    venv: bool,
}

impl Matcher {
    pub(super) fn new(source: &Path, leave_out: &LeaveOut) -> Result<Self, SourceError> {
        let mut builder = GitignoreBuilder::new(ROOT);
        for line in &leave_out.patterns {
            builder.add_line(None, line).map_err(|error| SourceError::at(b"", bad_pattern(line, &error)))?;
        }
        for line in deploy_ignore(source)?.lines() {
            builder.add_line(None, line).map_err(|error| SourceError::at(DEPLOY_IGNORE, bad_pattern(line, &error)))?;
        }
        let patterns = builder.build().map_err(|error| SourceError::at(b"", format!("has bad patterns: {error}")))?;
        Ok(Self { patterns, venv: leave_out.venv })
    }

    /// Whether `path` stays behind, and all below it.
    pub(super) fn leaves_out(&self, path: &[u8], folder: bool) -> bool {
        if self.never(path) {
            return true;
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
        let credentials = path.starts_with(b"gha-creds-") && path.ends_with(b".json") && name == path;
        name == b".git" || credentials || (self.venv && path == b".venv")
    }
}

fn bad_pattern(line: &str, error: &ignore::Error) -> String {
    format!("has a bad pattern, {line:?}: {error}")
}

fn deploy_ignore(source: &Path) -> Result<String, SourceError> {
    match source.join(OsStr::from_bytes(DEPLOY_IGNORE)).symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(content::unreadable(DEPLOY_IGNORE, &error)),
        Ok(_) => {}
    }
    let mut text = String::new();
    content::open(source, DEPLOY_IGNORE)?
        .take(MOST_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| content::unreadable(DEPLOY_IGNORE, &error))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}
