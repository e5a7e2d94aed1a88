//! Releases that fail: the old one answers again, and the links are right.

use crate::app::App;
use crate::run::Deployment;
use crate::throwaway::ThrowawayServer;

/// A server with a good release.
struct Before {
    server: ThrowawayServer,
    good: String,
}

impl Before {
    fn new() -> Self {
        let server = ThrowawayServer::up();
        let good = server.deploy_well(&App::version("1"), None);
        Self { server, good }
    }

    /// Gives the failed release and what the log says.
    fn assert_rolls_back(&self, run: Deployment) -> crate::run::Run {
        let run = run.run();
        let failed = run.assert_rolled_back("verify", &self.good);
        self.server.assert_live(&self.good, "1", None);
        assert_eq!(self.server.record(&failed)["state"], "Failed");
        assert_eq!(self.server.releases(), [self.good.clone(), failed]);
        run
    }
}

#[test]
fn an_import_error_is_rolled_back_and_the_release_before_stays_the_way_back() {
    let before = Before::new();
    let server = &before.server;
    let run = before.assert_rolls_back(server.deployment(&App::import_error("2")));
    run.assert_verdict("exit status 1; its log shows: ModuleNotFoundError: No module named 'no_module_of_this_name'");
    let evidence = "\nModuleNotFoundError: No module named 'no_module_of_this_name'\n```";
    assert!(run.summary.contains(evidence), "{}", run.summary);

    let second = server.deploy_well(&App::version("3"), Some(&before.good));
    let run = server.deploy(&App::import_error("4"));
    run.assert_rolled_back("verify", &second);
    server.assert_live(&second, "3", Some(&before.good));
}

/// What runs before the service makes the restart itself fail, as a `Type=notify` service does that does not come up.
#[test]
fn a_restart_that_fails_is_rolled_back_with_the_line_of_the_log_that_says_why() {
    let before = Before::new();
    before
        .server
        .drop_in("[Service]\nExecStartPre=/bin/sh -c '! cat broken'\n");
    let run =
        before
            .server
            .deploy(&App::version("2").file("broken", "ValueError: no database\n", 0o644));
    run.assert_rolled_back("restart", &before.good);
    run.assert_verdict(
        "ended with exit code 1 on the server; its log shows: ValueError: no database)",
    );
    before.server.assert_live(&before.good, "1", None);
}

/// Nothing has touched the old process: it is verified, and neither restarted nor called unhealthy.
#[test]
fn a_restart_command_that_cannot_work_leaves_the_process_that_serves_alone_and_says_so() {
    let before = Before::new();
    let served = before.server.property("InvocationID");
    let run = before
        .server
        .deployment(&App::version("2"))
        .input("restart", "sudo -n /opt/nope restart diting")
        .run();
    run.assert_rolled_back("restart", &before.good);
    run.assert_verdict(&format!("{} is live and healthy again", before.good));
    assert_eq!(before.server.property("InvocationID"), served);
    before.server.assert_live(&before.good, "1", None);
}

/// However the process before ended, that is neither a start limit to wait for nor the new release's crash.
#[test]
fn a_start_that_systemd_does_not_try_is_told_as_that_and_not_waited_for() {
    let server = ThrowawayServer::up();
    // that the file is there is checked before the switch, what is in it is not
    let condition = |kind: &str| {
        let path = format!("[Unit]\n{kind}FileNotEmpty=/opt/diting/current/good\n");
        server.drop_in(&(path + &server.plain_service("127.0.0.1")));
    };
    let ends_badly =
        "import signal; signal.signal(signal.SIGTERM, lambda *_: os._exit(143))\nclass Handler";
    let app = App::plain("1")
        .replace_in("app.py", "class Handler", ends_badly)
        .file("good", "yes", 0o644);
    condition("Assert");
    let good = server
        .deployment(&app)
        .input("install", "none")
        .run()
        .assert_deployed(None);
    for (kind, step, told) in [
        (
            "Assert",
            "restart",
            "; its output: Assertion failed on job for diting.service.",
        ),
        (
            "Condition",
            "verify",
            "systemd on the server did not start the unit, because a condition in its file is not met",
        ),
    ] {
        condition(kind);
        let run = server
            .deployment(&App::plain("2").file("good", "", 0o644))
            .input("install", "none")
            .run();
        run.assert_rolled_back(step, &good);
        run.assert_verdict(told);
        run.assert_silent_about("start limit; nothing serves");
        server.assert_answers(&good, "1");
    }
}

#[test]
fn a_release_that_exits_after_a_second_is_rolled_back() {
    let before = Before::new();
    let app = App::exits_after("2", "1");
    let run = before.assert_rolls_back(before.server.deployment(&app).input("health-settle", "4s"));
    run.assert_verdict("exit status 3");
}

#[test]
fn health_that_answers_500_or_another_release_is_rolled_back() {
    let before = Before::new();
    let server = &before.server;
    let quick = |app| server.deployment(&app).input("health-timeout", "8s");
    let run = before.assert_rolls_back(quick(App::health_500("2")));
    run.assert_verdict("health answered 500");
    run.assert_says("no database");

    let impostor = App::version("3").replace("\"release\": RELEASE", "\"release\": \"1\"");
    let run = quick(impostor)
        .input("health-match", "\"release\": \"{release}\"")
        .run();
    run.assert_rolled_back("verify", &before.good);
    server.assert_live(&before.good, "1", None);
    // and the right one matches
    let right = server
        .deployment(&App::version("4"))
        .input("health-match", "\"release\": \"{release}\"")
        .run();
    let right = right.assert_deployed(Some(&before.good));
    server.assert_live(&right, "4", Some(&before.good));
}

#[test]
fn health_that_hangs_is_rolled_back() {
    let before = Before::new();
    before.server.drop_in("[Service]\nTimeoutStopSec=2s\n");
    let run = before
        .server
        .deployment(&App::health_hangs("2"))
        .input("health-timeout", "8s");
    before.assert_rolls_back(run);
}

#[test]
fn a_crash_loop_that_uses_up_the_starts_is_rolled_back_when_systemd_allows_it_again() {
    let before = Before::new();
    before.server.drop_in("[Service]\nRestartSec=1ms\n");
    let run = before
        .server
        .deployment(&App::version("2"))
        .input("install", CRASHES_AT_ONCE);
    let run = before.assert_rolls_back(run);
    run.assert_says("waiting up to");
    run.assert_says("nothing serves until then");
}

const CRASHES_AT_ONCE: &str =
    "uv sync --frozen --quiet\nprintf '#!/bin/sh\\nexit 4\\n' >.venv/bin/uvicorn";

#[test]
fn with_the_right_to_reset_a_crash_loop_is_rolled_back_without_waiting() {
    let server = ThrowawayServer::up_with(&["--reset-failed"]);
    let good = server.deploy_well(&App::version("1"), None);
    server.drop_in("[Service]\nRestartSec=1ms\n");
    let run = server
        .deployment(&App::version("2"))
        .input("install", CRASHES_AT_ONCE)
        .run();
    run.assert_rolled_back("verify", &good);
    run.assert_silent_about("start limit; nothing serves");
    server.assert_live(&good, "1", None);
}

#[test]
fn an_old_worker_that_keeps_the_port_is_not_taken_for_the_new_release() {
    let server = ThrowawayServer::up();
    let worker = "#!/bin/sh\n.venv/bin/uvicorn src.endpoints.wechat.webhook_app:app --host 0.0.0.0 --port \"$1\" &\nexec sleep infinity\n";
    server.drop_in(&format!(
        "[Service]\nKillMode=process\nExecStart=\nExecStart=/opt/diting/current/run {}\n",
        server.app_port
    ));
    let good = server.deploy_well(&App::version("1").file("run", worker, 0o755), None);
    let run = server.deploy(&App::version("2").file("run", worker, 0o755));
    run.assert_rolled_back("verify", &good);
    run.assert_verdict("left over from before the restart");
    server.assert_live(&good, "1", None);
}
