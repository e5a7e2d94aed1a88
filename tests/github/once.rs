//! Nothing is written twice, by nobody: answers that are lost, and two runs at once.

use super::{access, run, tell, tell_soon, tell_with, text, text_of, wishes};
use crate::hub::{Hub, Script};
use deploy_action::report::IssueAct::{Close, Open};

fn writes(hub: &Hub) -> Vec<String> {
    hub.calls()
        .into_iter()
        .filter(|call| !call.starts_with("GET"))
        .collect()
}

#[test]
fn an_issue_whose_answer_is_lost_is_found_and_not_opened_again() {
    let html = Script::DoneSay {
        status: 200,
        body: "<html>Sign in</html>".to_owned(),
    };
    let broken = Script::DoneSay {
        status: 502,
        body: "<html>Bad gateway</html>".to_owned(),
    };
    for lost in [Script::DoneCut, Script::DoneSilent, html, broken] {
        let hub = Hub::new();
        hub.plan("POST /issues", lost.clone());
        let told = tell_soon(&hub, Open);
        assert_eq!(
            (told.issue.unwrap().number, told.warnings.len()),
            (1, 0),
            "{lost:?}"
        );
        assert_eq!(hub.state().issues.len(), 1);
        assert_eq!(hub.state().issue(1).comments.len(), 0);
        assert_eq!(
            writes(&hub)
                .iter()
                .filter(|call| call.starts_with("POST /issues "))
                .count(),
            1,
            "{lost:?}"
        );
    }
}

#[test]
fn an_issue_that_was_not_written_is_opened_after_a_look() {
    for lost in [
        Script::Cut,
        Script::Silent,
        Script::Say {
            status: 500,
            headers: &[],
            body: String::new(),
        },
    ] {
        let hub = Hub::new();
        hub.plan("POST /issues", lost.clone());
        let told = tell_soon(&hub, Open);
        assert_eq!(
            (told.issue.unwrap().number, told.warnings.len()),
            (1, 0),
            "{lost:?}"
        );
        let calls = hub.calls();
        let first = calls
            .iter()
            .position(|call| call.starts_with("POST /issues"))
            .unwrap();
        assert_eq!(
            calls[first + 1..],
            ["GET /issues 200", "POST /issues 201", "GET /issues 200"]
        );
    }
}

#[test]
fn an_answer_that_is_lost_twice_is_a_warning() {
    let hub = Hub::new();
    hub.plan("POST /issues", Script::Cut);
    hub.plan("POST /issues", Script::Cut);
    let told = tell(&hub, Open);
    assert_eq!(told.issue, None);
    assert_eq!(told.warnings.len(), 1);
    assert!(
        told.warnings[0].contains("It is unknown whether GitHub did it anyway."),
        "{told:?}"
    );
    assert_eq!(hub.state().issues.len(), 0);
}

#[test]
fn a_comment_is_never_sent_again_and_does_not_keep_an_issue_open() {
    for lost in [
        Script::DoneCut,
        Script::Silent,
        Script::Say {
            status: 503,
            headers: &[],
            body: String::new(),
        },
    ] {
        let hub = Hub::new();
        hub.state()
            .add("github-actions[bot]", "Bot", "NONE", &text().body);
        hub.plan("POST /issues/1/comments", lost.clone());
        let told = tell_soon(&hub, Close);
        assert_eq!(
            (told.issue.unwrap().number, told.warnings.len()),
            (1, 1),
            "{lost:?}"
        );
        assert!(hub.state().open().is_empty());
        assert_eq!(writes(&hub).len(), 2);
    }
}

#[test]
fn a_change_is_never_sent_again() {
    let hub = Hub::new();
    hub.state()
        .add("github-actions[bot]", "Bot", "NONE", &text().body);
    hub.plan("PATCH /issues/1", Script::Cut);
    let told = tell(&hub, Close);
    assert_eq!(told.warnings.len(), 1);
    assert_eq!(
        writes(&hub),
        ["POST /issues/1/comments 201", "PATCH /issues/1 cut"]
    );
}

#[test]
fn of_two_runs_at_once_one_issue_is_left_and_both_are_told_in_it() {
    let hub = Hub::new();
    // both have looked before one of them writes
    hub.gather("GET /issues", 2);
    let access = access(&hub.url());
    let (wishes, first, second) = (wishes(&[], &[]), text_of("1"), text_of("2"));
    let (one, other) = run(async {
        tokio::join!(
            tell_with(&access, Open, &first, &wishes),
            tell_with(&access, Open, &second, &wishes)
        )
    });
    assert_eq!(
        (one.warnings.len(), other.warnings.len()),
        (0, 0),
        "{one:?} {other:?}"
    );
    let state = hub.state();
    assert_eq!(state.issues.len(), 2);
    assert_eq!(state.open(), [1]);
    assert_eq!(one.issue.unwrap().number, 1);
    assert_eq!(other.issue.unwrap().number, 1);
    let told = format!(
        "{}{}",
        state.issue(1).body.as_ref().unwrap(),
        state.issue(1).comments[0].body
    );
    assert!(
        told.contains("run 1 failed") && told.contains("run 2 failed"),
        "{told}"
    );
    assert_eq!(state.issue(2).reason.as_deref(), Some("not_planned"));
    assert_eq!(
        state.issue(2).comments[0].body,
        "Another run opened #1 at the same time. This run is reported there."
    );
}

#[test]
fn another_runs_issue_that_appears_when_the_own_answer_is_lost_is_commented() {
    let hub = Hub::new();
    hub.gather("GET /issues", 2);
    hub.plan("POST /issues", Script::Cut);
    let access = access(&hub.url());
    let (wishes, first, second) = (wishes(&[], &[]), text_of("1"), text_of("2"));
    let (one, other) = run(async {
        tokio::join!(
            tell_with(&access, Open, &first, &wishes),
            tell_with(&access, Open, &second, &wishes)
        )
    });
    assert_eq!(one.issue.unwrap().number, 1);
    assert_eq!(other.issue.unwrap().number, 1);
    assert_eq!(hub.state().open(), [1]);
    let state = hub.state();
    let told = format!("{:?}{:?}", state.issue(1).body, state.issue(1).comments);
    assert!(
        told.contains("run 1 failed") && told.contains("run 2 failed"),
        "{told}"
    );
}
