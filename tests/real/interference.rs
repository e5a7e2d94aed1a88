//! Someone else changes `current` during a deployment: the log names the release that is live.

use crate::app::App;
use crate::throwaway::{ThrowawayServer, TARGET};

/// A server with two good releases: the older one, and the one that is live.
fn two_releases() -> (ThrowawayServer, String, String) {
    let server = ThrowawayServer::up();
    server.drop_in("[Unit]\nStartLimitIntervalSec=0\n");
    let first = server.deploy_well(&App::version("1"), None);
    let second = server.deploy_well(&App::version("2"), Some(&first));
    (server, first, second)
}

#[test]
fn a_current_that_was_moved_before_the_switch_is_not_called_still_live() {
    let (server, first, second) = two_releases();
    let run = server
        .deployment(&App::version("3"))
        .input(
            "before-switch",
            &format!("ln -sfn releases/{first} ../../c && mv -T ../../c ../../current"),
        )
        .run();
    run.assert_ended(5, "failed", "switch");
    run.assert_verdict(&format!(
        "this run switched nothing, but someone else pointed current to {first} (it was {second})"
    ));
    run.assert_silent_about("is still live");
    assert_eq!(run.output("live-release"), first);
    // nobody restarted it
    server.assert_answers(&second, "2");
}

#[test]
fn a_current_that_is_moved_while_the_release_is_verified_is_not_called_unhealthy() {
    let (server, first, _) = two_releases();
    let run = server
        .deployment(&App::version("3"))
        .input("health-settle", "6s")
        .start();
    run.wait_for("answered 200");
    server.exec_as_deploy(&format!(
        "ln -sfn releases/{first} {TARGET}/c && mv -T {TARGET}/c {TARGET}/current"
    ));
    let run = run.finish();
    run.assert_ended(7, "rollback-failed", "commit");
    run.assert_verdict(&format!(
        "current is {first}, to which someone else pointed it, and nobody has checked its health"
    ));
    run.assert_silent_about("not healthy");
    assert!(
        !run.last_line().contains("Interference"),
        "{}",
        run.last_line()
    );
}
