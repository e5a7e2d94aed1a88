//! Requests to GitHub's REST API, each with a time limit. Reading requests are repeated if that may help. Writing
//! requests are sent once; they are repeated only after GitHub has reported that it did nothing.

use super::access::{Access, TimeLimits};
use super::client::client;
use super::error::ApiError;
use super::error_response::RateLimit;
use hyper::http::uri::{PathAndQuery, Uri};
use octocrab::{FromResponse, Octocrab, Page};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// How often a reading request is sent.
const ATTEMPTS: u32 = 3;
/// The most pages of open issues, a hundred each and the newest first. If the issue is older, a new one is opened.
const MAX_PAGES: usize = 10;

/// GitHub's API for a repository.
pub(super) struct Api {
    client: Octocrab,
    /// `https://api.github.com`.
    pub(super) url: String,
    /// `owner/name`.
    pub(super) repository: String,
    pub(super) limits: TimeLimits,
    deadline: Instant,
}

/// An open issue or pull request.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct OpenIssue {
    pub(super) number: u64,
    pub(super) html_url: String,
    pub(super) body: Option<String>,
    /// `null` for a deleted account.
    pub(super) user: Option<User>,
    pub(super) author_association: Option<String>,
    /// Set for pull requests.
    pub(super) pull_request: Option<IgnoredAny>,
}

/// The author of an issue.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct User {
    pub(super) login: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
}

/// A new issue.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Draft<'a> {
    pub(super) title: &'a str,
    pub(super) body: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) labels: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) assignees: &'a [String],
}

/// Why an issue is closed.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CloseReason {
    Completed,
    NotPlanned,
}

#[derive(Serialize)]
struct Label<'a> {
    name: &'a str,
    color: &'static str,
}

#[derive(Serialize)]
struct Comment<'a> {
    body: &'a str,
}

#[derive(Serialize)]
struct Closing {
    state: &'static str,
    state_reason: CloseReason,
}

#[derive(Deserialize)]
struct Repository {
    private: bool,
    visibility: Option<String>,
}

impl Api {
    pub(super) fn new(access: &Access, limits: TimeLimits) -> Result<Self, String> {
        let url = access.api_url.trim_end_matches('/').to_owned();
        let base: Option<Uri> = url.parse().ok();
        let Some(base) = base.filter(|base| {
            matches!(base.scheme_str(), Some("http" | "https")) && base.host().is_some()
        }) else {
            return Err(
                "GITHUB_API_URL is not the URL of an API; a valid one is https://api.github.com"
                    .to_owned(),
            );
        };
        let plain = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        if !access
            .repository
            .split_once('/')
            .is_some_and(|(owner, name)| plain(owner) && plain(name))
        {
            return Err(
                "GITHUB_REPOSITORY is not the name of a repository; a valid one is owner/name"
                    .to_owned(),
            );
        }
        let client = client(access, base, limits)?;
        let repository = access.repository.clone();
        Ok(Self {
            client,
            url,
            repository,
            limits,
            deadline: Instant::now() + limits.all,
        })
    }

    /// The login that the token belongs to; `None` for the token of an app, such as the job's own.
    pub(super) async fn login(&self) -> Result<Option<String>, ApiError> {
        match self.read::<User>("/user").await {
            Ok(user) => Ok(Some(user.login)),
            Err(ApiError::Response(response))
                if response.rate_limit.is_none() && response.status.as_u16() != 401 =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn is_private(&self) -> Result<bool, ApiError> {
        let repository: Repository = self.read(&self.route("")).await?;
        // GitHub reports "internal" ones as private, but the whole enterprise can read them
        Ok(repository.private
            && repository
                .visibility
                .is_none_or(|visibility| visibility == "private"))
    }

    /// The open issues, the newest first. OpenIssue, not searched: a search may miss what has just been written.
    pub(super) async fn open_issues(&self) -> Result<Vec<OpenIssue>, ApiError> {
        let mut route = self.route("/issues?state=open&sort=created&direction=desc&per_page=100");
        let mut found = Vec::new();
        for _ in 0..MAX_PAGES {
            let page: Page<OpenIssue> = self.read(&route).await?;
            found.extend(
                page.items
                    .into_iter()
                    .filter(|issue| issue.pull_request.is_none()),
            );
            // the path only, so the token is sent to no other host
            match page
                .next
                .as_ref()
                .and_then(Uri::path_and_query)
                .map(PathAndQuery::as_str)
            {
                Some(next) => next.clone_into(&mut route),
                None => break,
            }
        }
        Ok(found)
    }

    pub(super) async fn create_label(&self, name: &str) -> Result<(), ApiError> {
        let label = Label {
            name,
            color: "d93f0b",
        };
        self.write(|| {
            self.client
                .post::<_, IgnoredAny>(self.route("/labels"), Some(&label))
        })
        .await?;
        Ok(())
    }

    pub(super) async fn create(&self, draft: &Draft<'_>) -> Result<OpenIssue, ApiError> {
        self.write(|| self.client.post(self.route("/issues"), Some(draft)))
            .await
    }

    pub(super) async fn comment(&self, number: u64, body: &str) -> Result<(), ApiError> {
        let (route, comment) = (
            self.route(&format!("/issues/{number}/comments")),
            Comment { body },
        );
        self.write(|| self.client.post::<_, IgnoredAny>(&route, Some(&comment)))
            .await?;
        Ok(())
    }

    pub(super) async fn close(&self, number: u64, reason: CloseReason) -> Result<(), ApiError> {
        let (route, closing) = (
            self.route(&format!("/issues/{number}")),
            Closing {
                state: "closed",
                state_reason: reason,
            },
        );
        self.write(|| {
            self.client
                .patch::<IgnoredAny, _, _>(&route, Some(&closing))
        })
        .await?;
        Ok(())
    }

    fn route(&self, rest: &str) -> String {
        format!("/repos/{}{rest}", self.repository)
    }

    async fn read<T: FromResponse>(&self, route: &str) -> Result<T, ApiError> {
        let mut pause = self.limits.pause;
        for _ in 1..ATTEMPTS {
            match self.once(self.client.get(route, None::<&()>)).await {
                Err(error) if error.rate_limit().is_some() => {
                    self.wait_for_rate_limit(error).await?
                }
                Err(error) if error.is_temporary() => self.wait(pause, error).await?,
                result => return result,
            }
            pause *= 2;
        }
        self.once(self.client.get(route, None::<&()>)).await
    }

    /// If the rate limit was reached, GitHub did nothing, so the request may be sent again.
    async fn write<T, F>(&self, send: impl Fn() -> F) -> Result<T, ApiError>
    where
        F: Future<Output = octocrab::Result<T>>,
    {
        match self.once(send()).await {
            Err(error) if error.rate_limit().is_some() => {
                self.wait_for_rate_limit(error).await?;
                self.once(send()).await
            }
            result => result,
        }
    }

    async fn once<T>(
        &self,
        request: impl Future<Output = octocrab::Result<T>>,
    ) -> Result<T, ApiError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ApiError::OutOfTime);
        }
        match timeout(left.min(self.limits.one), request).await {
            Ok(result) => result.map_err(ApiError::from),
            Err(_) => Err(ApiError::TimedOut),
        }
    }

    async fn wait_for_rate_limit(&self, error: ApiError) -> Result<(), ApiError> {
        match error.rate_limit() {
            Some(RateLimit::Wait(pause)) => self.wait(pause, error).await,
            _ => Err(error),
        }
    }

    /// Waits if there is time for another request after the pause; otherwise returns the error.
    async fn wait(&self, pause: Duration, error: ApiError) -> Result<(), ApiError> {
        if Instant::now()
            .checked_add(pause)
            .is_none_or(|then| then >= self.deadline)
        {
            return Err(error);
        }
        sleep(pause).await;
        Ok(())
    }
}
