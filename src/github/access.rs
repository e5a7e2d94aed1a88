//! What requests to GitHub need: repository, token, proxies and time limits.

use super::connector::Proxies;
use octocrab::secrecy::SecretString;
use std::time::Duration;

/// The repository and how it is reached.
#[derive(Debug, Clone)]
pub struct Access {
    /// `GITHUB_API_URL`: `https://api.github.com`, or that of an enterprise, which has a path.
    pub api_url: String,
    /// `owner/name`.
    pub repository: String,
    /// Sent only to the host of `api_url`.
    pub token: SecretString,
    /// The proxies to use.
    pub proxies: Proxies,
}

/// Time limits for requests to GitHub.
#[derive(Debug, Clone, Copy)]
pub struct TimeLimits {
    /// For all requests together, with pauses.
    pub all: Duration,
    /// For one request, with connecting.
    pub one: Duration,
    /// The pause before a request is repeated. It doubles each time.
    pub pause: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            all: Duration::from_secs(60),
            one: Duration::from_secs(15),
            pause: Duration::from_secs(1),
        }
    }
}
