//! A service of several units: two services, a timer and a socket.

use crate::app::{App, Node};
use crate::client::{Client, Sending, Told};
use crate::deployments::answers_with;
use crate::interrupted::{pid_of_transaction, signal};
use crate::invariants::{within_seconds, Invariants};
use crate::stub_server::{StubServer, BINARY};
use deploy_action::protocol::{
    Finding, Health, Install, Notice, Outcome, Plan, Reason, Restart, Step, UnitName, Units,
    Verdict, Warning, What,
};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

const NAMES: [&str; 4] = ["app", "worker", "dump.timer", "app.socket"];

/// Far longer than a test.
const LONG: Duration = Duration::from_secs(300);

fn server() -> StubServer {
    let server = StubServer::new();
    server.another_unit("worker", "inactive", "dead", "Type=simple\n");
    server.another_unit("dump.timer", "active", "waiting", "");
    let more = "Id=app.socket\nTriggers=app.service\n";
    server.another_unit("app.socket", "active", "listening", more);
    server
}

fn several(plan: &mut Plan) {
    plan.units = Units {
        names: NAMES.map(UnitName::checked).to_vec(),
        ..Units::default()
    };
}

fn deploy(server: &StubServer, app: &App, change: impl FnOnce(&mut Plan)) -> Told {
    server.deploy_with(app, |plan| {
        several(plan);
        change(plan);
    })
}

/// On which `old` is live.
fn server_with_old() -> StubServer {
    let server = server();
    let told = deploy(&server, &App::good("old"), |_| {});
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    server
}

fn state(server: &StubServer, unit: &str) -> String {
    fs::read_to_string(server.home().join(format!("unit-{unit}/state"))).unwrap()
}

fn change(server: &StubServer, unit: &str, from: &str, to: &str) {
    let text = state(server, unit);
    assert!(text.contains(from), "{text}");
    let path = server.home().join(format!("unit-{unit}/state"));
    fs::write(path.with_extension("new"), text.replace(from, to)).unwrap();
    fs::rename(path.with_extension("new"), path).unwrap();
}

/// The outcome, and the unit that failed, with its reason.
fn failure(verdict: &Verdict) -> (Outcome, Option<&str>, &Reason) {
    let failure = verdict.failure.as_ref().unwrap();
    (verdict.outcome, failure.unit.as_deref(), &failure.reason)
}

#[test]
fn the_services_are_restarted_in_their_order_and_the_others_stay() {
    let server = server_with_old();
    let told = deploy(&server, &App::good("new"), |_| {});
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    assert_eq!(
        server.commands(),
        [
            "restart app old",
            "restart worker old",
            "restart app new",
            "restart worker new"
        ]
    );
    for unit in ["dump.timer", "app.socket"] {
        assert!(state(&server, unit).contains(&format!("InvocationID={unit}-before")));
    }
    let is_named = |what: &What| matches!(what, What::Warning(warning) if !matches!(warning, Warning::OfUnit { .. }));
    assert!(!told.has(is_named), "{told:?}");
}

#[test]
fn a_second_service_that_does_not_start_takes_the_first_back() {
    for behaviour in ["crash", "failed", "never-ready", "refused"] {
        let server = server_with_old();
        server.behaves("worker-new", behaviour);
        let told = deploy(&server, &App::good("new"), |_| {});
        let verdict = told.verdict.as_ref().unwrap();
        let (outcome, unit, reason) = failure(verdict);
        assert_eq!(
            (outcome, unit),
            (Outcome::RolledBack, Some("worker")),
            "{behaviour}: {reason:?}"
        );
        assert_eq!(
            server.commands()[2..4],
            ["restart app new", "restart worker new"]
        );
        assert_eq!(
            server.commands().last_chunk(),
            Some(&[
                "restart app old".to_owned(),
                "restart worker old".to_owned()
            ])
        );
        let logs = |what: &What| matches!(what, What::Diagnostics(all) if all.iter().any(|it| it.title == "log of worker, this start"));
        assert!(told.has(logs), "{behaviour}: {told:?}");
        let failed = |what: &What| matches!(what, What::FailedStart(start) if start.invocation.as_deref().is_some_and(|id| id.starts_with("worker-start-")));
        assert!(told.has(failed), "{behaviour}: {told:?}");
    }
}

#[test]
fn nothing_is_restarted_after_a_service_that_cannot_be() {
    let server = server_with_old();
    server.program(
        "on-restart",
        "#!/bin/sh\n[ \"$*\" != 'new app' ] || kill \"$PPID\"\n",
    );
    let told = deploy(&server, &App::good("new"), |_| {});
    let (outcome, unit, reason) = failure(told.verdict.as_ref().unwrap());
    assert_eq!((outcome, unit), (Outcome::RolledBack, Some("app")));
    assert!(matches!(reason, Reason::Command { .. }), "{reason:?}");
    assert!(!server.commands().contains(&"restart worker new".to_owned()));
}

/// A deployment that has answered for a while, within a long settle time.
fn settling(server: &StubServer, app: &App) -> Client {
    let mut plan = server.plan(app);
    several(&mut plan);
    plan.verification.settle = LONG;
    plan.verification.timeout = LONG;
    let url = answers_with(server.target().join("current/name"));
    plan.verification.health = Some(Health {
        url,
        statuses: vec![200],
        pattern: None,
        headers: Vec::new(),
    });
    let mut client = server.start(&plan);
    client.send_all(&plan, app, Sending::Ask);
    for _ in 0..5 {
        assert!(client.follow_until(app, |what| matches!(what, What::Attempt(_))));
    }
    client
}

#[test]
fn a_second_service_that_dies_while_the_first_is_long_healthy_takes_it_back() {
    let server = server_with_old();
    let app = App::good("new");
    let client = settling(&server, &app);
    change(
        &server,
        "worker",
        "SubState=running",
        "SubState=auto-restart",
    );
    let told = client.finish(&app);
    let (outcome, unit, reason) = failure(told.verdict.as_ref().unwrap());
    assert_eq!((outcome, unit), (Outcome::RolledBack, Some("worker")));
    assert!(matches!(reason, Reason::Crashed { .. }), "{reason:?}");
    assert_eq!(server.commands().len(), 6, "{:?}", server.commands());
}

#[test]
fn a_timer_that_someone_stops_meanwhile_fails_the_release_too() {
    let server = server_with_old();
    let app = App::good("new");
    let client = settling(&server, &app);
    change(
        &server,
        "dump.timer",
        "ActiveState=active",
        "ActiveState=inactive",
    );
    let told = client.finish(&app);
    let (outcome, unit, _) = failure(told.verdict.as_ref().unwrap());
    assert_eq!((outcome, unit), (Outcome::RolledBack, Some("dump.timer")));
    let rollback = [
        "restart app old",
        "restart worker old",
        "restart dump.timer old",
    ];
    assert_eq!(server.commands()[4..], rollback);
}

#[test]
fn what_is_not_active_is_a_finding() {
    let server = server_with_old();
    change(
        &server,
        "dump.timer",
        "ActiveState=active",
        "ActiveState=failed",
    );
    change(
        &server,
        "app.socket",
        "LoadState=loaded",
        "LoadState=masked",
    );
    let told = deploy(&server, &App::good("new"), |_| {});
    let verdict = told.verdict.unwrap();
    let Reason::NotReady(findings) = verdict.failure.unwrap().reason else {
        panic!()
    };
    let expected = [
        Finding::Unit {
            service: "app.socket".to_owned(),
            state: "masked".to_owned(),
        },
        Finding::NotActive {
            service: "dump.timer".to_owned(),
            state: "failed".to_owned(),
        },
    ];
    assert_eq!(findings, expected);
}

#[test]
fn what_comes_with_the_release_may_not_be_active_yet() {
    let server = server_with_old();
    change(
        &server,
        "dump.timer",
        "ActiveState=active",
        "ActiveState=failed",
    );
    fs::create_dir(server.system_units()).unwrap();
    let timer = Node::File(0o644, b"[Timer]\n".to_vec());
    let with_file = App::good("new")
        .with("units", Node::Folder)
        .with("units/dump.timer", timer);
    let told = deploy(&server, &with_file, |plan| {
        plan.units.files = vec!["units/*".to_owned()];
    });
    // the stub starts nothing without a file of app
    assert_ne!(told.verdict.unwrap().failure.unwrap().step, Step::Check);
}

/// Root has every right, so this server part is another user's.
#[test]
fn every_right_is_asked_for_and_those_around_a_socket_that_may_change() {
    const NOBODY: u32 = 65_534;
    let server = server_with_old();
    server.program(".local/bin/sudo", "#!/bin/sh\nexit 1\n");
    let socket = Node::File(0o644, b"[Socket]\n".to_vec());
    let app = App::good("new")
        .with("units", Node::Folder)
        .with("units/app.socket", socket);
    let mut plan = server.plan(&app);
    several(&mut plan);
    plan.units.files = vec!["units/*".to_owned()];
    let binary = server.home().join("binary");
    fs::copy(BINARY, &binary).unwrap();
    let mut serve = Command::new(binary);
    serve.args(server.serve_arguments(&plan));
    let mut serve = server.in_surroundings(serve);
    if fs::metadata(server.home()).unwrap().uid() == 0 {
        let chown = |path| {
            Command::new("chown")
                .args(["-R", "65534:65534"])
                .arg(path)
                .status()
        };
        let folders = [server.home(), server.target()];
        assert!(folders.iter().all(|it| chown(it).unwrap().success()));
        serve.uid(NOBODY).gid(NOBODY);
    }
    let mut client = Client::start(serve, &plan);
    client.send_all(&plan, &app, Sending::Ask);
    let told = client.finish(&app);
    let Some(Reason::NotReady(findings)) = told.verdict.unwrap().failure.map(|it| it.reason) else {
        panic!()
    };
    let asked: Vec<String> = findings
        .iter()
        .filter_map(|finding| match finding {
            Finding::Sudo { service, .. } => Some(format!("restart {service}")),
            Finding::SudoAround { verb, service, .. } => Some(format!("{verb} {service}")),
            _ => None,
        })
        .collect();
    assert_eq!(asked[..2], ["stop app", "start app"]);
    assert_eq!(asked[2..], NAMES.map(|name| format!("restart {name}")));
}

/// Changed by something else meanwhile, as by a file of the release.
#[test]
fn a_socket_that_is_down_is_restarted_with_its_service_stopped() {
    let server = server_with_old();
    let state = server.home().join("unit-app.socket/state");
    let stop = format!(
        "sed -i s/ActiveState=active/ActiveState=inactive/ {}",
        state.display()
    );
    let told = deploy(&server, &App::good("new"), |plan| {
        plan.staging.install = Install::Commands(stop);
    });
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    assert_eq!(
        server.commands()[2..],
        [
            "stop app new",
            "restart app.socket new",
            "start app new",
            "restart worker new"
        ]
    );
    let announced = |what: &What| matches!(what, What::Notice(Notice::SocketRestart { socket, service }) if socket == "app.socket" && service == "app");
    assert!(told.has(announced), "{told:?}");
}

#[test]
fn the_start_limit_of_the_second_service_is_counted() {
    let server = server_with_old();
    let limit = "StartLimitBurst=2\nStartLimitIntervalUSec=1min\n";
    let text = state(&server, "worker");
    let path = server.home().join("unit-worker/state");
    fs::write(path, format!("{text}{limit}")).unwrap();
    server.program(
        ".local/bin/sudo",
        "#!/bin/sh\n[ \"$2 $4\" = '-l reset-failed' ] && exit 1\n[ \"$2\" = -l ] && exit 0\nshift\nexec \"$@\"\n",
    );
    let app = App::good("new");
    let mut plan = server.plan(&app);
    several(&mut plan);
    // own commands reset nothing
    plan.restart = Restart::Commands("systemctl restart app; systemctl restart worker".to_owned());
    let mut client = server.start(&plan);
    client.send_all(&plan, &app, Sending::Ask);
    let waits = |what: &What| matches!(what, What::Notice(Notice::StartLimitWait { up_to, serving: true }) if *up_to > Duration::from_secs(30));
    assert!(client.follow_until(&app, waits));
    client.hang_up();
    assert_eq!(client.finish(&app).outcome(), Some(Outcome::Cancelled));
}

#[test]
fn a_transaction_that_was_killed_between_two_restarts_restarts_both_again() {
    let server = server_with_old();
    let gate = server.home().join("gate");
    fs::write(&gate, "").unwrap();
    server.program(
        "on-restart",
        &format!(
            "#!/bin/sh\n[ \"$*\" = 'new worker' ] || exit 0\nwhile [ -e {} ]; do sleep 0.01; done\n",
            gate.display()
        ),
    );
    let app = App::good("new");
    let mut plan = server.plan(&app);
    several(&mut plan);
    let mut client = server.start(&plan);
    client.send_all(&plan, &app, Sending::Ask);
    assert!(client.follow_until(&app, |what| *what == What::Step(Step::Restart)));
    let begun = || server.commands().contains(&"restart worker new".to_owned());
    assert!(within_seconds(begun));
    signal("-KILL", &client.pid().to_string());
    client.wait();
    signal("-KILL", &pid_of_transaction(&server));
    fs::remove_file(gate).unwrap();
    let told = deploy(&server, &App::good("look-in"), |plan| {
        plan.staging.install = Install::Commands("exit 3".to_owned());
    });
    let recovered = told.recovered().map(|verdict| verdict.outcome);
    assert_eq!(recovered, Some(Outcome::RolledBack), "{told:?}");
    assert_eq!(
        server.commands()[4..],
        ["restart app old", "restart worker old"]
    );
}

#[test]
fn an_own_restart_command_must_not_forget_a_service() {
    let forgetful = |plan: &mut Plan| {
        plan.restart = Restart::Commands("systemctl restart app".to_owned());
    };
    let server = server_with_old();
    let told = deploy(&server, &App::good("new"), forgetful);
    let (outcome, unit, reason) = failure(told.verdict.as_ref().unwrap());
    assert_eq!(
        (outcome, unit, reason),
        (Outcome::RolledBack, Some("worker"), &Reason::NotRestarted)
    );
    // a reload keeps what runs
    let told = deploy(&server, &App::good("new"), |plan| {
        plan.restart = Restart::Commands("systemctl reload app worker".to_owned());
    });
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    // and the timer may stay as it is
    let told = deploy(&server, &App::good("newer"), |plan| {
        plan.restart =
            Restart::Commands("systemctl restart app; systemctl restart worker".to_owned());
    });
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
}

#[test]
fn a_rollback_tries_every_unit_and_names_the_one_that_does_not_come_back() {
    let server = server_with_old();
    server.behaves("worker-new", "crash");
    server.behaves("app-old", "healthy");
    server.behaves("worker-old", "crash");
    let told = deploy(&server, &App::good("new"), |_| {});
    let verdict = told.verdict.unwrap();
    assert_eq!(verdict.outcome, Outcome::RollbackFailed);
    assert_eq!(verdict.rollback.unwrap().unit.as_deref(), Some("worker"));
    Invariants::of(&server);
}

#[test]
fn in_a_rollback_only_what_is_down_is_restarted_again() {
    let server = server();
    let told = deploy(&server, &App::good("old"), |plan| {
        plan.verification.timeout = LONG;
    });
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    server.behaves("worker-new", "crash");
    server.behaves("worker-old", "failed");
    // once
    server.program(
        "on-restart",
        "#!/bin/sh\n[ \"$*\" != 'old worker' ] || rm -f \"${0%/*}/behave-worker-old\"\n",
    );
    let told = deploy(&server, &App::good("new"), |_| {});
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    assert_eq!(
        server.commands()[4..],
        [
            "restart app old",
            "restart worker old",
            "restart worker old"
        ]
    );
    let doubt = |what: &What| match what {
        What::Warning(Warning::OfUnit { unit, warning }) => {
            unit == "worker" && matches!(**warning, Warning::RollbackDoubt(_))
        }
        _ => false,
    };
    assert!(told.has(doubt), "{told:?}");
}
