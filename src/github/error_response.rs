//! Error responses of GitHub.

use hyper::{HeaderMap, StatusCode};
use octocrab::GitHubError;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An error response. With a status from 500 on, GitHub may have done it anyway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ErrorResponse {
    pub(super) status: StatusCode,
    /// The error message, or a page of a proxy. Untrusted.
    pub(super) message: String,
    /// The fields with an error, such as `labels` or `assignees`. Untrusted.
    pub(super) fields: Vec<String>,
    /// The rate limit, if it was reached.
    pub(super) rate_limit: Option<RateLimit>,
}

/// When the next request is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RateLimit {
    /// After this time.
    Wait(Duration),
    /// Unknown; according to the documentation after at least a minute.
    Later,
}

impl ErrorResponse {
    pub(super) fn new(error: &GitHubError) -> Self {
        let fields = error
            .errors
            .iter()
            .flatten()
            .filter_map(|error| error.get("field")?.as_str());
        Self {
            status: error.status_code,
            message: error.message.clone(),
            fields: fields.map(str::to_owned).collect(),
            rate_limit: rate_limit(error, SystemTime::now()),
        }
    }

    /// Whether a field of this name, singular or plural, has an error.
    pub(super) fn names_field(&self, field: &str) -> bool {
        self.fields
            .iter()
            .any(|named| named.to_lowercase().starts_with(field))
    }

    /// Whether the token has no permission.
    pub(super) fn lacks_permission(&self) -> bool {
        self.status == StatusCode::FORBIDDEN && self.message.starts_with("Resource not accessible")
    }

    pub(super) fn is_archived(&self) -> bool {
        self.status == StatusCode::FORBIDDEN && self.message.contains("archived")
    }
}

/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>
fn rate_limit(error: &GitHubError, now: SystemTime) -> Option<RateLimit> {
    let none = HeaderMap::new();
    let headers = error.headers.as_ref().unwrap_or(&none);
    let number = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    let used_up = number("x-ratelimit-remaining") == Some(0);
    let message = error.message.to_lowercase();
    let limited = match error.status_code {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::FORBIDDEN => {
            used_up || number("retry-after").is_some() || message.contains("rate limit")
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
    limited.then(|| wait.map_or(RateLimit::Later, RateLimit::Wait))
}
