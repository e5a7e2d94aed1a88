//! What went wrong, in one line with the cure.

use super::api::Api;
use super::fault::{Fault, Place};
use super::refusal::{Refusal, TooOften};
use crate::report;
use crate::text::harmless;

/// The most of a foreign text that is shown, in characters.
const SHOWN: usize = 200;

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Look,
    Find,
    Open,
    Label,
    Assign,
    Comment,
    Close,
}

/// A line of it.
pub(super) fn warning(doing: Doing, fault: &Fault, api: &Api) -> String {
    let (what, unclear) = (what(doing), fault.is_unclear() && doing.writes());
    let maybe = if unclear {
        " Whether it was done is not known."
    } else {
        ""
    };
    format!(
        "{what}: {}.{maybe} {}.",
        why(fault, api),
        cure(doing, fault, api)
    )
}

impl Doing {
    fn writes(self) -> bool {
        !matches!(self, Self::Look | Self::Find)
    }
}

fn what(doing: Doing) -> &'static str {
    match doing {
        Doing::Look => {
            "whether the repository is private is not known, so the issue holds no raw log lines"
        }
        Doing::Find => "the issue is not found, so nothing is written into it",
        Doing::Open => "the issue is not opened",
        Doing::Label => "the issue gets no labels",
        Doing::Assign => "the issue is assigned to nobody",
        Doing::Comment => "the issue is not commented",
        Doing::Close => "the issue is not closed",
    }
}

fn why(fault: &Fault, api: &Api) -> String {
    match fault {
        Fault::Refused(refusal) => refused(refusal),
        Fault::NoConnection {
            place: Place::Network,
            said,
        } => {
            format!("no connection to {} ({})", api.url, shown(said))
        }
        Fault::NoConnection {
            place: Place::Proxy,
            said,
        } => {
            format!("no connection through the proxy ({})", shown(said))
        }
        Fault::NoConnection {
            place: Place::Tls,
            said,
        } => format!("{} is not trusted ({})", api.url, shown(said)),
        Fault::Broken(said) => format!("the connection to {} broke ({})", api.url, shown(said)),
        Fault::Silent => format!("{} gave no answer in time", api.url),
        Fault::Odd(said) => format!(
            "{} gave an answer that is not GitHub's ({})",
            api.url,
            shown(said)
        ),
        Fault::OutOfTime => format!(
            "the {} for GitHub are over",
            report::duration(api.limits.all)
        ),
    }
}

fn refused(refusal: &Refusal) -> String {
    let status = refusal.status;
    let said = match refusal.said.trim_start() {
        page if page.starts_with('<') => "a page of HTML".to_owned(),
        said => format!("\"{}\"", shown(said).trim_end_matches('.')),
    };
    format!("GitHub answered {} and {said}", status.as_u16())
}

fn cure(doing: Doing, fault: &Fault, api: &Api) -> String {
    match fault {
        Fault::Refused(refusal) => cure_of_refusal(doing, refusal, api),
        Fault::NoConnection { place: Place::Network, .. } | Fault::OutOfTime => {
            "Let the runner reach it, by HTTPS_PROXY if need be, or write `issue: off`".to_owned()
        }
        Fault::NoConnection { place: Place::Proxy, .. } => {
            "HTTPS_PROXY must name an http:// proxy that lets the runner reach it, or NO_PROXY this host".to_owned()
        }
        Fault::NoConnection { place: Place::Tls, .. } => {
            "Add the CA's certificate to the runner's, or name a file that holds it by SSL_CERT_FILE".to_owned()
        }
        Fault::Odd(_) => "GITHUB_API_URL must name GitHub's API, and no proxy answer in its place".to_owned(),
        Fault::Broken(_) | Fault::Silent => NEXT.to_owned(),
    }
}

const NEXT: &str = "The next run tries it again; if it stays so, see https://www.githubstatus.com";

fn cure_of_refusal(doing: Doing, refusal: &Refusal, api: &Api) -> String {
    let repository = &api.repository;
    match refusal.status.as_u16() {
        _ if refusal.too_often.is_some() => too_often(refusal.too_often),
        401 => "`github-token` is not valid any more: leave it out, so that the job's own is used".to_owned(),
        403 if refusal.is_archived() => "Unarchive the repository, or write `issue: off`".to_owned(),
        403 | 422 if doing == Doing::Label => {
            "Create the labels that `issue-labels` names, or write `issue-labels: none`".to_owned()
        }
        403 | 422 if doing == Doing::Assign => {
            "`issue-assignees` may only name people with write access to the repository".to_owned()
        }
        403 => "Give the job `permissions: issues: write`; runs of pull requests from forks can't have it".to_owned(),
        404 => format!("`github-token` does not see {repository}: give the job `permissions: issues: write`"),
        410 => format!("Issues are disabled: enable them in the settings of {repository}, or write `issue: off`"),
        300..=399 => {
            "The repository or the API has moved: GITHUB_API_URL and GITHUB_REPOSITORY must name the new place"
                .to_owned()
        }
        500.. => NEXT.to_owned(),
        _ => "This should not be; please report it with this line".to_owned(),
    }
}

fn too_often(limit: Option<TooOften>) -> String {
    let when = match limit {
        Some(TooOften::Wait(wait)) => format!("in {}", report::duration(wait)),
        _ => "in a minute or more".to_owned(),
    };
    format!("GitHub is asked too often with this token, and wants to be asked again {when}: the next run tries it")
}

/// A foreign text as a part of a line.
fn shown(text: &str) -> String {
    let text = harmless(text.as_bytes());
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
