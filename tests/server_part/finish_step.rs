//! The action's finish step: it follows a transaction to its end and knows only the id.

use crate::app::App;
use crate::client::{Client, Sending, Told};
use crate::interrupted::{pid_of_transaction, signal, stopped_in_restart};
use crate::invariants::{within_seconds, Invariants};
use crate::stub_server::StubServer;
use deploy_action::protocol::{Errand, Install, Outcome, Plan, Step, ToServer, What};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// Asks what becomes of the transaction, knowing nothing but its id.
fn attend(server: &StubServer, plan: &Plan) -> Client {
    server.start_for(plan, Errand::Follow { heard: 0 })
}

fn attended(server: &StubServer, plan: &Plan, app: &App) -> Told {
    attend(server, plan).finish(app)
}

fn nothing_happened(server: &StubServer, told: &Told) {
    let verdict = told.verdict.as_ref().unwrap();
    assert_eq!(
        (verdict.outcome, &verdict.failure, verdict.switched),
        (Outcome::Cancelled, &None, false),
        "{told:?}"
    );
    assert_eq!(server.restarts(), ["old"]);
    Invariants::of(server);
}

#[test]
fn of_one_that_the_server_never_saw_nothing_happened_and_nothing_will() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("new");
    let plan = server.plan(&app);
    nothing_happened(&server, &attended(&server, &plan, &app));
    // its login was on the way all the time
    let mut late = server.start(&plan);
    late.send_all(&plan, &app, Sending::Ask);
    assert_eq!(late.finish(&app).outcome(), Some(Outcome::Cancelled));
    assert_eq!(
        (server.restarts(), server.releases()),
        (vec!["old".to_owned()], vec!["old".to_owned()])
    );
    server.deploys(&app);
}

#[test]
fn one_that_is_at_work_is_followed_and_one_that_has_ended_is_told() {
    for ended in [false, true] {
        let server = StubServer::with(&App::good("old"));
        let app = App::good("new");
        let (mut first, gate) = stopped_in_restart(&server, &app);
        let plan = first.plan().clone();
        first.kill();
        first.wait();
        let told = if ended {
            fs::remove_file(gate).unwrap();
            Invariants::of(&server);
            attended(&server, &plan, &app)
        } else {
            let mut client = attend(&server, &plan);
            assert!(client.follow_until(&app, |what| *what == What::Step(Step::Restart)));
            fs::remove_file(gate).unwrap();
            client.finish(&app)
        };
        assert_eq!(
            (told.outcome(), told.recovered()),
            (Some(Outcome::Deployed), None),
            "{told:?}"
        );
        assert!(
            matches!(told.events[0], What::PointOfNoReturn { .. }),
            "{told:?}"
        );
        assert_eq!(server.restarts(), ["old", "new"]);
        assert_eq!(server.look_in().recovered(), None, "it was told");
    }
}

#[test]
fn one_that_was_killed_is_ended() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("new");
    let (mut first, gate) = stopped_in_restart(&server, &app);
    let plan = first.plan().clone();
    first.kill();
    first.wait();
    signal("-KILL", &pid_of_transaction(&server));
    fs::remove_file(gate).unwrap();
    let told = attended(&server, &plan, &app);
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    Invariants::of(&server).after(&told);
    assert_eq!(server.runs().as_deref(), Some("old"));
}

#[test]
fn one_that_is_still_being_prepared_stops() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("new");
    let mut plan = server.plan(&app);
    plan.staging.install = Install::Commands("echo begun; sleep 60".to_owned());
    let mut first = server.start(&plan);
    first.send_all(&plan, &app, Sending::Ask);
    assert!(first.follow_until(&app, |what| *what == What::Output(b"begun".to_vec())));
    nothing_happened(&server, &attended(&server, &plan, &app));
    assert_eq!(first.finish(&app).outcome(), Some(Outcome::Cancelled));
}

#[test]
fn one_that_waits_for_anothers_lock_will_find_that_it_was_given_up() {
    let server = StubServer::with(&App::good("old"));
    let (app, other) = (App::good("new"), App::good("other"));
    let plans = [server.plan(&other), server.plan(&app)];
    let mut holder = server.start(&plans[0]);
    holder.open(&plans[0], &other);
    assert!(holder.follow_until(&other, |what| *what == What::Step(Step::Upload)));
    let mut waiting = server.start(&plans[1]);
    waiting.send_all(&plans[1], &app, Sending::Ask);
    assert!(waiting.follow_until(&app, |what| matches!(what, What::Waiting(_))));
    let told = attended(&server, &plans[1], &app);
    assert_eq!(told.outcome(), Some(Outcome::Cancelled), "{told:?}");
    holder.send([ToServer::Ask]);
    assert_eq!(holder.finish(&other).outcome(), Some(Outcome::Deployed));
    assert_eq!(waiting.finish(&app).outcome(), Some(Outcome::Cancelled));
    assert_eq!(server.restarts(), ["old", "other"]);
}

/// Whether the process is about to decide whether it is given up: it has the folder of verdicts open.
fn is_deciding(server: &StubServer, pid: u32) -> bool {
    let files = fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .flatten();
    let folder = fs::canonicalize(server.own().join("verdicts")).unwrap();
    files
        .filter_map(|file| fs::read_link(file.path()).ok())
        .any(|open| open == folder)
}

/// As one that is in the midst of deciding.
fn decide(server: &StubServer) -> fs::File {
    let verdicts = fs::File::open(server.own().join("verdicts")).unwrap();
    verdicts.lock().unwrap();
    verdicts
}

fn verdict_of(server: &StubServer, plan: &Plan) -> PathBuf {
    server
        .own()
        .join("verdicts")
        .join(plan.transaction.to_string())
}

#[test]
fn one_that_is_given_up_in_the_last_moment_does_not_begin() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("new");
    let plan = server.plan(&app);
    let mut given_up = attended(&server, &server.plan(&app), &app).verdict.unwrap();
    given_up.transaction = plan.transaction.clone();
    let deciding = decide(&server);
    let mut first = server.start(&plan);
    first.send_all(&plan, &app, Sending::Unasked);
    assert!(within_seconds(
        || is_deciding(&server, first.pid()) || server.restarts() != ["old"]
    ));
    assert_eq!(server.restarts(), ["old"]);
    let verdict = verdict_of(&server, &plan);
    fs::write(&verdict, serde_json::to_vec(&given_up).unwrap()).unwrap();
    fs::set_permissions(verdict, fs::Permissions::from_mode(0o600)).unwrap();
    drop(deciding);
    assert_eq!(first.finish(&app).outcome(), Some(Outcome::Cancelled));
    assert_eq!(server.restarts(), ["old"]);
    Invariants::of(&server);
}

#[test]
fn none_is_given_up_while_it_may_begin() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("new");
    let plan = server.plan(&app);
    let deciding = decide(&server);
    // another run is at work
    let lock = fs::File::open(server.own().join("lock")).unwrap();
    lock.lock().unwrap();
    let client = attend(&server, &plan);
    assert!(within_seconds(
        || is_deciding(&server, client.pid()) || verdict_of(&server, &plan).exists()
    ));
    assert!(!verdict_of(&server, &plan).exists());
    drop((deciding, lock));
    nothing_happened(&server, &client.finish(&app));
}
