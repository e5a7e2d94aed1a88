//! A run as it unfolds, event by event.

use deploy_action::protocol::{
    Attempt, End, Event, Failure, HealthAnswer, Interruption, LiveRelease, Made, Outcome, Part,
    Planned, ReleaseId, Restart, RunError, RunEvent, Scope, Staged, Step, Task, TransactionId,
    Verdict, What,
};
use deploy_action::report::{Job, Report};
use std::time::Duration;

pub(crate) const OLD: &str = "1795405253";
pub(crate) const NEW: &str = "1795491653";
pub(crate) const COMMIT: &str = "3f2a1bc0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4";
pub(crate) const OLD_COMMIT: &str = "9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90";
/// When the server begins, in milliseconds.
const BEGIN: u64 = 1_795_491_653_000;
const CONNECTED: Duration = Duration::from_millis(1840);

pub(crate) fn id(text: &str) -> ReleaseId {
    text.parse().unwrap()
}

pub(crate) fn job() -> Job {
    Job {
        run: Some("https://github.com/diting/app/actions/runs/19105/attempts/1".into()),
        commit: Some(COMMIT.into()),
        commit_link: Some(format!("https://github.com/diting/app/commit/{COMMIT}")),
        repository: Some("diting/app".into()),
        actor: Some("alice".into()),
    }
}

pub(crate) fn planned() -> Planned {
    Planned {
        part: Part::Whole,
        task: Task::Deploy,
        host: "web1.example".into(),
        port: 22,
        user: "deploy".into(),
        target: "/opt/diting".into(),
        service: Some("diting".into()),
        others: Vec::new(),
        scope: Scope::System,
        unit_files: false,
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

/// What the server knows of the release that is live.
pub(crate) fn made() -> Made {
    Made {
        commit: Some(OLD_COMMIT.into()),
        changed: false,
        live_since: Some(1_795_480_879),
        actor: Some("bob".into()),
        run: Some("https://github.com/diting/app/actions/runs/19001/attempts/1".into()),
    }
}

pub(crate) struct Run {
    pub(crate) report: Report,
    at: u64,
    old: Option<LiveRelease>,
    /// The first restart, and the healthy answer after which all were healthy.
    restarted: Option<u64>,
    served: Option<u64>,
}

impl Run {
    /// Nothing was sent yet.
    pub(crate) fn planned(planned: Planned) -> Self {
        let mut run = Self {
            report: Report::default(),
            at: BEGIN,
            old: None,
            restarted: None,
            served: None,
        };
        run.on(RunEvent::Planned(Box::new(planned)));
        run.on(RunEvent::Connecting);
        run
    }

    /// Logged in.
    pub(crate) fn locking(planned: Planned) -> Self {
        let mut run = Self::planned(planned);
        run.on(RunEvent::Connected { took: CONNECTED });
        run.server(0, What::Step(Step::Lock));
        run
    }

    /// Up to the check; `old` is live.
    pub(crate) fn checked(planned: Planned, old: Option<LiveRelease>) -> Self {
        let mut run = Self::locking(planned);
        run.server(20, What::Step(Step::Check));
        if let Some(live) = &old {
            run.server(1, What::Live(Box::new(live.clone())));
        }
        run.old = old;
        run
    }

    /// Up to install; a release is live.
    pub(crate) fn installing() -> Self {
        let made = made();
        let release = id(OLD);
        Self::checked(planned(), Some(LiveRelease { release, made })).uploaded()
    }

    pub(crate) fn uploaded(mut self) -> Self {
        self.server(240, What::Step(Step::Upload));
        let staged = Staged {
            release: id(NEW),
            received: 12,
            received_bytes: 34_567,
            copied: 108,
        };
        self.server(310, What::Staged(staged));
        self.server(20, What::Step(Step::Install));
        self
    }

    pub(crate) fn installed(mut self) -> Self {
        self.output(300, "Resolved 42 packages in 1ms");
        self.output(300, "Installed 42 packages in 212ms");
        self
    }

    /// Past the point of no return, and watched.
    pub(crate) fn switched(mut self) -> Self {
        self.server(1600, What::Step(Step::Seal));
        self.server(140, What::Step(Step::Switch));
        self.point_of_no_return(id(NEW), COMMIT);
        self.server(30, What::Step(Step::Restart));
        self.server(420, What::Step(Step::Verify));
        self
    }

    pub(crate) fn point_of_no_return(&mut self, release: ReleaseId, commit: &str) {
        let old = self.old.clone();
        let (previous, made) = old.map(|it| (it.release, it.made)).unzip();
        self.server(
            8,
            What::PointOfNoReturn {
                release,
                previous,
                deadline: Duration::from_secs(310),
                commit: Some(commit.into()),
                made: made.unwrap_or_default(),
            },
        );
    }

    pub(crate) fn on(&mut self, event: RunEvent) {
        self.report.on(&event);
    }

    pub(crate) fn server(&mut self, after: u64, what: What) {
        self.at += after;
        match &what {
            What::Step(Step::Restart) => self.restarted = self.restarted.or(Some(self.at)),
            What::Attempt(attempt) if attempt.answer.is_healthy() => {
                self.served = self.served.or(Some(self.at));
            }
            What::Attempt(_) => self.served = None,
            _ => {}
        }
        self.on(RunEvent::Server(Event { at: self.at, what }));
    }

    pub(crate) fn output(&mut self, after: u64, line: &str) {
        self.server(after, What::Output(line.as_bytes().to_vec()));
    }

    pub(crate) fn attempts(
        &mut self,
        numbers: std::ops::RangeInclusive<u32>,
        answer: &HealthAnswer,
    ) {
        for number in numbers {
            let took = Duration::from_millis(12);
            let answer = answer.clone();
            self.server(
                1000,
                What::Attempt(Attempt {
                    number,
                    answer,
                    took,
                }),
            );
        }
    }

    /// As the server measures it.
    fn interruption(&self, outcome: Outcome) -> Option<Interruption> {
        let Some(from) = self.restarted else {
            return Some(Interruption::none(self.at));
        };
        let is_served = outcome.is_success() || outcome == Outcome::RolledBack;
        let to = self.served.filter(|_| is_served)?;
        Some(Interruption { from, to })
    }

    /// With the server's verdict, in which `change` makes what differs from a release that is live.
    pub(crate) fn end(mut self, outcome: Outcome, change: impl FnOnce(&mut Verdict)) -> Report {
        let mut verdict = Verdict {
            transaction: TransactionId::from_random([7; 16]),
            outcome,
            release: Some(id(NEW)),
            previous: self.old.as_ref().map(|it| it.release.clone()),
            live: self.old.as_ref().map(|it| it.release.clone()),
            switched: false,
            before_switch: false,
            interruption: self.interruption(outcome),
            failure: None,
            rollback: None,
            at: (self.at + 800) / 1000,
        };
        change(&mut verdict);
        self.server(800, What::Ended(Box::new(verdict.clone())));
        let took = CONNECTED + Duration::from_millis(60 + self.at - BEGIN);
        self.on(RunEvent::Ended(Box::new(End {
            outcome,
            verdict: Some(verdict),
            error: None,
            took,
        })));
        self.report
    }

    /// Without a verdict.
    pub(crate) fn stop(mut self, outcome: Outcome, error: RunError) -> Report {
        let took = CONNECTED + Duration::from_millis(60 + self.at - BEGIN);
        self.on(RunEvent::Ended(Box::new(End {
            outcome,
            verdict: None,
            error: Some(error),
            took,
        })));
        self.report
    }
}

/// The failure of a step.
pub(crate) fn failure(step: Step, reason: deploy_action::protocol::Reason) -> Option<Failure> {
    Some(Failure {
        step,
        reason,
        unit: None,
    })
}
