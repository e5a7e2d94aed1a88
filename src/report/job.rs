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

    /// A link that a server has named, if it is one to a run of this repository.
    pub(super) fn own_run<'a>(&self, link: &'a str) -> Option<&'a str> {
        let path = link.strip_prefix(self.repository_page()?)?;
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let id = path.strip_prefix("/actions/runs/")?;
        let (id, attempt) = id.split_once("/attempts/").unwrap_or((id, ""));
        (is_number(id) && !id.is_empty() && is_number(attempt)).then_some(link)
    }
}
