//! The step's part of the job's summary.

use std::env;
use std::io;
use std::path::PathBuf;

use super::file::append;

/// The file of the summary, or none where nobody reads it.
#[derive(Debug, Clone)]
pub struct Summary {
    path: Option<PathBuf>,
}

/// Why the summary could not be written. The deployment is what it is: no more than a warning.
#[derive(Debug, thiserror::Error)]
#[error("write {}: {source}", path.display())]
pub struct SummaryError {
    /// What `GITHUB_STEP_SUMMARY` names.
    path: PathBuf,
    /// The cause.
    source: io::Error,
}

impl Summary {
    /// The file that `GITHUB_STEP_SUMMARY` names; by hand there is none, and writing does nothing.
    pub fn from_env() -> Self {
        Self::to(
            env::var_os("GITHUB_STEP_SUMMARY")
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
        )
    }

    /// This file.
    pub fn to(path: Option<PathBuf>) -> Self {
        Self { path }
    }

    /// Appends Markdown, behind what is there.
    ///
    /// # Errors
    /// Nothing was written, or not all of it.
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
    fn what_others_wrote_stays() {
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
    fn a_failure_is_a_value_with_path_and_cause() {
        assert!(Summary::to(None).add("x").is_ok());
        let error = Summary::to(Some("/nonexistent/summary".into()))
            .add("x")
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "write /nonexistent/summary: No such file or directory (os error 2)"
        );
    }
}
