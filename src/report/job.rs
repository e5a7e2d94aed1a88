//! The job that a run belongs to.

/// The job that the run is part of: what a report links to, and who began it. Strangers choose some of it, such as the
/// names of branches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Job {
    /// Link to the run.
    pub run: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// Link to it.
    pub commit_link: Option<String>,
    /// `owner/name`.
    pub repository: Option<String>,
    /// Who.
    pub actor: Option<String>,
}
