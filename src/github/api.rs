//! Requests to GitHub's REST API, each with a time limit. Reading requests are repeated if that may help. Writing
//! requests are sent once; they are repeated only after GitHub has reported that it did nothing.

use super::access::{Access, TimeLimits};
use super::client::client;
use super::error::ApiError;
use super::error_response::RateLimit;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::http::uri::{PathAndQuery, Uri};
use hyper::Response;
use octocrab::{map_github_error, FromResponse, Octocrab, Page};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
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

/// What is asked of a route. Not generic, as the code for each would be large.
enum Request {
    Get,
    Post(Value),
    Patch(Value),
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
        match self.read("/user").await.and_then(parsed::<User>) {
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
        let repository: Repository = parsed(self.read(&self.route("")).await?)?;
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
            let response = self
                .read(&route)
                .await?
                .map(|body| Full::new(body).map_err(|none| match none {}));
            let page: Page<OpenIssue> = Page::from_response(response).await?;
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
        let label = json!({"name": name, "color": "d93f0b"});
        self.write("/labels", Request::Post(label))
            .await
            .and_then(ignored)
    }

    pub(super) async fn create(&self, draft: &Draft<'_>) -> Result<OpenIssue, ApiError> {
        self.write("/issues", Request::Post(json!(draft)))
            .await
            .and_then(parsed)
    }

    pub(super) async fn comment(&self, number: u64, body: &str) -> Result<(), ApiError> {
        let route = format!("/issues/{number}/comments");
        self.write(&route, Request::Post(json!({"body": body})))
            .await
            .and_then(ignored)
    }

    pub(super) async fn close(&self, number: u64, reason: CloseReason) -> Result<(), ApiError> {
        let closing = json!({"state": "closed", "state_reason": reason});
        self.write(&format!("/issues/{number}"), Request::Patch(closing))
            .await
            .and_then(ignored)
    }

    fn route(&self, rest: &str) -> String {
        format!("/repos/{}{rest}", self.repository)
    }

    async fn read(&self, route: &str) -> Result<Response<Bytes>, ApiError> {
        let mut pause = self.limits.pause;
        let mut attempt = 1;
        loop {
            let error = match self.once(route, &Request::Get).await {
                Err(error) if attempt < ATTEMPTS => error,
                result => return result,
            };
            match error {
                error if error.rate_limit().is_some() => self.wait_for_rate_limit(error).await?,
                error if error.is_temporary() => self.wait(pause, error).await?,
                error => return Err(error),
            }
            attempt += 1;
            pause *= 2;
        }
    }

    /// Writes to a route of the repository. If the rate limit was reached, GitHub did nothing, so the request may be sent
    /// again.
    async fn write(&self, route: &str, request: Request) -> Result<Response<Bytes>, ApiError> {
        let route = self.route(route);
        match self.once(&route, &request).await {
            Err(error) if error.rate_limit().is_some() => {
                self.wait_for_rate_limit(error).await?;
                self.once(&route, &request).await
            }
            result => result,
        }
    }

    async fn once(&self, route: &str, request: &Request) -> Result<Response<Bytes>, ApiError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ApiError::OutOfTime);
        }
        let response = self.response(route, request);
        // on the heap, as the future is large
        match timeout(left.min(self.limits.one), Box::pin(response)).await {
            Ok(result) => result.map_err(ApiError::from),
            Err(_) => Err(ApiError::TimedOut),
        }
    }

    async fn response(&self, route: &str, request: &Request) -> octocrab::Result<Response<Bytes>> {
        let response = match request {
            Request::Get => self.client._get(route).await?,
            Request::Post(body) => self.client._post(route, Some(body)).await?,
            Request::Patch(body) => self.client._patch(route, Some(body)).await?,
        };
        let (parts, body) = map_github_error(response).await?.into_parts();
        Ok(Response::from_parts(
            parts,
            body.collect().await?.to_bytes(),
        ))
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

fn parsed<T: DeserializeOwned>(response: Response<Bytes>) -> Result<T, ApiError> {
    serde_json::from_slice(response.body())
        .map_err(|error| ApiError::BadResponse(error.to_string()))
}

/// Only whether there is one counts.
fn ignored(response: Response<Bytes>) -> Result<(), ApiError> {
    parsed::<IgnoredAny>(response).map(drop)
}
