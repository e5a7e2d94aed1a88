//! The questions to GitHub's REST API, each bounded in time. What only reads is asked again where that may help; what
//! writes is sent once, or again only after GitHub said that it did nothing.

use super::access::{Access, Limits};
use super::client::client;
use super::fault::Fault;
use super::refusal::TooOften;
use hyper::http::uri::{PathAndQuery, Uri};
use octocrab::{FromResponse, Octocrab, Page};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// How often a question that only reads is asked.
const ATTEMPTS: u32 = 3;
/// Of a hundred open issues each, the newest first: beyond that an issue of ours is opened anew.
const MOST_PAGES: usize = 10;

/// GitHub's API for a repository.
pub(super) struct Api {
    client: Octocrab,
    /// `https://api.github.com`.
    pub(super) url: String,
    /// `owner/name`.
    pub(super) repository: String,
    pub(super) limits: Limits,
    deadline: Instant,
}

/// An open issue or pull request.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Listed {
    pub(super) number: u64,
    pub(super) html_url: String,
    pub(super) body: Option<String>,
    /// `null` for an account that is gone.
    pub(super) user: Option<User>,
    pub(super) author_association: Option<String>,
    /// Of what is no issue.
    pub(super) pull_request: Option<IgnoredAny>,
}

/// Who wrote something.
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
pub(super) enum Reason {
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
    state_reason: Reason,
}

#[derive(Deserialize)]
struct Repository {
    private: bool,
    visibility: Option<String>,
}

impl Api {
    pub(super) fn new(access: &Access, limits: Limits) -> Result<Self, String> {
        let url = access.api_url.trim_end_matches('/').to_owned();
        let base: Option<Uri> = url.parse().ok();
        let Some(base) = base.filter(|base| {
            matches!(base.scheme_str(), Some("http" | "https")) && base.host().is_some()
        }) else {
            return Err(
                "GITHUB_API_URL is not the address of an API: it is as in https://api.github.com"
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
                "GITHUB_REPOSITORY is not the name of a repository: it is as in owner/name"
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

    /// The login that the token belongs to; none, where it belongs to an app, as a job's own does.
    pub(super) async fn login(&self) -> Result<Option<String>, Fault> {
        match self.read::<User>("/user").await {
            Ok(user) => Ok(Some(user.login)),
            Err(Fault::Refused(refusal))
                if refusal.too_often.is_none() && refusal.status.as_u16() != 401 =>
            {
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    pub(super) async fn is_private(&self) -> Result<bool, Fault> {
        let repository: Repository = self.read(&self.route("")).await?;
        // "internal" ones count as private, but a whole enterprise reads them
        Ok(repository.private
            && repository
                .visibility
                .is_none_or(|visibility| visibility == "private"))
    }

    /// The open issues, the newest first. Listed, not searched: a search may miss what has just been written.
    pub(super) async fn open_issues(&self) -> Result<Vec<Listed>, Fault> {
        let mut route = self.route("/issues?state=open&sort=created&direction=desc&per_page=100");
        let mut found = Vec::new();
        for _ in 0..MOST_PAGES {
            let page: Page<Listed> = self.read(&route).await?;
            found.extend(
                page.items
                    .into_iter()
                    .filter(|listed| listed.pull_request.is_none()),
            );
            // the path only, so that the token goes nowhere else
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

    pub(super) async fn make_label(&self, name: &str) -> Result<(), Fault> {
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

    pub(super) async fn create(&self, draft: &Draft<'_>) -> Result<Listed, Fault> {
        self.write(|| self.client.post(self.route("/issues"), Some(draft)))
            .await
    }

    pub(super) async fn comment(&self, number: u64, body: &str) -> Result<(), Fault> {
        let (route, comment) = (
            self.route(&format!("/issues/{number}/comments")),
            Comment { body },
        );
        self.write(|| self.client.post::<_, IgnoredAny>(&route, Some(&comment)))
            .await?;
        Ok(())
    }

    pub(super) async fn close(&self, number: u64, reason: Reason) -> Result<(), Fault> {
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

    async fn read<T: FromResponse>(&self, route: &str) -> Result<T, Fault> {
        let mut pause = self.limits.pause;
        for _ in 1..ATTEMPTS {
            match self.once(self.client.get(route, None::<&()>)).await {
                Err(fault) if fault.too_often().is_some() => self.wait_as_told(fault).await?,
                Err(fault) if fault.may_pass() => self.wait(pause, fault).await?,
                answer => return answer,
            }
            pause *= 2;
        }
        self.once(self.client.get(route, None::<&()>)).await
    }

    /// Asked too often means that nothing was done, so the same may be sent again.
    async fn write<T, F>(&self, send: impl Fn() -> F) -> Result<T, Fault>
    where
        F: Future<Output = octocrab::Result<T>>,
    {
        match self.once(send()).await {
            Err(fault) if fault.too_often().is_some() => {
                self.wait_as_told(fault).await?;
                self.once(send()).await
            }
            answer => answer,
        }
    }

    async fn once<T>(&self, asking: impl Future<Output = octocrab::Result<T>>) -> Result<T, Fault> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Fault::OutOfTime);
        }
        match timeout(left.min(self.limits.one), asking).await {
            Ok(answer) => answer.map_err(Fault::from),
            Err(_) => Err(Fault::Silent),
        }
    }

    async fn wait_as_told(&self, fault: Fault) -> Result<(), Fault> {
        match fault.too_often() {
            Some(TooOften::Wait(pause)) => self.wait(pause, fault).await,
            _ => Err(fault),
        }
    }

    /// Waits, if time is left for an answer after that; else there is nothing better than what went wrong.
    async fn wait(&self, pause: Duration, fault: Fault) -> Result<(), Fault> {
        if Instant::now()
            .checked_add(pause)
            .is_none_or(|then| then >= self.deadline)
        {
            return Err(fault);
        }
        sleep(pause).await;
        Ok(())
    }
}
