//! The commands in docs/server.md, run exactly as written, prepare a server for a deployment; those in
//! docs/troubleshooting.md show what is live and roll back.

use crate::app::App;
use crate::run::Deployment;
use crate::throwaway::{ThrowawayServer, TARGET};
use serde_yaml_ng::Value;
use std::fs;

const SIMPLEST: &str = "The simplest set-up: user units, no sudo";
const SOCKET: &str = "No refused connections: a socket unit";
const SEVERAL: &str = "Several units";
const UNIT_FILES: &str = "Unit files that travel with the release";

fn page(name: &str) -> String {
    fs::read_to_string(format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The blocks of one language in a text, in order.
fn blocks_of(text: &str, language: &str) -> Vec<String> {
    text.split(&format!("```{language}\n"))
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

/// The shell commands of a page, in order.
fn blocks(name: &str) -> Vec<String> {
    blocks_of(&page(name), "sh")
}

/// The sections of docs/server.md with their headings.
fn sections() -> Vec<(String, String)> {
    let page = page("server.md");
    let sections = page.split("\n## ").skip(1);
    let sections = sections.map(|section| section.split_once('\n').unwrap());
    sections
        .map(|(heading, text)| (heading.to_owned(), text.to_owned()))
        .collect()
}

/// The blocks of a section, for a service and a user that the throwaway server does not have yet.
fn section(server: &ThrowawayServer, heading: &str, language: &str) -> Vec<String> {
    let (_, text) = sections().into_iter().find(|it| it.0 == heading).unwrap();
    let blocks = blocks_of(&text, language).into_iter();
    blocks.map(|block| renamed(server, &block)).collect()
}

fn renamed(server: &ThrowawayServer, block: &str) -> String {
    let ours = block
        .replace("/.deploy/", "/.OURS/")
        .replace("deploy", "carrier")
        .replace("/.OURS/", "/.deploy/");
    ours.replace("diting", "guided")
        .replace("--port 8000", &format!("--port {}", server.app_port))
}

/// The commands of docs/server.md that set up one system unit.
fn commands(server: &ThrowawayServer) -> Vec<String> {
    let others = [SIMPLEST, SOCKET, SEVERAL, UNIT_FILES];
    let sections = sections().into_iter();
    let sections = sections.filter(|(heading, _)| !others.contains(&heading.as_str()));
    let blocks = sections.flat_map(|(_, text)| blocks_of(&text, "sh"));
    blocks.map(|block| renamed(server, &block)).collect()
}

fn prepared() -> (ThrowawayServer, Vec<String>) {
    let server = ThrowawayServer::up();
    let commands = commands(&server);
    prepare(&server, &commands);
    (server, commands)
}

/// Runs the commands; the port must be free, and key and uv must be where the page says.
fn prepare(server: &ThrowawayServer, commands: &[String]) {
    server.exec("systemctl disable --now diting");
    for command in commands {
        if !command.starts_with("sed ") {
            server.exec(command);
        }
    }
    server.exec("install -m 600 -o carrier -g carrier /home/deploy/.ssh/authorized_keys /home/carrier/.ssh/");
    server.exec("install -d -o carrier -g carrier /home/carrier/.local /home/carrier/.local/bin /home/carrier/.cache");
    server.exec(
        "install -m 755 -o carrier -g carrier /home/deploy/.local/bin/uv /home/carrier/.local/bin/",
    );
    server.exec("cp -a /home/deploy/.cache/uv /home/carrier/.cache/ && chown -R carrier: /home/carrier/.cache");
}

#[test]
fn a_server_prepared_by_the_guide_is_ready_and_guards_itself_after_a_power_cut() {
    let (server, commands) = prepared();
    let line = commands
        .iter()
        .find(|command| command.starts_with("sed "))
        .unwrap();
    let known = server.exec(line).replace("203.0.113.7 ", "");
    let mut words = known.split_whitespace();
    let key = format!("{} {}", words.next().unwrap(), words.next().unwrap());
    assert!(
        server.known_hosts(server.ssh_port).contains(&key),
        "{known}"
    );

    let deployment = |app: &App| {
        server
            .deployment(app)
            .input("user", "carrier")
            .input("service", "guided")
    };
    let first = deployment(&App::version("1")).run().assert_deployed(None);
    let run = deployment(&App::version("2"))
        .input("health-settle", "60s")
        .input("health-timeout", "90s")
        .start();
    run.wait_for("answered 200");
    let current = || fs::read_link(server.path("/opt/guided/current")).unwrap();
    assert!(!current().ends_with(&first));
    run.kill();
    server.cut_power();

    server.boot();
    server.wait_until_answers(&first);
    assert!(current().ends_with(&first), "{}", current().display());
    let run = deployment(&App::version("3")).run();
    run.assert_deployed(Some(&first));
    run.assert_says("earlier");
}

/// A deployment with the inputs that a section shows.
fn shown(server: &ThrowawayServer, app: &App, heading: &str) -> Deployment {
    let inputs = section(server, heading, "yaml").remove(0);
    let inputs: Value = serde_yaml_ng::from_str(&inputs).unwrap();
    let run = server
        .deployment(app)
        .input("user", "carrier")
        .input("service", "guided");
    let inputs = inputs.as_mapping().unwrap().iter();
    inputs.fold(run, |run, (name, value)| {
        match (name.as_str().unwrap(), value.as_str().unwrap()) {
            ("health-url", _) => run,
            (name, value) => run.input(name, value),
        }
    })
}

fn live(server: &ThrowawayServer) -> String {
    let link = fs::read_link(server.path("/opt/guided/current")).unwrap();
    link.file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn the_simplest_set_up_needs_no_sudo_and_the_unit_comes_with_the_release() {
    let server = ThrowawayServer::up();
    prepare(&server, &section(&server, SIMPLEST, "sh"));
    let unit = section(&server, SIMPLEST, "ini").remove(0);
    let app = |app: App| app.file("carrier/guided.service", &unit, 0o644);
    let deploy = |app: &App| shown(&server, app, SIMPLEST).run();
    let sudo = server.try_exec("su -l carrier -c 'sudo -n -l'");
    assert!(!sudo.status.success());

    let first = deploy(&app(App::version("1"))).assert_deployed(None);
    server.wait_until_answers(&first);
    let kept = server.read("/home/carrier/.config/systemd/user/guided.service");
    assert_eq!(kept, unit);
    let broken = app(App::import_error("2")).replace_in(
        "carrier/guided.service",
        "Description=",
        "Description=New ",
    );
    deploy(&broken).assert_rolled_back("verify", &first);
    let kept = server.read("/home/carrier/.config/systemd/user/guided.service");
    assert_eq!(kept, unit);
    // and it is there after a boot
    server.power_off();
    server.boot();
    server.wait_until_answers(&first);
}

/// The unit of the guide as a file of the release; with another description if it is `new`.
fn with_unit(server: &ThrowawayServer, app: App, new: bool) -> App {
    let unit = server.read("/etc/systemd/system/guided.service");
    let unit = match new {
        true => unit.replace("Description=Diting", "Description=New"),
        false => unit,
    };
    app.file("carrier/guided.service", &unit, 0o644)
}

/// A unit file of this kind goes live and comes back after the commands of the guide.
fn travels(kind: usize) {
    let (server, _) = prepared();
    let apps = [
        with_unit(&server, App::version("1"), false),
        with_unit(&server, App::version("2"), true),
        with_unit(&server, App::import_error("3"), false),
    ];
    server.exec(&section(&server, UNIT_FILES, "sh")[kind]);
    let description = || server.exec("systemctl show --value --property Description guided");
    let first = shown(&server, &apps[0], UNIT_FILES)
        .run()
        .assert_deployed(None);
    assert_eq!(description().trim(), "Diting");
    let run = shown(&server, &apps[1], UNIT_FILES).run();
    let second = run.assert_deployed(Some(&first));
    assert_eq!(description().trim(), "New");
    let run = shown(&server, &apps[2], UNIT_FILES).run();
    run.assert_rolled_back("verify", &second);
    assert_eq!((description().trim(), live(&server)), ("New", second));
}

#[test]
fn by_the_guide_a_unit_file_travels_as_a_link() {
    travels(0);
}

#[test]
fn by_the_guide_a_unit_file_travels_as_a_copy() {
    travels(1);
}

#[test]
fn by_the_guide_several_units_are_one_transaction() {
    let (server, _) = prepared();
    server.exec(&section(&server, SEVERAL, "sh")[0]);
    let work = "cd /opt/guided/current && exec python3 worker.py";
    server.exec(&format!(
        "cat >/etc/systemd/system/guided-worker.service <<'END'\n[Service]\nUser=carrier\nWorkingDirectory=/opt/guided/current\n\
         ExecStart=/bin/sh -c '{work}'\nEND\n\
         cat >/etc/systemd/system/guided-dump.service <<'END'\n[Service]\nType=oneshot\nExecStart=/bin/true\nEND\n\
         cat >/etc/systemd/system/guided-dump.timer <<'END'\n[Timer]\nOnCalendar=daily\nEND\n\
         systemctl daemon-reload && systemctl start guided-dump.timer"
    ));
    let works = "import time\nwhile True:\n    time.sleep(1)\n";
    let app = |version, text| App::version(version).file("worker.py", text, 0o644);
    let run = shown(&server, &app("1", works), SEVERAL).run();
    let first = run.assert_deployed(None);
    let run = shown(&server, &app("2", "import a_missing_module\n"), SEVERAL).run();
    run.assert_rolled_back("verify", &first);
    assert_eq!(run.output("failed-unit"), "guided-worker");
    assert_eq!(live(&server), first);
}

#[test]
fn by_the_guide_a_running_service_moves_to_a_socket_and_refuses_nobody_at_a_restart() {
    let (server, _) = prepared();
    let deploy = |app: &App| {
        let run = server.deployment(app).input("user", "carrier");
        run.input("service", "guided").run()
    };
    let first = deploy(&App::version("1")).assert_deployed(None);
    let here = |block: &String| block.replace("8000", &server.app_port.to_string());
    let [socket, migrate] = section(&server, SOCKET, "sh").try_into().unwrap();
    server.exec(&here(&socket));
    server.exec(&here(&migrate));
    server.wait_until_answers(&first);

    // whoever asks while the service is restarted waits
    let port = server.app_port;
    let asked = format!(
        "systemctl restart guided & for n in $(seq 30); do curl -sS -o /dev/null http://127.0.0.1:{port}/ || echo refused; done; wait"
    );
    assert_eq!(server.exec(&asked), "");
    let second = deploy(&App::version("2")).assert_deployed(Some(&first));
    server.wait_until_answers(&second);
    let broken = deploy(&App::import_error("3"));
    broken.assert_rolled_back("verify", &second);
    server.wait_until_answers(&second);
}

#[test]
fn by_hand_the_commands_for_a_red_deployment_tell_what_is_there_and_go_back() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let second = server.deploy_well(&App::version("2"), Some(&first));
    let [look, back, ask] = blocks("troubleshooting.md").try_into().unwrap();
    let told = server.exec(&look);
    for expected in [
        first.as_str(),
        &second,
        "current ->",
        "Active: active (running)",
        "Deployed",
    ] {
        assert!(told.contains(expected), "{expected} is missing: {told}");
    }
    // not while a deployment is at work, or was cut short
    server.exec(&format!(
        "cat >/usr/local/bin/back <<'END'\n{back}END\ntouch {TARGET}/.deploy/pending"
    ));
    let goes_back = |before: &str| {
        server.try_exec(&format!(
            "su -l deploy -c '{before} sh -eu /usr/local/bin/back'"
        ))
    };
    assert!(!goes_back("").status.success());
    server.exec(&format!("rm {TARGET}/.deploy/pending"));
    assert!(!goes_back(&format!("flock {TARGET}/.deploy/lock"))
        .status
        .success());
    server.assert_live(&second, "2", Some(&first));
    assert!(goes_back("").status.success());
    server.wait_until_answers(&first);
    let answer = server.exec_as_deploy(&ask.replace("8000", &server.app_port.to_string()));
    assert!(answer.contains(&first), "{answer}");
    // and the next deployment takes it as it finds it
    let run = server.deploy(&App::version("3"));
    let third = run.assert_deployed(Some(&first));
    run.assert_silent_about("::warning");
    server.assert_live(&third, "3", Some(&first));
}
