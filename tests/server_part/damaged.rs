//! What an interruption and a bad disk left: a record that cannot be read, a release that is gone.

use crate::app::App;
use crate::client::{Client, Sending};
use crate::interrupted::{guard_status, pid_of_transaction, signal, stopped_in_restart};
use crate::invariants::within_seconds;
use crate::stub_server::StubServer;
use deploy_action::protocol::{Errand, Outcome, Plan, Reason, Refusal, Warning, What};
use std::fs;

/// A server on which a transaction ended in its restart without a verdict.
struct Interrupted {
    server: StubServer,
    plan: Plan,
}

impl Interrupted {
    fn new() -> Self {
        let server = StubServer::with(&App::good("old"));
        let (mut client, gate) = stopped_in_restart(&server, &App::good("new"));
        signal("-KILL", &client.pid().to_string());
        client.wait();
        signal("-KILL", &pid_of_transaction(&server));
        fs::remove_file(gate).unwrap();
        // the restart, which goes on
        assert!(within_seconds(|| fs::File::open(server.own().join("lock"))
            .unwrap()
            .try_lock()
            .is_ok()));
        let plan = client.plan().clone();
        Self { server, plan }
    }

    fn pending(&self) -> std::path::PathBuf {
        self.server.own().join("pending")
    }

    fn follower(&self) -> Client {
        self.server
            .start_for(&self.plan, Errand::Follow { heard: 0 })
    }
}

fn is_set_aside(what: &What) -> bool {
    matches!(what, What::Warning(Warning::PendingSetAside { .. }))
}

#[test]
fn a_record_that_nobody_can_read_is_set_aside_and_what_is_live_stays() {
    for junk in ["", "\0\0\0\0", "{\"format\":1,\"transact", "no JSON"] {
        let before = Interrupted::new();
        let server = &before.server;
        fs::write(before.pending(), junk).unwrap();
        let told = server.deploys(&App::good("next"));
        assert!(told.has(is_set_aside), "{junk}: {told:?}");
        assert_eq!(told.recovered(), None);
        let aside = server.own().join("pending.damaged");
        assert_eq!(fs::read_to_string(aside).unwrap(), junk);
        let told = server.deploys(&App::good("one more"));
        assert!(!told.has(is_set_aside), "{told:?}");
    }
}

#[test]
fn a_record_of_a_newer_version_is_left_to_that_version() {
    let before = Interrupted::new();
    let newer = r#"{"format":9,"transaction":7}"#;
    fs::write(before.pending(), newer).unwrap();
    let app = App::good("next");
    let plan = before.server.plan(&app);
    let mut client = before.server.start(&plan);
    client.send_all(&plan, &app, Sending::Unasked);
    let told = client.finish(&app);
    assert_eq!(told.outcome(), Some(Outcome::Failed), "{told:?}");
    let reason = told.verdict.unwrap().failure.unwrap().reason;
    assert!(
        matches!(&reason, Reason::Io { error, .. } if error.contains("format 9")),
        "{reason:?}"
    );
    assert_eq!(fs::read_to_string(before.pending()).unwrap(), newer);
}

#[test]
fn whoever_follows_a_transaction_with_a_damaged_record_does_not_hear_that_nothing_happened() {
    let before = Interrupted::new();
    fs::write(before.pending(), "").unwrap();
    let told = before.follower().finish(&App::good("new"));
    assert_eq!((told.refused, told.verdict), (Some(Refusal::NoTrace), None));
}

#[test]
fn the_guard_leaves_what_is_live_if_the_old_release_is_gone() {
    let before = Interrupted::new();
    let server = &before.server;
    let old = fs::canonicalize(server.target().join("releases"))
        .unwrap()
        .join(old_of(&before));
    let away = server.home().join("away");
    fs::rename(&old, &away).unwrap();
    assert!(!guard_status(server).success(), "it says so");
    assert_eq!(server.named_by("current").as_deref(), Some("new"));
    fs::rename(&away, &old).unwrap();
    assert!(guard_status(server).success());
    assert_eq!(server.named_by("current").as_deref(), Some("old"));
}

#[test]
fn the_guard_leaves_a_damaged_record_to_the_next_run() {
    let before = Interrupted::new();
    fs::write(before.pending(), "").unwrap();
    guard_status(&before.server);
    assert_eq!(before.server.named_by("current").as_deref(), Some("new"));
    assert!(before.pending().exists());
    before.server.deploys(&App::good("next"));
}

fn old_of(before: &Interrupted) -> String {
    let pending: serde_json::Value =
        serde_json::from_slice(&fs::read(before.pending()).unwrap()).unwrap();
    let old = &pending["old"]["release"];
    old.as_str().map_or_else(|| old.to_string(), str::to_owned)
}
