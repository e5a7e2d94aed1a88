//! What happened in a run, collected from its events.

use super::steps::{Mark, StepRun};
use super::{texts, Facts, Job};
use crate::protocol::{
    Diagnostic, End, Event, Listing, Made, Notice, Planned, ReleaseId, RunError, RunEvent,
    SourceDoubt, Staged, Step, Task, Verdict, Warning, What,
};
use crate::text::excerpt::excerpt;

/// The most items of each kind; a hostile server could send any number.
const MOST: usize = 100;
/// The most bytes of all diagnostics and of one, and characters of a title.
const DIAGNOSTICS: usize = 2 << 20;
const DIAGNOSTIC: usize = 64 << 10;
const TITLE: usize = 200;

/// What happened in a run: the source of log, summary, outputs and issue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What is known without a verdict.
    pub facts: Facts,
    /// The plan.
    pub planned: Option<Planned>,
    /// The steps, in their order.
    pub steps: Vec<StepRun>,
    /// What is odd about the source.
    pub doubts: Vec<SourceDoubt>,
    /// Someone should act on them.
    pub warnings: Vec<Warning>,
    /// Worth knowing.
    pub notices: Vec<Notice>,
    /// How pending transactions of earlier runs ended.
    pub recovered: Vec<Verdict>,
    /// The state of the server when the new release failed.
    pub diagnostics: Vec<Diagnostic>,
    /// Failed attempts to connect.
    pub connect_failures: Vec<RunError>,
    /// Bytes of contents that were sent, and all of them, during the upload.
    pub transfer: Option<(u64, u64)>,
    /// The result of staging.
    pub staged: Option<Staged>,
    /// What is on the server, if a rollback command named no rollback target.
    pub listing: Option<Listing>,
    /// How it ended.
    pub end: Option<End>,
}

impl Report {
    /// Records an event.
    pub fn on(&mut self, event: &RunEvent) {
        self.facts.on(event);
        match event {
            RunEvent::Planned(planned) => self.planned = Some(planned.as_ref().clone()),
            RunEvent::Doubt(doubt) => keep(&mut self.doubts, doubt),
            RunEvent::Connecting => self.begin(Step::Connect, None),
            RunEvent::ConnectFailed { error, .. } => keep(&mut self.connect_failures, error),
            RunEvent::Connected { took } => self
                .last()
                .into_iter()
                .for_each(|step| step.took = Some(*took)),
            // the step is repeated
            RunEvent::ConnectionLost { finished_by: None } => self.close(Mark::Unfinished, None),
            RunEvent::ConnectionLost {
                finished_by: Some(_),
            }
            | RunEvent::Reconnected { .. }
            | RunEvent::WatchLimited { .. }
            | RunEvent::CopyingServerPart { .. } => {}
            RunEvent::Sending { bytes, .. } => self.transfer = Some((0, *bytes)),
            RunEvent::Sent { bytes } => {
                self.transfer = self.transfer.map(|(_, all)| ((*bytes).min(all), all));
            }
            RunEvent::UnexpectedOutput(text) => self.output(text),
            RunEvent::Server(event) => self.on_server(event),
            RunEvent::Ended(end) => {
                self.close(Mark::at_the_end(end), None);
                self.end = Some(end.as_ref().clone());
            }
        }
    }

    /// The release that should go live, once it has an id.
    pub(super) fn attempted(&self) -> Option<&ReleaseId> {
        let verdict = self.end.as_ref().and_then(|end| end.verdict.as_ref());
        verdict
            .map_or(&self.facts.release, |verdict| &verdict.release)
            .as_ref()
    }

    /// What is known of a release of this run: from the server, or from the run itself.
    pub(super) fn made(&self, release: &ReleaseId, job: &Job) -> Made {
        let facts = &self.facts;
        let live = facts.live.as_ref().filter(|it| it.release == *release);
        match live {
            Some(live) => live.made.clone(),
            None if facts.previous.as_ref() == Some(release) => facts.made.clone(),
            None if self.attempted() == Some(release) => self.made_now(job),
            None => Made::default(),
        }
    }

    /// What should go live. Of a rollback, only the server knows it.
    pub(super) fn made_now(&self, job: &Job) -> Made {
        let facts = &self.facts;
        let planned = self.planned.as_ref();
        match facts.task {
            _ if facts.is_listing => Made::default(),
            Task::Deploy => Made {
                commit: planned
                    .and_then(|it| it.commit.clone())
                    .or(job.commit.clone()),
                changed: planned.is_some_and(|it| it.changed),
                ..Made::default()
            },
            Task::RollBack { .. } => Made {
                commit: facts.commit.clone(),
                ..Made::default()
            },
        }
    }

    fn on_server(&mut self, event: &Event) {
        match &event.what {
            What::Step(step) => self.step(*step, event.at),
            What::Live(_)
            | What::Waiting(_)
            | What::PointOfNoReturn { .. }
            | What::FailedStart(_) => {}
            What::Releases(listing) => self.listing = Some(listing.as_ref().clone()),
            What::Recovered(verdict) => keep(&mut self.recovered, verdict),
            What::Output(text) => self.output(text),
            What::OutputLeftOut(left_out) => self
                .last()
                .into_iter()
                .for_each(|step| step.note = texts::whole_output(left_out)),
            What::Warning(warning) => keep(&mut self.warnings, warning),
            What::Notice(notice) => keep(&mut self.notices, notice),
            What::Staged(staged) => {
                self.staged = Some(staged.clone());
                self.last()
                    .into_iter()
                    .for_each(|step| step.note = Some(texts::staged(staged)));
            }
            What::Attempt(attempt) => self
                .last()
                .into_iter()
                .for_each(|step| step.answered(attempt, event.at)),
            What::Diagnostics(all) => self.diagnostics(all, event.at),
            What::Ended(verdict) => self.verdict(verdict, event.at),
        }
    }

    /// A step begins, so the one before has ended. Before a rollback, it has failed.
    fn step(&mut self, step: Step, at: u64) {
        // the runner half has reported it already, by its own clock
        if step == Step::Connect {
            return;
        }
        // to recover may be to roll back
        let before = self.steps.last().map(|last| last.step);
        let mark = match step == Step::RollBack && before != Some(Step::Recover) {
            true => Mark::Failed,
            false => Mark::Done,
        };
        self.close(mark, Some(at));
        self.begin(step, Some(at));
    }

    fn begin(&mut self, step: Step, at: Option<u64>) {
        self.close(Mark::Unfinished, None);
        // the running step is always the last
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
        for failure in [&verdict.failure, &verdict.rollback].into_iter().flatten() {
            let unit = failure.unit.as_ref().map(excerpt);
            let is_it =
                |it: &&mut StepRun| it.step == failure.step && it.mark == Some(Mark::Failed);
            if let Some(step) = self.steps.iter_mut().rev().find(is_it) {
                step.note = step.note.take().or(unit);
            }
        }
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
        let Some(step) = self.steps.last_mut() else {
            return;
        };
        let is_of_units = matches!(step.step, Step::Restart | Step::Verify) && mark == Mark::Done;
        if is_of_units && step.mark.is_none() && step.note.is_none() {
            step.note = self.facts.place.several(step.step);
        }
        step.end(mark, at);
    }

    fn output(&mut self, text: &[u8]) {
        self.last()
            .into_iter()
            .for_each(|step| step.output.add(text));
    }

    /// The step that runs.
    fn last(&mut self) -> Option<&mut StepRun> {
        self.steps.last_mut().filter(|step| step.mark.is_none())
    }
}

/// The end of a diagnostic, because the cause is most often there. A mark shows that the beginning is missing.
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
