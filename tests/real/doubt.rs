//! What only looks wrong neither fails a good release nor a rollback that serves.

use crate::app::App;
use crate::run::Deployment;
use crate::throwaway::ThrowawayServer;
use std::fs;

fn plain(server: &ThrowawayServer, app: &App) -> Deployment {
    server
        .deployment(app)
        .input("install", "none")
        .input("health-timeout", "20s")
}

/// Deploys twice, then a release that exits; each time what serves is told from a stranger without doubt.
fn assert_told(server: &ThrowawayServer) {
    let run = plain(server, &App::plain("1")).run();
    let first = run.assert_deployed(None);
    run.assert_silent_about("it is unknown");
    server.assert_answers(&first, "1");
    let run = plain(server, &App::plain("2")).run();
    let second = run.assert_deployed(Some(&first));
    run.assert_silent_about("it is unknown");
    server.assert_answers(&second, "2");
    let broken =
        App::plain("3").replace_in("app.py", "class Handler", "sys.exit(3)\nclass Handler");
    let run = plain(server, &broken).run();
    run.assert_rolled_back("verify", &second);
    server.assert_answers(&second, "2");
}

/// PAM moves the process into a session's scope.
#[test]
fn a_process_that_su_started_is_the_units() {
    let server = ThrowawayServer::up();
    let app = "cd /opt/diting/current && exec python3 app.py 0.0.0.0";
    server.drop_in(&format!(
        "[Service]\nUser=root\nWorkingDirectory=/\nRestartSec=1\nExecStart=\nExecStart=/bin/su - deploy -c '{app} {}'\n",
        server.app_port
    ));
    assert_told(&server);
}

/// A container on the host's network, as its processes look from outside.
#[test]
fn a_process_in_a_container_s_scope_is_the_units() {
    for (slice, scope) in [("system.slice", "docker"), ("machine.slice", "libpod")] {
        let server = ThrowawayServer::up();
        let id = "0123456789abcdef".repeat(4);
        let run = format!(
            "systemd-run -q --scope --slice={slice} --unit={scope}-{id} python3 /opt/diting/current/app.py 0.0.0.0 {}",
            server.app_port
        );
        // a scope's name is free again when all of its processes have ended
        let end = format!("systemctl stop {scope}-{id}.scope");
        server.drop_in(&format!(
            "[Service]\nUser=root\nWorkingDirectory=/opt/diting/current\nRestartSec=1\nExecStart=\n\
             ExecStart=/bin/bash -c '{run} & wait'\nExecStopPost=-/bin/{end}\n"
        ));
        assert_told(&server);
    }
}

#[test]
fn a_harmless_helper_of_the_release_before_is_no_obstacle() {
    let server = ThrowawayServer::up();
    let helper = "import subprocess\nsubprocess.Popen(['sleep', '5000'], cwd='/', start_new_session=True)\nclass Handler";
    let app = |version| App::plain(version).replace_in("app.py", "class Handler", helper);
    server.drop_in(&format!(
        "{}User=nobody\nKillMode=process\n",
        server.plain_service("0.0.0.0")
    ));
    let mut previous = None;
    for version in ["1", "2", "3"] {
        let run = plain(&server, &app(version)).run();
        let release = run.assert_deployed(previous.as_deref());
        server.assert_answers(&release, version);
        previous = Some(release);
    }
}

#[test]
fn without_a_pattern_a_body_of_any_length_is_healthy() {
    let server = ThrowawayServer::up();
    server.drop_in(&server.plain_service("0.0.0.0"));
    let end = "        self.wfile.write(body)\n";
    let [long, endless] = [
        "        self.send_response(200); self.end_headers(); self.wfile.write(b'x' * 3_000_000)\n",
        "        self.send_response(200); self.send_header('Content-Type', 'text/event-stream'); self.end_headers()\n\
         \x20       import time\n        while True: self.wfile.write(b'data: 1\\n\\n'); time.sleep(0.1)\n",
    ];
    let mut previous = None;
    for body in [long, endless] {
        let app = App::plain("1").replace_in("app.py", "HTTPServer):", "ThreadingHTTPServer):").replace_in(
            "app.py",
            "        body = f'",
            "        if self.path == '/health':\n            return self.health()\n        body = f'",
        );
        let app = app.replace_in(
            "app.py",
            end,
            &format!("{end}\n    def health(self):\n{body}"),
        );
        let release = plain(&server, &app)
            .run()
            .assert_deployed(previous.as_deref());
        previous = Some(release);
    }
}

/// The first start of the old release fails because of what the new one left; systemd's second one does not.
#[test]
fn a_first_crash_on_the_way_back_is_waited_out() {
    let server = ThrowawayServer::up();
    server.drop_in(&format!(
        "{}RestartSec=1\n",
        server.plain_service("0.0.0.0")
    ));
    let stale = "if os.path.exists('/opt/diting/run.pid'):\n    os.remove('/opt/diting/run.pid'); sys.exit(1)\nclass Handler";
    let old = App::plain("1").replace_in("app.py", "class Handler", stale);
    let first = plain(&server, &old).run().assert_deployed(None);
    let crash = "open('/opt/diting/run.pid', 'w').close(); os.kill(os.getpid(), 11)\nclass Handler";
    let new = App::plain("2").replace_in("app.py", "class Handler", crash);
    let run = plain(&server, &new).run();
    run.assert_rolled_back("verify", &first);
    run.assert_says("the old release serves again, but there was trouble at first: ");
    server.assert_live(&first, "1", None);

    // and where systemd does not start it again, the rollback does
    server.drop_in(&format!("{}Restart=no\n", server.plain_service("0.0.0.0")));
    let run = plain(&server, &new).run();
    run.assert_rolled_back("verify", &first);
    server.assert_live(&first, "1", None);
}

/// systemd may count one more restart of the release that crashes between our look at the counter and our restart.
#[test]
fn a_restart_that_meets_a_crash_loop_is_no_crash_of_its_own() {
    let server = ThrowawayServer::up();
    server.drop_in(&format!(
        "[Unit]\nStartLimitIntervalSec=60\nStartLimitBurst=500\n{}RestartSec=100ms\n",
        server.plain_service("0.0.0.0")
    ));
    let restart = "sudo -n /bin/systemctl restart diting";
    let deploy = |app: &App| plain(&server, app).input("restart", restart).run();
    let first = deploy(&App::plain("1")).assert_deployed(None);
    let dies = App::plain("2").replace_in("app.py", "class Handler", "sys.exit(1)\nclass Handler");
    for _ in 0..4 {
        deploy(&dies).assert_rolled_back("verify", &first);
        server.assert_answers(&first, "1");
    }
    // and a good release that ends a crash loop
    server.exec(
        "cd /opt/diting/current && echo 'raise SystemExit(1)' >app.py && systemctl restart diting",
    );
    let second = deploy(&App::plain("3")).assert_deployed(Some(&first));
    server.assert_answers(&second, "3");
}

#[test]
fn a_service_without_a_unit_is_restarted_until_it_serves_again() {
    let server = ThrowawayServer::up();
    server.exec("systemctl disable --now diting; loginctl enable-linger deploy");
    let unit = format!(
        "[Unit]\nStartLimitIntervalSec=45\nStartLimitBurst=5\n[Service]\nRestart=always\nRestartSec=1\n\
         WorkingDirectory=/opt/diting/current\nExecStart=/usr/bin/python3 app.py 0.0.0.0 {}\n",
        server.app_port
    );
    server.exec_as_deploy(&format!(
        "mkdir -p ~/.config/systemd/user && cat >~/.config/systemd/user/web.service <<'END'\n{unit}END\n\
         XDG_RUNTIME_DIR=/run/user/$(id -u) systemctl --user daemon-reload"
    ));
    let deploy = |app: &App| {
        plain(&server, app)
            .input("service", "none")
            .input("target", "/opt/diting")
            .input(
                "restart",
                "XDG_RUNTIME_DIR=/run/user/$(id -u) systemctl --user restart web",
            )
            .input("health-timeout", "10s")
            .run()
    };
    let first = deploy(&App::plain("1")).assert_deployed(None);
    let raises = App::plain("2").replace_in(
        "app.py",
        "class Handler",
        "raise SystemExit(1)\nclass Handler",
    );
    let run = deploy(&raises);
    run.assert_rolled_back("verify", &first);
    server.wait_until_answers(&first);
    deploy(&App::plain("3")).assert_deployed(Some(&first));
}

/// The request waits in the socket unit for a process that never answers it.
#[test]
fn a_request_that_hangs_does_not_hide_a_crash() {
    let server = ThrowawayServer::up();
    let socket = format!("[Socket]\nListenStream=127.0.0.1:{}\n", server.app_port);
    fs::write(server.path("/etc/systemd/system/diting.socket"), socket).unwrap();
    server.drop_in(&format!(
        "{}RestartSec=1\nEnvironment=PYTHONDONTWRITEBYTECODE=1\n",
        server.plain_service("127.0.0.1")
    ));
    server.exec("systemctl stop diting; systemctl start diting.socket");
    let first = plain(&server, &App::plain("1")).run().assert_deployed(None);
    let dies = App::plain("2").replace_in(
        "app.py",
        "class Handler",
        "import time; time.sleep(1); sys.exit(1)\nclass Handler",
    );
    let run = plain(&server, &dies).input("health-timeout", "60s").run();
    run.assert_rolled_back("verify", &first);
    run.assert_verdict("exit status 1");
    assert!(run.took.as_secs() < 12, "{:?}\n{}", run.took, run.log);
    server.assert_answers(&first, "1");
}

#[test]
fn a_stop_by_hand_is_told_as_interference() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let running = server
        .deployment(&App::version("2"))
        .input("health-settle", "20s")
        .start();
    running.wait_for("health answered 200");
    server.exec("systemctl stop diting");
    let run = running.finish();
    run.assert_rolled_back("verify", &first);
    run.assert_verdict("the unit was stopped while it was verified");
    server.assert_live(&first, "1", None);
}
