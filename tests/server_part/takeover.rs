//! Servers that others have filled, by hand or by the old workflow.

use crate::app::{App, Node};
use crate::stub_server::StubServer;
use deploy_action::protocol::{Finding, Notice, Outcome, Reason, Warning, What};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What the old workflow left: digits without records, `current` and `previous` in the way given.
fn filled(current: &str, previous: &str) -> StubServer {
    let server = StubServer::new();
    server.foreign_release(1_700_000_000, &App::good("older"));
    server.foreign_release(1_700_000_100, &App::good("old"));
    let absolute = |text: &str| text.replace('@', &server.target().display().to_string());
    server.link("current", absolute(current));
    server.link("previous", absolute(previous));
    server.unit("active", "running");
    server
}

#[test]
fn links_of_all_kinds_are_taken_over_and_written_as_ours() {
    let ways = [
        ("releases/1700000100", "releases/1700000000"),
        ("@/releases/1700000100", "@/releases/1700000000"),
        (
            "./releases/../releases/1700000100/",
            "releases/1700000000/.",
        ),
    ];
    for (current, previous) in ways {
        let server = filled(current, previous);
        let told = server.deploys(&App::good("new"));
        assert!(
            told.has(|what| matches!(what, What::Notice(Notice::TakenOver(_)))),
            "{told:?}"
        );
        assert_eq!(server.named_by("previous").as_deref(), Some("old"));
        for link in ["current", "previous"] {
            assert!(fs::read_link(server.target().join(link))
                .unwrap()
                .starts_with("releases"));
        }
        assert_eq!(
            told.staged().received,
            1,
            "what is there under the same path is copied"
        );
    }
}

#[test]
fn the_emergency_state_of_current_over_previous_is_a_way_back() {
    let server = filled("previous", "@/releases/1700000000");
    let told = server.deploy(&App::new("new", "crash"));
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    assert_eq!(server.restarts(), ["new", "older"]);
    assert_eq!(server.named_by("current").as_deref(), Some("older"));
    server.deploys(&App::good("next"));
    assert_eq!(server.named_by("previous").as_deref(), Some("older"));
}

#[test]
fn what_was_not_healthy_before_is_put_back_but_is_no_rollback() {
    let server = filled("releases/1700000100", "releases/1700000000");
    server.unit("failed", "failed");
    server.behaves("old", "failed");
    let told = server.deploy(&App::new("new", "crash"));
    assert!(told.has(|what| matches!(what, What::Warning(Warning::OldUnhealthy(_)))));
    let verdict = told.verdict.unwrap();
    assert_eq!(verdict.outcome, Outcome::Failed);
    assert!(verdict.rollback.is_some());
    assert_eq!(server.named_by("current").as_deref(), Some("old"));
    assert_eq!(server.restarts(), ["new", "old"]);
}

#[test]
fn what_was_not_healthy_before_does_not_become_the_way_back() {
    let server = filled("releases/1700000100", "releases/1700000000");
    server.unit("failed", "failed");
    server.deploys(&App::good("new"));
    assert_eq!(server.named_by("previous").as_deref(), Some("older"));
}

#[test]
fn a_current_that_is_no_link_to_a_release_is_refused_and_nothing_is_touched() {
    for found in [
        "a folder",
        "a file",
        "releases/1",
        "/",
        "/nowhere",
        "current",
        "releases",
        "releases/1700000100/src",
    ] {
        let server = filled("releases/1700000100", "releases/1700000000");
        let current = server.target().join("current");
        fs::remove_file(&current).unwrap();
        match found {
            "a folder" => fs::create_dir(&current).unwrap(),
            "a file" => fs::write(&current, "").unwrap(),
            to => server.link("current", to),
        }
        let before = listing(&server.target());
        let told = server.deploy(&App::good("new"));
        assert_eq!(told.outcome(), Some(Outcome::NotReady), "{found}");
        let reason = told.verdict.unwrap().failure.unwrap().reason;
        assert!(
            matches!(&reason, Reason::NotReady(all) if matches!(all[..], [Finding::Link { .. }])),
            "{reason:?}"
        );
        assert_eq!(listing(&server.target()), before, "{found}");
        assert!(server.restarts().is_empty());
    }
}

fn listing(target: &Path) -> String {
    let mut find = Command::new("find");
    find.arg(target).args([
        "-path",
        "*/.deploy",
        "-prune",
        "-o",
        "-printf",
        "%P %y %l %m %i\n",
    ]);
    String::from_utf8(find.output().unwrap().stdout).unwrap()
}

#[test]
fn a_unit_that_is_not_there_is_not_ready() {
    let server = StubServer::new();
    fs::write(
        server.home().join("unit/state"),
        "LoadState=not-found\nActiveState=inactive\n",
    )
    .unwrap();
    let told = server.deploy(&App::good("new"));
    assert_eq!(told.outcome(), Some(Outcome::NotReady));
    server.program(
        ".local/bin/systemctl",
        "#!/bin/sh\necho System has not been booted with systemd >&2\nexit 1\n",
    );
    let told = server.deploy(&App::good("new"));
    let reason = told.verdict.unwrap().failure.unwrap().reason;
    assert!(
        matches!(&reason, Reason::NotReady(all) if matches!(all[..], [Finding::NoSystemd(_)])),
        "{reason:?}"
    );
}

#[test]
fn a_release_that_its_application_has_changed_is_no_source() {
    let server = StubServer::with(&App::good("old"));
    let file = server.target().join("current/src/main.py");
    let length = fs::metadata(&file).unwrap().len();
    fs::write(&file, vec![b'!'; usize::try_from(length).unwrap()]).unwrap();
    server.remember(
        &App::good("old").with("src/main.py", Node::File(0o644, fs::read(&file).unwrap())),
    );
    let told = server.deploys(&App::good("new"));
    assert_eq!(told.staged().received, 2);
}

#[test]
fn a_release_shares_no_file_with_one_that_is_full_of_hard_links() {
    let server = StubServer::with(
        &App::good("old").with("hard-linked", Node::File(0o644, b"shared".to_vec())),
    );
    let old = fs::canonicalize(server.target().join("current")).unwrap();
    fs::hard_link(old.join("hard-linked"), server.home().join("cache")).unwrap();
    let app = App::good("new").with("copied", Node::File(0o644, b"shared".to_vec()));
    assert_eq!(server.deploys(&app).staged().received, 1);
    fs::write(server.target().join("current/copied"), "mine").unwrap();
    assert_eq!(fs::read(old.join("hard-linked")).unwrap(), b"shared");
    fs::write(server.target().join("current/copied"), "shared").unwrap();
}
