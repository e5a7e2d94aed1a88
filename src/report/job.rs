//! The job that a run belongs to.

/// The GitHub job of the run, for links. Some of it is untrusted, such as the names of branches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Job {
    /// Link to the run.
    pub run: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// Link to it, if it is in a repository on this GitHub.
    pub commit_link: Option<String>,
    /// `owner/name`.
    pub repository: Option<String>,
    /// Who started it.
    pub actor: Option<String>,
}

impl Job {
    /// The page of the repository that has the commit.
    pub(super) fn repository_page(&self) -> Option<&str> {
        let before = self
            .commit_link
            .as_deref()?
            .strip_suffix(self.commit.as_deref()?)?;
        before.strip_suffix("/commit/")
    }
}
