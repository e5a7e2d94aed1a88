//! Releases that are tried beside the live one: one that fails interrupts nobody.

use crate::app::App;
use crate::run::{Deployment, Run};
use crate::throwaway::{ThrowawayServer, TARGET};

const UVICORN: &str =
    "exec .venv/bin/uvicorn src.endpoints.wechat.webhook_app:app --host $HOST --port $PORT";

/// A server with a good release, which no test may interrupt.
pub(crate) struct Live {
    pub(crate) server: ThrowawayServer,
    pub(crate) good: String,
    invocation: String,
}

impl Live {
    fn new() -> Self {
        let server = ThrowawayServer::up();
        let good = server.deploy_well(&App::version("1"), None);
        Self::of(server, good)
    }

    pub(crate) fn of(server: ThrowawayServer, good: String) -> Self {
        let invocation = server.property("InvocationID");
        Self {
            server,
            good,
            invocation,
        }
    }

    pub(crate) fn deployment(&self, app: &App, command: &str) -> Deployment {
        self.server.deployment(app).input("smoke-test", command)
    }

    /// The release failed, and the live one was not touched.
    pub(crate) fn assert_unaffected(&self, run: &Run) {
        run.assert_ended(5, "failed", "smoke-test");
        run.assert_verdict(&format!("{} is still live", self.good));
        assert_eq!(run.output("live-release"), self.good);
        let server = &self.server;
        assert_eq!(server.property("InvocationID"), self.invocation);
        server.assert_live(&self.good, "1", None);
        self.assert_nothing_left();
        assert_eq!(server.record(run.output("release"))["state"], "Incomplete");
    }

    pub(crate) fn assert_nothing_left(&self) {
        let marked =
            "grep -lz '^DEPLOY_ACTION_SMOKE_TEST=' /proc/[0-9]*/environ 2> /dev/null || true";
        assert_eq!(self.server.exec(marked), "");
        assert!(!self.server.has(&format!("{TARGET}/.deploy/smoke-test")));
        self.server.assert_quiet();
    }
}

#[test]
fn a_release_that_answers_goes_live_after_its_smoke_test() {
    let live = Live::new();
    let run = live.deployment(&App::version("2"), UVICORN).run();
    let second = run.assert_deployed(Some(&live.good));
    run.assert_says("started beside the live release with PORT=");
    live.server.assert_live(&second, "2", Some(&live.good));
    live.assert_nothing_left();
}

#[test]
fn a_release_that_fails_interrupts_nobody_and_the_next_one_is_deployed() {
    let live = Live::new();
    for (app, text) in [
        (App::health_500("2"), "500"),
        (App::health_hangs("2"), "timed out"),
        (App::import_error("2"), "no_module_of_this_name"),
    ] {
        let run = live.deployment(&app, UVICORN);
        let run = run.input("health-timeout", "15s").run();
        live.assert_unaffected(&run);
        run.assert_verdict(text);
    }
    let everywhere = UVICORN.replace("$HOST", "0.0.0.0");
    let run = live.deployment(&App::version("2"), &everywhere).run();
    live.assert_unaffected(&run);
    run.assert_verdict("it listens on 0.0.0.0:");

    let run = live.deployment(&App::version("3"), UVICORN).run();
    let next = run.assert_deployed(Some(&live.good));
    live.server.assert_live(&next, "3", Some(&live.good));
}

/// What the process is, as the system sees it.
const LOOK: &str = "\
for entry in /proc/[0-9]*; do
    tr '\\0' '\\n' < $entry/environ 2> /dev/null | grep -q '^DEPLOY_ACTION_SMOKE_TEST=/opt/diting$' || continue
    echo open $(ls $entry/fd | sort -n | tr '\\n' ' ')
    readlink $entry/fd/0
    echo nice $(cut -d ' ' -f 19 $entry/stat) oom $(cat $entry/oom_score_adj) uid $(stat -c %U $entry)
done";

#[test]
fn it_inherits_nothing_and_gives_way_to_the_live_release() {
    let server = ThrowawayServer::up();
    server.drop_in(&server.plain_service("127.0.0.1"));
    let deploy = |version| {
        server
            .deployment(&App::plain(version))
            .input("install", "none")
    };
    let good = deploy("1").run().assert_deployed(None);
    let live = Live::of(server, good);
    let running = live
        .deployment(
            &App::plain("2"),
            "exec /usr/bin/python3 app.py 127.0.0.1 $PORT",
        )
        .input("install", "none")
        .input("health-settle", "20s")
        .start();
    running.wait_for("health answered 200");
    let seen = live.server.exec(LOOK);
    let lines: Vec<&str> = seen.lines().collect();
    // standard input, output and errors, and the socket that it listens on
    assert_eq!(lines[..2], ["open 0 1 2 3", "/dev/null"], "{seen}");
    assert_eq!(lines[2], "nice 10 oom 1000 uid deploy", "{seen}");
    assert_eq!(lines.len(), 3, "{seen}");
    let run = running.finish();
    let second = run.assert_deployed(Some(&live.good));
    live.server.assert_live(&second, "2", Some(&live.good));
}

#[test]
fn a_run_that_is_killed_leaves_nothing_running() {
    let live = Live::new();
    // the log shows the commands before they run
    let stubborn = "trap '' TERM\nsetsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' &\n\
        echo beg''un\nwhile :; do sleep 1; done";
    let run = live.deployment(&App::version("2"), stubborn);
    let running = run.input("health-timeout", "300s").start();
    running.wait_for("begun");
    running.kill();
    let marked = "! grep -qz '^DEPLOY_ACTION_SMOKE_TEST=' /proc/[0-9]*/environ 2> /dev/null";
    live.server.wait_for(marked);
    live.assert_nothing_left();
    assert_eq!(live.server.property("InvocationID"), live.invocation);
    live.server.assert_live(&live.good, "1", None);
    let run = live.deployment(&App::version("3"), UVICORN).run();
    run.assert_deployed(Some(&live.good));
}
