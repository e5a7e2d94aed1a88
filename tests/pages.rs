//! What a person reads on the job page and in an issue, as `docs/pictures` shows it.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not know as such"
)]

use deploy_action::protocol::{
    Attempt, Diagnostic, DiagnosticOrigin, End, Event, Failure, HealthAnswer, Made, Outcome, Part,
    Planned, Reason, ReleaseId, Restart, RunEvent, Staged, Step, Task, TransactionId, Verdict,
    Warning, What,
};
use deploy_action::report::{issue_text, summary, Job, RawLogs, Report};
use deploy_action::text::Redactor;
use std::path::Path;
use std::time::Duration;
use std::{env, fs};

const OLD: &str = "1795405253";
const NEW: &str = "1795491653";
const COMMIT: &str = "3f2a1bc0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4";
const OLD_COMMIT: &str = "9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90";

fn id(text: &str) -> ReleaseId {
    text.parse().unwrap()
}

fn job() -> Job {
    Job {
        run: Some("https://github.com/diting/app/actions/runs/19105/attempts/1".into()),
        commit: Some(COMMIT.into()),
        commit_link: Some(format!("https://github.com/diting/app/commit/{COMMIT}")),
        repository: Some("diting/app".into()),
        actor: Some("alice".into()),
    }
}

fn planned() -> Planned {
    Planned {
        part: Part::Whole,
        task: Task::Deploy,
        host: "web1.example".into(),
        port: 22,
        user: "deploy".into(),
        target: "/opt/diting".into(),
        service: Some("diting".into()),
        restart: Restart::Systemctl,
        health: None,
        shared: Vec::new(),
        commit: Some(COMMIT.into()),
        changed: false,
        actor: Some("alice".into()),
        entries: 120,
        bytes: 1_234_567,
        timeout: Duration::from_secs(1800),
    }
}

/// A run as it unfolds.
struct Run {
    report: Report,
    at: u64,
}

impl Run {
    fn new() -> Self {
        let mut run = Self {
            report: Report::default(),
            at: 1_795_491_653_000,
        };
        run.on(RunEvent::Planned(Box::new(planned())));
        run.on(RunEvent::Connecting);
        run.on(RunEvent::Connected {
            took: Duration::from_millis(1840),
        });
        run.server(0, What::Step(Step::Lock));
        run.server(20, What::Step(Step::Check));
        run.server(240, What::Step(Step::Upload));
        let staged = Staged {
            release: id(NEW),
            received: 12,
            received_bytes: 34_567,
            copied: 108,
        };
        run.server(310, What::Staged(staged));
        run.server(20, What::Step(Step::Install));
        run.server(300, What::Output(b"Resolved 42 packages in 1ms".to_vec()));
        run.server(
            300,
            What::Output(b"Installed 42 packages in 212ms".to_vec()),
        );
        run
    }

    /// Past the point of no return, and watched.
    fn switched(mut self) -> Self {
        self.server(1600, What::Step(Step::Seal));
        self.server(140, What::Step(Step::Switch));
        let (release, previous) = (id(NEW), Some(id(OLD)));
        self.server(
            8,
            What::PointOfNoReturn {
                release,
                previous,
                deadline: Duration::from_secs(310),
                commit: Some(COMMIT.into()),
                made: Made {
                    commit: Some(OLD_COMMIT.into()),
                    changed: false,
                    live_since: Some(1_795_405_279),
                    actor: Some("alice".into()),
                    run: Some("https://github.com/diting/app/actions/runs/19001/attempts/1".into()),
                },
            },
        );
        self.server(30, What::Step(Step::Restart));
        self.server(420, What::Step(Step::Verify));
        self
    }

    fn on(&mut self, event: RunEvent) {
        self.report.on(&event);
    }

    fn server(&mut self, after: u64, what: What) {
        self.at += after;
        self.on(RunEvent::Server(Event { at: self.at, what }));
    }

    fn attempts(&mut self, numbers: std::ops::RangeInclusive<u32>, answer: &HealthAnswer) {
        for number in numbers {
            let took = Duration::from_millis(12);
            self.server(
                1000,
                What::Attempt(Attempt {
                    number,
                    answer: answer.clone(),
                    took,
                }),
            );
        }
    }

    /// Crashes after it has begun, and is put back.
    fn broken(mut self) -> Self {
        self.server(30, What::Warning(Warning::DiskNearlyFull(83)));
        self.attempts(1..=3, &HealthAnswer::Refused);
        self.attempts(4..=9, &database());
        self.server(500, What::Diagnostics(looks()));
        self.server(1200, What::Step(Step::RollBack));
        self
    }

    fn end(
        mut self,
        outcome: Outcome,
        live: &str,
        failure: Option<Failure>,
        rollback: Option<Failure>,
    ) -> Report {
        let verdict = Verdict {
            transaction: TransactionId::from_random([7; 16]),
            outcome,
            release: Some(id(NEW)),
            previous: Some(id(OLD)),
            live: Some(id(live)),
            switched: outcome != Outcome::Cancelled,
            before_switch: false,
            failure,
            rollback,
            at: self.at / 1000,
        };
        self.server(800, What::Ended(Box::new(verdict.clone())));
        let took = Duration::from_millis(1900 + self.at - 1_795_491_653_000);
        self.on(RunEvent::Ended(Box::new(End {
            outcome,
            verdict: Some(verdict),
            error: None,
            took,
        })));
        self.report
    }
}

fn database() -> HealthAnswer {
    HealthAnswer::Status {
        status: 500,
        location: None,
        body: b"{\"detail\": \"no database\"}".to_vec(),
    }
}

fn unhealthy(step: Step, last: HealthAnswer, attempts: u32) -> Failure {
    let waited = Duration::from_secs(u64::from(attempts));
    Failure {
        step,
        reason: Reason::Unhealthy {
            last: Box::new(last),
            attempts,
            waited,
            log_line: None,
        },
    }
}

fn looks() -> Vec<Diagnostic> {
    let look = |title: &str, origin, text: &str| Diagnostic {
        title: title.into(),
        origin,
        text: text.into(),
    };
    vec![
        look(
            "log of diting, this start",
            DiagnosticOrigin::Log,
            "INFO:     Started server process [4711]\nINFO:     Waiting for application startup.\n\
             Traceback (most recent call last):\n  File \"/opt/diting/releases/1795491653/app/db.py\", line 12, in connect\n    \
             pool = create_pool(dsn)\nKeyError: 'DATABASE_URL'\nERROR:    Application startup failed. Exiting.\n",
        ),
        look(
            "systemctl status diting",
            DiagnosticOrigin::System,
            "● diting.service - The Diting Application\n     Loaded: loaded (/etc/systemd/system/diting.service; enabled)\n     \
             Active: active (running) since Tue 2026-11-24 03:40:56 UTC; 10s ago\n   Main PID: 4711 (uvicorn)\n",
        ),
        look("health answer of localhost:8000/health", DiagnosticOrigin::Application, "status 500\n\n{\"detail\": \"no database\"}"),
        look(
            "releases, newest first",
            DiagnosticOrigin::System,
            &format!("{NEW}  complete  {COMMIT}  current\n{OLD}  good  {OLD_COMMIT}\n"),
        ),
        look(
            "df -h",
            DiagnosticOrigin::System,
            "Filesystem      Size  Used Avail Use% Mounted on\n/dev/vda1        40G   33G  7.0G  83% /\n",
        ),
        look("uname -a", DiagnosticOrigin::System, "Linux web1 6.1.0-26-amd64 #1 SMP Debian 6.1.112-1 x86_64 GNU/Linux\n"),
    ]
}

fn deployed() -> Report {
    let mut run = Run::new().switched();
    run.attempts(1..=2, &HealthAnswer::Refused);
    run.attempts(3..=8, &HealthAnswer::Healthy { status: 200 });
    run.server(40, What::Step(Step::Commit));
    run.end(Outcome::Deployed, NEW, None, None)
}

fn rolled_back() -> Report {
    let mut run = Run::new().switched().broken();
    run.attempts(1..=6, &HealthAnswer::Healthy { status: 200 });
    run.end(
        Outcome::RolledBack,
        OLD,
        Some(unhealthy(Step::Verify, database(), 9)),
        None,
    )
}

fn rollback_failed() -> Report {
    let mut run = Run::new().switched().broken();
    run.attempts(1..=60, &HealthAnswer::Refused);
    let failure = unhealthy(Step::Verify, database(), 9);
    run.end(
        Outcome::RollbackFailed,
        OLD,
        Some(failure),
        Some(unhealthy(Step::RollBack, HealthAnswer::Refused, 60)),
    )
}

fn cancelled() -> Report {
    let mut run = Run::new();
    run.server(900, What::Output(b"Downloading torch (848.7MiB)".to_vec()));
    run.end(
        Outcome::Cancelled,
        OLD,
        Some(Failure {
            step: Step::Install,
            reason: Reason::Cancelled,
        }),
        None,
    )
}

fn shown(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs/pictures")
        .join(name)
        .with_extension("md");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, text).unwrap();
    } else {
        let there = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            there, text,
            "{name}: renew it with UPDATE_DOCS=1 cargo test --test pages and scripts/render-summary"
        );
    }
}

#[test]
fn the_summaries_are_those_that_the_pictures_show() {
    let all = [
        ("deployed", deployed()),
        ("rolled-back", rolled_back()),
        ("rollback-failed", rollback_failed()),
        ("cancelled", cancelled()),
    ];
    for (name, report) in all {
        shown(name, &summary(&report, &job(), &Redactor::default()));
    }
}

#[test]
fn the_issue_is_the_one_that_the_picture_shows() {
    let text = issue_text(&rolled_back(), &job(), RawLogs::Show, &Redactor::default()).unwrap();
    shown("issue", &text.body);
}
