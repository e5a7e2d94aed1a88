//! After the point of no return the server finishes on its own, also if the client or the transaction is killed or the
//! power fails.

use crate::app::App;
use crate::poll::wait_for;
use crate::run::{Deployment, Running};
use crate::throwaway::{ThrowawayServer, TARGET};
use rustix::process::Signal;
use std::fs;
use std::time::{Duration, Instant};

/// Much shorter than the settle window and the pauses between reconnects.
const AT_ONCE: Duration = Duration::from_secs(6);
const POINT: &str = "from here on the server finishes on its own";

fn good(server: &ThrowawayServer) -> String {
    server.deploy_well(&App::version("1"), None)
}

/// Starts it, and waits for the point of no return.
fn past_the_point(deployment: Deployment) -> Running {
    let run = deployment.start();
    run.wait_for(POINT);
    run
}

/// Starts it, and waits until the new release is switched to.
fn switched(deployment: Deployment) -> Running {
    let run = past_the_point(deployment);
    run.wait_for("== verify");
    run
}

/// Starts it, and waits until the new release is watched.
pub(crate) fn verifying(deployment: Deployment) -> Running {
    let run = deployment.input("health-settle", "10s").start();
    run.wait_for("answered 200");
    run
}

pub(crate) fn wait_for_the_end(server: &ThrowawayServer) {
    wait_for("the transaction ends", || {
        !server.has(&format!("{TARGET}/.deploy/pending"))
    });
    server.assert_quiet();
}

/// The release that the newest record is of.
pub(crate) fn newest(server: &ThrowawayServer) -> String {
    server.releases().pop().unwrap()
}

#[test]
fn a_killed_client_leaves_a_good_release_live_and_the_next_run_says_so() {
    let server = ThrowawayServer::up();
    let first = good(&server);
    past_the_point(
        server
            .deployment(&App::version("2"))
            .input("health-settle", "3s"),
    )
    .kill();
    wait_for_the_end(&server);
    let second = newest(&server);
    server.assert_live(&second, "2", Some(&first));
    assert_eq!(server.record(&second)["state"], "Good");

    let run = server.deploy(&App::version("3"));
    let third = run.assert_deployed(Some(&second));
    run.assert_says(&second);
    run.assert_says("earlier");
    server.assert_live(&third, "3", Some(&second));
    // told once
    server
        .deploy(&App::version("4"))
        .assert_silent_about("earlier");
}

#[test]
fn a_killed_client_leaves_a_broken_release_rolled_back_and_the_next_run_says_so() {
    let server = ThrowawayServer::up();
    let first = good(&server);
    past_the_point(
        server
            .deployment(&App::health_500("2"))
            .input("health-timeout", "8s"),
    )
    .kill();
    wait_for_the_end(&server);
    server.assert_live(&first, "1", None);
    let failed = newest(&server);
    assert_eq!(server.record(&failed)["state"], "Failed");

    let run = server.deploy(&App::version("3"));
    run.assert_deployed(Some(&first));
    run.assert_says("earlier");
    run.assert_says(&failed);
}

#[test]
fn a_power_cut_before_the_commit_ends_on_the_old_release_and_the_run_that_waits_says_so() {
    let server = ThrowawayServer::up();
    let first = good(&server);
    let run = switched(
        server
            .deployment(&App::version("2"))
            .input("health-settle", "60s")
            .input("health-timeout", "90s"),
    );
    run.wait_for("answered 200");
    let second = newest(&server);
    assert_eq!(server.link("current"), Some(format!("releases/{second}")));
    server.cut_power();
    run.wait_for("reconnecting");
    server.boot();
    let run = run.finish();
    assert_eq!(run.assert_rolled_back("recover", &first), second);
    server.assert_live(&first, "1", None);
}

#[test]
fn a_power_cut_that_nobody_waits_out_is_told_by_the_next_run() {
    let server = ThrowawayServer::up();
    let first = good(&server);
    let run = switched(
        server
            .deployment(&App::version("2"))
            .input("health-settle", "60s")
            .input("health-timeout", "90s"),
    );
    run.wait_for("answered 200");
    let second = newest(&server);
    run.kill();
    server.cut_power();

    server.boot();
    let run = server.deploy(&App::import_error("3"));
    let third = run.assert_rolled_back("verify", &first);
    run.assert_says("✓ recover ");
    run.assert_says(&second);
    server.assert_live(&first, "1", None);
    // the one before is gone: of failed ones the last is kept
    assert_eq!(server.releases(), [first, third]);
}

#[test]
fn a_signal_after_the_switch_is_unknown_at_once_and_the_server_goes_on() {
    let server = ThrowawayServer::up();
    let first = good(&server);
    let run = verifying(server.deployment(&App::version("2")));
    run.signal(Signal::TERM);
    let signalled = Instant::now();
    let run = run.finish();
    assert!(signalled.elapsed() < AT_ONCE, "{:?}", signalled.elapsed());
    run.assert_ended(9, "unknown", "verify");
    let second = run.output("release").to_owned();
    wait_for("the commit", || {
        !server.has(&format!("{TARGET}/.deploy/pending"))
    });
    server.assert_live(&second, "2", Some(&first));
}

#[test]
fn a_frozen_client_stops_nothing_and_learns_the_end_when_it_wakes() {
    let server = ThrowawayServer::up();
    let first = good(&server);
    let run = verifying(server.deployment(&App::version("2")));
    run.signal(Signal::STOP);
    wait_for("the commit", || {
        !server.has(&format!("{TARGET}/.deploy/pending"))
    });
    run.signal(Signal::CONT);
    let second = run.finish().assert_deployed(Some(&first));
    server.assert_live(&second, "2", Some(&first));
}

#[test]
fn a_killed_transaction_is_brought_to_its_end_by_whoever_follows_or_by_the_next_run() {
    let server = ThrowawayServer::up();
    let first = good(&server);
    let run = verifying(server.deployment(&App::version("2")));
    server.exec("pkill -KILL -f '[s]erver-part transact'");
    run.finish().assert_rolled_back("recover", &first);
    server.assert_live(&first, "1", None);

    // and so whoever follows it: another one is asked over the same line
    let run = verifying(server.deployment(&App::version("3")));
    server.exec("pkill -KILL -f '[s]erver-part'");
    let run = run.finish();
    run.assert_rolled_back("recover", &first);
    run.assert_silent_about("reconnecting");
    server.assert_live(&first, "1", None);

    let run = verifying(server.deployment(&App::version("4")));
    run.kill();
    server.exec("pkill -KILL -f '[s]erver-part'");
    assert!(server.has(&format!("{TARGET}/.deploy/pending")));
    let run = server.deploy(&App::version("5"));
    let fifth = run.assert_deployed(Some(&first));
    run.assert_says("✓ recover ");
    server.assert_live(&fifth, "5", Some(&first));
}

/// Stopped in the settle window by an orderly shutdown.
fn shut_down(server: &ThrowawayServer) -> (String, Running) {
    let first = good(server);
    let run = switched(
        server
            .deployment(&App::version("2"))
            .input("health-settle", "60s")
            .input("health-timeout", "90s"),
    );
    run.wait_for("answered 200");
    server.power_off();
    (first, run)
}

/// Nothing was decided about the release.
fn assert_undecided(server: &ThrowawayServer, release: &str) {
    assert!(server.has(&format!("{TARGET}/.deploy/pending")));
    assert_eq!(server.record(release)["state"], "Complete");
}

#[test]
fn an_orderly_shutdown_decides_nothing_and_the_run_that_waits_says_so() {
    let server = ThrowawayServer::up();
    let (first, run) = shut_down(&server);
    run.wait_for("reconnecting");
    let second = newest(&server);
    assert_undecided(&server, &second);
    server.boot();
    let run = run.finish();
    assert_eq!(run.assert_rolled_back("recover", &first), second);
    run.assert_says("the server is going down, which decides nothing");
    server.assert_live(&first, "1", None);
    server.deploy_well(&App::version("3"), Some(&first));
}

#[test]
fn after_an_orderly_shutdown_the_guard_restores_the_old_release_before_it_starts() {
    let server = ThrowawayServer::up();
    let docs = fs::read_to_string("docs/server.md").unwrap();
    let guard = docs
        .split("```sh\n")
        .find(|block| block.contains("diting-guard"));
    server.exec(guard.unwrap().split("```").next().unwrap());
    let (first, run) = shut_down(&server);
    let second = newest(&server);
    run.kill();
    assert_undecided(&server, &second);
    server.boot();
    assert_eq!(server.link("current"), Some(format!("releases/{first}")));
    server.wait_until_answers(&first);
    let run = server.deploy(&App::version("3"));
    run.assert_says("earlier");
    run.assert_says(&second);
    let third = run.assert_deployed(Some(&first));
    server.assert_live(&third, "3", Some(&first));
}
