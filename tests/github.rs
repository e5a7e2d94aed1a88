//! The life of the issue, against a GitHub of the tests' own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests, which clippy does not know as such"
)]

#[path = "support/hub/mod.rs"]
mod hub;

#[path = "github/answers.rs"]
mod answers;
#[path = "github/life.rs"]
mod life;
#[path = "github/network.rs"]
mod network;
#[path = "github/once.rs"]
mod once;
#[path = "github/proxy.rs"]
mod proxy;
#[path = "github/trust.rs"]
mod trust;

use deploy_action::github::{Access, GitHub, IssueOptions, IssueResult, Proxies, TimeLimits};
use deploy_action::report::{IssueAct, IssueText};
use std::future::Future;
use std::time::Duration;

/// Enough for a busy machine.
const LIMITS: TimeLimits = TimeLimits {
    all: Duration::from_secs(60),
    one: Duration::from_secs(15),
    pause: Duration::from_millis(1),
};
/// For what waits for an answer that never comes.
const SHORT: TimeLimits = TimeLimits {
    one: Duration::from_millis(700),
    ..LIMITS
};

fn text() -> IssueText {
    text_of("1")
}

/// As a run of this number writes it.
fn text_of(run: &str) -> IssueText {
    let marker = "<!-- deploy-action: diting on web1 -->".to_owned();
    IssueText {
        title: "Deployment of diting to web1 failed".to_owned(),
        body: format!("{marker}\nrun {run} failed\n"),
        marker,
        comment: format!("run {run} failed too"),
    }
}

fn wishes(labels: &[&str], assignees: &[&str]) -> IssueOptions {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    IssueOptions {
        labels: owned(labels),
        assignees: owned(assignees),
    }
}

fn access(url: &str) -> Access {
    Access {
        api_url: url.to_owned(),
        repository: "diting/app".to_owned(),
        token: hub::TOKEN.to_owned().into(),
        proxies: Proxies::none(),
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

async fn tell_with(
    access: &Access,
    act: IssueAct,
    text: &IssueText,
    wishes: &IssueOptions,
) -> IssueResult {
    GitHub::new(access, LIMITS)
        .unwrap()
        .update_issue(act, text, wishes)
        .await
}

/// The same, where an answer is not waited for very long.
fn tell_soon(hub: &hub::Hub, act: IssueAct) -> IssueResult {
    let wishes = wishes(&["ci-cd", "bug"], &[]);
    run(async {
        GitHub::new(&access(&hub.url()), SHORT)
            .unwrap()
            .update_issue(act, &text(), &wishes)
            .await
    })
}

/// Tells it as the first run, with the usual labels.
fn tell(hub: &hub::Hub, act: IssueAct) -> IssueResult {
    run(tell_with(
        &access(&hub.url()),
        act,
        &text(),
        &wishes(&["ci-cd", "bug"], &[]),
    ))
}

/// The number of the issue, where nothing is to be warned of.
fn told(hub: &hub::Hub, act: IssueAct) -> Option<u64> {
    let told = tell(hub, act);
    assert_eq!(told.warnings, Vec::<String>::new());
    told.issue.map(|issue| issue.number)
}
