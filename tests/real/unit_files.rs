//! Unit files that travel with the release when the power fails: damaged files, and the guard that restores them at boot.

use crate::app::App;
use crate::run::{Deployment, Running};
use crate::throwaway::{as_deploy, ThrowawayServer, OWN_UNITS, TARGET};
use std::fs;

const FILE: &str = "deploy/diting.service";
const LINK: &str =
    "ln -sfn /opt/diting/current/deploy/diting.service /etc/systemd/system/diting.service";
const INSTALL: &str =
    "/usr/bin/install -m 644 /opt/diting/current/deploy/diting.service /etc/systemd/system/diting.service";
/// As older versions of the documents had it.
const OLD_GUARD: &str = "cat > /etc/systemd/system/diting-guard.service <<'END'
[Unit]
Before=diting.service
ConditionPathExists=/opt/diting/.deploy/pending

[Service]
Type=oneshot
User=deploy
ExecStart=/opt/diting/.deploy/bin/server server-part guard /opt/diting

[Install]
WantedBy=diting.service
END
systemctl enable diting-guard";

/// The blocks of the documents that set up the guard: system, then user.
fn guard(language: &str) -> String {
    let docs = fs::read_to_string("docs/server.md").unwrap();
    let section = docs.split("\n## After a power cut\n").nth(1).unwrap();
    let block = section.split(&format!("```{language}\n")).nth(1).unwrap();
    block.split("```").next().unwrap().to_owned()
}

/// An app whose unit is described as this.
fn app(server: &ThrowawayServer, version: &str) -> App {
    let user = match server.has_own_units() {
        true => ("", "default"),
        false => ("User=deploy\n", "multi-user"),
    };
    let unit = format!(
        "[Unit]\nDescription=version {version}\n[Service]\n{}WorkingDirectory=/opt/diting/current\n\
         ExecStart=/usr/bin/python3 /opt/diting/current/app.py 0.0.0.0 {}\nRestart=always\n[Install]\nWantedBy={}.target\n",
        user.0, server.app_port, user.1,
    );
    App::plain(version).file(FILE, &unit, 0o644)
}

fn deployment(server: &ThrowawayServer, app: &App) -> Deployment {
    let deployment = server.deployment(app).input("install", "none");
    let deployment = deployment.input("units", "deploy/*.service");
    match server.has_own_units() {
        true => deployment.input("scope", "user"),
        false => deployment,
    }
}

fn deployed(server: &ThrowawayServer, version: &str) -> String {
    let run = deployment(server, &app(server, version)).run();
    let release = run.assert_deployed(None);
    server.assert_live(&release, version, None);
    assert_eq!(description(server), format!("version {version}"));
    release
}

fn allow(server: &ThrowawayServer, command: &str) {
    server.exec(&format!(
        "echo 'deploy ALL=(root) NOPASSWD: {command}' >>/etc/sudoers.d/units"
    ));
}

fn with_link() -> ThrowawayServer {
    let server = ThrowawayServer::up();
    server.exec(&format!("{LINK}; systemctl daemon-reload"));
    allow(&server, "/bin/systemctl daemon-reload");
    server
}

fn with_copy() -> ThrowawayServer {
    let server = ThrowawayServer::up();
    allow(&server, "/bin/systemctl daemon-reload");
    allow(&server, INSTALL);
    server
}

fn description(server: &ThrowawayServer) -> String {
    server.property("Description")
}

/// Deploys the second version, and waits until it is watched.
fn verifying(server: &ThrowawayServer, version: &str) -> Running {
    let deployment = deployment(server, &app(server, version));
    let run = deployment
        .input("health-settle", "60s")
        .input("health-timeout", "90s")
        .start();
    run.wait_for("answered 200");
    run
}

/// Cuts the power while the second version is watched, damages the disk, and boots.
fn cut(server: &ThrowawayServer, damage: &str) {
    let run = verifying(server, "2");
    assert_eq!(description(server), "version 2");
    run.kill();
    // nothing that follows is a restart of its own
    let server_part = "pkill -KILL -f [s]erver-part";
    server.exec(&format!("{server_part}; {damage}; sync"));
    server.cut_power();
    server.boot();
}

fn assert_restored(server: &ThrowawayServer, first: &str) {
    server.wait_until_answers(first);
    assert_eq!(server.link("current"), Some(format!("releases/{first}")));
    assert_eq!(description(server), "version 1");
    // the next run restarts and reports it
    let run = deployment(server, &app(server, "3")).run();
    let third = run.assert_deployed(Some(first));
    run.assert_says("earlier");
    server.assert_live(&third, "3", Some(first));
    assert_eq!(description(server), "version 3");
}

#[test]
fn the_guard_starts_the_old_release_whatever_became_of_a_copied_unit_file() {
    let file = "/etc/systemd/system/diting.service";
    for damage in [
        format!("rm {file}"),
        format!("> {file}"),
        format!("ln -sfn /nowhere {file}"),
        format!("printf '[Service\\nExecStrat=' >{file}"),
        "true".to_owned(),
    ] {
        let server = with_copy();
        server.exec(&guard("sh"));
        let first = deployed(&server, "1");
        cut(&server, &damage);
        assert_restored(&server, &first);
    }
}

#[test]
fn the_guard_starts_the_old_release_whatever_became_of_what_a_link_leads_to() {
    let file = "/opt/diting/current/deploy/diting.service";
    for damage in [
        format!("rm {file}"),
        format!("> {file}"),
        format!("printf '[Service\\nExecStrat=' >{file}"),
        "true".to_owned(),
    ] {
        let server = with_link();
        server.exec(&guard("sh"));
        let first = deployed(&server, "1");
        cut(&server, &damage);
        assert_restored(&server, &first);
    }
}

#[test]
fn a_guard_of_an_older_version_restores_the_unit_file_too() {
    for server in [with_copy(), with_link()] {
        server.exec(OLD_GUARD);
        let first = deployed(&server, "1");
        cut(&server, "true");
        assert_restored(&server, &first);
    }
}

#[test]
fn the_guard_of_a_user_starts_the_old_release_whatever_became_of_the_unit_file() {
    let file = format!("{OWN_UNITS}/diting.service");
    for damage in [format!("rm {file}"), format!("> {file}"), "true".to_owned()] {
        let server = ThrowawayServer::up_with_own_units(&[]);
        let first = deployed(&server, "1");
        let unit = guard("ini");
        let path = format!("{OWN_UNITS}/diting-guard.service");
        server.exec(&format!(
            "cat >{path} <<'END'\n{unit}END\nchown deploy: {path}"
        ));
        server.own_systemctl("enable diting-guard");
        cut(&server, &damage);
        assert_restored(&server, &first);
        let beside = server.exec(&format!("ls -A {OWN_UNITS}"));
        assert!(!beside.contains(".diting"), "{beside}");
    }
}

#[test]
fn a_users_own_unit_comes_with_the_release_and_goes_with_it() {
    let server = ThrowawayServer::up_with_own_units(&[]);
    server.exec(&as_deploy(&format!("rm -r {OWN_UNITS}")));
    server.own_systemctl("daemon-reload");
    let crashes =
        |app: App| app.replace_in("app.py", "import http", "raise SystemExit(3)\nimport http");
    let run = deployment(&server, &crashes(app(&server, "1")))
        .input("health-timeout", "8s")
        .run();
    run.assert_ended(5, "failed", "verify");
    assert!(!server.has(&format!("{OWN_UNITS}/diting.service")));
    server.wait_for("! pgrep -f current/app[.]py");
    let first = deployed(&server, "2");
    assert_eq!(server.own_systemctl("is-enabled diting"), "enabled");
    let worker =
        "[Service]\nExecStart=/bin/sh -c 'exec sleep 4711'\nWorkingDirectory=/opt/diting/current\n\
                  [Install]\nWantedBy=default.target\n";
    let broken = crashes(app(&server, "3")).file("deploy/extra.service", worker, 0o644);
    let run = deployment(&server, &broken)
        .input("service", "diting\nextra")
        .input("health-timeout", "8s")
        .run();
    run.assert_rolled_back("verify", &first);
    server.assert_live(&first, "2", None);
    assert_eq!(description(&server), "version 2");
    assert!(!server.has(&format!("{OWN_UNITS}/extra.service")));
    assert!(!server.has(&format!("{OWN_UNITS}/default.target.wants/extra.service")));
    server.wait_for("! pgrep -f 'sleep 471[1]'");
    server.cut_power();
    server.boot();
    server.wait_until_answers(&first);
}

#[test]
fn the_commands_that_the_check_shows_set_a_unit_up_once() {
    let server = ThrowawayServer::up();
    server.exec("systemctl disable --now diting; rm /etc/systemd/system/diting.service; systemctl daemon-reload");
    let run = deployment(&server, &app(&server, "1")).run();
    run.assert_ended(4, "not-ready", "check");
    assert!(server.releases().is_empty());
    let commands: Vec<&str> = run
        .log
        .lines()
        .map(str::trim)
        .filter(|line| {
            ["sudo ln ", "new=$(mktemp)"]
                .iter()
                .any(|start| line.starts_with(start))
        })
        .collect();
    assert_eq!(commands.len(), 2, "{}", run.log);
    for command in commands {
        server.exec(command);
    }
    let first = deployed(&server, "1");
    let run = deployment(&server, &app(&server, "2")).run();
    run.assert_says("unit diting is not started at boot");
    server.exec("systemctl enable diting");
    let second = run.assert_deployed(Some(&first));
    server.cut_power();
    server.boot();
    server.wait_until_answers(&second);
}

#[test]
fn a_link_to_another_disk_must_become_a_copy() {
    let server = with_link();
    server.exec(&format!(
        "mount -t tmpfs none {TARGET} && install -d -o deploy -g deploy {TARGET} {TARGET}/releases"
    ));
    let run = deployment(&server, &app(&server, "1")).run();
    run.assert_ended(4, "not-ready", "check");
    run.assert_says("which systemd cannot read at boot");
    let commands: Vec<&str> = run
        .log
        .lines()
        .map(str::trim)
        .filter(|line| {
            ["sudo cp ", "new=$(mktemp)"]
                .iter()
                .any(|start| line.starts_with(start))
        })
        .collect();
    for command in commands {
        server.exec(command);
    }
    let first = deployment(&server, &app(&server, "1"))
        .run()
        .assert_deployed(None);
    server.wait_until_answers(&first);
    assert_eq!(description(&server), "version 1");
}
