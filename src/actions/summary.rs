//! The step's part of the job summary.

use std::env;
use std::io;
use std::path::PathBuf;

use super::file::{append, described};

/// The file of the summary. There is none outside of GitHub Actions.
#[derive(Debug, Clone)]
pub struct Summary {
    path: Option<PathBuf>,
}

/// Why the summary could not be written. The deployment is not affected.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", path.display(), described(source))]
pub struct SummaryError {
    /// The value of `GITHUB_STEP_SUMMARY`.
    path: PathBuf,
    /// The cause.
    source: io::Error,
}

impl Summary {
    /// The file that `GITHUB_STEP_SUMMARY` names. Without that variable nothing is written.
    pub fn from_env() -> Self {
        Self::to(
            env::var_os("GITHUB_STEP_SUMMARY")
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
        )
    }

    /// Writes to this file.
    pub fn to(path: Option<PathBuf>) -> Self {
        Self { path }
    }

    /// Appends Markdown to what other steps have written.
    ///
    /// # Errors
    /// If nothing, or not everything, was written.
    pub fn add(&self, markdown: &str) -> Result<(), SummaryError> {
        match &self.path {
            Some(path) if !markdown.is_empty() => {
                append(path, format!("\n{markdown}")).map_err(|source| SummaryError {
                    path: path.clone(),
                    source,
                })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_steps_wrote_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary");
        std::fs::write(&path, "theirs, unfinished").unwrap();
        let summary = Summary::to(Some(path.clone()));
        summary.add("## ours\n").unwrap();
        summary.add("").unwrap();
        summary.add("## again\n").unwrap();
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            "theirs, unfinished\n\n## ours\n\n## again\n"
        );
    }

    #[test]
    fn a_full_disk_is_named() {
        let full = Summary::to(Some("/dev/full".into())).add("x").unwrap_err();
        assert_eq!(
            full.to_string(),
            "/dev/full: the runner's disk is full: free space on it (No space left on device (os error 28))"
        );
    }

    #[test]
    fn a_failure_has_the_path_and_the_cause() {
        assert!(Summary::to(None).add("x").is_ok());
        let error = Summary::to(Some("/nonexistent/summary".into()))
            .add("x")
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "/nonexistent/summary: No such file or directory (os error 2)"
        );
    }
}
