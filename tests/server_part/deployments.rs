//! What a good client sees.

use crate::app::{App, Node};
use crate::client::{Client, Sending};
use crate::invariants::within_seconds;
use crate::stub_server::StubServer;
use deploy_action::protocol::{
    Ending, Health, HealthUrl, Install, Notice, Outcome, Reason, Restart, Retention, Step, Units,
    What,
};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn a_first_deployment_goes_live() {
    let server = StubServer::new();
    let app = App::good("first");
    let told = server.deploys(&app);
    assert_eq!(
        (told.staged().received, told.staged().copied),
        (app.contents(), 0)
    );
    assert_eq!(server.named_by("previous"), None);
}

#[test]
fn a_redeployment_receives_what_has_changed_and_copies_the_rest() {
    for sending in [Sending::Ask, Sending::Unasked] {
        let server = StubServer::with(&App::good("old"));
        let app = App::good("new");
        let told = server.run(&server.plan(&app), &app, sending);
        assert_eq!(told.outcome(), Some(Outcome::Deployed));
        let received = if sending == Sending::Ask {
            1
        } else {
            app.contents()
        };
        assert_eq!(
            (told.staged().received, told.staged().copied),
            (received, app.contents() - received)
        );
        assert_eq!(server.named_by("previous").as_deref(), Some("old"));
    }
}

#[test]
fn nothing_changed_is_a_release_of_its_own_of_which_nothing_travels() {
    let app = App::good("same");
    let server = StubServer::with(&app);
    let told = server.deploys(&app);
    assert_eq!(
        (told.staged().received, told.staged().copied),
        (0, app.contents())
    );
    assert_eq!(server.releases(), ["same", "same"]);
}

#[test]
fn a_tree_of_empty_things_travels_without_contents() {
    let server = StubServer::new();
    let bare = App::empty("")
        .with("a", Node::Folder)
        .with("a/b", Node::File(0o600, Vec::new()));
    let told = server.deploy_with(&bare, |plan| plan.units = Units::default());
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
}

#[test]
fn a_broken_release_is_rolled_back() {
    for behaviour in ["crash", "failed", "never-ready", "same-process"] {
        let server = StubServer::with(&App::good("old"));
        let told = server.deploy(&App::new("new", behaviour));
        assert_eq!(
            told.outcome(),
            Some(Outcome::RolledBack),
            "{behaviour}: {told:?}"
        );
        assert_eq!(server.restarts(), ["old", "new", "old"], "{behaviour}");
        assert_eq!(server.named_by("current").as_deref(), Some("old"));
        assert_eq!(server.named_by("previous"), None);
        assert_eq!(
            server.releases(),
            ["new", "old"],
            "the failed one stays to be looked at"
        );
        for title in [
            "log of app, this start",
            "releases, newest first",
            "df -h",
            "uname -a",
        ] {
            let told_of = |what: &What| matches!(what, What::Diagnostics(all) if all.iter().any(|it| it.title.starts_with(title)));
            assert!(told.has(told_of), "{behaviour}: {title}: {told:?}");
        }
    }
}

#[test]
fn a_broken_first_release_leaves_nothing_live_and_says_that_there_is_no_way_back() {
    let server = StubServer::new();
    let told = server.deploy(&App::new("new", "crash"));
    let verdict = told.verdict.unwrap();
    assert_eq!(
        (verdict.outcome, verdict.previous, verdict.live),
        (Outcome::Failed, None, None)
    );
    assert!(matches!(
        verdict.failure.unwrap().reason,
        Reason::Crashed { .. }
    ));
    assert!(fs::symlink_metadata(server.target().join("current")).is_err());
    assert_eq!(server.restarts(), ["new", "none"]);
    assert_eq!(server.releases(), ["new"]);
    server.deploys(&App::good("next"));
}

#[test]
fn a_way_back_that_is_broken_too_says_so_and_stays_there() {
    let server = StubServer::with(&App::good("old"));
    server.behaves("old", "crash");
    let told = server.deploy(&App::new("new", "failed"));
    assert_eq!(told.outcome(), Some(Outcome::RollbackFailed));
    assert!(told.verdict.unwrap().rollback.is_some());
    assert_eq!(server.named_by("current").as_deref(), Some("old"));
    assert_eq!(server.restarts(), ["old", "new", "old"], "no ping-pong");
}

#[test]
fn a_start_that_systemd_refuses_is_tried_again() {
    let server = StubServer::with(&App::good("old"));
    server.behaves("new", "refused");
    server.program("on-restart", "#!/bin/sh\nrm -f \"${0%/*}/behave-new\"\n");
    let told = server.deploy(&App::good("new"));
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    assert!(told.has(|what| matches!(
        what,
        What::Notice(Notice::StartLimitWait { serving: false, .. })
    )));
    assert_eq!(server.restarts(), ["old", "new", "new"]);
}

#[test]
fn the_same_transaction_twice_is_the_same_verdict_and_no_second_restart() {
    for behaviour in ["healthy", "crash"] {
        let server = StubServer::with(&App::good("old"));
        let app = App::new("new", behaviour);
        let plan = server.plan(&app);
        let first = server.run(&plan, &app, Sending::Ask);
        let restarts = server.restarts();
        let second = server.run(&plan, &app, Sending::Ask);
        assert_eq!(first.verdict, second.verdict);
        assert_eq!(server.restarts(), restarts);
    }
}

#[test]
fn the_second_of_two_at_once_waits_and_then_goes_on() {
    let server = StubServer::with(&App::good("old"));
    let (one, two) = (App::good("one"), App::good("two"));
    let (plan_one, plan_two) = (server.plan(&one), server.plan(&two));
    let mut first = server.start(&plan_one);
    first.open(&plan_one, &one);
    assert!(first.follow_until(&one, |what| matches!(what, What::Step(Step::Upload))));
    let mut second = server.start(&plan_two);
    second.send_all(&plan_two, &two, Sending::Ask);
    assert!(second.follow_until(&two, |what| matches!(what, What::Waiting(Some(_)))));
    first.send([deploy_action::protocol::ToServer::Ask]);
    assert_eq!(first.finish(&one).outcome(), Some(Outcome::Deployed));
    assert_eq!(second.finish(&two).outcome(), Some(Outcome::Deployed));
    assert_eq!(server.restarts(), ["old", "one", "two"]);
    assert_eq!(server.named_by("previous").as_deref(), Some("one"));
}

#[test]
fn who_waits_too_long_is_told_who_holds_the_lock() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("new");
    let mut plan = server.plan(&app);
    plan.origin.actor = Some("somebody".to_owned());
    let mut holder = server.start(&plan);
    holder.open(&plan, &app);
    assert!(holder.follow_until(&app, |what| matches!(what, What::Step(Step::Upload))));
    let mut other = server.plan(&app);
    other.lock_wait = Duration::from_millis(100);
    let mut second = server.start(&other);
    second.send_all(&other, &app, Sending::Ask);
    let told = second.finish(&app);
    assert_eq!(told.outcome(), Some(Outcome::Busy));
    let current = fs::canonicalize(server.target().join("current")).unwrap();
    let is_live = |what: &What| matches!(what, What::Live(live) if current.ends_with(live.release.to_string()));
    assert!(told.has(is_live), "{told:?}");
    let reason = told.verdict.unwrap().failure.unwrap().reason;
    assert!(
        matches!(reason, Reason::Busy(Some(holder)) if holder.actor.as_deref() == Some("somebody"))
    );
    holder.hang_up();
    assert_eq!(holder.finish(&app).outcome(), Some(Outcome::Cancelled));
}

#[test]
fn an_install_that_fails_names_its_line_and_leaves_what_runs() {
    let server = StubServer::with(&App::good("old"));
    let script = "echo made > made\necho hello\nfalse\necho never";
    let told = server.deploy_with(&App::good("new"), |plan| {
        plan.staging.install = Install::Commands(script.to_owned())
    });
    assert_eq!(told.outcome(), Some(Outcome::Failed));
    assert!(told.has(|what| *what == What::Output(b"hello".to_vec())));
    let failure = told.verdict.unwrap().failure.unwrap();
    assert_eq!(failure.step, Step::Install);
    let line = Some((3, "false".to_owned()));
    assert_eq!(
        failure.reason,
        Reason::Command {
            ending: Ending::Exit(1),
            line,
            output: Vec::new(),
            log_line: None
        }
    );
    assert_eq!(
        (server.restarts(), server.named_by("current")),
        (vec!["old".to_owned()], Some("old".to_owned()))
    );
}

#[test]
fn an_install_out_of_time_is_killed_as_a_group() {
    let server = StubServer::with(&App::good("old"));
    let script = "sh -c 'trap \"\" TERM; echo $$ > ../../child; exec sleep 60' &\nsleep 60";
    let started = Instant::now();
    let told = server.deploy_with(&App::good("new"), |plan| {
        plan.staging.install = Install::Commands(script.to_owned());
        plan.stage_limit = Duration::from_millis(700);
    });
    assert_eq!(told.outcome(), Some(Outcome::Failed));
    assert!(started.elapsed() < Duration::from_secs(20));
    let child = fs::read_to_string(server.target().join("child")).unwrap();
    let gone = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    };
    assert!(within_seconds(gone), "{child} lives on");
    assert_eq!(server.restarts(), ["old"]);
}

#[test]
fn a_current_that_somebody_changes_meanwhile_is_left_alone() {
    let server = StubServer::with(&App::good("older"));
    server.deploys(&App::good("old"));
    let script = "cd ../..; ln -sfn \"$(readlink previous)\" current";
    let told = server.deploy_with(&App::good("new"), |plan| {
        plan.staging.install = Install::Commands(script.to_owned())
    });
    assert_eq!(told.outcome(), Some(Outcome::Failed), "{told:?}");
    assert!(matches!(
        told.verdict.unwrap().failure.unwrap().reason,
        Reason::Interference(_)
    ));
    assert_eq!(server.named_by("current").as_deref(), Some("older"));
    assert_eq!(server.restarts(), ["older", "old"]);

    server.deploys(&App::good("old2"));
    server.program(
        "on-restart",
        "#!/bin/sh\ncd \"${0%/*}/../app\"; ln -sfn \"$(readlink previous)\" current\n",
    );
    let told = server.deploy(&App::good("new2"));
    assert_eq!(told.outcome(), Some(Outcome::RollbackFailed), "{told:?}");
    assert_eq!(server.named_by("current").as_deref(), Some("older"));
}

#[test]
fn modes_are_exact_whatever_the_umask_and_the_folders_around() {
    let server = StubServer::new();
    fs::set_permissions(server.target(), fs::Permissions::from_mode(0o2775)).unwrap();
    let app = App::good("app");
    let plan = server.plan(&app);
    let mut serve = Command::new("sh");
    serve
        .args([
            "-c",
            "umask 077; exec \"$@\"",
            "sh",
            crate::stub_server::BINARY,
        ])
        .args(server.serve_arguments(&plan));
    let mut client = Client::start(server.in_surroundings(serve), &plan);
    client.send_all(&plan, &app, Sending::Ask);
    let told = client.finish(&app);
    assert_eq!(told.outcome(), Some(Outcome::Deployed));
    let release = fs::canonicalize(server.target().join("current")).unwrap();
    assert_eq!(app.differences(&release), Vec::<String>::new());
    assert_eq!(
        fs::metadata(release).unwrap().permissions().mode() & 0o7777,
        0o2755
    );
}

#[test]
fn names_of_all_kinds_arrive_as_they_are() {
    let long = [b'x'; 255];
    let names: [&[u8]; 6] = [
        b"new\nline",
        b"-rf",
        b"not \xff utf-8",
        &long,
        b"* $(x) 'q' \"",
        b"src/\x01",
    ];
    let app = names.iter().fold(App::good("names"), |app, name| {
        app.with(name, Node::File(0o644, name.to_vec()))
    });
    let server = StubServer::with(&app);
    let told = server.deploys(&app);
    assert_eq!(told.staged().received, 0, "they are found again");
}

#[test]
fn a_deploy_user_without_rights_of_its_own_goes_through_sudo() {
    let server = StubServer::new();
    for folder in [server.target(), server.home()] {
        let owned = Command::new("chown")
            .args(["-R", "65534:65534"])
            .arg(folder)
            .status()
            .unwrap();
        assert!(owned.success());
    }
    server.program(
        ".local/bin/sudo",
        "#!/bin/sh\nprintf '%s ' \"$@\" >> \"${0%/*}/../../asked\"\n[ \"$2\" = -l ] && exit 0\nshift\nexec \"$@\"\n",
    );
    for (app, outcome) in [
        (App::good("good"), Outcome::Deployed),
        (App::new("bad", "crash"), Outcome::RolledBack),
    ] {
        let plan = server.plan(&app);
        let mut serve = Command::new("setpriv");
        serve.args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            crate::stub_server::BINARY,
        ]);
        serve.args(server.serve_arguments(&plan));
        let mut client = Client::start(server.in_surroundings(serve), &plan);
        client.send_all(&plan, &app, Sending::Unasked);
        let told = client.finish(&app);
        assert_eq!(told.outcome(), Some(outcome), "{told:?}");
    }
    assert_eq!(server.restarts(), ["good", "bad", "good"]);
    let asked = fs::read_to_string(server.home().join("asked")).unwrap();
    assert!(asked.contains("-n systemctl restart app"), "{asked}");
}

#[test]
fn health_is_asked_and_must_name_the_new_release() {
    let server = StubServer::new();
    let health = Health::get(answers_with(server.target().join("current/name")));
    let deploy = |name: &str, pattern: &str| {
        server.deploy_with(&App::good(name), |plan| {
            plan.units = Units::default();
            plan.restart = Restart::Nothing;
            plan.verification.health = Some(Health {
                pattern: Some(pattern.to_owned().into()),
                ..health.clone()
            });
        })
    };
    assert_eq!(deploy("one", "^one$").outcome(), Some(Outcome::Deployed));
    let told = deploy("two", "^one$");
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    assert!(told.has(|what| matches!(what, What::Attempt(_))));
    assert!(matches!(
        told.verdict.unwrap().failure.unwrap().reason,
        Reason::Unhealthy { .. }
    ));
    assert_eq!(server.named_by("current").as_deref(), Some("one"));
}

/// Answers 200 with the file's first line.
pub(crate) fn answers_with(file: std::path::PathBuf) -> HealthUrl {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            drop(stream.read(&mut [0; 4096]));
            let body = fs::read_to_string(&file).unwrap_or_default();
            let body = body.trim();
            drop(write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ));
        }
    });
    HealthUrl {
        tls: false,
        host: "127.0.0.1".into(),
        port,
        path: "/".into(),
    }
}

#[test]
fn retention_keeps_the_newest_good_ones_and_failed_ones_until_the_next_success() {
    let server = StubServer::new();
    for name in ["a", "b", "c", "d"] {
        server.deploys(&App::good(name));
    }
    assert_eq!(server.releases(), ["b", "c", "d"]);
    server.deploy(&App::new("failed-1", "crash"));
    server.deploy(&App::new("failed-2", "crash"));
    assert_eq!(server.releases(), ["b", "c", "d", "failed-2"]);
    server.look_in();
    assert_eq!(
        server.releases(),
        ["b", "c", "d", "failed-2", "look-in"],
        "the failed one is still to be looked at"
    );
    fs::create_dir_all(server.target().join("releases/backup")).unwrap();
    server.deploy_with(&App::good("e"), |plan| {
        plan.retention = Retention {
            count: Some(1),
            age: None,
        }
    });
    assert_eq!(server.releases(), ["d", "e"]);
    assert!(
        server.target().join("releases/backup").is_dir(),
        "a folder that is no release"
    );
}

/// Workers of an older release may still answer their last requests, and load code while they do.
#[test]
fn retention_keeps_a_release_in_which_a_process_works() {
    let server = StubServer::with(&App::good("a"));
    let folder = server.target().join("current").canonicalize().unwrap();
    let mut worker = std::process::Command::new("sleep")
        .arg("600")
        .current_dir(folder)
        .spawn()
        .unwrap();
    let keep_one = |name: &str| {
        server.deploy_with(&App::good(name), |plan| plan.retention.count = Some(1));
        server.releases()
    };
    keep_one("b");
    assert_eq!(keep_one("c"), ["a", "b", "c"], "b is the previous one");
    worker.kill().unwrap();
    worker.wait().unwrap();
    assert_eq!(keep_one("d"), ["c", "d"]);
}

#[test]
fn what_a_run_finds_not_ready_it_leaves_alone() {
    let server = StubServer::new();
    for name in ["a", "b", "c"] {
        server.deploys(&App::good(name));
    }
    fs::remove_file(server.target().join("current")).unwrap();
    server.link("current", "releases/gone");
    let told = server.deploy_with(&App::good("d"), |plan| {
        plan.retention = Retention {
            count: Some(1),
            age: None,
        }
    });
    assert_eq!(told.outcome(), Some(Outcome::NotReady));
    assert_eq!(server.releases(), ["a", "b", "c"]);
    assert_eq!(
        fs::read_link(server.target().join("current"))
            .unwrap()
            .to_str(),
        Some("releases/gone")
    );
}
