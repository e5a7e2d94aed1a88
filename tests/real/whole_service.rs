//! Web, worker and timer, with unit files that travel with the release: linked and copied.

use crate::app::App;
use crate::run::{Deployment, Run};
use crate::service::{
    allow, assert_runs, property, with_dead_web, with_this_worker, with_worker, UnitFiles, SERVICE,
};
use crate::throwaway::{ThrowawayServer, TARGET};
use std::net::TcpListener;

const SYSTEM: &str = "/etc/systemd/system";
const NAMES: [&str; 4] = [
    "diting.service",
    "diting-worker.service",
    "diting-dump.service",
    "diting-dump.timer",
];

/// How the unit files come to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Link,
    Copy,
}

impl Way {
    /// A server that has no release yet, set up once by root.
    fn server(self) -> ThrowawayServer {
        let server = ThrowawayServer::up();
        server.exec("rm -f /etc/systemd/system/diting.service /etc/systemd/system/*/diting.service; systemctl daemon-reload");
        let mut rights: Vec<String> = [
            "systemctl daemon-reload",
            "systemctl restart diting-worker",
            "systemctl restart diting-dump.timer",
        ]
        .map(|command| format!("/bin/{command}"))
        .into();
        for name in NAMES {
            let (from, to) = (
                format!("{TARGET}/current/deploy/{name}"),
                format!("{SYSTEM}/{name}"),
            );
            match self {
                Self::Link => drop(server.exec(&format!("ln -s {from} {to}"))),
                Self::Copy => rights.push(format!("/usr/bin/install -m 644 {from} {to}")),
            }
        }
        let rights: Vec<&str> = rights.iter().map(String::as_str).collect();
        allow(&server, &rights);
        server
    }
}

fn whole(server: &ThrowawayServer, app: &App) -> Deployment {
    server
        .deployment(app)
        .input("service", SERVICE)
        .input("units", "deploy/*.service\ndeploy/*.timer")
        .input("install", "none")
        .input("health-timeout", "20s")
}

fn app(server: &ThrowawayServer, version: &str) -> App {
    UnitFiles::at(server.app_port).into(with_worker(version))
}

fn loaded(server: &ThrowawayServer, unit: &str, property_name: &str) -> String {
    property(server, unit, property_name)
}

fn assert_all_run(server: &ThrowawayServer, release: &str) {
    assert_runs(server, "diting", release);
    assert_runs(server, "diting-worker", release);
    assert_eq!(loaded(server, "diting-dump.timer", "ActiveState"), "active");
}

fn first(server: &ThrowawayServer) -> String {
    let first = whole(server, &app(server, "1")).run().assert_deployed(None);
    server.assert_live(&first, "1", None);
    assert_all_run(server, &first);
    first
}

fn assert_rolled_back(server: &ThrowawayServer, run: &Run, unit: &str, first: &str) {
    run.assert_rolled_back("verify", first);
    assert_eq!(run.output("failed-unit"), unit);
    server.assert_live(first, "1", None);
    assert_all_run(server, first);
    let description = loaded(server, "diting", "Description");
    assert_eq!(
        description, "Web",
        "the definition of the first release is loaded"
    );
}

fn a_changed_unit_file_goes_live_and_comes_back(way: Way) {
    let server = way.server();
    let first = first(&server);
    let changed = || {
        let mut files = UnitFiles::at(server.app_port);
        files.web = files.web.replace("=Web", "=Changed");
        files.worker = files.worker.replace("bin/worker", "bin/queue");
        files.timer = files.timer.replace("03:00", "04:00");
        files
    };
    let renamed = |app: App| {
        let from = app.path().join("bin/worker");
        std::fs::rename(from, app.path().join("bin/queue")).unwrap();
        app
    };
    // each of them broken in turn, under changed unit files
    let dead = "import no_module_of_this_name\n";
    let broken = changed().into(renamed(with_this_worker("2", dead)));
    let run = whole(&server, &broken).run();
    assert_rolled_back(&server, &run, "diting-worker", &first);
    let broken = with_dead_web("3");
    let broken = changed().into(renamed(broken));
    server.exec("systemctl reset-failed diting diting-worker");
    let run = whole(&server, &broken).input("health-timeout", "6s").run();
    assert_rolled_back(&server, &run, "diting", &first);
    assert_eq!(timer_of(&server), "03:00");
    // the program of ExecStart renamed
    server.exec("systemctl reset-failed diting diting-worker");
    let good = changed().into(renamed(with_worker("4")));
    let run = whole(&server, &good).run();
    let second = run.assert_deployed(Some(&first));
    server.assert_live(&second, "4", Some(&first));
    assert_all_run(&server, &second);
    assert_eq!(loaded(&server, "diting", "Description"), "Changed");
    assert_eq!(timer_of(&server), "04:00");
    // back by command, to a release with other units
    server.exec("systemctl reset-failed diting diting-worker");
    let run = whole(&server, &good).input("command", "rollback").run();
    run.assert_ended(0, "restored", "");
    server.assert_live(&first, "1", Some(&second));
    assert_all_run(&server, &first);
    assert_eq!(loaded(&server, "diting", "Description"), "Web");
    assert_eq!(timer_of(&server), "03:00");
}

fn timer_of(server: &ThrowawayServer) -> String {
    let calendar = loaded(server, "diting-dump.timer", "TimersCalendar");
    let at = calendar.split("Sun *-*-* ").nth(1).unwrap();
    at[..5].to_owned()
}

#[test]
fn linked_unit_files_are_switched_with_the_release_and_come_back() {
    a_changed_unit_file_goes_live_and_comes_back(Way::Link);
}

#[test]
fn copied_unit_files_are_renewed_with_the_release_and_come_back() {
    a_changed_unit_file_goes_live_and_comes_back(Way::Copy);
}

#[test]
fn a_new_port_is_asked_and_the_old_one_after_a_rollback() {
    let server = Way::Link.server();
    let first = first(&server);
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("http://localhost:{port}/health");
    let dead = with_this_worker("2", "import no_module_of_this_name\n");
    let moved = UnitFiles::at(port).into(dead);
    let run = whole(&server, &moved).input("health-url", &url).run();
    assert_rolled_back(&server, &run, "diting-worker", &first);
    server.exec("systemctl reset-failed diting diting-worker");
    let moved = UnitFiles::at(port).into(with_worker("3"));
    let second = whole(&server, &moved).input("health-url", &url).run();
    let second = second.assert_deployed(Some(&first));
    assert_all_run(&server, &second);
    server.exec(&format!("curl -fsS {url}"));
}

#[test]
fn a_first_deployment_that_fails_leaves_no_process() {
    for way in [Way::Link, Way::Copy] {
        let server = way.server();
        let files = UnitFiles::at(server.app_port);
        let dead = files.into(with_this_worker("1", "import no_module_of_this_name\n"));
        let run = whole(&server, &dead).run();
        run.assert_ended(5, "failed", "verify");
        assert_eq!(run.output("failed-unit"), "diting-worker");
        assert_eq!(server.link("current"), None);
        server.wait_for("! pgrep -f '[c]urrent/app.py' && ! pgrep -f '[c]urrent/bin/worker'");
        let first = first(&server);
        assert_all_run(&server, &first);
    }
}

#[test]
fn a_broken_unit_file_stops_the_run_before_anyone_notices() {
    let server = Way::Link.server();
    let first = first(&server);
    let started = loaded(&server, "diting", "InvocationID");
    let broken: [(&str, &str, &str); 4] = [
        ("ExecStart=/usr", "ExecStrat=/usr", "ExecStrat"),
        (
            "User=deploy",
            "User=nobody-of-this-name",
            "nobody-of-this-name",
        ),
        ("[Service]", "Service]", "deploy/diting.service"),
        (
            "current/app.py",
            "current/app.py\nExecStartPre=/opt/diting/current/bin/migrate",
            "bin/migrate",
        ),
    ];
    for (from, to, says) in broken {
        let mut files = UnitFiles::at(server.app_port);
        files.web = files.web.replace(from, to);
        let run = whole(&server, &files.into(with_worker("2"))).run();
        run.assert_ended(5, "failed", "seal");
        run.assert_says(says);
        server.assert_live(&first, "1", None);
        assert_eq!(loaded(&server, "diting", "InvocationID"), started, "{to}");
    }
}

#[test]
fn a_server_of_another_workflow_is_taken_over_with_its_units() {
    let server = Way::Copy.server();
    // what a workflow left that copies the unit file from the checkout on every deployment
    let old = app(&server, "0");
    crate::throwaway::copy_tree(
        &old.path().join("."),
        &server.path("/opt/diting/releases/1751871137"),
    );
    server.exec("chown -R deploy: /opt/diting/releases && su deploy -c 'ln -s releases/1751871137 /opt/diting/current'");
    UnitFiles::at(server.app_port).install(&server);
    server.exec("systemctl start diting diting-worker");
    let mut files = UnitFiles::at(server.app_port);
    files.web = files.web.replace("=Web", "=Changed");
    let dead = files.into(with_this_worker("1", "import no_module_of_this_name\n"));
    let run = whole(&server, &dead).run();
    run.assert_rolled_back("verify", "1751871137");
    assert_runs(&server, "diting", "1751871137");
    assert_runs(&server, "diting-worker", "1751871137");
    assert_eq!(loaded(&server, "diting", "Description"), "Web");
    server.exec("systemctl reset-failed diting diting-worker");
    let release = whole(&server, &app(&server, "2")).run();
    let release = release.assert_deployed(Some("1751871137"));
    assert_all_run(&server, &release);
}
