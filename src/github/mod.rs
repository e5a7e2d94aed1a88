//! The life of the GitHub issue of a server and service: found, opened, commented and closed by GitHub's REST API. What
//! is told stands in [`IssueText`]; nothing here changes how a deployment ended, so all that goes wrong is a warning.

mod api;
mod client;
mod fault;
mod life;
mod line;
mod refusal;
mod words;

pub use line::Proxies;
pub use octocrab::secrecy::SecretString;

use crate::report::{IssueAct, IssueText};
use api::Api;
use fault::Fault;
use std::time::Duration;
use words::Doing;

/// Whose issues, where, and with what right.
#[derive(Debug, Clone)]
pub struct Access {
    /// `GITHUB_API_URL`: `https://api.github.com`, or an enterprise's own with a path.
    pub api_url: String,
    /// `owner/name`.
    pub repository: String,
    /// Sent to no other host than that of `api_url`.
    pub token: SecretString,
    /// What lies on the way.
    pub proxies: Proxies,
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// All questions together, waiting included.
    pub all: Duration,
    /// One question, connecting included.
    pub one: Duration,
    /// Before a question is asked again the first time; twice as long before the next time.
    pub pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            all: Duration::from_secs(60),
            one: Duration::from_secs(15),
            pause: Duration::from_secs(1),
        }
    }
}

/// What a new issue is to have besides its text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Made where they are missing.
    pub labels: Vec<String>,
    /// Logins.
    pub assignees: Vec<String>,
}

/// An issue of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// For a person.
    pub url: String,
    /// In the repository.
    pub number: u64,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// The issue that was opened, commented or closed.
    pub issue: Option<Issue>,
    /// In words, with the cure; harmless, each of one line.
    pub warnings: Vec<String>,
}

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
