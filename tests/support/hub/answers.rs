//! What GitHub answers, with all that its description requires.

use super::http::Response;
use super::state::{Issue, State};
use serde_json::{json, Map, Value};

const AT: &str = "2026-11-25T12:00:00Z";

pub(super) fn refusal(status: u16, message: &str, errors: &[Value]) -> Response {
    let mut body = json!({
        "message": message,
        "documentation_url": "https://docs.github.com/rest/issues/issues",
        "status": status.to_string(),
    });
    if !errors.is_empty() {
        body["errors"] = errors.into();
    }
    Response::json(status, &body)
}

/// Fields that are links to somewhere.
fn links(names: &str) -> Map<String, Value> {
    let link = |name: &str| {
        (
            format!("{name}_url"),
            Value::from(format!("https://github.example/{name}")),
        )
    };
    names.split_whitespace().map(link).collect()
}

fn merged(mut object: Value, more: Map<String, Value>) -> Value {
    object.as_object_mut().unwrap().extend(more);
    object
}

fn account(login: &str, kind: &str) -> Value {
    let names =
        "avatar events followers following gists html organizations received_events repos starred subscriptions";
    let fields = json!({
        "login": login, "id": 1, "node_id": "U_1", "gravatar_id": "", "url": "https://github.example/u",
        "site_admin": false, "type": kind,
    });
    merged(fields, links(names))
}

pub(super) fn user(login: &str) -> Response {
    let more = json!({
        "bio": null, "blog": "", "company": null, "email": null, "followers": 0, "following": 0, "hireable": null,
        "location": null, "name": null, "public_gists": 0, "public_repos": 1, "created_at": AT, "updated_at": AT,
        "user_view_type": "public",
    });
    Response::json(
        200,
        &merged(account(login, "User"), more.as_object().unwrap().clone()),
    )
}

pub(super) fn repository(state: &State) -> Response {
    let names = "archive assignees blobs branches clone collaborators comments commits compare contents contributors \
                 deployments downloads events forks git git_commits git_refs git_tags hooks html issue_comment issue_events \
                 issues keys labels languages merges milestones mirror notifications pulls releases ssh stargazers statuses \
                 subscribers subscription svn tags teams trees";
    let counts =
        "forks forks_count network_count open_issues open_issues_count size stargazers_count subscribers_count \
                  watchers watchers_count";
    let flags = "disabled fork has_discussions has_pages has_projects has_wiki";
    let mut fields = merged(
        json!({
            "id": 1, "node_id": "R_1", "name": "app", "full_name": "diting/app", "owner": account("diting", "Organization"),
            "description": null, "homepage": null, "language": null, "license": null, "default_branch": "master",
            "url": "https://github.example/r", "created_at": AT, "updated_at": AT, "pushed_at": AT,
            "has_issues": state.has_issues, "archived": state.is_archived,
            "private": state.visibility != "public", "visibility": state.visibility,
        }),
        links(names),
    );
    for name in counts.split_whitespace() {
        fields[name] = 1.into();
    }
    for name in flags.split_whitespace() {
        fields[name] = false.into();
    }
    Response::json(200, &fields)
}

fn label_fields(name: &str) -> Value {
    json!({
        "id": 1, "node_id": "L_1", "url": "https://github.example/l", "name": name, "description": null,
        "color": "d93f0b", "default": false,
    })
}

pub(super) fn label(name: &str) -> Response {
    Response::json(201, &label_fields(name))
}

pub(super) fn issue(state: &State, issue: &Issue) -> Value {
    let people: Vec<Value> = issue
        .assignees
        .iter()
        .map(|login| account(login, "User"))
        .collect();
    let fields = json!({
        "id": issue.number, "node_id": "I_1", "url": "https://github.example/i", "number": issue.number,
        "html_url": format!("http://127.0.0.1:{}/diting/app/issues/{}", state.port, issue.number),
        "state": issue.state, "state_reason": issue.reason, "title": issue.title, "body": issue.body,
        "user": issue.author.as_ref().map(|(login, kind)| account(login, kind)),
        "labels": issue.labels.iter().map(|name| label_fields(name)).collect::<Vec<_>>(),
        "assignee": people.first(), "assignees": people, "milestone": null, "locked": false,
        "comments": issue.comments.len(), "closed_at": null, "created_at": AT, "updated_at": AT,
        "author_association": issue.association,
    });
    let fields = merged(fields, links("comments events labels repository"));
    match issue.is_pull_request {
        true => merged(
            fields,
            json!({"pull_request": pull_request()})
                .as_object()
                .unwrap()
                .clone(),
        ),
        false => fields,
    }
}

fn pull_request() -> Value {
    merged(
        json!({"url": "https://github.example/p"}),
        links("html diff patch"),
    )
}

pub(super) fn comment(issue: &Issue, text: &str) -> Response {
    let author = &issue.comments.last().unwrap().author;
    let fields = json!({
        "id": 1, "node_id": "IC_1", "url": "https://github.example/c", "body": text, "user": account(author, "User"),
        "created_at": AT, "updated_at": AT, "author_association": "CONTRIBUTOR",
    });
    Response::json(201, &merged(fields, links("html issue")))
}
