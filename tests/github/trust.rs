//! Whose issue is taken for ours.

use super::{access, run, text, told};
use crate::hub::state::Who;
use crate::hub::Hub;
use deploy_action::github::{GitHub as Client, TimeLimits};
use deploy_action::report::IssueAct::{Close, Comment, Open};

#[test]
fn a_stranger_who_writes_the_marker_is_not_heard() {
    let hub = Hub::new();
    for association in ["NONE", "CONTRIBUTOR", "FIRST_TIME_CONTRIBUTOR", "MANNEQUIN"] {
        hub.state()
            .add("mallory", "User", association, &text().body);
    }
    hub.state()
        .add("gone", "User", "OWNER", &text().body)
        .author = None;
    assert_eq!(told(&hub, Comment), None);
    assert_eq!(told(&hub, Close), None);
    assert_eq!(told(&hub, Open), Some(6));
    assert_eq!(hub.state().open().len(), 6);
    assert!(hub
        .state()
        .issues
        .iter()
        .all(|issue| issue.comments.is_empty()));
}

#[test]
fn the_marker_counts_at_the_top_only() {
    let hub = Hub::new();
    for body in [
        format!("see {}", text().body),
        format!("\n{}", text().body),
        text().marker + " and more",
    ] {
        hub.state().add("github-actions[bot]", "Bot", "NONE", &body);
    }
    assert_eq!(told(&hub, Comment), None);
}

#[test]
fn with_a_jobs_token_bots_and_insiders_are_trusted() {
    for (author, kind, association) in [
        ("github-actions[bot]", "Bot", "NONE"),
        ("deployer[bot]", "Bot", "NONE"),
        ("alice", "User", "OWNER"),
        ("alice", "User", "MEMBER"),
        ("alice", "User", "COLLABORATOR"),
    ] {
        let hub = Hub::new();
        hub.state().add(author, kind, association, &text().body);
        assert_eq!(told(&hub, Comment), Some(1), "{author} {association}");
    }
}

#[test]
fn with_a_persons_token_only_that_person_and_the_job_are_trusted() {
    for (author, kind, trusted) in [
        ("alice", "User", true),
        ("github-actions[bot]", "Bot", true),
        ("github-actions[bot]", "User", false),
        ("deployer[bot]", "Bot", false),
        ("bob", "User", false),
    ] {
        let hub = Hub::new();
        hub.state().who = Who::Person("alice");
        hub.state().add(author, kind, "OWNER", &text().body);
        assert_eq!(told(&hub, Comment).is_some(), trusted, "{author} {kind}");
    }
}

#[test]
fn only_what_its_owner_keeps_closed_is_private() {
    let hub = Hub::new();
    for (visibility, private) in [("public", false), ("internal", false), ("private", true)] {
        hub.state().visibility = visibility;
        let asked = run(async {
            Client::new(&access(&hub.url()), TimeLimits::default())
                .unwrap()
                .is_private()
                .await
        });
        assert_eq!(asked, Ok(private), "{visibility}");
    }
}
