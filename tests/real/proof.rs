//! A deployment is green only if what answers is the unit, and what the unit runs is the release.

use crate::app::App;
use crate::run::{Deployment, Run};
use crate::throwaway::{ThrowawayServer, TARGET};
use std::fs;

/// Like gunicorn: a master that keeps the folder it was started in, and workers that it starts anew after SIGHUP.
const MASTER: &str = "\
import os, signal, socket, sys

listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(('0.0.0.0', int(sys.argv[1])))
listener.listen(50)
listener.set_inheritable(True)
workers = []

def start(*_):
    pid = os.fork()
    if pid == 0:
        ENTER
        os.execv(sys.executable, [sys.executable, 'worker.py', str(listener.fileno())])
    for old in workers:
        os.kill(old, signal.SIGTERM)
    workers[:] = [pid]

signal.signal(signal.SIGHUP, start)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
start()
while True:
    signal.pause()
";

const WORKER: &str = "\
import http.server, os, socket, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f'version VERSION, release {os.path.basename(os.getcwd())}\\n'.encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

class Server(http.server.HTTPServer):
    def server_bind(self):
        self.socket = socket.socket(fileno=int(sys.argv[1]))

    def server_activate(self):
        pass

Server(('0.0.0.0', 0), Handler).serve_forever()
";

/// Answers 200 on a port, at an address.
const STRANGER: &str = "\
import http.server, socket, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'welcome')

class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        http.server.HTTPServer.server_bind(self)

Server((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
";

/// An app whose workers enter `current` when they start, or stay in the master's folder.
pub(crate) fn prefork(version: &str, enters_current: bool) -> App {
    let enter = match enters_current {
        true => "os.chdir('/opt/diting/current')",
        false => "pass",
    };
    App::plain(version)
        .file("master.py", &MASTER.replace("ENTER", enter), 0o644)
        .file("worker.py", &WORKER.replace("VERSION", version), 0o644)
}

pub(crate) fn plain(server: &ThrowawayServer, app: &App) -> Deployment {
    server
        .deployment(app)
        .input("install", "none")
        .input("health-timeout", "15s")
}

/// A server whose unit runs the master, which deploy may reload.
pub(crate) fn prefork_server(user: &str) -> ThrowawayServer {
    let server = ThrowawayServer::up();
    server.drop_in(&format!(
        "[Service]\nUser={user}\nExecStart=\nExecStart=/usr/bin/python3 master.py {}\nExecReload=/bin/kill -s HUP $MAINPID\n",
        server.app_port
    ));
    let rights = "deploy ALL=(root) NOPASSWD: /bin/systemctl reload diting\n\
                  deploy ALL=(root) NOPASSWD: /bin/systemctl kill -s HUP --kill-who=main diting\n";
    fs::write(server.path("/etc/sudoers.d/reload"), rights).unwrap();
    server.exec("chmod 440 /etc/sudoers.d/reload");
    server
}

pub(crate) const RELOAD: &str = "sudo -n /bin/systemctl reload diting";
const SIGNAL: &str = "sudo -n /bin/systemctl kill -s HUP --kill-who=main diting";

impl ThrowawayServer {
    /// Starts something that answers on the app's port, at `address`, and that is no part of the unit.
    fn stranger(&self, address: &str) {
        fs::write(self.path("/opt/stranger.py"), STRANGER).unwrap();
        self.exec(&format!(
            "systemd-run --quiet --unit=stranger --uid=nobody python3 /opt/stranger.py {address} {}",
            self.app_port
        ));
        self.wait_for(&format!("ss -Hltn sport = :{} | grep -q .", self.app_port));
    }
}

fn assert_not_ready(run: &Run, server: &ThrowawayServer, starts: &str, target: &str) {
    run.assert_ended(4, "not-ready", "check");
    run.assert_says(&format!(
        "unit diting on the server starts {starts}, which does not lead to {target}/current"
    ));
    run.assert_says("systemctl cat diting");
    assert!(
        !server.has(&format!("{target}/current")),
        "nothing was switched"
    );
}

#[test]
fn a_target_that_the_unit_does_not_run_is_refused_before_the_upload() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let invocation = server.property("InvocationID");
    server.exec("install -d -o deploy -g deploy /opt/ditting /opt/diting-staging");
    let uvicorn = "/opt/diting/current/.venv/bin/uvicorn";
    for target in ["/opt/ditting", "/opt/diting-staging"] {
        for app in [App::version("2"), App::import_error("2")] {
            let run = server.deployment(&app).input("target", target).run();
            assert_not_ready(&run, &server, uvicorn, target);
        }
    }
    assert_eq!(server.property("InvocationID"), invocation);
    server.assert_live(&first, "1", None);
    // a release whose answer names it needs no other proof, and does not get it here
    let run = server
        .deployment(&App::version("2"))
        .input("target", "/opt/ditting")
        .input("health-match", "\"release\": \"{release}\"")
        .input("health-timeout", "6s")
        .run();
    run.assert_ended(5, "failed", "verify");
}

#[test]
fn a_flat_server_is_refused_until_its_unit_leads_to_current() {
    let server = ThrowawayServer::up();
    let app = App::plain("1");
    server.exec("install -d -o deploy -g deploy /opt/legacy");
    let text = fs::read_to_string(app.path().join("app.py")).unwrap();
    for folder in ["/opt/legacy", TARGET] {
        fs::write(server.path(folder).join("app.py"), &text).unwrap();
        let start = format!("{folder}/hello");
        let script = format!(
            "#!/bin/sh\nexec /usr/bin/python3 {folder}/app.py 0.0.0.0 {}\n",
            server.app_port
        );
        server.exec(&format!(
            "cat >{start} <<'END'\n{script}END\nchmod 755 {start}"
        ));
        server.drop_in(&format!(
            "[Service]\nWorkingDirectory={folder}\nExecStart=\nExecStart={start}\n"
        ));
        server.exec("systemctl restart diting");
        let run = plain(&server, &app).run();
        assert_not_ready(&run, &server, &start, TARGET);
    }
    // now by a script, a link and an environment file
    server.exec("ln -s /opt/diting/current /srv/web");
    let script = "#!/bin/sh\ncd \"$ROOT\" && exec /usr/bin/python3 app.py 0.0.0.0 \"$1\"\n";
    server.exec(&format!(
        "cat >/opt/start <<'END'\n{script}END\nchmod 755 /opt/start"
    ));
    fs::write(server.path("/etc/web.env"), "ROOT=/srv/web\n").unwrap();
    server.drop_in(&format!(
        "[Service]\nWorkingDirectory=/\nEnvironmentFile=/etc/web.env\nExecStart=\nExecStart=/opt/start {}\n",
        server.app_port
    ));
    let run = plain(&server, &app).run();
    let first = run.assert_deployed(None);
    run.assert_silent_about("it is unknown");
    server.assert_live(&first, "1", None);
    // a file that deploy cannot read may lead there: nothing runs now that could show it
    server.exec("chmod 600 /etc/web.env; systemctl stop diting");
    let second = plain(&server, &App::plain("2"))
        .run()
        .assert_deployed(Some(&first));
    server.assert_live(&second, "2", Some(&first));
}

#[test]
fn a_reload_that_keeps_the_old_code_is_rolled_back() {
    let server = prefork_server("deploy");
    let first = plain(&server, &prefork("1", false))
        .run()
        .assert_deployed(None);
    let broken = prefork("2", false).file("worker.py", "import no_such_module\n", 0o644);
    for restart in [RELOAD, SIGNAL] {
        for app in [&prefork("2", false), &broken] {
            let run = plain(&server, app).input("restart", restart).run();
            run.assert_rolled_back("verify", &first);
            run.assert_verdict(&format!("still running release {first} (process "));
            server.assert_live(&first, "1", None);
        }
    }
}

#[test]
fn a_reload_that_starts_the_new_code_is_deployed_and_the_master_is_named() {
    let server = prefork_server("deploy");
    let first = plain(&server, &prefork("1", true))
        .run()
        .assert_deployed(None);
    let mut previous = first.clone();
    for (version, restart) in [("2", RELOAD), ("3", SIGNAL)] {
        let run = plain(&server, &prefork(version, true))
            .input("restart", restart)
            .run();
        let release = run.assert_deployed(Some(&previous));
        run.assert_says(&format!(
            "beside the new processes, the unit still runs release {first} (process "
        ));
        server.assert_live(&release, version, Some(&previous));
        previous = release;
    }
    // and one that cannot start is rolled back by the same command
    let broken = prefork("4", true).file("worker.py", "import no_such_module\n", 0o644);
    let run = plain(&server, &broken).input("restart", RELOAD).run();
    run.assert_rolled_back("verify", &previous);
    server.assert_answers(&previous, "3");
}

#[test]
fn a_reload_of_processes_that_cannot_be_seen_needs_an_answer_that_names_the_release() {
    let server = prefork_server("nobody");
    let first = plain(&server, &prefork("1", true))
        .run()
        .assert_deployed(None);
    for restart in [RELOAD, SIGNAL] {
        let run = plain(&server, &prefork("2", true))
            .input("restart", restart)
            .run();
        run.assert_ended(4, "not-ready", "check");
        run.assert_says("only reloads diting, and deploy cannot see which release it runs");
    }
    server.assert_live(&first, "1", None);
    let named = |app: &App| {
        plain(&server, app)
            .input("restart", RELOAD)
            .input("health-match", "release {release}")
            .run()
    };
    let run = named(&prefork("2", true));
    let second = run.assert_deployed(Some(&first));
    run.assert_silent_about("it is unknown");
    server.assert_live(&second, "2", Some(&first));
    // a restart command that neither restarts nor reloads
    let run = plain(&server, &prefork("3", true))
        .input("restart", "true")
        .run();
    run.assert_rolled_back("verify", &second);
    run.assert_verdict("still runs the old process");
}

#[test]
fn an_answer_of_another_service_is_none() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let silent = App::version("2").at_start("import time; time.sleep(600)");
    server.stranger("::1");
    let run = server
        .deployment(&silent)
        .input("health-timeout", "15s")
        .run();
    run.assert_rolled_back("verify", &first);
    run.assert_verdict("which listened there before the restart and is no part of the unit");
    server.assert_answers(&first, "1");
    // beside it, a good release is deployed: what answers at 127.0.0.1 is the unit
    let run = server.deploy(&App::version("3"));
    let third = run.assert_deployed(Some(&first));
    run.assert_silent_about("it is unknown");
    server.assert_live(&third, "3", Some(&first));
}

#[test]
fn an_answer_of_another_service_is_none_for_the_first_release_either() {
    let server = ThrowawayServer::up();
    server.drop_in("[Service]\nExecStart=\nExecStart=/usr/bin/sleep 600\nWorkingDirectory=/opt/diting/current\n");
    server.stranger("127.0.0.1");
    let run = plain(&server, &App::plain("1")).run();
    run.assert_ended(5, "failed", "verify");
    run.assert_verdict("which listened there before the restart and is no part of the unit");
}

/// Neither the app's sockets nor the folder of its socket can be looked at.
#[test]
fn a_hidden_app_behind_a_proxy_is_not_taken_for_one_that_never_listens() {
    let server = ThrowawayServer::up();
    server.exec("useradd --system app");
    let listens = "import socket, time\ns = socket.socket(socket.AF_UNIX)\ns.bind('/run/appx/app.sock')\ns.listen(5)\ntime.sleep(6000)\n";
    let app = App::plain("1").file("listens.py", listens, 0o644);
    server.drop_in(
        "[Service]\nUser=app\nRuntimeDirectory=appx\nRuntimeDirectoryMode=0750\nExecStart=\n\
         ExecStart=/usr/bin/python3 /opt/diting/current/listens.py\n",
    );
    server.stranger("0.0.0.0");
    let mut previous = None;
    for _ in 0..2 {
        let run = plain(&server, &app).run();
        let release = run.assert_deployed(previous.as_deref());
        run.assert_says("it may be a proxy for the unit");
        previous = Some(release);
    }
}

/// Whether a proxy passes the question on cannot be seen.
#[test]
fn an_answer_of_a_proxy_is_a_warning_that_names_it() {
    let server = ThrowawayServer::up();
    let app = App::plain("1").file(
        "listens.py",
        "import socket\ns = socket.socket(socket.AF_UNIX)\nimport os, time\n\
         if os.path.exists('/opt/diting/app.sock'): os.remove('/opt/diting/app.sock')\n\
         s.bind('/opt/diting/app.sock')\ns.listen(5)\ntime.sleep(6000)\n",
        0o644,
    );
    server.drop_in(
        "[Service]\nExecStart=\nExecStart=/usr/bin/python3 /opt/diting/current/listens.py\n",
    );
    server.stranger("0.0.0.0");
    let run = plain(&server, &app).run();
    run.assert_deployed(None);
    run.assert_says("it is unknown whether the unit answers the health check: port ");
    run.assert_says(
        "stranger.service, which was there before the restart: it may be a proxy for the unit",
    );
    assert!(run.summary.contains("stranger.service"), "{}", run.summary);
}
