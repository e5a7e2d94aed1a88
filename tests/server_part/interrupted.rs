//! Clients that go away, server parts that are killed, and the next run, which finds out.

use crate::app::{App, Node};
use crate::client::{Client, Sending};
use crate::invariants::{processes_on, within_seconds, Invariants};
use crate::stub_server::{StubServer, BINARY};
use deploy_action::protocol::{Install, Outcome, Step, ToServer, What};
use std::fs;
use std::process::{Command, ExitStatus};

/// A file of several pieces, so that an upload can end in the midst of it.
fn large() -> App {
    let content: Vec<u8> = (0..60_000_u32)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    App::good("new")
        .with("aaa", Node::File(0o644, content))
        .with("zzz", Node::File(0o644, vec![b'z'; 40_000]))
}

fn nothing_was_switched(server: &StubServer) {
    Invariants::of(server);
    assert_eq!(server.named_by("current").as_deref(), Some("old"));
    assert_eq!(
        (server.named_by("previous"), server.restarts()),
        (None, vec!["old".to_owned()])
    );
}

#[test]
fn a_client_that_goes_before_the_manifest_is_complete_leaves_no_release() {
    let app = large();
    let server = StubServer::with(&App::good("old"));
    for part in 0..3 {
        let plan = server.plan(&app);
        let mut client = server.start(&plan);
        if part > 0 {
            client.send([ToServer::Start(Box::new(plan.clone()))]);
        }
        if part > 1 {
            client.send([ToServer::Entries(
                app.entries().into_iter().take(3).collect(),
            )]);
        }
        client.hang_up();
        let told = client.finish(&app);
        assert!(
            matches!(told.outcome(), None | Some(Outcome::Cancelled)),
            "{told:?}"
        );
        nothing_was_switched(&server);
        assert_eq!(server.releases(), ["old"]);
    }
}

#[test]
fn a_client_that_goes_during_the_upload_is_taken_up_where_it_was() {
    let app = large();
    let server = StubServer::with(&App::good("old"));
    let plan = server.plan(&app);
    let mut client = server.start(&plan);
    client.open(&plan, &app);
    // all of the first file, half of the last one
    let pieces = app.pieces(0..u32::MAX);
    client.send(pieces[..pieces.len() - 4].to_vec());
    assert!(client.follow_until(&app, |what| matches!(what, What::Step(Step::Upload))));
    assert!(within_seconds(|| Invariants::of_running(&server)
        .releases()
        .iter()
        .any(|path| path.join("zzz").exists())));
    client.hang_up();
    assert_eq!(client.finish(&app).outcome(), Some(Outcome::Cancelled));
    nothing_was_switched(&server);

    let told = server.deploys(&app);
    assert_eq!(
        (told.staged().received, told.staged().copied),
        (1, app.contents() - 1),
        "only what is lacking travels"
    );
    assert_eq!(
        server.releases(),
        ["new", "old"],
        "what was left over is gone"
    );
}

/// The other file that the old release does not have: `name`.
const NAME: u64 = "new\n".len() as u64;

/// A file of 2 MB of which the server got more than half before the line was cut, and its place there.
fn half_sent(server: &StubServer) -> (App, std::path::PathBuf) {
    let content: Vec<u8> = (0..500_000_u32)
        .flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let app = App::good("new").with("aaa", Node::File(0o644, content));
    let plan = server.plan(&app);
    let mut client = server.start(&plan);
    client.open(&plan, &app);
    client.send([ToServer::Ask]);
    // it asks for all, and gets the beginning
    let pieces = app.pieces(0..u32::MAX);
    let all_of_it: Vec<_> = pieces
        .iter()
        .filter(|it| matches!(it, ToServer::Content { entry: 0, .. }))
        .cloned()
        .collect();
    client.send(all_of_it[..all_of_it.len() * 2 / 3].to_vec());
    let part = || {
        let releases = Invariants::of_running(server).releases();
        releases
            .into_iter()
            .map(|path| path.join("aaa"))
            .find(|file| fs::metadata(file).is_ok_and(|it| it.len() > 1_000_000))
    };
    assert!(within_seconds(|| part().is_some()));
    client.hang_up();
    assert!(client.wait().is_some());
    nothing_was_switched(server);
    (app, part().unwrap())
}

/// More than a chunk of a file of 2 MB: the last one that arrived was cut.
const CHUNK: u64 = 16 << 10;

#[test]
fn of_a_file_that_was_cut_in_the_midst_only_the_rest_travels() {
    let server = StubServer::with(&App::good("old"));
    let (app, part) = half_sent(&server);
    let begun = fs::metadata(&part).unwrap().len();
    let told = server.deploys(&app);
    assert_eq!(told.known, [0]);
    assert!(
        (told.received as u64) < 2_000_000 - begun + NAME + CHUNK,
        "{} of {begun}",
        told.received
    );
    assert_eq!(
        (told.staged().received_bytes, told.asked),
        (told.received as u64, 1)
    );
}

#[test]
fn a_beginning_that_is_not_right_any_more_is_not_taken() {
    let server = StubServer::with(&App::good("old"));
    let (app, part) = half_sent(&server);
    let mut bytes = fs::read(&part).unwrap();
    bytes[100] ^= 1;
    fs::write(&part, &bytes).unwrap();
    let told = server.deploys(&app);
    let lacking = 2_000_000 - bytes.len() as u64 + NAME;
    assert!(
        (told.received as u64) > lacking && (told.received as u64) < lacking + 3 * CHUNK,
        "{}",
        told.received
    );
}

#[test]
fn a_client_that_goes_during_install_ends_it() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("new");
    let mut plan = server.plan(&app);
    plan.staging.install =
        Install::Commands("echo $$ > ../../install; echo begun; sleep 60".to_owned());
    let mut client = server.start(&plan);
    client.send_all(&plan, &app, Sending::Ask);
    assert!(client.follow_until(&app, |what| *what == What::Output(b"begun".to_vec())));
    client.hang_up();
    assert_eq!(client.finish(&app).outcome(), Some(Outcome::Cancelled));
    nothing_was_switched(&server);
    let install = fs::read_to_string(server.target().join("install")).unwrap();
    assert!(!fs::exists(format!("/proc/{}", install.trim())).unwrap());
    assert_eq!(server.deploys(&app).staged().received, 0);
}

#[test]
fn a_client_that_goes_while_it_waits_for_the_lock_gives_up() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("new");
    let plans = [server.plan(&app), server.plan(&app)];
    let mut holder = server.start(&plans[0]);
    holder.open(&plans[0], &app);
    assert!(holder.follow_until(&app, |what| matches!(what, What::Step(Step::Upload))));
    let mut second = server.start(&plans[1]);
    second.send_all(&plans[1], &app, Sending::Ask);
    assert!(second.follow_until(&app, |what| matches!(what, What::Waiting(_))));
    second.hang_up();
    assert_eq!(second.finish(&app).outcome(), Some(Outcome::Cancelled));
    holder.send([ToServer::Ask]);
    assert_eq!(holder.finish(&app).outcome(), Some(Outcome::Deployed));
}

#[test]
fn a_server_part_killed_before_the_switch_leaves_what_runs() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("new");
    for step in [Step::Lock, Step::Check, Step::Upload] {
        let plan = server.plan(&app);
        let mut client = server.start(&plan);
        client.open(&plan, &app);
        assert!(client.follow_until(&app, |what| *what == What::Step(step)));
        client.kill();
        client.wait();
        nothing_was_switched(&server);
    }
    server.deploys(&app);
    assert_eq!(server.releases(), ["new", "old"]);
}

/// A deployment whose restart is stopped in its midst, until the file is removed.
pub(crate) fn stopped_in_restart(server: &StubServer, app: &App) -> (Client, std::path::PathBuf) {
    let gate = server.home().join("gate");
    fs::write(&gate, "").unwrap();
    server.program(
        "on-restart",
        "#!/bin/sh\nwhile [ -e \"${0%/*}/gate\" ]; do sleep 0.01; done\n",
    );
    let plan = server.plan(app);
    let mut client = server.start(&plan);
    client.send_all(&plan, app, Sending::Ask);
    assert!(client.follow_until(app, |what| *what == What::Step(Step::Restart)));
    assert!(
        within_seconds(|| server.runs().as_ref() == Some(&app.name)),
        "told, and begun"
    );
    (client, gate)
}

#[test]
fn after_the_switch_the_transaction_ends_alone_and_the_next_run_says_so() {
    let ways: [fn(&mut Client); 3] = [Client::hang_up, Client::kill, |client| {
        client.kill();
        client.hang_up();
    }];
    for (behaviour, outcome) in [
        ("healthy", Outcome::Deployed),
        ("crash", Outcome::RolledBack),
    ] {
        for go in ways {
            let server = StubServer::with(&App::good("old"));
            let (mut client, gate) = stopped_in_restart(&server, &App::new("new", behaviour));
            go(&mut client);
            assert!(client.wait().is_some(), "serve goes");
            assert!(
                !Invariants::of_running(&server).lock_is_free(),
                "the transaction has the lock"
            );
            fs::remove_file(gate).unwrap();
            Invariants::of(&server);
            let restarts = server.restarts();
            let told = server.look_in();
            assert_eq!(
                told.recovered().map(|verdict| verdict.outcome),
                Some(outcome),
                "{told:?}"
            );
            assert_eq!(server.restarts(), restarts, "nothing is restarted again");
            let live = if outcome == Outcome::Deployed {
                "new"
            } else {
                "old"
            };
            assert_eq!(server.named_by("current").as_deref(), Some(live));
            assert_eq!(server.look_in().recovered(), None, "it is told once");
        }
    }
}

pub(crate) fn pid_of_transaction(server: &StubServer) -> String {
    let mut pid = None;
    assert!(within_seconds(|| {
        pid = processes_on(&server.target())
            .into_iter()
            .find(|process| process.command.contains("transact"));
        pid.is_some()
    }));
    pid.unwrap().pid
}

pub(crate) fn signal(signal: &str, pid: &str) {
    assert!(Command::new("kill")
        .args([signal, pid])
        .status()
        .unwrap()
        .success());
}

#[test]
fn signals_that_end_logins_do_not_end_the_transaction() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("new");
    let (client, gate) = stopped_in_restart(&server, &app);
    let pid = pid_of_transaction(&server);
    for name in ["-HUP", "-INT", "-QUIT", "-TERM", "-PIPE"] {
        signal(name, &pid);
    }
    fs::remove_file(gate).unwrap();
    assert_eq!(client.finish(&app).outcome(), Some(Outcome::Deployed));
}

#[test]
fn a_killed_transaction_is_ended_by_the_server_part_that_follows_it() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("new");
    let (client, gate) = stopped_in_restart(&server, &app);
    signal("-KILL", &pid_of_transaction(&server));
    fs::remove_file(gate).unwrap();
    let told = client.finish(&app);
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    Invariants::of(&server).after(&told);
    assert_eq!(server.runs().as_deref(), Some("old"));
    assert_eq!(server.look_in().recovered(), None, "it was told");
}

#[test]
fn a_killed_transaction_is_ended_by_whoever_waited_for_the_lock_and_both_say_so() {
    let server = StubServer::with(&App::good("old"));
    let (app, next) = (App::good("new"), App::good("next"));
    let (client, gate) = stopped_in_restart(&server, &app);
    let plan = server.plan(&next);
    let mut second = server.start(&plan);
    second.send_all(&plan, &next, Sending::Ask);
    assert!(second.follow_until(&next, |what| matches!(what, What::Waiting(_))));
    signal("-KILL", &pid_of_transaction(&server));
    fs::remove_file(gate).unwrap();
    assert_eq!(client.finish(&app).outcome(), Some(Outcome::RolledBack));
    assert_eq!(second.finish(&next).outcome(), Some(Outcome::Deployed));
    assert_eq!(server.named_by("previous").as_deref(), Some("old"));
}

#[test]
fn the_guard_puts_the_old_release_back_before_the_service_starts() {
    for first in [false, true] {
        let server = if first {
            StubServer::new()
        } else {
            StubServer::with(&App::good("old"))
        };
        let (mut client, gate) = stopped_in_restart(&server, &App::good("new"));
        guard(&server);
        assert_eq!(
            server.named_by("current").as_deref(),
            Some("new"),
            "a deployment at work is left alone"
        );
        signal("-KILL", &client.pid().to_string());
        client.wait();
        signal("-KILL", &pid_of_transaction(&server));
        fs::remove_file(gate).unwrap();
        let live = (!first).then(|| "old".to_owned());
        assert!(within_seconds(|| {
            guard(&server);
            server.named_by("current") == live
        }));
        guard(&server);
        let outcome = if first {
            Outcome::Failed
        } else {
            Outcome::RolledBack
        };
        let told = server.look_in();
        assert_eq!(
            told.recovered().map(|verdict| verdict.outcome),
            Some(outcome),
            "{told:?}"
        );
        assert_eq!(
            (server.named_by("current"), server.runs()),
            (live.clone(), Some(live.unwrap_or("none".into())))
        );
    }
}

pub(crate) fn guard(server: &StubServer) {
    assert!(guard_status(server).success());
}

pub(crate) fn guard_status(server: &StubServer) -> ExitStatus {
    let mut guard = Command::new(BINARY);
    guard.args(["server-part", "guard"]).arg(server.target());
    server.in_surroundings(guard).status().unwrap()
}
