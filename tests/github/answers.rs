//! What GitHub refuses: a warning with the cure, and nothing that was not asked for.

use super::{access, run, tell, tell_soon, tell_with, text, wishes};
use crate::hub::{Hub, Script};
use deploy_action::github::{GitHub as Client, IssueResult};
use deploy_action::report::IssueAct::{Close, Comment, Open};

/// Warnings without what changes from run to run.
fn lines(hub: &Hub, told: &IssueResult) -> String {
    told.warnings
        .join("\n")
        .replace(&format!("127.0.0.1:{}", hub.port), "github.example")
}

fn say(status: u16, message: &str) -> Script {
    say_with(status, &[], message)
}

fn say_with(
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    message: &str,
) -> Script {
    let body =
        serde_json::json!({ "message": message, "documentation_url": "https://docs.github.com" })
            .to_string();
    Script::Say {
        status,
        headers,
        body,
    }
}

/// What comes of an issue to be opened, where this kind of question is answered so.
fn refused(kind: &str, times: usize, script: Script) -> String {
    let hub = Hub::new();
    for _ in 0..times {
        hub.plan(kind, script.clone());
    }
    let told = tell_soon(&hub, Open);
    assert_eq!(told.issue, None);
    assert_eq!(hub.state().issues.len(), 0);
    lines(&hub, &told)
}

#[test]
fn without_the_right_to_write_the_cure_is_the_jobs_permission() {
    let hub = Hub::new();
    hub.state().may_write = false;
    let told = tell(&hub, Open);
    insta::assert_snapshot!(lines(&hub, &told), @r#"cannot open the issue: GitHub responded 403: "Resource not accessible by integration". Give the job `permissions: issues: write`; runs of pull requests from forks cannot have it."#);
    insta::assert_snapshot!(hub.calls().join("\n"), @"
    GET /user 403
    GET /issues 200
    POST /labels 403
    POST /labels 403
    POST /issues 403
    ");
    hub.state()
        .add("github-actions[bot]", "Bot", "NONE", &text().body);
    insta::assert_snapshot!(lines(&hub, &tell(&hub, Comment)), @r#"cannot comment on the issue: GitHub responded 403: "Resource not accessible by integration". Give the job `permissions: issues: write`; runs of pull requests from forks cannot have it."#);
    hub.plan("POST /issues/1/comments", Script::DoneCut);
    insta::assert_snapshot!(lines(&hub, &tell(&hub, Close)), @r#"
    cannot comment on the issue: the connection to http://github.example/api/v3 was lost (client error (SendRequest): connection closed before message completed). It is unknown whether GitHub did it anyway. The next run tries again; if this continues, see https://www.githubstatus.com.
    cannot close the issue: GitHub responded 403: "Resource not accessible by integration". Give the job `permissions: issues: write`; runs of pull requests from forks cannot have it.
    "#);
}

#[test]
fn what_a_repository_does_not_allow_is_said() {
    let hub = Hub::new();
    hub.state().has_issues = false;
    insta::assert_snapshot!(lines(&hub, &tell(&hub, Open)), @r#"cannot look for the issue, so it is not updated: GitHub responded 410: "Issues has been disabled in this repository". Issues are disabled: enable them in the settings of diting/app, or set `issue: off`."#);
    hub.state().has_issues = true;
    hub.state().is_archived = true;
    insta::assert_snapshot!(lines(&hub, &tell(&hub, Open)), @r#"cannot open the issue: GitHub responded 403: "Repository was archived so is read-only". Unarchive the repository, or set `issue: off`."#);
    assert_eq!(
        hub.calls()
            .iter()
            .filter(|call| call.starts_with("POST /issues"))
            .count(),
        1
    );
}

fn page(status: u16, body: &str) -> Script {
    Script::Say {
        status,
        headers: &[],
        body: body.to_owned(),
    }
}

/// What GitHub says to a call, and how often it is asked.
fn refusals() -> [(&'static str, usize, Script); 16] {
    let far = &[("Retry-After", "120")];
    let reset = &[("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", "1")];
    let secondary = "You have exceeded a secondary rate limit";
    let hostile = "a ##[error] teapot\n::error::x\u{1b}[31m";
    let exhausted = say_with(403, reset, "API rate limit exceeded");
    let (look, open) = ("GET /issues", "POST /issues");
    [
        ("GET /user", 1, say(401, "Bad credentials")),
        (look, 1, say(301, "Moved Permanently")),
        (look, 1, say(403, "Some policy")),
        (look, 1, say(404, "Not Found")),
        (look, 1, say(418, hostile)),
        (look, 3, say(502, "Server Error")),
        (look, 1, page(200, "<html>Sign in</html>")),
        (look, 1, page(200, "{\"items\": 1}")),
        (look, 3, page(503, "<html>Unicorn!</html>")),
        (look, 1, say_with(429, far, "Too many requests")),
        (open, 1, say_with(403, far, secondary)),
        (open, 1, say(403, secondary)),
        (open, 2, exhausted),
        (open, 2, say(422, "Validation Failed")),
        (look, 3, Script::Silent),
        (look, 3, Script::Cut),
    ]
}

#[test]
fn every_refusal_has_its_cure() {
    let lines = refusals().map(|(kind, times, script)| refused(kind, times, script));
    insta::assert_snapshot!(lines.join("\n"), @r#"
    cannot look for the issue, so it is not updated: GitHub responded 401: "Bad credentials". `github-token` is no longer valid; remove it to use the job's own token.
    cannot look for the issue, so it is not updated: GitHub responded 301: "Moved Permanently". The repository or the API has moved: GITHUB_API_URL and GITHUB_REPOSITORY must name the new location.
    cannot look for the issue, so it is not updated: GitHub responded 403: "Some policy". Give the job `permissions: issues: write`; runs of pull requests from forks cannot have it.
    cannot look for the issue, so it is not updated: GitHub responded 404: "Not Found". `github-token` has no access to diting/app: give the job `permissions: issues: write`.
    cannot look for the issue, so it is not updated: GitHub responded 418: "a ##\[error] teapot ::error::x". This is unexpected; please report it with this line.
    cannot look for the issue, so it is not updated: GitHub responded 502: "Server Error". The next run tries again; if this continues, see https://www.githubstatus.com.
    cannot look for the issue, so it is not updated: http://github.example/api/v3 sent a response that is not GitHub's (expected value at line 1 column 1). GITHUB_API_URL must be the URL of GitHub's API, and no proxy may respond in its place.
    cannot look for the issue, so it is not updated: http://github.example/api/v3 sent a response that is not GitHub's (invalid type: integer `1`, expected a sequence). GITHUB_API_URL must be the URL of GitHub's API, and no proxy may respond in its place.
    cannot look for the issue, so it is not updated: GitHub responded 503 with an HTML page. The next run tries again; if this continues, see https://www.githubstatus.com.
    cannot look for the issue, so it is not updated: GitHub responded 429: "Too many requests". This token has reached GitHub's rate limit, which ends in 2 min; the next run tries again.
    cannot open the issue: GitHub responded 403: "You have exceeded a secondary rate limit". This token has reached GitHub's rate limit, which ends in 2 min; the next run tries again.
    cannot open the issue: GitHub responded 403: "You have exceeded a secondary rate limit". This token has reached GitHub's rate limit, which ends in a minute or more; the next run tries again.
    cannot open the issue: GitHub responded 403: "API rate limit exceeded". This token has reached GitHub's rate limit, which ends in 1.0 s; the next run tries again.
    cannot open the issue: GitHub responded 422: "Validation Failed". This is unexpected; please report it with this line.
    cannot look for the issue, so it is not updated: http://github.example/api/v3 did not respond in time. The next run tries again; if this continues, see https://www.githubstatus.com.
    cannot look for the issue, so it is not updated: the connection to http://github.example/api/v3 was lost (client error (SendRequest): connection closed before message completed). The next run tries again; if this continues, see https://www.githubstatus.com.
    "#);
}

#[test]
fn a_pause_that_fits_is_waited_for_and_then_it_is_sent_again() {
    let hub = Hub::new();
    for kind in ["GET /issues", "POST /issues"] {
        hub.plan(
            kind,
            say_with(
                403,
                &[("Retry-After", "0")],
                "You have exceeded a secondary rate limit",
            ),
        );
    }
    let told = tell(&hub, Open);
    assert_eq!((told.issue.unwrap().number, told.warnings.len()), (1, 0));
    assert_eq!(hub.state().issues.len(), 1);
}

#[test]
fn questions_that_only_read_are_asked_again() {
    let hub = Hub::new();
    hub.plan("GET /issues", say(500, "Server Error"));
    hub.plan("GET /issues", Script::Cut);
    let told = tell(&hub, Comment);
    assert_eq!(told, IssueResult::default());
    assert_eq!(
        hub.calls(),
        [
            "GET /user 403",
            "GET /issues 500",
            "GET /issues cut",
            "GET /issues 200"
        ]
    );
}

#[test]
fn an_issue_without_labels_or_people_is_better_than_none() {
    let all = wishes(&["new", "bug"], &["alice", "mallory"]);
    let open = |hub: &Hub| run(tell_with(&access(&hub.url()), Open, &text(), &all));
    let hub = Hub::new();
    hub.state().may_make_labels = false;
    let told = open(&hub);
    assert_eq!(told.issue.as_ref().unwrap().number, 1);
    insta::assert_snapshot!(lines(&hub, &told), @r#"
    cannot add labels to the issue: GitHub responded 403: "You do not have permission to create labels on this repository". Create the labels in `issue-labels`, or set `issue-labels: none`.
    cannot assign the issue: GitHub responded 422: "Validation Failed". `issue-assignees` may only name people with write access to the repository.
    "#);
    insta::assert_snapshot!(hub.calls().join("\n"), @"
    GET /user 403
    GET /issues 200
    POST /labels 403
    POST /labels 422
    POST /issues 403
    POST /issues 422
    POST /issues 201
    GET /issues 200
    ");

    let hub = Hub::new();
    let told = open(&hub);
    // only what is refused is left out
    assert_eq!(hub.state().issue(1).labels, ["new", "bug"]);
    assert_eq!(told.warnings.len(), 1);
}

#[test]
fn an_address_or_a_repository_that_is_none_is_said_at_once() {
    let problem = |change: &dyn Fn(&mut deploy_action::github::Access)| {
        let mut access = access("https://github.example/api/v3");
        change(&mut access);
        run(async { Client::new(&access, super::LIMITS).err() }).unwrap()
    };
    let problems = [
        "",
        "github.example",
        "ftp://github.example",
        "http://",
        "https://a b",
    ]
    .map(|url| problem(&|access| url.clone_into(&mut access.api_url)));
    assert!(
        problems
            .iter()
            .all(|problem| problem.starts_with("GITHUB_API_URL is not ")),
        "{problems:?}"
    );
    let problems = [
        "", "app", "/app", "diting/", "a/b/c", "a/../b", "a/b?c", "a/b\n",
    ]
    .map(|name| problem(&|access| name.clone_into(&mut access.repository)));
    assert!(
        problems
            .iter()
            .all(|problem| problem.starts_with("GITHUB_REPOSITORY is not ")),
        "{problems:?}"
    );
}

#[test]
fn a_wait_beyond_all_time_is_not_waited_for() {
    let never = &[("Retry-After", "18446744073709551615")];
    let line = refused("GET /issues", 1, say_with(429, never, "slow down"));
    assert!(line.starts_with("cannot look for the issue"), "{line}");
}
