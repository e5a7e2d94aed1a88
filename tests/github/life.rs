//! Opened, commented, closed.

use super::{access, run, tell_with, text, text_of, told, wishes};
use crate::hub::state::Who;
use crate::hub::Hub;
use deploy_action::report::IssueAct::{Close, Comment, Open};

#[test]
fn the_first_failure_opens_an_issue_with_its_labels_and_people() {
    let hub = Hub::new();
    let wishes = wishes(&["ci-cd", "bug"], &["alice"]);
    let told = run(tell_with(&access(&hub.url()), Open, &text(), &wishes));
    let issue = told.issue.unwrap();
    assert_eq!((issue.number, told.warnings.len()), (1, 0));
    assert_eq!(
        issue.url,
        format!("http://127.0.0.1:{}/diting/app/issues/1", hub.port)
    );
    {
        let state = hub.state();
        let made = state.issue(1);
        assert_eq!(
            (made.title.as_str(), made.body.as_deref()),
            (text().title.as_str(), Some(text().body.as_str()))
        );
        assert_eq!(
            (made.labels.join(","), made.assignees.join(",")),
            ("ci-cd,bug".to_owned(), "alice".to_owned())
        );
        assert_eq!(state.labels, ["bug", "ci-cd"]);
    }
    insta::assert_snapshot!(hub.calls().join("\n"), @"
    GET /user 403
    GET /issues 200
    POST /labels 201
    POST /labels 422
    POST /issues 201
    GET /issues 200
    ");
}

#[test]
fn a_further_failure_is_a_comment_and_a_success_closes_it() {
    let hub = Hub::new();
    assert_eq!(told(&hub, Open), Some(1));
    hub.calls();
    assert_eq!(told(&hub, Open), Some(1));
    assert_eq!(told(&hub, Comment), Some(1));
    let comment = "\nGET /user 403\nGET /issues 200\nPOST /issues/1/comments 201";
    assert_eq!(format!("\n{}", hub.calls().join("\n")), comment.repeat(2));

    assert_eq!(told(&hub, Close), Some(1));
    insta::assert_snapshot!(hub.calls().join("\n"), @"
    GET /user 403
    GET /issues 200
    POST /issues/1/comments 201
    PATCH /issues/1 200
    ");
    {
        let state = hub.state();
        assert_eq!(
            (
                state.issue(1).state.as_str(),
                state.issue(1).reason.as_deref()
            ),
            ("closed", Some("completed"))
        );
        assert_eq!(state.issue(1).comments.len(), 3);
    }
    // what is closed is over: the next failure is another one
    assert_eq!(told(&hub, Open), Some(2));
}

#[test]
fn without_an_open_issue_a_comment_and_a_success_write_nothing() {
    let hub = Hub::new();
    for act in [Comment, Close] {
        assert_eq!(told(&hub, act), None);
        assert_eq!(hub.calls(), ["GET /user 403", "GET /issues 200"]);
    }
}

#[test]
fn an_issue_is_found_among_many_and_pull_requests_are_none() {
    let hub = Hub::new();
    {
        let mut state = hub.state();
        state
            .add("github-actions[bot]", "Bot", "NONE", &text().body)
            .is_pull_request = true;
        state.add("github-actions[bot]", "Bot", "NONE", &text().body);
        for _ in 0..250 {
            state.add("carol", "User", "NONE", "a question");
        }
        state.issues[5].body = None;
        state.issues[6].author = None;
    }
    assert_eq!(told(&hub, Open), Some(2));
    let calls = [
        "GET /user 403",
        "GET /issues 200",
        "GET /issues 2 200",
        "GET /issues 3 200",
        "POST /issues/2/comments 201",
    ];
    assert_eq!(hub.calls(), calls);
}

#[test]
fn no_more_than_the_thousand_newest_are_looked_at() {
    let hub = Hub::new();
    hub.state()
        .add("github-actions[bot]", "Bot", "NONE", &text().body);
    for _ in 0..1050 {
        hub.state().add("carol", "User", "NONE", "a question");
    }
    assert_eq!(told(&hub, Comment), None);
    assert_eq!(hub.calls().len(), 11);
}

#[test]
fn each_server_and_service_has_an_issue_of_its_own() {
    let hub = Hub::new();
    let mut other = text();
    other.marker = "<!-- deploy-action: diting on web2 -->".to_owned();
    other.body = other.body.replace("web1", "web2");
    assert_eq!(told(&hub, Open), Some(1));
    let told = run(tell_with(
        &access(&hub.url()),
        Open,
        &other,
        &wishes(&[], &[]),
    ));
    assert_eq!(told.issue.unwrap().number, 2);
    assert_eq!(hub.state().issue(2).labels.len(), 0);
}

#[test]
fn one_that_a_person_edited_is_still_found() {
    let hub = Hub::new();
    let edited = text().body.replace('\n', "\r\n") + "edited";
    hub.state()
        .add("github-actions[bot]", "Bot", "NONE", &edited);
    assert_eq!(told(&hub, Comment), Some(1));
}

#[test]
fn a_persons_token_is_asked_whose_it_is() {
    let hub = Hub::new();
    hub.state().who = Who::Person("alice");
    assert_eq!(told(&hub, Open), Some(1));
    assert_eq!(hub.state().issue(1).author.as_ref().unwrap().0, "alice");
    assert_eq!(told(&hub, Close), Some(1));
}

#[test]
fn the_oldest_is_commented_and_all_of_them_are_closed() {
    let hub = Hub::new();
    for run in ["1", "2"] {
        hub.state()
            .add("github-actions[bot]", "Bot", "NONE", &text_of(run).body);
    }
    assert_eq!(told(&hub, Close), Some(1));
    assert_eq!(hub.state().open(), Vec::<u64>::new());
    assert_eq!(hub.state().issue(2).comments.len(), 0);
}
