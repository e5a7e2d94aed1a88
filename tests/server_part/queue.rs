//! Who waits for the lock is served in the order in which they came.

use crate::app::App;
use crate::client::{Client, Sending};
use crate::interrupted::signal;
use crate::stub_server::StubServer;
use deploy_action::protocol::{Install, Outcome, What};
use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

/// A deployment that holds the lock until the gate is opened.
fn holder(server: &StubServer, app: &App) -> (Client, PathBuf) {
    let gate = server.home().join("gate");
    fs::write(&gate, "").unwrap();
    let mut plan = server.plan(app);
    let wait = format!("while [ -e {} ]; do sleep 0.02; done", gate.display());
    plan.staging.install = Install::Commands(wait);
    let mut client = server.start(&plan);
    client.send_all(&plan, app, Sending::Unasked);
    assert!(client.follow_until(app, |what| matches!(what, What::Staged(_))));
    (client, gate)
}

/// One that waits for it.
fn waiter(server: &StubServer, app: &App, patience: Duration) -> Client {
    let mut plan = server.plan(app);
    plan.lock_wait = patience;
    let mut client = server.start(&plan);
    client.send_all(&plan, app, Sending::Unasked);
    assert!(client.follow_until(app, |what| matches!(what, What::Waiting(_))));
    client
}

const LONG: Duration = Duration::from_secs(60);

fn apps() -> [App; 4] {
    ["1", "2", "3", "4"].map(App::good)
}

fn tickets(server: &StubServer) -> usize {
    fs::read_dir(server.own().join("queue")).unwrap().count()
}

#[test]
fn four_waiters_are_served_one_after_the_other() {
    let server = StubServer::with(&App::good("old"));
    let (app, all) = (App::good("holder"), apps());
    let (client, gate) = holder(&server, &app);
    let waiters = all.each_ref().map(|app| waiter(&server, app, LONG));
    assert_eq!(tickets(&server), 4);
    fs::remove_file(gate).unwrap();
    assert_eq!(client.finish(&app).outcome(), Some(Outcome::Deployed));
    for (waiter, app) in waiters.into_iter().zip(&all) {
        assert_eq!(waiter.finish(app).outcome(), Some(Outcome::Deployed));
    }
    assert_eq!(server.restarts(), ["old", "holder", "1", "2", "3", "4"]);
    assert_eq!(tickets(&server), 0);
}

#[test]
fn a_waiter_that_dies_gives_up_or_is_cancelled_is_skipped() {
    let server = StubServer::with(&App::good("old"));
    let (app, all) = (App::good("holder"), apps());
    let (client, gate) = holder(&server, &app);
    let [mut dead, mut cancelled] = [&all[0], &all[1]].map(|app| waiter(&server, app, LONG));
    let mut plan = server.plan(&all[2]);
    plan.lock_wait = Duration::ZERO;
    let mut impatient = server.start(&plan);
    impatient.send_all(&plan, &all[2], Sending::Unasked);
    let last = waiter(&server, &all[3], LONG);
    let [_, _, third, fourth] = &all;
    assert_eq!(impatient.finish(third).outcome(), Some(Outcome::Busy));
    signal("-KILL", &dead.pid().to_string());
    dead.wait();
    cancelled.hang_up();
    cancelled.wait();
    fs::remove_file(gate).unwrap();
    assert_eq!(client.finish(&app).outcome(), Some(Outcome::Deployed));
    assert_eq!(last.finish(fourth).outcome(), Some(Outcome::Deployed));
    assert_eq!(server.restarts(), ["old", "holder", "4"]);
    assert_eq!(tickets(&server), 0);
}

#[test]
fn who_arrives_when_the_lock_is_free_does_not_pass_who_waits() {
    let server = StubServer::with(&App::good("old"));
    let number = server.own().join("queue/7");
    fs::write(&number, "").unwrap();
    let ticket = File::open(&number).unwrap();
    ticket.lock().unwrap();
    let app = App::good("new");
    let client = waiter(&server, &app, LONG);
    assert_eq!(server.named_by("current").as_deref(), Some("old"));
    drop(ticket);
    assert_eq!(client.finish(&app).outcome(), Some(Outcome::Deployed));
    assert_eq!(tickets(&server), 0);
}

#[test]
fn a_run_that_reconnects_while_it_holds_the_lock_is_not_put_behind_those_who_wait() {
    let server = StubServer::with(&App::good("old"));
    let (app, next) = (App::good("again"), App::good("next"));
    let (mut first, gate) = holder(&server, &app);
    let waiting = waiter(&server, &next, LONG);
    let mut plan = first.plan().clone();
    plan.staging.install = Install::Nothing;
    let mut again = server.start_for(&plan, deploy_action::protocol::Errand::Resume);
    again.come_back(&plan, 0, &app);
    assert!(first.wait().is_some());
    fs::remove_file(gate).unwrap();
    assert_eq!(again.finish(&app).outcome(), Some(Outcome::Deployed));
    assert_eq!(waiting.finish(&next).outcome(), Some(Outcome::Deployed));
    assert_eq!(server.restarts(), ["old", "again", "next"]);
}
