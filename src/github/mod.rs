//! The GitHub issue of a server and service: found, opened, commented and closed through GitHub's REST API. Its texts
//! come from [`IssueText`]. Errors are only warnings: they do not change the outcome of a deployment.
//!
//! Knows `report` and `text`.

mod access;
mod api;
mod client;
mod connector;
mod error;
mod error_response;
mod issue;
mod warnings;

pub use access::{Access, TimeLimits};
pub use connector::Proxies;
pub use issue::{IssueLink, IssueOptions, IssueResult};
pub use octocrab::secrecy::SecretString;

use crate::report::{IssueAct, IssueText};
use api::Api;
use warnings::Action;

/// GitHub, until [`TimeLimits::all`] is over.
pub struct GitHub {
    api: Api,
}

impl GitHub {
    /// Sends nothing yet. Needs a runtime of tokio.
    ///
    /// # Errors
    /// If the URL or the name of the repository is not valid; a text with what to do.
    pub fn new(access: &Access, limits: TimeLimits) -> Result<Self, String> {
        Api::new(access, limits).map(|api| Self { api })
    }

    /// Whether the repository is private.
    ///
    /// # Errors
    /// A text with what to do.
    pub async fn is_private(&self) -> Result<bool, String> {
        self.api
            .is_private()
            .await
            .map_err(|error| warnings::warning(Action::CheckPrivate, &error, &self.api))
    }

    /// Opens, comments or closes the issue.
    pub async fn update_issue(
        &self,
        act: IssueAct,
        text: &IssueText,
        options: &IssueOptions,
    ) -> IssueResult {
        issue::update(&self.api, act, text, options).await
    }
}
