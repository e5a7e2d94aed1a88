//! Figures, not a test: `scripts/benchmark interruption` runs it. How long users are not served while their app is
//! deployed, and whether that is as short as docs/performance.md promises.

use crate::app::App;
use crate::load::{Counts, Load};
use crate::run::{Deployment, Run};
use crate::throwaway::{ThrowawayServer, TARGET};
use std::fs;
use std::thread;
use std::time::Duration;

const RESTARTS: u32 = 5;
const GOOD: u32 = 10;
const ROLLBACKS: usize = 2;
/// systemd refuses the sixth start within 10 s.
const BETWEEN_RESTARTS: Duration = Duration::from_secs(3);
/// Before the first, and after the last, so that users are served again.
const QUIET: Duration = Duration::from_secs(1);
/// How much longer than one of `systemctl restart` the gap of a deployment may be: the machine has other things to do.
const TOLERANCE: Duration = Duration::from_millis(500);

/// How the app is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setup {
    Plain,
    OtherUser,
    Socket { restart_sec: u32 },
}

const SETUPS: [Setup; 4] = [
    Setup::Plain,
    Setup::OtherUser,
    Setup::Socket { restart_sec: 10 },
    Setup::Socket { restart_sec: 1 },
];

/// What happens while users ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scenario {
    /// What a deployment is compared with.
    Restart,
    Good,
    Rollback,
    Broken,
    BrokenWithSmokeTest,
}

const SCENARIOS: [Scenario; 5] = [
    Scenario::Restart,
    Scenario::Good,
    Scenario::Rollback,
    Scenario::Broken,
    Scenario::BrokenWithSmokeTest,
];

/// A line of the table.
struct Row {
    setup: Setup,
    scenario: Scenario,
    times: usize,
    counts: Counts,
    /// The longest that the action itself reported, in seconds.
    reported: Option<f64>,
}

#[test]
#[ignore = "it measures, and takes minutes"]
fn nobody_waits_longer_than_promised() {
    println!("| Unit | Scenario | Times | Requests | Refused | Reset | Errors | Longest gap | Reported |");
    println!("|---|---|---:|---:|---:|---:|---:|---:|---:|");
    let mut missed = Vec::new();
    for setup in SETUPS {
        let service = Service::new(setup);
        let mut base_line = Duration::ZERO;
        for scenario in SCENARIOS {
            let row = service.measure(scenario);
            if scenario == Scenario::Restart {
                base_line = row.counts.longest_gap;
            }
            println!("{row}");
            missed.extend(row.missed(base_line));
        }
    }
    assert!(missed.is_empty(), "missed:\n{}", missed.join("\n"));
}

struct Service {
    server: ThrowawayServer,
    setup: Setup,
}

impl Service {
    /// With two releases of the app.
    fn new(setup: Setup) -> Self {
        let server = ThrowawayServer::up();
        server.drop_in(&unit(&server, setup));
        match setup {
            Setup::Plain => {}
            Setup::OtherUser => {
                server.exec("useradd --system app");
            }
            Setup::Socket { .. } => add_socket(&server),
        }
        let service = Self { server, setup };
        for version in ["1", "2"] {
            service
                .deployment(&App::version(version))
                .run()
                .assert_ended(0, "deployed", "");
        }
        service
    }

    fn deployment(&self, app: &App) -> Deployment {
        self.server.deployment(app).input("health-timeout", "10s")
    }

    fn measure(&self, scenario: Scenario) -> Row {
        let load = Load::on(self.server.app_port);
        thread::sleep(QUIET);
        let runs = match scenario {
            Scenario::Restart => {
                for _ in 0..RESTARTS {
                    self.server.exec("systemctl restart diting");
                    thread::sleep(BETWEEN_RESTARTS);
                }
                Vec::new()
            }
            Scenario::Good => (0..GOOD).map(|it| self.good(&it.to_string())).collect(),
            Scenario::Rollback => (0..ROLLBACKS).map(|_| self.roll_back()).collect(),
            Scenario::Broken => broken().iter().map(|app| self.broken(app)).collect(),
            Scenario::BrokenWithSmokeTest => {
                broken().iter().map(|app| self.smoke_tested(app)).collect()
            }
        };
        thread::sleep(QUIET);
        let seconds = runs
            .iter()
            .filter_map(|run| run.output("interruption").parse().ok());
        Row {
            setup: self.setup,
            scenario,
            times: match scenario {
                Scenario::Restart => RESTARTS as usize,
                _ => runs.len(),
            },
            counts: load.stop(),
            reported: seconds.max_by(f64::total_cmp),
        }
    }

    fn good(&self, version: &str) -> Run {
        let run = self.deployment(&App::version(version)).run();
        run.assert_ended(0, "deployed", "");
        run
    }

    fn roll_back(&self) -> Run {
        let deployment = self.deployment(&App::version("0")).without("source");
        let run = deployment.input("command", "rollback").run();
        run.assert_ended(0, "restored", "");
        run
    }

    fn broken(&self, app: &App) -> Run {
        let run = self.deployment(app).run();
        assert_eq!(run.output("outcome"), "rolled-back", "{}", run.log);
        run
    }

    fn smoke_tested(&self, app: &App) -> Run {
        let smoke_test = match self.setup {
            // a unit of another user is not started by deploy
            Setup::OtherUser => {
                "exec .venv/bin/uvicorn src.endpoints.wechat.webhook_app:app --host 127.0.0.1 --port $PORT"
            }
            Setup::Plain | Setup::Socket { .. } => "auto",
        };
        let run = self.deployment(app).input("smoke-test", smoke_test).run();
        run.assert_ended(5, "failed", "smoke-test");
        run
    }
}

/// What its drop-in says.
fn unit(server: &ThrowawayServer, setup: Setup) -> String {
    let app = "src.endpoints.wechat.webhook_app:app";
    let start = |listen: &str| {
        format!(
            "[Service]\nExecStart=\nTimeoutStopSec=10\n\
             ExecStart={TARGET}/current/.venv/bin/uvicorn {app} {listen} --timeout-graceful-shutdown 5\n"
        )
    };
    let at_port = start(&format!("--host 0.0.0.0 --port {}", server.app_port));
    match setup {
        Setup::Plain => at_port,
        Setup::OtherUser => at_port + "User=app\n",
        Setup::Socket { restart_sec } => start("--fd 3") + &format!("RestartSec={restart_sec}\n"),
    }
}

fn add_socket(server: &ThrowawayServer) {
    let socket = format!(
        "[Socket]\nListenStream=0.0.0.0:{}\n\n[Install]\nWantedBy=sockets.target\n",
        server.app_port
    );
    fs::write(server.path("/etc/systemd/system/diting.socket"), socket).unwrap();
    server.exec(
        "systemctl stop diting; systemctl daemon-reload; systemctl enable -q --now diting.socket",
    );
}

/// For the health check and for users.
fn broken() -> [App; 5] {
    let page = "send, 200, \"text/plain\", f\"version {VERSION}, release {RELEASE}\\n\"";
    let hangs = "        await asyncio.sleep(3600)\n        await answer(send, 200, \"text/plain\"";
    [
        App::health_500("answers 500").replace(page, "send, 500, \"text/plain\", \"no database\""),
        App::health_hangs("hangs").replace("        await answer(send, 200, \"text/plain\"", hangs),
        App::import_error("crashes at its import"),
        App::exits_after("crashes again and again", "0.3"),
        App::version("listens nowhere").at_start("import time; time.sleep(3600)"),
    ]
}

impl Row {
    /// Which promises it does not keep.
    fn missed(&self, base_line: Duration) -> Option<String> {
        let Counts {
            refused,
            reset,
            longest_gap,
            ..
        } = self.counts;
        let is_restart = matches!(self.scenario, Scenario::Good | Scenario::Rollback);
        let goal = match self.setup {
            _ if self.scenario == Scenario::BrokenWithSmokeTest => {
                (self.counts.failed() > 0).then_some("every request has a good answer")
            }
            Setup::Socket { .. } => (refused + reset > 0).then_some("nothing is refused or reset"),
            Setup::Plain | Setup::OtherUser if is_restart => (longest_gap > base_line + TOLERANCE)
                .then_some("the gap is that of systemctl restart"),
            Setup::Plain | Setup::OtherUser => None,
        };
        goal.map(|goal| format!("{goal}: {self}"))
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let setup = match self.setup {
            Setup::Plain => "plain".to_owned(),
            Setup::OtherUser => "plain, `User=app`".to_owned(),
            Setup::Socket { restart_sec } => format!("socket, `RestartSec={restart_sec}`"),
        };
        let scenario = match self.scenario {
            Scenario::Restart => "`systemctl restart`, by hand",
            Scenario::Good => "good release",
            Scenario::Rollback => "rollback, by hand",
            Scenario::Broken => "broken release",
            Scenario::BrokenWithSmokeTest => "broken release, with smoke test",
        };
        let Counts {
            requests,
            refused,
            reset,
            not_200,
            errors,
            longest_gap,
            ..
        } = self.counts;
        let (times, gap) = (self.times, longest_gap.as_secs_f64());
        let reported = self.reported.map_or("-".to_owned(), |it| format!("{it} s"));
        write!(
            f,
            "| {setup} | {scenario} | {times} | {requests} | {refused} | {reset} | {} | {gap:.2} s | {reported} |",
            not_200 + errors
        )
    }
}

/// The kernel keeps the requests while the app restarts.
#[test]
fn behind_a_socket_unit_a_deployment_refuses_and_resets_nothing() {
    let server = ThrowawayServer::up();
    server.drop_in(&server.plain_service("0.0.0.0"));
    add_socket(&server);
    let deploy = |version: &str| {
        let deployment = server
            .deployment(&graceful(version))
            .input("install", "none");
        deployment.run().assert_ended(0, "deployed", "");
    };
    deploy("1");
    let load = Load::on(server.app_port);
    deploy("2");
    deploy("3");
    let counts = load.stop();
    assert!(counts.requests > 50, "{counts}");
    assert_eq!(counts.failed(), 0, "{counts}");
}

/// Told to stop, it answers the request that it has accepted, and accepts no more.
fn graceful(version: &str) -> App {
    let server = "Server((sys.argv[1], int(sys.argv[2])), Handler)";
    let stops = format!(
        "import signal, threading\nserver = {server}\n\
         signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())\nserver"
    );
    App::plain(version).replace_in("app.py", server, &stops)
}
