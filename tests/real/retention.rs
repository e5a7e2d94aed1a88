//! Which releases stay on the server.

use crate::app::App;
use crate::proof::{plain, prefork, prefork_server, RELOAD};
use crate::throwaway::{ThrowawayServer, TARGET};

#[test]
fn retention_keeps_what_it_should_and_what_cannot_be_deleted_is_a_warning_of_the_next_run() {
    let server = ThrowawayServer::up();
    server.drop_in("[Unit]\nStartLimitIntervalSec=0\n");
    let deploy = |app: &App| server.deployment(app).input("retention", "2").run();
    let mut ids = Vec::new();
    for version in ["1", "2", "3"] {
        ids.push(deploy(&App::version(version)).assert_deployed(ids.last().map(String::as_str)));
    }
    server.assert_quiet();
    assert_eq!(server.releases(), ids[1..]);
    let failed = deploy(&App::import_error("4")).assert_rolled_back("verify", &ids[2]);
    server.assert_quiet();
    assert_eq!(server.releases(), [ids[1].clone(), ids[2].clone(), failed]);

    // an app that runs as root may leave such a thing
    let stubborn = format!("{TARGET}/releases/{}/cache", ids[1]);
    server.exec(&format!(
        "mkdir {stubborn} && touch {stubborn}/file && chmod 700 {stubborn}"
    ));
    ids.push(deploy(&App::version("5")).assert_deployed(Some(&ids[2])));
    server.assert_quiet();
    assert_eq!(server.releases(), ids[2..]);
    let run = deploy(&App::version("6"));
    ids.push(run.assert_deployed(Some(&ids[3])));
    server.assert_quiet();
    run.assert_says("an old release could not be deleted");
    let path = format!("{TARGET}/.deploy/trash/{}", ids[1]);
    run.assert_says(&path);
    assert_eq!(server.releases(), ids[3..]);

    // the fix that the warning names
    server.exec(&format!("rm -rf {path}"));
    deploy(&App::version("7")).assert_deployed(Some(&ids[4]));
    server.assert_quiet();
    deploy(&App::version("8")).assert_silent_about("could not be deleted");
}

/// The master works in the first release as long as it is only reloaded. Another user's cannot be seen.
#[test]
fn retention_keeps_the_release_that_a_reloaded_master_was_started_from() {
    for user in ["deploy", "nobody"] {
        let server = prefork_server(user);
        let reload = |version: &str, previous: &str| {
            // the journal of attempts has whole seconds: within one, a process may be of either release
            let now = server.exec("date +%s");
            server.wait_for(&format!("[ $(date +%s) -gt {} ]", now.trim()));
            let run = plain(&server, &prefork(version, true))
                .input("restart", RELOAD)
                .input("retention", "1")
                .input("health-match", "release {release}")
                .run();
            run.assert_deployed(Some(previous))
        };
        let first = plain(&server, &prefork("1", true))
            .run()
            .assert_deployed(None);
        let second = reload("2", &first);
        let third = reload("3", &second);
        let fourth = reload("4", &third);
        server.assert_quiet();
        assert_eq!(
            server.releases(),
            [first.clone(), third.clone(), fourth.clone()],
            "{user}"
        );
        server.exec("systemctl reload diting");
        server.assert_live(&fourth, "4", Some(&third));
        // a real start needs nothing of it any more
        let last = plain(&server, &prefork("5", true))
            .input("retention", "1")
            .run();
        let last = last.assert_deployed(Some(&fourth));
        server.assert_quiet();
        assert_eq!(server.releases(), [fourth, last], "{user}");
    }
}
