//! Units of the deploy user's own systemd, on a server without a sudoers file.

use crate::app::App;
use crate::point_of_no_return::{newest, verifying, wait_for_the_end};
use crate::relay::Relay;
use crate::run::{Deployment, Run};
use crate::throwaway::{as_deploy, ThrowawayServer, OWN_UNITS, TARGET};
use std::fs;
use std::time::Duration;

fn up() -> ThrowawayServer {
    ThrowawayServer::up_with_own_units(&[])
}

fn plain(server: &ThrowawayServer, app: &App) -> Deployment {
    let deployment = server.deployment(app).input("install", "none");
    deployment.input("health-timeout", "15s")
}

/// Log and summary show the line, which only the log of the release that failed has.
fn assert_explained(run: &Run, line: &str) {
    run.assert_verdict(line);
    assert!(run.summary.contains(line), "{}", run.summary);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story")]
fn a_server_without_sudo_deploys_and_rolls_back() {
    let server = up();
    server.exec("! su deploy -c 'sudo -n systemctl restart diting'");
    let run = server.deploy(&App::version("1"));
    let first = run.assert_deployed(None);
    for unwanted in ["warning", "sudo", "it is unknown"] {
        run.assert_silent_about(unwanted);
    }
    server.assert_live(&first, "1", None);
    let run = server.deploy(&App::version("2"));
    let second = run.assert_deployed(Some(&first));
    run.assert_silent_about("warning");
    run.assert_says("--- log of diting, this start");
    server.assert_live(&second, "2", Some(&first));

    let run = server.deploy(&App::import_error("3"));
    run.assert_rolled_back("verify", &second);
    assert_explained(&run, "No module named 'no_module_of_this_name'");
    server.assert_live(&second, "2", Some(&first));

    let raises = "import threading, traceback
def fail():
    try: raise ValueError('late and unexpected')
    except ValueError: traceback.print_exc()
    import os; os._exit(3)
threading.Timer(1.5, fail).start()";
    let run = server
        .deployment(&App::version("3").at_start(raises))
        .input("health-settle", "5s")
        .run();
    run.assert_rolled_back("verify", &second);
    assert_explained(&run, "late and unexpected");

    let run = server
        .deployment(&App::health_500("4"))
        .input("health-timeout", "4s")
        .run();
    run.assert_rolled_back("verify", &second);
    run.assert_verdict("500");
    let id = server.record(run.output("release"));
    assert_eq!(id["state"], "Failed");
    server.assert_live(&second, "2", Some(&first));

    let run = server
        .deployment(&App::version("1"))
        .input("command", "rollback")
        .run();
    run.assert_ended(0, "restored", "");
    server.assert_answers(&first, "1");
}

/// A crash that the release before did not log fails the release although it answers.
#[test]
fn a_crash_in_the_log_of_the_new_start_is_seen_and_an_old_one_is_known() {
    let server = up();
    let logs = |version: &str, error: &str| {
        App::version(version).at_start(&format!(
            "import traceback
try: {error}
except Exception: traceback.print_exc()"
        ))
    };
    let first = server
        .deployment(&logs("1", "open('/nope')"))
        .input("log-check", "warn")
        .run()
        .assert_deployed(None);
    let run = server.deploy(&logs("2", "open('/nope')"));
    let second = run.assert_deployed(Some(&first));
    run.assert_says("logged crash messages that the release before logged too");
    let run = server.deploy(&logs("3", "{}['a key']"));
    run.assert_rolled_back("verify", &second);
    run.assert_verdict("KeyError: 'a key'");
    server.assert_live(&second, "2", Some(&first));
}

#[test]
fn a_release_that_uses_up_all_starts_is_rolled_back_at_once() {
    let server = up();
    server
        .drop_in("[Unit]\nStartLimitIntervalSec=300\nStartLimitBurst=2\n[Service]\nRestartSec=0\n");
    let mut last = server.deploy_well(&App::version("1"), None);
    for version in ["2", "3", "4"] {
        let run = server.deploy(&App::version(version));
        last = run.assert_deployed(Some(&last));
        run.assert_silent_about("start limit");
    }
    let run = server.deploy(&App::import_error("5"));
    run.assert_rolled_back("verify", &last);
    run.assert_silent_about("nothing serves until then");
    server.assert_answers(&last, "4");
}

#[test]
fn a_user_who_does_not_linger_and_a_unit_of_the_other_systemd_are_named_with_their_cure() {
    let server = up();
    server.exec("loginctl disable-linger deploy");
    let run = server.deploy(&App::version("1"));
    run.assert_ended(4, "not-ready", "check");
    run.assert_verdict(
        "units of deploy end at logout on the server, because deploy does not linger",
    );
    run.assert_verdict("sudo loginctl enable-linger deploy");
    run.assert_silent_about("cannot be used");
    assert!(server.releases().is_empty());

    server.exec("loginctl enable-linger deploy");
    let run = server
        .deployment(&App::version("1"))
        .input("scope", "system")
        .run();
    run.assert_ended(4, "not-ready", "check");
    run.assert_verdict(
        "diting on the server is a unit of deploy (systemctl --user), not of the system",
    );
    run.assert_verdict("scope: user");
    run.assert_silent_about("is not-found");

    server.exec(&format!(
        "mv {OWN_UNITS}/diting.service /etc/systemd/system/; systemctl daemon-reload"
    ));
    server.own_systemctl("daemon-reload");
    let run = server.deploy(&App::version("1"));
    run.assert_ended(4, "not-ready", "check");
    run.assert_verdict(
        "diting on the server is a unit of the system, not of deploy (systemctl --user)",
    );
    run.assert_verdict("leave out the input scope");

    server.exec("rm /etc/systemd/system/diting.service; systemctl daemon-reload");
    let run = server.deploy(&App::version("1"));
    run.assert_ended(4, "not-ready", "check");
    run.assert_verdict("unit diting on the server is not-found");
    server.own_systemctl("mask diting");
    let run = server.deploy(&App::version("1"));
    run.assert_verdict("unit diting on the server is masked");
}

/// sshd without PAM starts no login that could set anything, and so do cron and the like.
#[test]
fn the_own_systemd_is_found_without_pam_and_hooks_find_it_too() {
    let server = up();
    server.exec(
        "printf 'UsePAM no\\nPermitUserEnvironment no\\n' >/etc/ssh/sshd_config.d/00-test.conf; usermod -p '*' deploy; \
         systemctl restart ssh",
    );
    let show = "systemctl --user is-active default.target; echo runtime $XDG_RUNTIME_DIR";
    let run = server
        .deployment(&App::version("1"))
        .input("before-switch", show)
        .run();
    let first = run.assert_deployed(None);
    run.assert_says("runtime /run/user/1000");
    server.assert_live(&first, "1", None);
    let run = server
        .deployment(&App::version("2"))
        .input("restart", "systemctl --user restart diting")
        .run();
    let second = run.assert_deployed(Some(&first));
    server.assert_live(&second, "2", Some(&first));
    // and if it does not run, that is said
    server.exec("systemctl stop user@1000");
    let run = server.deploy(&App::version("3"));
    run.assert_ended(4, "not-ready", "check");
    run.assert_verdict("the systemd of deploy on the server (systemctl --user) cannot be used");
    run.assert_verdict("sudo systemctl restart \"user@$(id -u deploy).service\"");
    server.exec("systemctl restart \"user@$(id -u deploy).service\"");
    server.wait_until_answers(&second);
}

#[test]
fn a_killed_client_and_its_logout_change_nothing() {
    for options in [&[][..], &["--kill-user-processes"]] {
        let server = ThrowawayServer::up_with_own_units(options);
        let first = server.deploy_well(&App::version("1"), None);
        let relay = Relay::start(server.ssh_address(), Duration::ZERO);
        let deployment = server.deployment(&App::version("2"));
        let run = verifying(deployment.at_port(&server, relay.port()));
        run.kill();
        // else ssh's master keeps the login for a while
        drop(relay);
        if !options.is_empty() {
            server.wait_for("! loginctl list-sessions --no-legend | grep deploy | grep -v manager");
        }
        assert!(
            server.has(&format!("{TARGET}/.deploy/pending")),
            "ended before the login did"
        );
        wait_for_the_end(&server);
        server.assert_live(&newest(&server), "2", Some(&first));
    }
}

/// What is started at boot is the old release, which the login that waits brings to its end.
#[test]
fn a_lingering_unit_comes_back_after_a_power_cut() {
    let server = up();
    let first = server.deploy_well(&App::version("1"), None);
    server.cut_power();
    server.boot();
    server.wait_until_answers(&first);

    let run = verifying(server.deployment(&App::version("2")));
    server.cut_power();
    run.wait_for("reconnecting");
    server.boot();
    let run = run.finish();
    run.assert_rolled_back("recover", &first);
    server.assert_live(&first, "1", None);
}

/// The transaction is one of deploy's own systemd too, and is stopped with the unit.
#[test]
fn a_server_that_goes_down_decides_nothing() {
    let server = ThrowawayServer::up_with_own_units(&["--kill-user-processes"]);
    let first = server.deploy_well(&App::version("1"), None);
    let run = verifying(
        server
            .deployment(&App::version("2"))
            .input("health-timeout", "12s"),
    );
    server.power_off();
    run.wait_for("reconnecting");
    server.boot();
    let run = run.finish();
    run.assert_rolled_back("recover", &first);
    server.assert_live(&first, "1", None);
}

/// A login ends before deploy's own systemd does, and the transaction before the login: the new release serves until then.
#[test]
fn a_server_that_goes_down_lets_a_transaction_of_a_login_end() {
    let server = up();
    let first = server.deploy_well(&App::version("1"), None);
    let run = verifying(server.deployment(&App::version("2")));
    server.power_off();
    run.wait_for("reconnecting");
    server.boot();
    let second = run.finish().assert_deployed(Some(&first));
    server.wait_until_answers(&second);
    server.assert_live(&second, "2", Some(&first));
}

/// Its units end with it, which is no fault of the release.
#[test]
fn an_own_systemd_that_is_stopped_decides_nothing() {
    let server = up();
    let first = server.deploy_well(&App::version("1"), None);
    let stopped = |version: &str| {
        let run = verifying(
            server
                .deployment(&App::version(version))
                .input("health-timeout", "12s"),
        );
        server.exec("systemctl stop user@1000");
        run.wait_for("which decides nothing");
        assert!(server.has(&format!("{TARGET}/.deploy/pending")));
        run
    };
    // the login that waits ends it, once there is one again
    let run = stopped("2");
    server.exec("systemctl start user@1000");
    run.finish().assert_rolled_back("recover", &first);
    server.assert_live(&first, "1", None);

    // or the next run, whose login starts it
    let run = stopped("3");
    let pending = newest(&server);
    run.kill();
    server.wait_for("! pgrep -f [s]erver-part");
    assert!(server.has(&format!("{TARGET}/.deploy/pending")));
    let run = server.deploy(&App::version("4"));
    let fourth = run.assert_deployed(Some(&first));
    run.assert_says(&pending);
    server.assert_live(&fourth, "4", Some(&first));
}

/// A unit of the same name, of another user.
#[test]
fn what_another_users_unit_logs_vetoes_nothing() {
    let server = ThrowawayServer::up_with_own_units(&["--journal-access"]);
    // a unit of deploy's shows its invocation
    server.drop_in("[Service]\nExecStartPost=+/bin/sh -c 'echo $INVOCATION_ID >/tmp/invocation'\n");
    let forger = "import os, socket, sys, time
link = '/run/user/1234/systemd/units/invocation:diting.service'
while True:
    try: id = open('/tmp/invocation').read().strip()
    except OSError: id = ''
    if id:
        os.path.lexists(link) and os.unlink(link)
        os.symlink(id, link)
    if os.fork() == 0:
        out = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        for text in ['Traceback (most recent call last):', 'RuntimeError: forged']:
            text = f'MESSAGE={text}\\nPRIORITY=3\\nUSER_INVOCATION_ID={id}\\nUSER_UNIT=diting.service\\n'
            out.sendto(text.encode(), '/run/systemd/journal/socket')
        time.sleep(1)
        os._exit(0)
    time.sleep(0.2)
";
    fs::write(server.path("/opt/forger.py"), forger).unwrap();
    server.exec("useradd -m -u 1234 mallory; loginctl enable-linger mallory");
    server.wait_for("[ -d /run/user/1234/systemd/units ]");
    let first = server.deploy_well(&App::version("1"), None);
    server.exec(
        "su mallory -s /bin/sh -c 'XDG_RUNTIME_DIR=/run/user/1234 systemd-run --user --quiet --unit=diting \
         /usr/bin/python3 /opt/forger.py'",
    );
    let run = server
        .deployment(&App::version("2"))
        .input("health-settle", "4s")
        .run();
    let id = server.property("InvocationID");
    for field in ["_SYSTEMD_INVOCATION_ID", "USER_INVOCATION_ID"] {
        let sent = server.exec(&format!("journalctl -q -o cat {field}={id} _UID=1234"));
        assert!(sent.contains("RuntimeError: forged"), "nothing was forged");
    }
    run.assert_silent_about("forged");
    let second = run.assert_deployed(Some(&first));
    server.assert_live(&second, "2", Some(&first));
}

/// In memory, journald has one file for all users.
#[test]
fn a_journal_that_is_not_kept_on_disk_is_a_warning() {
    let server = up();
    server.exec(
        "mkdir -p /etc/systemd/journald.conf.d; printf '[Journal]\\nStorage=volatile\\n' >/etc/systemd/journald.conf.d/t.conf; \
         systemctl restart systemd-journald",
    );
    let first = server.deploy(&App::version("1")).assert_deployed(None);
    let run = server.deploy(&App::version("2"));
    run.assert_deployed(Some(&first));
    run.assert_says("neither journalctl nor systemctl --user status diting shows a line of it");
    run.assert_says("sudo usermod -aG systemd-journal deploy");
}

#[test]
fn an_answer_of_another_process_of_the_same_user_is_none() {
    let server = up();
    server.drop_in("[Service]\nExecStart=\nExecStart=/usr/bin/sleep 600\n");
    let stranger = format!("python3 -m http.server {}", server.app_port);
    server.exec(&as_deploy(&format!(
        "systemd-run --user --quiet --unit=stranger --working-directory=/opt {stranger}"
    )));
    server.wait_for(&format!(
        "ss -Hltn sport = :{} | grep -q .",
        server.app_port
    ));
    let root = format!("http://localhost:{}/", server.app_port);
    let run = plain(&server, &App::plain("1"))
        .input("health-url", &root)
        .run();
    run.assert_ended(5, "failed", "verify");
    run.assert_verdict("app.slice/stranger.service, which listened there before the restart and is no part of the unit");

    // one that is no service, and keeps the new release from starting
    server.own_systemctl("stop stranger");
    server.drop_in(&server.plain_service("0.0.0.0"));
    server.exec(&as_deploy(&format!(
        "sh -c 'setsid {stranger} >/dev/null 2>&1 &'"
    )));
    server.wait_for(&format!(
        "ss -Hltn sport = :{} | grep -q .",
        server.app_port
    ));
    let run = plain(&server, &App::plain("1"))
        .input("health-url", &root)
        .run();
    run.assert_ended(5, "failed", "verify");
    run.assert_verdict("which listened there before the restart and is no part of the unit");
}

#[test]
fn what_listens_by_an_own_socket_unit_is_the_unit() {
    let server = up();
    server.drop_in(&server.plain_service("0.0.0.0"));
    let socket = format!("[Socket]\nListenStream=0.0.0.0:{}\n", server.app_port);
    fs::write(server.path(&format!("{OWN_UNITS}/diting.socket")), socket).unwrap();
    server.own_systemctl("daemon-reload");
    server.own_systemctl("start diting.socket");
    let mut previous = None;
    for version in ["1", "2"] {
        let run = plain(&server, &App::plain(version)).run();
        let release = run.assert_deployed(previous.as_deref());
        run.assert_silent_about("it is unknown");
        server.assert_live(&release, version, previous.as_deref());
        previous = Some(release);
    }
}
