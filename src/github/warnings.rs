//! The warning for a failed request: one line with the error and what to do.

use super::api::Api;
use super::error::{ApiError, ConnectFailure};
use super::error_response::{ErrorResponse, RateLimit};
use crate::report;
use crate::text::harmless;

/// The most characters of an untrusted text.
const MAX_TEXT: usize = 200;

/// What the request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    CheckPrivate,
    Find,
    Open,
    Label,
    Assign,
    Comment,
    Close,
}

/// One line.
pub(super) fn warning(action: Action, error: &ApiError, api: &Api) -> String {
    let (result, unclear) = (result(action), error.is_unclear() && action.writes());
    let maybe = if unclear {
        " It is unknown whether GitHub did it anyway."
    } else {
        ""
    };
    format!(
        "{result}: {}.{maybe} {}.",
        cause(error, api),
        what_to_do(action, error, api)
    )
}

impl Action {
    fn writes(self) -> bool {
        !matches!(self, Self::CheckPrivate | Self::Find)
    }
}

fn result(action: Action) -> &'static str {
    match action {
        Action::CheckPrivate => {
            "it is unknown whether the repository is private, so the issue contains no raw log lines"
        }
        Action::Find => "cannot look for the issue, so it is not updated",
        Action::Open => "cannot open the issue",
        Action::Label => "cannot add labels to the issue",
        Action::Assign => "cannot assign the issue",
        Action::Comment => "cannot comment on the issue",
        Action::Close => "cannot close the issue",
    }
}

fn cause(error: &ApiError, api: &Api) -> String {
    match error {
        ApiError::Response(response) => response_text(response),
        ApiError::NoConnection {
            cause: ConnectFailure::Network,
            message,
        } => {
            format!("cannot connect to {} ({})", api.url, excerpt(message))
        }
        ApiError::NoConnection {
            cause: ConnectFailure::Proxy,
            message,
        } => {
            format!("cannot connect through the proxy ({})", excerpt(message))
        }
        ApiError::NoConnection {
            cause: ConnectFailure::Tls,
            message,
        } => format!(
            "the certificate of {} is not trusted ({})",
            api.url,
            excerpt(message)
        ),
        ApiError::ConnectionLost(message) => format!(
            "the connection to {} was lost ({})",
            api.url,
            excerpt(message)
        ),
        ApiError::TimedOut => format!("{} did not respond in time", api.url),
        ApiError::BadResponse(message) => format!(
            "{} sent a response that is not GitHub's ({})",
            api.url,
            excerpt(message)
        ),
        ApiError::OutOfTime => format!(
            "the time limit of {} for GitHub was reached",
            report::duration(api.limits.all)
        ),
    }
}

fn response_text(response: &ErrorResponse) -> String {
    let status = response.status.as_u16();
    match response.message.trim_start() {
        page if page.starts_with('<') => format!("GitHub responded {status} with an HTML page"),
        message => {
            let message = excerpt(message);
            format!(
                "GitHub responded {status}: \"{}\"",
                message.trim_end_matches('.')
            )
        }
    }
}

fn what_to_do(action: Action, error: &ApiError, api: &Api) -> String {
    match error {
        ApiError::Response(response) => what_to_do_about(action, response, api),
        ApiError::NoConnection { cause: ConnectFailure::Network, .. } | ApiError::OutOfTime => {
            "Make it reachable from the runner, through HTTPS_PROXY if necessary, or set `issue: off`".to_owned()
        }
        ApiError::NoConnection { cause: ConnectFailure::Proxy, .. } => {
            "Set HTTPS_PROXY to an http:// proxy that allows it, or add this host to NO_PROXY".to_owned()
        }
        ApiError::NoConnection { cause: ConnectFailure::Tls, .. } => {
            "Add the CA certificate to those of the runner, or set SSL_CERT_FILE to a file with it".to_owned()
        }
        ApiError::BadResponse(_) => "GITHUB_API_URL must be the URL of GitHub's API, and no proxy may respond in its place".to_owned(),
        ApiError::ConnectionLost(_) | ApiError::TimedOut => NEXT.to_owned(),
    }
}

const NEXT: &str = "The next run tries again; if this continues, see https://www.githubstatus.com";

fn what_to_do_about(action: Action, response: &ErrorResponse, api: &Api) -> String {
    let repository = &api.repository;
    match response.status.as_u16() {
        _ if response.rate_limit.is_some() => wait_text(response.rate_limit),
        401 => "`github-token` is no longer valid; remove it to use the job's own token".to_owned(),
        403 if response.is_archived() => "Unarchive the repository, or set `issue: off`".to_owned(),
        403 | 422 if action == Action::Label => {
            "Create the labels in `issue-labels`, or set `issue-labels: none`".to_owned()
        }
        403 | 422 if action == Action::Assign => {
            "`issue-assignees` may only name people with write access to the repository".to_owned()
        }
        403 => "Give the job `permissions: issues: write`; runs of pull requests from forks cannot have it".to_owned(),
        404 => format!("`github-token` has no access to {repository}: give the job `permissions: issues: write`"),
        410 => format!("Issues are disabled: enable them in the settings of {repository}, or set `issue: off`"),
        300..=399 => {
            "The repository or the API has moved: GITHUB_API_URL and GITHUB_REPOSITORY must name the new location"
                .to_owned()
        }
        500.. => NEXT.to_owned(),
        _ => "This is unexpected; please report it with this line".to_owned(),
    }
}

fn wait_text(limit: Option<RateLimit>) -> String {
    let when = match limit {
        Some(RateLimit::Wait(wait)) => format!("in {}", report::duration(wait)),
        _ => "in a minute or more".to_owned(),
    };
    format!(
        "This token has reached GitHub's rate limit, which ends {when}; the next run tries again"
    )
}

/// An untrusted text as a part of a line.
fn excerpt(text: &str) -> String {
    let text = harmless(text.as_bytes());
    let mut shown: String = text.chars().take(MAX_TEXT).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
