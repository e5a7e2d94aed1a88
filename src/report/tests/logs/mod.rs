//! Logs: successful ones as a whole, the others from where they differ.

mod good;
mod limits;
mod lines;
mod switched;
mod unswitched;

use super::*;
use crate::protocol::{
    Attempt, ConnectionError, ConnectionKind, Diagnostic, DiagnosticOrigin, End, Ending, Event,
    Finding, HealthAnswer, Hop, LiveRelease, Made, Notice, Outcome, Planned, Reason, RunError,
    RunEvent, Staged, Step, Task, Verdict, Warning, What,
};
use crate::report::{Log, Page};
use crate::text::Redactor;
use std::time::Duration;

/// A run: each event of the server comes 300 ms after the one before.
struct Run {
    log: Log,
    at: u64,
    lines: Vec<String>,
}

impl Run {
    fn connected(page: Page) -> Self {
        Self::doing(page, planned())
    }

    fn doing(page: Page, planned: Planned) -> Self {
        let mut run = Self {
            log: Log::new(page),
            at: 1_762_147_999_000,
            lines: Vec::new(),
        };
        run.on(RunEvent::Planned(Box::new(planned)));
        run.on(RunEvent::Connecting);
        run
    }

    fn on(&mut self, event: RunEvent) {
        self.lines.extend(self.log.on(&event));
    }

    fn server(&mut self, what: What) {
        self.at += 300;
        self.on(RunEvent::Server(Event { at: self.at, what }));
    }

    fn steps(&mut self, steps: impl IntoIterator<Item = Step>) {
        steps
            .into_iter()
            .for_each(|step| self.server(What::Step(step)));
    }

    fn output(&mut self, line: &str) {
        self.server(What::Output(line.as_bytes().to_vec()));
    }

    fn staged(page: Page) -> Self {
        let mut run = Self::connected(page);
        run.on(RunEvent::Connected {
            took: Duration::from_millis(1840),
        });
        run.steps([Step::Lock, Step::Check]);
        run.server(What::Live(Box::new(LiveRelease {
            release: id(OLD),
            made: Made {
                commit: Some("9c1d77e0a1b2c3d4".into()),
                live_since: Some(1_762_137_000),
                actor: Some("bob".into()),
                ..Made::default()
            },
        })));
        run.on(RunEvent::Sending {
            files: 12,
            bytes: 34_567,
            known: 0,
        });
        run.steps([Step::Upload]);
        run.server(What::Staged(Staged {
            release: id(NEW),
            received: 12,
            received_bytes: 34_567,
            copied: 108,
        }));
        run.steps([Step::Install]);
        run.output("Resolved 42 packages in 1ms");
        run
    }

    fn switched(page: Page, previous: Option<&str>) -> Self {
        let mut run = Self::staged(page);
        run.steps([Step::Seal]);
        let deadline = Duration::from_secs(310);
        run.server(What::PointOfNoReturn {
            release: id(NEW),
            previous: previous.map(id),
            deadline,
            commit: Some("3f2a1bc".into()),
            made: Made::default(),
        });
        run.steps([Step::Switch, Step::Restart, Step::Verify]);
        run
    }

    /// What was printed so far stands in the log of another run.
    fn without_beginning(mut self) -> Self {
        self.lines.clear();
        self
    }

    fn attempts(&mut self, numbers: std::ops::RangeInclusive<u32>, answer: &HealthAnswer) {
        for number in numbers {
            self.server(What::Attempt(Attempt {
                number,
                answer: answer.clone(),
                took: Duration::from_millis(12),
            }));
        }
    }

    fn end(mut self, verdict: Verdict) -> String {
        self.server(What::Ended(Box::new(verdict.clone())));
        self.on(RunEvent::Ended(Box::new(by_verdict(verdict))));
        self.lines.join("\n")
    }

    fn cut(mut self, end: End) -> String {
        self.on(RunEvent::Ended(Box::new(end)));
        self.lines.join("\n")
    }
}

fn down() -> HealthAnswer {
    HealthAnswer::Status {
        status: 500,
        location: None,
        body: b"no database".to_vec(),
    }
}

fn broken(run: &mut Run) {
    run.attempts(1..=2, &HealthAnswer::Refused);
    run.attempts(3..=12, &down());
    let text = b"INFO: started\nTraceback (most recent call last):\r\n##[error]x\n::set-output name=a::b\n\x1b[31mKeyError\x1b[0m\rz";
    run.server(What::Diagnostics(vec![Diagnostic {
        title: "journal of diting".into(),
        origin: DiagnosticOrigin::Application,
        text: text.to_vec(),
    }]));
    run.steps([Step::RollBack]);
}
