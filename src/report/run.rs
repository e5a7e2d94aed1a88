//! What happened in a run, collected from its events.

use super::activity::Activity;
use super::steps::{Mark, StepRun};
use super::{texts, Facts};
use crate::protocol::{
    Diagnostic, End, Event, Notice, Planned, RunError, RunEvent, Step, Verdict, Warning, What,
};

/// Of everything that a server can repeat at will, so much is kept.
const MOST: usize = 100;
/// Of all diagnostics, and of one, in bytes; of its title in characters.
const DIAGNOSTICS: usize = 2 << 20;
const DIAGNOSTIC: usize = 64 << 10;
const TITLE: usize = 200;

/// What happened in a run: all that log, summary, outputs and issue are made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What is known without a verdict.
    pub facts: Facts,
    /// What was going to happen.
    pub planned: Option<Planned>,
    /// The steps, in their order.
    pub steps: Vec<StepRun>,
    /// What a person should act on.
    pub warnings: Vec<Warning>,
    /// What a person should know.
    pub notices: Vec<Notice>,
    /// How transactions ended that earlier runs left pending.
    pub recovered: Vec<Verdict>,
    /// What the server looked like when the new release failed.
    pub diagnostics: Vec<Diagnostic>,
    /// Why there was no connection at first.
    pub connect_failures: Vec<RunError>,
    /// Bytes of contents that were sent, and of how many, while they are.
    pub transfer: Option<(u64, u64)>,
    /// How it ended.
    pub end: Option<End>,
}

impl Report {
    /// What happens now.
    #[must_use]
    pub fn activity(&self) -> Option<Activity> {
        let step = self.steps.last().filter(|step| step.mark.is_none())?;
        let sent = self
            .transfer
            .filter(|_| matches!(step.step, Step::Connect | Step::Upload));
        Some(Activity {
            step: step.step,
            sent,
            health: step.health().map(str::to_owned),
        })
    }

    /// Takes in what happened.
    pub fn on(&mut self, event: &RunEvent) {
        self.facts.on(event);
        match event {
            RunEvent::Planned(planned) => self.planned = Some(planned.as_ref().clone()),
            RunEvent::Connecting => self.begin(Step::Connect, None),
            RunEvent::ConnectFailed { error, .. } => keep(&mut self.connect_failures, error),
            RunEvent::Connected { took } => self
                .last()
                .into_iter()
                .for_each(|step| step.took = Some(*took)),
            // what the server was doing is done again
            RunEvent::ConnectionLost { finished_by: None } => self.close(Mark::CutOff, None),
            RunEvent::ConnectionLost {
                finished_by: Some(_),
            }
            | RunEvent::Reconnected { .. }
            | RunEvent::CopyingServerPart { .. } => {}
            RunEvent::Sending { bytes, .. } => self.transfer = Some((0, *bytes)),
            RunEvent::Sent { bytes } => {
                self.transfer = self.transfer.map(|(_, all)| ((*bytes).min(all), all));
            }
            RunEvent::UnexpectedOutput(text) => self.said(text),
            RunEvent::Server(event) => self.on_server(event),
            RunEvent::Ended(end) => {
                self.close(Mark::at_the_end(end), None);
                self.end = Some(end.as_ref().clone());
            }
        }
    }

    fn on_server(&mut self, event: &Event) {
        match &event.what {
            What::Step(step) => self.step(*step, event.at),
            What::Waiting(_) | What::PointOfNoReturn { .. } => {}
            What::Recovered(verdict) => keep(&mut self.recovered, verdict),
            What::Output(text) => self.said(text),
            What::Warning(warning) => keep(&mut self.warnings, warning),
            What::Notice(notice) => keep(&mut self.notices, notice),
            What::Staged(staged) => {
                self.last()
                    .into_iter()
                    .for_each(|step| step.note = Some(texts::staged(staged)));
            }
            What::Attempt(attempt) => self
                .last()
                .into_iter()
                .for_each(|step| step.answered(attempt)),
            What::Diagnostics(all) => self.diagnostics(all, event.at),
            What::Ended(verdict) => self.verdict(verdict, event.at),
        }
    }

    /// A step begins, so the one before it has ended - badly, where the way back begins.
    fn step(&mut self, step: Step, at: u64) {
        // the runner half has told of it already, with its own clock
        if step == Step::Connect {
            return;
        }
        let mark = if step == Step::RollBack {
            Mark::Failed
        } else {
            Mark::Done
        };
        self.close(mark, Some(at));
        self.begin(step, Some(at));
    }

    fn begin(&mut self, step: Step, at: Option<u64>) {
        self.close(Mark::CutOff, None);
        // the one that runs is always the last
        self.steps.truncate(MOST - 1);
        self.steps.push(StepRun::new(step, at));
    }

    fn verdict(&mut self, verdict: &Verdict, at: u64) {
        let rolling_back = self
            .steps
            .last()
            .is_some_and(|last| last.step == Step::RollBack);
        let failed = if rolling_back {
            &verdict.rollback
        } else {
            &verdict.failure
        };
        self.close(failed.as_ref().map_or(Mark::Done, Mark::of), Some(at));
    }

    fn diagnostics(&mut self, all: &[Diagnostic], at: u64) {
        self.close(Mark::Failed, Some(at));
        for diagnostic in all.iter().map(shortened) {
            let known: usize = self.diagnostics.iter().map(|it| it.text.len()).sum();
            if known + diagnostic.text.len() <= DIAGNOSTICS {
                keep(&mut self.diagnostics, &diagnostic);
            }
        }
    }

    fn close(&mut self, mark: Mark, at: Option<u64>) {
        self.steps
            .last_mut()
            .into_iter()
            .for_each(|step| step.end(mark, at));
    }

    fn said(&mut self, text: &[u8]) {
        self.last().into_iter().for_each(|step| step.said.add(text));
    }

    /// The step that runs.
    fn last(&mut self) -> Option<&mut StepRun> {
        self.steps.last_mut().filter(|step| step.mark.is_none())
    }
}

/// The end of a diagnostic, for that is where the cause stands; a cut is marked, for a secret may be cut there.
fn shortened(diagnostic: &Diagnostic) -> Diagnostic {
    let Diagnostic {
        title,
        origin,
        text,
    } = diagnostic;
    let mut end = if text.len() > DIAGNOSTIC {
        "…".as_bytes().to_vec()
    } else {
        Vec::new()
    };
    end.extend(&text[text.len().saturating_sub(DIAGNOSTIC)..]);
    Diagnostic {
        title: title.chars().take(TITLE).collect(),
        origin: *origin,
        text: end,
    }
}

fn keep<T: Clone>(list: &mut Vec<T>, item: &T) {
    if list.len() < MOST {
        list.push(item.clone());
    }
}
