//! The life of the GitHub issue of a server and service: found, opened, commented and closed by GitHub's REST API. What
//! is told stands in [`IssueText`]; nothing here changes how a deployment ended, so all that goes wrong is a warning.

mod access;
mod api;
mod client;
mod fault;
mod life;
mod line;
mod refusal;
mod words;

pub use access::{Access, Limits};
pub use life::{Issue, Told, Wishes};
pub use line::Proxies;
pub use octocrab::secrecy::SecretString;

use crate::report::{IssueAct, IssueText};
use api::Api;
use fault::Fault;
use words::Doing;

/// GitHub, for as long as [`Limits::all`] allows from now on.
pub struct Hub {
    api: Api,
}

impl Hub {
    /// Nothing is asked yet. Needs a runtime of tokio around it.
    ///
    /// # Errors
    /// The address or the repository's name is none; in words, with the cure.
    pub fn new(access: &Access, limits: Limits) -> Result<Self, String> {
        Api::new(access, limits).map(|api| Self { api })
    }

    /// Whether only those see the repository whom its owner lets in.
    ///
    /// # Errors
    /// In words, with the cure.
    pub async fn is_private(&self) -> Result<bool, String> {
        self.api
            .is_private()
            .await
            .map_err(|fault| self.words(Doing::Look, &fault))
    }

    /// Does it.
    pub async fn tell(&self, act: IssueAct, text: &IssueText, wishes: &Wishes) -> Told {
        life::tell(&self.api, act, text, wishes).await
    }

    fn words(&self, doing: Doing, fault: &Fault) -> String {
        words::warning(doing, fault, &self.api)
    }
}
