//! Retention never deletes a release in which a process works.

use crate::app::App;
use crate::client::{Client, Sending};
use crate::invariants::within_seconds;
use crate::stub_server::{StubServer, BINARY};
use deploy_action::protocol::{Health, HealthUrl, Outcome, Plan, Restart, Units};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// A process that is ended with the test.
struct Process(Child);

impl Process {
    /// Until it is `sleep` or a copy of it.
    fn start(command: &mut Command) -> Self {
        let process = Self(command.stdin(Stdio::null()).spawn().unwrap());
        let comm = format!("/proc/{}/comm", process.0.id());
        let name = || fs::read_to_string(&comm).unwrap();
        assert!(within_seconds(
            || ["sleep\n", "program\n"].contains(&name().as_str())
        ));
        process
    }

    /// Runs `code`, which knows `path` as `P`.
    fn python(code: &str, path: &Path) -> Self {
        let code = format!(
            "import ctypes, os, sys, time\n{code}\nprint('ready', flush=True)\ntime.sleep(600)"
        );
        let mut command = Command::new("python3");
        command.args(["-c", &code]).env("P", path).current_dir("/");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        let output = child.stdout.as_mut().unwrap();
        BufReader::new(output).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n");
        Self(child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn keeps_one(plan: &mut Plan) {
    plan.retention.count = Some(1);
}

/// Deploys two more; retention would delete `a` after the second one.
fn after_two_more(server: &StubServer) -> Vec<String> {
    for name in ["b", "c"] {
        server.deploy_with(&App::good(name), keeps_one);
    }
    server.releases()
}

fn live(server: &StubServer) -> PathBuf {
    server.target().join("current").canonicalize().unwrap()
}

fn library() -> PathBuf {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let libc = maps.lines().find_map(|line| {
        line.split_whitespace()
            .find(|word| word.contains("/libc.so"))
    });
    PathBuf::from(libc.unwrap())
}

/// What it does in the release, and the program that does it.
const KINDS: [(&str, &str); 6] = [
    ("cwd", "os.chdir(os.environ['P'])"),
    ("cwd below", "os.chdir(os.environ['P'] + '/src')"),
    ("root", "os.chroot(os.environ['P'])"),
    ("open file", "f = open(os.environ['P'] + '/name')"),
    (
        "open file that was deleted",
        "f = open(os.environ['P'] + '/scratch', 'w'); os.unlink(f.name)",
    ),
    ("mapped file", "ctypes.CDLL(os.environ['P'] + '/lib.so')"),
];

#[test]
fn a_release_is_kept_by_every_kind_of_work_in_it() {
    for (kind, code) in KINDS {
        let server = StubServer::with(&App::good("a"));
        let folder = live(&server);
        fs::copy(library(), folder.join("lib.so")).unwrap();
        let process = Process::python(code, &folder);
        fs::remove_file(folder.join("lib.so")).unwrap();
        assert_eq!(after_two_more(&server), ["a", "b", "c"], "{kind}");
        drop(process);
        server.deploy_with(&App::good("d"), keeps_one);
        assert_eq!(server.releases(), ["c", "d"], "{kind}");
    }
}

#[test]
fn a_release_is_kept_by_a_program_of_it_that_was_deleted() {
    let server = StubServer::with(&App::good("a"));
    let program = live(&server).join("program");
    fs::copy("/bin/sleep", &program).unwrap();
    let _process = Process::start(Command::new(&program).arg("600").current_dir("/"));
    fs::remove_file(program).unwrap();
    assert_eq!(after_two_more(&server), ["a", "b", "c"]);
}

/// The kernel names the folder as the process sees it.
#[test]
fn a_release_is_kept_whatever_the_process_calls_it() {
    let script = |what: &str| format!("{what}; exec sleep 600");
    for way in [
        // another name of the whole target, in a namespace of its own as systemd's BindPaths= makes it
        "mount --bind $TARGET /mnt && cd /mnt/current/src",
        // the release only, and the process does not even enter it
        "mount --bind $TARGET/current /mnt && cd /",
        "mount --bind $TARGET/current/src /mnt && cd /mnt",
        "ln -s $TARGET $TARGET-too && cd $TARGET-too/current/src",
    ] {
        let server = StubServer::with(&App::good("a"));
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script(way)]);
        let _process = Process::start(command.env("TARGET", server.target()));
        assert_eq!(after_two_more(&server), ["a", "b", "c"], "{way}");
        drop(fs::remove_file(format!(
            "{}-too",
            server.target().display()
        )));
    }
}

#[test]
fn what_an_older_version_moved_to_the_trash_stays_while_a_process_works_in_it() {
    let server = StubServer::with(&App::good("a"));
    let folder = server.own().join("trash/1700000000");
    fs::create_dir(&folder).unwrap();
    let process = Process::start(Command::new("sleep").arg("600").current_dir(&folder));
    server.deploys(&App::good("b"));
    assert!(folder.exists());
    drop(process);
    server.deploys(&App::good("c"));
    server.releases();
    assert!(!folder.exists());
}

/// The server part of a user who sees nothing of others' processes.
fn deploy_unprivileged(server: &StubServer, name: &str, change: impl FnOnce(&mut Plan)) {
    let app = App::good(name);
    let mut plan = server.plan(&app);
    keeps_one(&mut plan);
    change(&mut plan);
    let mut serve = Command::new("setpriv");
    serve.args(["--reuid=65534", "--regid=65534", "--clear-groups", BINARY]);
    serve.args(server.serve_arguments(&plan));
    let mut client = Client::start(server.in_surroundings(serve), &plan);
    client.send_all(&plan, &app, Sending::Unasked);
    let told = client.finish(&app);
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    pause();
}

/// The times in the journal are seconds.
fn pause() {
    thread::sleep(Duration::from_millis(1200));
}

fn unprivileged() -> StubServer {
    let server = StubServer::new();
    for folder in [server.target(), server.home()] {
        let owned = Command::new("chown")
            .args(["-R", "65534:65534"])
            .arg(folder)
            .status();
        assert!(owned.unwrap().success());
    }
    server
}

#[test]
fn the_release_that_was_live_when_a_hidden_process_started_is_kept() {
    let server = unprivileged();
    for name in ["x", "y", "a"] {
        deploy_unprivileged(&server, name, |_| {});
    }
    // the master of a service that is only reloaded from now on
    let master = Process::start(Command::new("sleep").arg("600").current_dir("/"));
    pause();
    fs::write(server.home().join("main"), format!("{}\n", master.0.id())).unwrap();
    for name in ["b", "c", "d", "e"] {
        deploy_unprivileged(&server, name, |_| {});
    }
    assert_eq!(server.releases(), ["a", "d", "e"]);
    // when it has gone, nothing keeps it
    fs::write(server.home().join("main"), "0\n").unwrap();
    deploy_unprivileged(&server, "f", |_| {});
    assert_eq!(server.releases(), ["e", "f"]);
}

#[test]
fn the_release_that_was_live_when_the_hidden_owner_of_the_port_started_is_kept() {
    let server = unprivileged();
    deploy_unprivileged(&server, "a", |_| {});
    let code =
        "import http.server as h, threading; s = h.HTTPServer(('127.0.0.1', 0), h.SimpleHTTPRequestHandler)
open(os.environ['P'], 'w').write(str(s.server_port)); threading.Thread(target=s.serve_forever).start()";
    let port = server.home().join("port");
    let _owner = Process::python(code, &port);
    pause();
    let url = HealthUrl {
        tls: false,
        host: "127.0.0.1".into(),
        port: fs::read_to_string(&port).unwrap().parse().unwrap(),
        path: "/".into(),
    };
    for name in ["b", "c", "d"] {
        deploy_unprivileged(&server, name, |plan| {
            plan.units = Units::default();
            plan.restart = Restart::Nothing;
            plan.verification.health = Some(Health::get(url.clone()));
        });
    }
    // and perhaps those that were live when other processes of the same user started
    let kept = server.releases();
    assert!(kept.contains(&"a".to_owned()), "{kept:?}");
    assert_eq!(kept[kept.len() - 2..], ["c", "d"]);
}
