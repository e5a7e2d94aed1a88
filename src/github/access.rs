//! What the questions to GitHub need: where, with what right, and how long they may take.

use super::line::Proxies;
use octocrab::secrecy::SecretString;
use std::time::Duration;

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
