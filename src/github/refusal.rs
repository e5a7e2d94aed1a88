//! What an answer says that is no success.

use hyper::{HeaderMap, StatusCode};
use octocrab::GitHubError;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// GitHub answered, and did not do it; with 500 and above it may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// Its words, or a page of whoever stands before it. Untrusted.
    pub(super) said: String,
    /// What it finds fault with: `labels`, `assignees`. Untrusted.
    pub(super) fields: Vec<String>,
    /// Where it was asked too often.
    pub(super) too_often: Option<TooOften>,
}

/// When it may be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TooOften {
    /// In so long.
    Wait(Duration),
    /// It does not say; its documentation says a minute at least.
    Later,
}

impl Refusal {
    pub(super) fn new(error: &GitHubError) -> Self {
        let fields = error
            .errors
            .iter()
            .flatten()
            .filter_map(|error| error.get("field")?.as_str());
        Self {
            status: error.status_code,
            said: error.message.clone(),
            fields: fields.map(str::to_owned).collect(),
            too_often: too_often(error, SystemTime::now()),
        }
    }

    /// Whether it finds fault with a field of this name, singular or plural.
    pub(super) fn blames(&self, field: &str) -> bool {
        self.fields
            .iter()
            .any(|blamed| blamed.to_lowercase().starts_with(field))
    }

    /// Whether the token lacks the right, whatever is asked.
    pub(super) fn lacks_right(&self) -> bool {
        self.status == StatusCode::FORBIDDEN && self.said.starts_with("Resource not accessible")
    }

    pub(super) fn is_archived(&self) -> bool {
        self.status == StatusCode::FORBIDDEN && self.said.contains("archived")
    }
}

/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>
fn too_often(error: &GitHubError, now: SystemTime) -> Option<TooOften> {
    let none = HeaderMap::new();
    let headers = error.headers.as_ref().unwrap_or(&none);
    let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    let used_up = number("x-ratelimit-remaining") == Some(0);
    let said = error.message.to_lowercase();
    let limited = match error.status_code {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::FORBIDDEN => {
            used_up || number("retry-after").is_some() || said.contains("rate limit")
        }
        _ => false,
    };
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let reset = || {
        number("x-ratelimit-reset")
            .filter(|_| used_up)
            .map(|at| at.saturating_sub(now) + 1)
    };
    let wait = number("retry-after")
        .or_else(reset)
        .map(Duration::from_secs);
    limited.then(|| wait.map_or(TooOften::Later, TooOften::Wait))
}
