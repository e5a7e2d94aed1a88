//! A system that is going down decides nothing: the transaction stays pending, and is ended after the boot.

use crate::app::App;
use crate::client::{Client, Sending};
use crate::interrupted::guard;
use crate::invariants::{processes_on, within_seconds};
use crate::stub_server::StubServer;
use deploy_action::protocol::{Errand, Interference, Notice, Outcome, Reason, Step, What};
use std::fs;

fn says_so(what: &What) -> bool {
    matches!(what, What::Notice(Notice::GoingDown))
}

/// A deployment of a release that behaves so, while the system goes down at the restart of `at`.
fn goes_down(server: &StubServer, behaviour: &str, at: &str) -> Client {
    server.program(
        "on-restart",
        &format!("#!/bin/sh\n[ \"$1\" != {at} ] || echo stopping > \"${{0%/*}}/unit/system\"\n"),
    );
    let app = App::new("new", behaviour);
    let plan = server.plan(&app);
    let mut client = server.start(&plan);
    client.send_all(&plan, &app, Sending::Ask);
    assert!(client.follow_until(&app, says_so));
    let transacts = || {
        let processes = processes_on(&server.target());
        processes
            .iter()
            .any(|process| process.command.contains("transact"))
    };
    assert!(within_seconds(|| !transacts()));
    client
}

fn boots(server: &StubServer) {
    server.program("on-restart", "#!/bin/sh\n");
    fs::write(server.home().join("unit/system"), "running\n").unwrap();
}

fn is_undecided(server: &StubServer, client: &Client) {
    let id = client.plan().transaction.to_string();
    assert!(server.own().join("pending").exists());
    assert!(!server.own().join("verdicts").join(id).exists());
}

/// The state in the record of the newest release.
fn state_of_newest(server: &StubServer) -> String {
    let records = fs::read_dir(server.own().join("records")).unwrap();
    let mut paths: Vec<_> = records.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|it| it == "json"));
    paths.sort();
    let text = fs::read(paths.pop().unwrap()).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&text).unwrap();
    record["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_release_that_fails_then_is_neither_marked_nor_rolled_back() {
    for behaviour in ["crash", "failed", "never-ready"] {
        let server = StubServer::with(&App::good("old"));
        let mut client = goes_down(&server, behaviour, "new");
        is_undecided(&server, &client);
        assert_eq!(state_of_newest(&server), "Complete");
        assert_eq!(server.restarts(), ["old", "new"]);
        assert_eq!(server.named_by("current").as_deref(), Some("new"));
        client.kill();
        client.wait();
        boots(&server);
        let told = server.look_in();
        let recovered = told.recovered().map(|verdict| verdict.outcome);
        assert_eq!(recovered, Some(Outcome::RolledBack), "{told:?}");
        assert_eq!(server.runs().as_deref(), Some("old"));
    }
}

#[test]
fn a_rollback_that_fails_then_is_not_called_failed() {
    let server = StubServer::with(&App::good("old"));
    server.behaves("old", "refused");
    let mut client = goes_down(&server, "crash", "old");
    is_undecided(&server, &client);
    client.kill();
    client.wait();
    boots(&server);
    server.behaves("old", "healthy");
    let told = server.look_in();
    let recovered = told.recovered().map(|verdict| verdict.outcome);
    assert_eq!(recovered, Some(Outcome::RolledBack), "{told:?}");
}

#[test]
fn the_boot_guard_restores_the_old_release() {
    let server = StubServer::with(&App::good("old"));
    let mut client = goes_down(&server, "crash", "new");
    client.kill();
    client.wait();
    boots(&server);
    guard(&server);
    assert_eq!(server.named_by("current").as_deref(), Some("old"));
}

#[test]
fn whoever_follows_is_kept_and_learns_the_end_after_the_boot() {
    let server = StubServer::with(&App::good("old"));
    let mut client = goes_down(&server, "crash", "new");
    let (plan, app) = (client.plan().clone(), App::new("new", "crash"));
    client.kill();
    client.wait();
    for (errand, heard) in [
        (Errand::Resume, 0),
        (Errand::Resume, 1),
        (Errand::Follow { heard: 1 }, 1),
    ] {
        let mut again = server.start_for(&plan, errand);
        if errand == Errand::Resume {
            again.come_back(&plan, heard, &app);
        }
        assert!(again.follow_until(&app, says_so));
        is_undecided(&server, &again);
        again.kill();
        again.wait();
    }
    let mut again = server.start_for(&plan, Errand::Resume);
    again.come_back(&plan, 1, &app);
    assert!(again.follow_until(&app, says_so));
    boots(&server);
    let told = again.finish(&app);
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    assert_eq!(server.restarts(), ["old", "new", "old"]);
}

#[test]
fn no_transaction_begins_then() {
    let server = StubServer::with(&App::good("old"));
    fs::write(server.home().join("unit/system"), "stopping\n").unwrap();
    let told = server.deploy(&App::good("new"));
    assert_eq!(told.outcome(), Some(Outcome::Failed), "{told:?}");
    let verdict = told.verdict.unwrap();
    assert!(!verdict.switched);
    let failure = verdict.failure.unwrap();
    let expected = Reason::Interference(Interference::GoingDown);
    assert_eq!((failure.step, failure.reason), (Step::Seal, expected));
    assert_eq!(server.restarts(), ["old"]);
}

#[test]
fn a_release_that_is_healthy_is_committed_all_the_same() {
    let server = StubServer::with(&App::good("old"));
    server.program(
        "on-restart",
        "#!/bin/sh\necho stopping > \"${0%/*}/unit/system\"\n",
    );
    let told = server.deploy(&App::good("new"));
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
}
