//! What an issue consists of.

/// What to do with the issue of a server and service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueAct {
    /// Comment on the open issue; if there is none, open one.
    Open,
    /// Comment on the open issue, if there is one.
    Comment,
    /// Comment on the open issue and close it, if there is one.
    Close,
}

/// Its texts: harmless, without secrets, and below the API's limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueText {
    /// An HTML comment, alone on the first line of the body, by which the issue is found again.
    pub marker: String,
    /// At most 256 characters, the same for every failure of this server and service.
    pub title: String,
    /// For a new issue; begins with the marker.
    pub body: String,
    /// For an issue that is already open.
    pub comment: String,
}
