//! A runner half that lost its connection comes back with the same transaction: nothing is done twice, and each event is
//! reported once.

use crate::app::App;
use crate::client::{Client, Sending, Told};
use crate::interrupted::{pid_of_transaction, signal, stopped_in_restart};
use crate::invariants::{within_seconds, Invariants};
use crate::stub_server::StubServer;
use deploy_action::protocol::{Errand, Install, Outcome, Plan, Step, ToServer, What};
use std::fs;

/// The transaction's own events.
fn own(told: &[What]) -> Vec<What> {
    let begins = told
        .iter()
        .position(|what| matches!(what, What::PointOfNoReturn { .. }));
    begins.map_or_else(Vec::new, |at| told[at..].to_vec())
}

fn ended(told: &Told) -> bool {
    matches!(told.events.last(), Some(What::Ended(_)))
}

/// A server on which a transaction is stopped in its restart, and the runner half that saw it so far.
struct Stopped {
    server: StubServer,
    app: App,
    plan: Plan,
    client: Client,
    gate: std::path::PathBuf,
}

impl Stopped {
    fn new() -> Self {
        let server = StubServer::with(&App::good("old"));
        let app = App::good("new");
        let (client, gate) = stopped_in_restart(&server, &app);
        let plan = client.plan().clone();
        Self {
            server,
            app,
            plan,
            client,
            gate,
        }
    }

    fn comes_back(&self, heard: usize) -> Client {
        let mut again = self.server.start_for(&self.plan, Errand::Resume);
        again.come_back(&self.plan, heard.try_into().unwrap(), &self.app);
        again
    }

    /// Deployed by one restart, and told.
    fn is_deployed(&self, told: &Told) {
        assert_eq!(
            (told.outcome(), told.recovered()),
            (Some(Outcome::Deployed), None),
            "{told:?}"
        );
        assert_eq!(self.server.restarts(), ["old", "new"]);
        assert_eq!(self.server.look_in().recovered(), None, "it was told");
    }
}

#[test]
fn during_the_transaction_it_hears_what_it_has_not_heard_and_the_end() {
    for heard in [0, 1, 3] {
        let mut stopped = Stopped::new();
        stopped.client.hang_up();
        stopped.client.wait();
        let again = stopped.comes_back(heard);
        fs::remove_file(&stopped.gate).unwrap();
        let told = again.finish(&stopped.app);
        stopped.is_deployed(&told);
        assert!(ended(&told));
        let all = [What::Step(Step::Switch), What::Step(Step::Restart)];
        match heard {
            0 => {
                assert!(
                    matches!(&told.events[..], [What::PointOfNoReturn { .. }, rest @ ..] if rest.starts_with(&all))
                )
            }
            1 => assert!(told.events.starts_with(&all), "{told:?}"),
            _ => assert_eq!(told.events[0], What::Step(Step::Verify), "{told:?}"),
        }
    }
}

#[test]
fn a_login_that_does_not_know_yet_that_its_line_is_dead_makes_room() {
    let stopped = Stopped::new();
    // the first one is there and listens
    let again = stopped.comes_back(3);
    fs::remove_file(&stopped.gate).unwrap();
    let told = again.finish(&stopped.app);
    stopped.is_deployed(&told);
}

#[test]
fn after_the_end_it_hears_the_rest() {
    for heard in [0, 2] {
        let mut stopped = Stopped::new();
        stopped.client.hang_up();
        stopped.client.wait();
        fs::remove_file(&stopped.gate).unwrap();
        Invariants::of(&stopped.server);
        let told = stopped.comes_back(heard).finish(&stopped.app);
        assert_eq!(own(&told.events).is_empty(), heard > 0, "{told:?}");
        assert!(
            told.has(|what| *what == What::Step(Step::Verify)),
            "{told:?}"
        );
        stopped.is_deployed(&told);
        // and once more, having heard all
        let told = stopped
            .comes_back(heard + told.events.len())
            .finish(&stopped.app);
        assert!(matches!(&told.events[..], [What::Ended(_)]), "{told:?}");
    }
}

#[test]
fn a_transaction_that_is_killed_meanwhile_is_ended_and_told() {
    for killed_first in [false, true] {
        let mut stopped = Stopped::new();
        stopped.client.kill();
        stopped.client.wait();
        let kill = || {
            signal("-KILL", &pid_of_transaction(&stopped.server));
            fs::remove_file(&stopped.gate).unwrap();
        };
        let told = if killed_first {
            kill();
            stopped.comes_back(3).finish(&stopped.app)
        } else {
            let again = stopped.comes_back(3);
            kill();
            again.finish(&stopped.app)
        };
        assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
        assert!(
            !told.has(|what| matches!(what, What::PointOfNoReturn { .. })),
            "{told:?}"
        );
        Invariants::of(&stopped.server).after(&told);
        assert_eq!(stopped.server.runs().as_deref(), Some("old"));
        assert_eq!(stopped.server.look_in().recovered(), None, "it was told");
    }
}

#[test]
fn before_the_switch_an_earlier_login_is_asked_to_leave_and_everything_begins_anew() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("new");
    let mut plan = server.plan(&app);
    // nobody else is waited for
    plan.lock_wait = std::time::Duration::ZERO;
    plan.staging.install = Install::Commands(
        "echo $$ >> ../../installs; echo begun; [ -e ../../second ] || { touch ../../second; sleep 60; }".to_owned(),
    );
    let mut first = server.start(&plan);
    first.send_all(&plan, &app, Sending::Ask);
    assert!(first.follow_until(&app, |what| *what == What::Output(b"begun".to_vec())));
    let mut again = server.start_for(&plan, Errand::Resume);
    again.come_back(&plan, 0, &app);
    let told = again.finish(&app);
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    assert!(
        !told.has(|what| matches!(what, What::Waiting(_))),
        "it is nobody else's lock: {told:?}"
    );
    assert_eq!(told.staged().received, 0, "what was uploaded is there");
    let installs = fs::read_to_string(server.target().join("installs")).unwrap();
    let pids: Vec<&str> = installs.lines().collect();
    assert_eq!(pids.len(), 2);
    assert!(
        pids.iter()
            .all(|pid| !fs::exists(format!("/proc/{pid}")).unwrap()),
        "the first install has ended"
    );
    assert_eq!(first.finish(&app).outcome(), Some(Outcome::Cancelled));
    assert_eq!(server.restarts(), ["old", "new"]);
}

#[test]
fn a_login_that_waits_for_contents_that_never_come_leaves_too() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("new");
    let plan = server.plan(&app);
    let mut first = server.start(&plan);
    first.open(&plan, &app);
    first.send([ToServer::Ask]);
    assert!(first.follow_until(&app, |what| *what == What::Step(Step::Upload)));
    assert!(within_seconds(
        || !Invariants::of_running(&server).lock_is_free()
    ));
    let mut again = server.start_for(&plan, Errand::Resume);
    again.come_back(&plan, 0, &app);
    assert_eq!(again.finish(&app).outcome(), Some(Outcome::Deployed));
    assert_eq!(server.restarts(), ["old", "new"]);
}

#[test]
fn what_has_failed_is_not_done_twice() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("new");
    let mut plan = server.plan(&app);
    plan.staging.before_switch = Some("echo once >> ../../migrations; false".to_owned());
    let mut client = server.start(&plan);
    client.send_all(&plan, &app, Sending::Ask);
    assert_eq!(client.finish(&app).outcome(), Some(Outcome::Failed));
    let mut again = server.start_for(&plan, Errand::Resume);
    again.come_back(&plan, 0, &app);
    let told = again.finish(&app);
    assert_eq!(told.outcome(), Some(Outcome::Failed), "{told:?}");
    assert_eq!(
        told.verdict.unwrap().failure.unwrap().step,
        Step::BeforeSwitch
    );
    assert_eq!(
        fs::read_to_string(server.target().join("migrations")).unwrap(),
        "once\n"
    );
    // another one is another one
    assert_eq!(server.look_in().recovered(), None);
}

#[test]
fn another_deployments_login_is_not_asked_to_leave() {
    let server = StubServer::with(&App::good("old"));
    let (app, next) = (App::good("new"), App::good("next"));
    let plan = server.plan(&app);
    let mut holder = server.start(&plan);
    holder.open(&plan, &app);
    assert!(holder.follow_until(&app, |what| *what == What::Step(Step::Upload)));
    let mut others = server.plan(&next);
    others.lock_wait = std::time::Duration::ZERO;
    let mut second = server.start_for(&others, Errand::Resume);
    second.come_back(&others, 0, &next);
    assert_eq!(second.finish(&next).outcome(), Some(Outcome::Busy));
    holder.send([ToServer::Ask]);
    assert_eq!(holder.finish(&app).outcome(), Some(Outcome::Deployed));
}
