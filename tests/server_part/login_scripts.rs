//! Login scripts that read what is meant for the server part: it says that it has begun nothing.

use crate::app::App;
use crate::client::{Client, Sending, Told};
use crate::interrupted::stopped_in_restart;
use crate::invariants::Invariants;
use crate::stub_server::StubServer;
use deploy_action::protocol::{Errand, Outcome, Plan, Refusal, Step, What};
use std::fs;

/// Scripts that read some of the input, or close it.
const READING: [&str; 4] = [
    "read -r -N 50 x",
    "head -c 1 >/dev/null",
    "head -c 100 >/dev/null",
    "exec </dev/null",
];

/// A login in which `script` runs first.
fn after(script: &str, server: &StubServer, plan: &Plan, errand: Errand) -> Client {
    Client::start(server.serve_after(script, plan, errand), plan)
}

fn nothing_was_begun(server: &StubServer) {
    Invariants::of(server);
    assert_eq!(server.restarts(), ["old"]);
    assert_eq!(server.releases(), ["old"]);
}

#[test]
fn a_first_login_without_its_input_says_that_it_has_begun_nothing() {
    for script in READING {
        let server = StubServer::with(&App::good("old"));
        let app = App::good("new");
        let plan = server.plan(&app);
        let verdicts = || fs::read_dir(server.own().join("verdicts")).unwrap().count();
        let before = verdicts();
        let mut client = after(script, &server, &plan, Errand::Start);
        client.send_all(&plan, &app, Sending::Unasked);
        let told = client.finish_open(&app);
        assert_eq!(
            (&told.verdict, &told.events[..], told.refused),
            (&None, &[][..], Some(Refusal::Unreadable)),
            "{script}: {told:?}"
        );
        assert_eq!(verdicts(), before, "{script}");
        nothing_was_begun(&server);
        server.deploys(&app);
    }
}

#[test]
fn a_login_that_gets_nothing_does_not_wait_long() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("new");
    let plan = server.plan(&app);
    let mut client = after("timeout 1 cat >/dev/null", &server, &plan, Errand::Start);
    client.send_all(&plan, &app, Sending::Unasked);
    let told = client.finish_open(&app);
    let refused = told.refused;
    assert!(
        matches!(refused, Some(Refusal::NoInput { limit }) if limit.as_secs() == 30),
        "{told:?}"
    );
    nothing_was_begun(&server);
}

fn cancelled_for_good(server: &StubServer, plan: &Plan, told: &Told, app: &App) {
    let verdict = told.verdict.as_ref().unwrap();
    assert_eq!(
        (verdict.outcome, verdict.switched),
        (Outcome::Cancelled, false),
        "{told:?}"
    );
    // a login that was on the way all the time
    let mut late = server.start(plan);
    late.send_all(plan, app, Sending::Ask);
    assert_eq!(late.finish(app).outcome(), Some(Outcome::Cancelled));
    nothing_was_begun(server);
}

#[test]
fn a_second_login_without_its_input_gives_up_what_was_not_begun() {
    for script in READING {
        let server = StubServer::with(&App::good("old"));
        let app = App::good("new");
        let plan = server.plan(&app);
        let mut again = after(script, &server, &plan, Errand::Resume);
        again.come_back(&plan, 0, &app);
        let told = again.finish_open(&app);
        assert_eq!(told.refused, Some(Refusal::Unreadable), "{script}");
        cancelled_for_good(&server, &plan, &told, &app);
    }
}

#[test]
fn a_second_login_without_its_input_tells_the_end_of_what_was_begun() {
    for heard in [0, 1] {
        let server = StubServer::with(&App::good("old"));
        let app = App::good("new");
        let (mut first, gate) = stopped_in_restart(&server, &app);
        let plan = first.plan().clone();
        first.kill();
        first.wait();
        let mut again = after(READING[0], &server, &plan, Errand::Resume);
        again.come_back(&plan, heard, &app);
        assert!(again.follow_until(&app, |what| *what == What::Step(Step::Restart)));
        fs::remove_file(gate).unwrap();
        let told = again.finish(&app);
        assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
        assert_eq!(told.refused, Some(Refusal::Unreadable));
        assert_eq!(server.restarts(), ["old", "new"]);
    }
}

#[test]
fn the_second_step_and_a_listing_need_no_input() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("new");
    let plan = server.plan(&app);
    let follow = Errand::Follow { heard: 0 };
    let told = after("exec </dev/null", &server, &plan, follow).finish(&app);
    assert_eq!(told.refused, None);
    cancelled_for_good(&server, &plan, &told, &app);
    let plan = server.plan(&app);
    let listing = after("exec </dev/null", &server, &plan, Errand::List).list();
    assert_eq!(listing.releases.len(), 1);
}
