//! What the GitHub issue of a server and service is told. Texts only: whoever sends them knows no more than this.

mod text;

pub use text::issue_text;

/// What is to become of the one issue of a server and service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueAct {
    /// A comment on the one that is open, else a new one.
    Open,
    /// A comment on the one that is open, else nothing.
    Comment,
    /// A comment on the one that is open, which is then closed, else nothing.
    Close,
}

/// Whether what the application said - its log, its answers - stands in an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawLogs {
    /// It does.
    Show,
    /// It does not: strangers may read the issue.
    Hide,
}

/// The texts for it: harmless, without secrets, and below the API's limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueText {
    /// An HTML comment, alone on the body's first line, by which the issue is found again.
    pub marker: String,
    /// At most 256 characters, the same for every failure of this server and service.
    pub title: String,
    /// Of a new issue; begins with the marker.
    pub body: String,
    /// On an issue that is open already.
    pub comment: String,
}
