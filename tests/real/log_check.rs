//! The log of the new process can fail a release that answers well.

use crate::app::App;
use crate::throwaway::ThrowawayServer;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// A warning about something optional, with its traceback.
const NOISE: &str = "\
import logging
def optional():
    try:
        open('/nope/cache')
    except OSError:
        logging.getLogger('app').warning('starting cold', exc_info=True)
optional()
";
/// Another one from another place, which `NOISE` does not have.
const NEW_CRASH: &str = "\
def connect():
    try:
        open('/nope/database')
    except OSError:
        logging.getLogger('app').warning('no database', exc_info=True)
connect()
";

#[test]
fn a_crash_in_the_log_rolls_back_what_answers_well_unless_it_is_not_looked_at() {
    let server = ThrowawayServer::up();
    let first = server.deploy_well(&App::version("1"), None);
    let crash = "import traceback\ntry:\n    {}['DATABASE_URL']\nexcept KeyError:\n    traceback.print_exc()\n";
    let app = App::version("2").at_start(crash);
    let run = server.deploy(&app);
    run.assert_rolled_back("verify", &first);
    run.assert_says("DATABASE_URL");
    server.assert_live(&first, "1", None);
    let run = server.deployment(&app).input("log-check", "warn").run();
    let third = run.assert_deployed(Some(&first));
    run.assert_says("Traceback");
    server.assert_live(&third, "2", Some(&first));
}

/// The live release logs the same: it is no news, whatever its line numbers and its folder are.
#[test]
fn old_noise_at_the_start_is_no_news_but_a_new_crash_beside_it_is() {
    let server = ThrowawayServer::up();
    let run = server
        .deployment(&App::version("1").at_start(NOISE))
        .input("log-check", "off")
        .run();
    let first = run.assert_deployed(None);
    let noisy = App::version("2").at_start(&format!("\n\n\n{NOISE}"));
    let run = server.deploy(&noisy);
    let second = run.assert_deployed(Some(&first));
    run.assert_says("the release before logged too");
    let app = App::version("3").at_start(&format!("{NOISE}{NEW_CRASH}"));
    for _ in 0..2 {
        let run = server.deploy(&app);
        run.assert_rolled_back("verify", &second);
        run.assert_says("/nope/database");
        server.assert_live(&second, "2", Some(&first));
    }
    // another message from the same place
    let app = App::version("4").at_start(&NOISE.replace("/nope/cache", "/nope/keys"));
    server.deploy(&app).assert_rolled_back("verify", &second);
}

/// A crawler asks for it every second and a half.
#[test]
fn an_old_bug_that_a_client_triggers_is_no_news() {
    let server = ThrowawayServer::up();
    server.drop_in(&server.plain_service("0.0.0.0"));
    let buggy = |version: &str| {
        App::plain(version).replace_in(
            "app.py",
            "        body = f",
            "        if self.path.startswith('/bug'): {'a': 1}[self.path]\n        body = f",
        )
    };
    let first = server.deploy_well(&buggy("1"), None);
    let ended = AtomicBool::new(false);
    let (second, third) = thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                let _ = server.get("/bug");
                thread::sleep(Duration::from_millis(1500));
            }
        });
        thread::sleep(Duration::from_secs(4));
        let deploy = |app: &App| server.deployment(app).input("health-settle", "5s").run();
        let second = deploy(&buggy("2"));
        let other = buggy("3").replace_in("app.py", "{'a': 1}[self.path]", "int(self.path)");
        let third = deploy(&other);
        ended.store(true, Ordering::Relaxed);
        (second, third)
    });
    let id = second.assert_deployed(Some(&first));
    second.assert_says("the release before logged too");
    third.assert_rolled_back("verify", &id);
    third.assert_says("ValueError");
}

/// Its last ten lines, which `systemctl status` shows, are requests: whether the old start logged the same is unknown.
#[test]
fn a_crash_is_a_warning_if_the_old_start_cannot_be_read_and_the_cause_if_the_release_fails() {
    let server = ThrowawayServer::up();
    server.drop_in(&format!("{}User=nobody\n", server.plain_service("0.0.0.0")));
    let noisy = |version: &str| {
        let path = "import http.server";
        App::plain(version).replace_in("app.py", path, &format!("{NOISE}{path}"))
    };
    let run = server
        .deployment(&noisy("1"))
        .input("log-check", "off")
        .run();
    let first = run.assert_deployed(None);
    for _ in 0..20 {
        let _ = server.get("/");
    }
    let run = server.deploy(&noisy("2"));
    let second = run.assert_deployed(Some(&first));
    run.assert_says("the release before may have logged the same");
    run.assert_says("usermod -aG systemd-journal deploy");
    for _ in 0..20 {
        let _ = server.get("/");
    }
    let broken = noisy("3").replace_in("app.py", "send_response(200)", "send_response(500)");
    let run = server
        .deployment(&broken)
        .input("health-timeout", "4s")
        .run();
    run.assert_rolled_back("verify", &second);
    run.assert_says("/nope/cache");
}
