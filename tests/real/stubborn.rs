//! Ends that nobody planned: killed, frozen, cancelled too late, full.

use crate::app::App;
use crate::poll::wait_for;
use crate::run::{Deployment, Running};
use crate::server::{Server, TARGET};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// Far below what the settle window and the pauses of a connection take.
const AT_ONCE: Duration = Duration::from_secs(6);

fn before() -> (Server, String) {
    let server = Server::up();
    let good = server.deploy_well(&App::version("1"), None);
    (server, good)
}

fn verifying(deployment: Deployment) -> Running {
    let run = deployment.input("health-settle", "10s").start();
    run.wait_for("answered 200");
    run
}

#[test]
fn a_signal_after_the_switch_is_unknown_at_once_and_the_server_goes_on() {
    let (server, good) = before();
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
    server.assert_live(&second, "2", Some(&good));
}

#[test]
fn a_frozen_client_stops_nothing_and_learns_the_end_when_it_wakes() {
    let (server, good) = before();
    let run = verifying(server.deployment(&App::version("2")));
    run.signal(Signal::STOP);
    wait_for("the commit", || {
        !server.has(&format!("{TARGET}/.deploy/pending"))
    });
    run.signal(Signal::CONT);
    let second = run.finish().assert_deployed(Some(&good));
    server.assert_live(&second, "2", Some(&good));
}

#[test]
fn a_killed_transaction_is_brought_to_its_end_by_whoever_follows_or_by_the_next_run() {
    let (server, good) = before();
    let run = verifying(server.deployment(&App::version("2")));
    server.exec("pkill -KILL -f '[s]erver-part transact'");
    run.finish().assert_rolled_back("recover", &good);
    server.assert_live(&good, "1", None);

    // and so whoever follows it: another one is asked over the same line
    let run = verifying(server.deployment(&App::version("3")));
    server.exec("pkill -KILL -f '[s]erver-part'");
    let run = run.finish();
    run.assert_rolled_back("recover", &good);
    run.assert_silent_about("connecting again");
    server.assert_live(&good, "1", None);

    let run = verifying(server.deployment(&App::version("4")));
    run.kill();
    server.exec("pkill -KILL -f '[s]erver-part'");
    assert!(server.has(&format!("{TARGET}/.deploy/pending")));
    let run = server.deploy(&App::version("5"));
    let fifth = run.assert_deployed(Some(&good));
    run.assert_says("== recover");
    server.assert_live(&fifth, "5", Some(&good));
}

#[test]
fn many_deployments_in_a_row_wait_for_the_start_limit_while_the_old_release_serves() {
    let (server, first) = before();
    let start = Instant::now();
    let mut last = server.deploy_well(&App::version("2"), Some(&first));
    // longer than four such take, however busy the machine is, and shorter than the wait for one below
    let interval = (8 * start.elapsed()).as_secs().clamp(25, 80);
    server.drop_in(&format!(
        "[Unit]\nStartLimitIntervalSec={interval}\nStartLimitBurst=5\n"
    ));
    let mut waited = false;
    for version in ["3", "4", "5", "6", "7"] {
        let mut run = server
            .deployment(&App::version(version))
            .input("health-settle", "0s")
            .start();
        let mut silent = 0;
        wait_for("the run ends", || {
            silent = if server.get("/health").is_some() {
                0
            } else {
                silent + 1
            };
            // a restart takes less
            assert!(silent < 100, "nothing serves");
            run.has_ended()
        });
        let run = run.finish();
        waited |= run.log.contains("the old release serves meanwhile");
        last = run.assert_deployed(Some(&last));
        run.assert_silent_about("nothing serves meanwhile");
        server.assert_answers(&last, version);
    }
    assert!(waited);
}

#[test]
fn a_release_before_that_was_not_healthy_is_put_back_and_said_to_be_so() {
    let server = Server::up();
    let folder = format!("{TARGET}/releases/1762147685");
    crate::server::copy_tree(&App::import_error("0").path(), &server.path(&folder));
    server.exec(&format!("chown -R deploy:deploy {folder}"));
    server.exec_as_deploy(&format!(
        "cd {folder}; ~/.local/bin/uv sync --frozen --quiet; ln -s {folder} {TARGET}/current"
    ));
    let run = server
        .deployment(&App::health_500("1"))
        .input("health-timeout", "8s")
        .run();
    run.assert_ended(5, "failed", "verify");
    run.assert_last_line("what ran before was not healthy either");
    run.assert_says("what ran before was not healthy");
    assert_eq!(
        server.exec(&format!("readlink -e {TARGET}/current")),
        folder
    );
    server.assert_quiet();

    let good = server
        .deploy(&App::version("2"))
        .assert_deployed(Some("1762147685"));
    server.assert_live(&good, "2", None);
}

#[test]
fn a_full_disk_fails_before_the_switch_and_changes_nothing() {
    let server = Server::up();
    server.exec(&format!(
        "mount -t tmpfs -o size=60m,mode=755,uid=1000,gid=1000 full {TARGET}"
    ));
    let refused = server.deploy(&App::version("1"));
    refused.assert_ended(4, "not-ready", "check");
    refused.assert_last_line("500.0 MB are to stay free");
    let deploy = |app: &App| server.deployment(app).input("min-free", "0B").run();
    let first = deploy(&App::version("1")).assert_deployed(None);
    let free = server
        .exec(&format!("df --output=avail -k {TARGET} | tail -n 1"))
        .trim()
        .parse::<u64>()
        .unwrap();
    server.exec_as_deploy(&format!(
        "head -c {}k /dev/zero >{TARGET}/filler",
        free - 300
    ));
    for app in [App::version("2").large(), App::version("3")] {
        let run = deploy(&app);
        assert_eq!(
            (run.code, run.output("outcome")),
            (5, "failed"),
            "{}",
            run.log
        );
        run.assert_says("No space left on device");
        run.assert_last_line(&format!("{first} is still live"));
        server.assert_answers(&first, "1");
    }
    server.exec(&format!("rm {TARGET}/filler"));
    let run = deploy(&App::version("4"));
    let second = run.assert_deployed(Some(&first));
    server.assert_answers(&second, "4");
}

#[test]
fn files_that_no_unit_serves_go_live_by_their_link_alone() {
    let server = Server::up();
    let site = "/opt/diting/site";
    server.exec_as_deploy(&format!("mkdir {site}"));
    let deploy = |version: &str| {
        let run = server
            .deployment(&App::plain(version))
            .input("service", "none")
            .input("restart", "none");
        let run = run.input("target", site).input("install", "none");
        run.without("health-url")
            .input("health-settle", "50s")
            .input("health-timeout", "55s")
            .run()
    };
    let run = deploy("1");
    let first = run.assert_deployed(None);
    assert!(
        run.took < Duration::from_secs(40),
        "there is nothing to be watched: {:?}",
        run.took
    );
    let second = deploy("2").assert_deployed(Some(&first));
    assert!(server
        .read(&format!("{site}/releases/{second}/app.py"))
        .contains("version 2"));
    assert_eq!(
        server.exec(&format!("readlink {site}/current {site}/previous")),
        format!("releases/{second}\nreleases/{first}")
    );
}
