//! For how long the verdict says that users were not served.

use crate::app::App;
use crate::interrupted::{pid_of_transaction, signal, stopped_in_restart};
use crate::poll::wait_for;
use crate::stub_server::StubServer;
use deploy_action::protocol::{Health, HealthUrl, Interruption, Outcome, Plan, Restart, Verdict};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// How long an application takes until it listens.
const START: Duration = Duration::from_secs(1);
/// Far longer than the test takes: only a port that is watched is noticed in time.
const INTERVAL: Duration = Duration::from_secs(30);

/// Listens `START` after the stub's unit was restarted so often, and answers 200.
fn listens_after(restarts: PathBuf, count: usize) -> HealthUrl {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    thread::spawn(move || {
        wait_for("the unit is restarted", || {
            fs::read_to_string(&restarts).is_ok_and(|all| all.lines().count() >= count)
        });
        thread::sleep(START);
        let listener = TcpListener::bind(address).unwrap();
        while let Ok((mut stream, _)) = listener.accept() {
            drop(stream.read(&mut [0; 4096]));
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        }
    });
    HealthUrl {
        tls: false,
        host: "localhost".into(),
        port: address.port(),
        path: "/".into(),
    }
}

fn watch(plan: &mut Plan, url: HealthUrl) {
    plan.verification.health = Some(Health::get(url));
    plan.verification.interval = INTERVAL;
    plan.verification.timeout = INTERVAL;
}

/// The last attempt in the journal, and what it says of the interruption.
fn in_journal(server: &StubServer) -> serde_json::Value {
    let journal = fs::read_to_string(server.own().join("journal")).unwrap();
    let line: serde_json::Value = serde_json::from_str(journal.lines().last().unwrap()).unwrap();
    line["interruption"].clone()
}

fn interruption(verdict: Option<Verdict>) -> Option<Interruption> {
    verdict.unwrap().interruption
}

#[test]
fn it_ends_with_the_first_healthy_answer_which_is_asked_for_as_soon_as_the_port_accepts() {
    let server = StubServer::with(&App::good("old"));
    let url = listens_after(server.home().join("unit/restarts"), 2);
    let start = Instant::now();
    let told = server.deploy_with(&App::good("new"), |plan| watch(plan, url));
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    assert!(start.elapsed() < INTERVAL / 2, "{:?}", start.elapsed());
    let found = interruption(told.verdict).unwrap();
    let took = found.duration();
    // the stub's restart and a busy machine take longer
    assert!(took >= START && took < 6 * START, "{took:?}");
    assert_eq!(in_journal(&server)["to"], found.to);
}

#[test]
fn a_rollback_ends_the_interruption_that_the_failed_release_began() {
    let server = StubServer::with(&App::good("older"));
    let url = listens_after(server.home().join("unit/restarts"), 2);
    let told = server.deploy_with(&App::good("old"), |plan| watch(plan, url.clone()));
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    // it serves all the time, but the unit of the new release is not up
    let told = server.deploy_with(&App::new("new", "never-ready"), |plan| {
        watch(plan, url);
        plan.verification.timeout = 2 * START;
        plan.verification.interval = START;
    });
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    let took = interruption(told.verdict).unwrap().duration();
    assert!(took >= 2 * START && took < 8 * START, "{took:?}");
}

#[test]
fn without_a_restart_there_is_none_and_without_a_health_request_it_is_unknown() {
    let server = StubServer::with(&App::good("old"));
    assert_eq!(
        in_journal(&server),
        serde_json::Value::Null,
        "no health check"
    );
    let is_none = |verdict: Option<Verdict>| interruption(verdict).unwrap().is_none();
    let untouched = server.deploy_with(&App::good("new"), |plan| {
        plan.restart = Restart::Nothing;
    });
    assert!(is_none(untouched.verdict));
    let unswitched = server.deploy_with(&App::good("new"), |plan| {
        plan.staging.before_switch = Some("exit 1".to_owned());
    });
    assert!(is_none(unswitched.verdict));
    assert!(in_journal(&server)["to"].is_u64());
}

#[test]
fn of_a_transaction_whose_process_was_killed_it_is_unknown() {
    let server = StubServer::new();
    let url = listens_after(server.home().join("unit/restarts"), 1);
    let told = server.deploy_with(&App::good("old"), |plan| watch(plan, url));
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    let app = App::good("new");
    let (client, gate) = stopped_in_restart(&server, &app);
    signal("-KILL", &pid_of_transaction(&server));
    fs::remove_file(gate).unwrap();
    let told = client.finish(&app);
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    assert_eq!(interruption(told.verdict), None);
}
