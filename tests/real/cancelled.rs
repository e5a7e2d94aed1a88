//! Before the point of no return nothing has happened.

use crate::app::App;
use crate::throwaway::ThrowawayServer;
use rustix::process::Signal;
use std::time::{Duration, Instant};

#[test]
fn a_signal_during_install_changes_nothing_and_frees_the_lock() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let invocation = server.property("InvocationID");
    for signal in [Signal::INT, Signal::TERM] {
        let run = server
            .deployment(&App::version("2"))
            .input("install", "echo begun\nsleep 300")
            .start();
        run.wait_for("begun");
        run.signal(signal);
        let signalled = Instant::now();
        let run = run.finish();
        assert!(
            signalled.elapsed() < Duration::from_secs(20),
            "{:?}",
            signalled.elapsed()
        );
        run.assert_ended(130, "cancelled", "install");
        run.assert_verdict(&format!("{first} is still live"));
        server.assert_live(&first, "1", None);
        assert_eq!(server.property("InvocationID"), invocation);
        assert_eq!(server.exec("pgrep -af [s]leep.300 || true"), "");
    }
    server.deploy_well(&App::version("3"), Some(&first));
}

#[test]
fn of_two_deployments_at_once_one_waits_for_the_other() {
    let server = ThrowawayServer::up();
    let run = server
        .deployment(&App::version("1"))
        .input("install", "echo begun\nsleep 3\nuv sync --frozen --quiet");
    let run = run.on_github().start();
    run.wait_for("begun");
    let waiting = server.deployment(&App::version("2")).start();
    waiting.wait_for("waiting");
    let first = run.finish().assert_deployed(None);
    let waiting = waiting.finish();
    let second = waiting.assert_deployed(Some(&first));
    waiting.assert_says("alice");
    waiting.assert_silent_about("earlier");
    server.assert_live(&second, "2", Some(&first));
}

#[test]
fn time_that_is_up_during_install_changes_nothing_either() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let slow = server
        .deployment(&App::version("2"))
        .input("install", "echo begun\nsleep 300");
    let run = slow.input("timeout", "4s").run();
    run.assert_ended(5, "failed", "install");
    // whichever half's clock is first
    assert!(
        run.log.contains("(4 s) was reached") || run.log.contains("limit of 4 s was reached"),
        "{}",
        run.log
    );
    server.assert_live(&first, "1", None);
    assert_eq!(server.exec("pgrep -af [s]leep.300 || true"), "");
    server.deploy_well(&App::version("3"), Some(&first));
}
