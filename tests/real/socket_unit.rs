//! A service whose connections a socket unit takes: systemd keeps them waiting while the service restarts.

use crate::app::App;
use crate::load::{Counts, Load};
use crate::run::{Deployment, Run};
use crate::service::allow;
use crate::throwaway::{ThrowawayServer, TARGET};
use std::fs;

const SYSTEM: &str = "/etc/systemd/system";

/// Ends as a good application does: after the answers to all that it has accepted.
const GRACEFUL: &str = "\
import os, select, signal, socket, sys, threading, time

START
listener = socket.socket(fileno=3)
listener.setblocking(False)
stopping, stop = socket.socketpair()
signal.signal(signal.SIGTERM, lambda *_: stop.send(b'x'))

def serve(connection):
    with connection:
        request = b''
        while b'\\r\\n\\r\\n' not in request:
            request += connection.recv(4096)
        path = request.split(b' ')[1]
        HEALTH
        status = STATUS if path == b'/health' else '200 OK'
        body = f'version VERSION, release {os.path.basename(os.getcwd())}\\n'
        head = f'HTTP/1.1 {status}\\r\\nContent-Length: {len(body)}\\r\\nConnection: close\\r\\n\\r\\n'
        connection.sendall((head + body).encode())

while True:
    ready, _, _ = select.select([listener, stopping], [], [])
    if stopping in ready:
        break
    try:
        connection, _ = listener.accept()
    except BlockingIOError:
        continue
    connection.setblocking(True)
    threading.Thread(target=serve, args=[connection]).start()
";

/// An application; what it does first, with each request, and its health status.
fn app(version: &str, [start, health, status]: [&str; 3]) -> App {
    let text = GRACEFUL
        .replace("VERSION", version)
        .replace("START", start)
        .replace("HEALTH", health)
        .replace("STATUS", &format!("'{status}'"));
    App::plain(version).file("app.py", &text, 0o644)
}

fn good(version: &str) -> App {
    app(version, ["", "", "200 OK"])
}

/// A server whose socket unit takes the connections, with these lines in the service's `[Service]`.
fn with_socket_unit(service: &str) -> ThrowawayServer {
    let server = ThrowawayServer::up();
    let socket = format!("[Socket]\nListenStream=127.0.0.1:{}\n", server.app_port);
    fs::write(server.path(&format!("{SYSTEM}/diting.socket")), socket).unwrap();
    server.drop_in(&format!(
        "[Service]\nExecStart=\nExecStart=/usr/bin/python3 {TARGET}/current/app.py\nTimeoutStopSec=5\n{service}"
    ));
    server.exec("systemctl stop diting; systemctl start diting.socket");
    server
}

fn deployment(server: &ThrowawayServer, app: &App) -> Deployment {
    server
        .deployment(app)
        .input("install", "none")
        .input("health-timeout", "8s")
}

fn visited(server: &ThrowawayServer, deployment: Deployment) -> (Run, Counts) {
    let visitors = Load::on(server.app_port);
    let run = deployment.run();
    (run, visitors.stop())
}

/// Every visitor was answered.
#[track_caller]
fn assert_all_served(what: &str, run: &Run, counted: &Counts) {
    println!(
        "{what}: interruption {} s; {counted:?}",
        run.output("interruption")
    );
    assert!(
        counted.requests > 50 && counted.failed() == 0,
        "{what}: {counted:?}\n{}",
        run.log
    );
}

/// How often a broken release was started.
fn starts(server: &ThrowawayServer) -> String {
    server.exec("journalctl -u diting --no-pager -o cat | grep -c 'RuntimeError: broken' || true")
}

fn no_visitor_is_lost_with(service: &str) {
    let server = with_socket_unit(service);
    let first = deployment(&server, &good("1")).run().assert_deployed(None);
    let (run, counted) = visited(&server, deployment(&server, &good("2")));
    let second = run.assert_deployed(Some(&first));
    assert_all_served("good", &run, &counted);
    run.assert_says("diting.socket keeps connections waiting while diting restarts");
    let seconds: f64 = run.output("interruption").parse().unwrap();
    assert!(
        (counted.longest_wait.as_secs_f64() - seconds).abs() < 0.5,
        "{seconds} {counted:?}"
    );

    let crash = "raise RuntimeError('broken')";
    let broken = [
        ("crash", app("3", [crash, "", "200 OK"])),
        ("500", app("4", ["", "", "500 Oops"])),
        (
            "hangs at start",
            app("5", ["time.sleep(3600)", "", "200 OK"]),
        ),
    ];
    for (what, app) in broken {
        let (run, counted) = visited(&server, deployment(&server, &app));
        run.assert_rolled_back("verify", &second);
        assert_all_served(what, &run, &counted);
        assert_eq!(server.exec("systemctl is-active diting.socket"), "active");
        if what == "crash" {
            // each start is one of those that systemd allows
            let starts: usize = starts(&server).parse().unwrap();
            assert!((1..=3).contains(&starts), "{starts}\n{}", run.log);
            if !service.contains("User=") {
                run.assert_verdict("its log shows: RuntimeError: broken");
            }
        }
        server.assert_answers(&second, "2");
    }
}

#[test]
fn no_visitor_is_lost_by_a_release_that_crashes_every_second() {
    no_visitor_is_lost_with("RestartSec=1\n");
}

#[test]
fn no_visitor_is_lost_by_a_release_that_crashes_every_ten_seconds() {
    no_visitor_is_lost_with("RestartSec=10\n");
}

#[test]
fn no_visitor_is_lost_by_an_application_of_another_user() {
    no_visitor_is_lost_with("RestartSec=1\nUser=nobody\nEnvironment=PYTHONDONTWRITEBYTECODE=1\n");
}

/// With the last start that systemd allows the socket unit ends too.
fn exhausted() -> (ThrowawayServer, String, App) {
    let server = with_socket_unit("RestartSec=100ms\n");
    let first = deployment(&server, &good("1")).run().assert_deployed(None);
    server.drop_in(&format!(
        "[Unit]\nStartLimitBurst=2\nStartLimitIntervalSec=6\n[Service]\nExecStart=\n\
         ExecStart=/usr/bin/python3 {TARGET}/current/app.py\nRestartSec=100ms\n"
    ));
    (
        server,
        first,
        app("2", ["raise RuntimeError('broken')", "", "200 OK"]),
    )
}

#[test]
fn a_socket_unit_that_ended_with_the_release_is_started_again_by_the_rollback() {
    let (server, first, broken) = exhausted();
    allow(
        &server,
        &[
            "/usr/bin/systemctl restart diting.socket",
            "/bin/systemctl restart diting.socket",
        ],
    );
    let run = deployment(&server, &broken)
        .input("health-timeout", "40s")
        .run();
    run.assert_rolled_back("verify", &first);
    server.assert_answers(&first, "1");
    assert_eq!(server.exec("systemctl is-active diting.socket"), "active");
}

#[test]
fn a_socket_unit_that_may_not_be_started_is_reported() {
    let (server, _, broken) = exhausted();
    let run = deployment(&server, &broken).run();
    run.assert_ended(7, "rollback-failed", "verify");
    run.assert_says(
        "diting.socket is down (service-start-limit-hit), so nothing takes connections",
    );
    run.assert_says("sudo systemctl restart diting.socket diting");
    server.exec("systemctl reset-failed diting; systemctl restart diting.socket diting");
}
