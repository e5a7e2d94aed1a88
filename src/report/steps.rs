//! The steps of a run.

use crate::protocol::{Attempt, End, Failure, HealthAnswer, Outcome, Reason, RunError, Step};
use crate::text::excerpt::lines;
use crate::text::KeyBlock;
use std::collections::VecDeque;
use std::time::Duration;

/// The last lines of a step's output that are kept.
const KEPT: usize = 30;
/// The most changes of the health answer that are kept.
const ANSWERS: usize = 100;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// It succeeded.
    Done,
    /// It failed.
    Failed,
    /// It was stopped.
    Cancelled,
    /// Its result is unknown: the connection was lost, or the run was cancelled.
    Unfinished,
}

impl Mark {
    /// For a step that failed.
    pub(super) fn of(failure: &Failure) -> Self {
        match failure.reason {
            Reason::Cancelled => Self::Cancelled,
            _ => Self::Failed,
        }
    }

    /// For the step that was running when the run ended.
    pub(super) fn at_the_end(end: &End) -> Self {
        match (&end.error, end.outcome) {
            (Some(RunError::ConnectionLost { .. }), _) | (_, Outcome::Unknown) => Self::Unfinished,
            (_, outcome) if outcome.is_success() => Self::Done,
            (_, Outcome::Cancelled) => Self::Cancelled,
            _ => Self::Failed,
        }
    }
}

/// A step and what is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRun {
    /// Which.
    pub step: Step,
    /// When it began: milliseconds since the epoch, by the server's clock. `None`: it is measured by the runner's.
    pub began: Option<u64>,
    /// How long it took.
    pub took: Option<Duration>,
    /// How it ended; `None`: it runs.
    pub mark: Option<Mark>,
    /// Shown beside its result.
    pub note: Option<String>,
    /// The answers of the health check.
    pub answers: Vec<Answers>,
    /// Its output.
    pub(super) output: StepOutput,
}

impl StepRun {
    pub(super) fn new(step: Step, began: Option<u64>) -> Self {
        let (took, mark, note, answers, output) =
            (None, None, None, Vec::new(), StepOutput::default());
        Self {
            step,
            began,
            took,
            mark,
            note,
            answers,
            output,
        }
    }

    /// Ends it at `at`, by the server's clock, unless it has ended already.
    pub(super) fn end(&mut self, mark: Mark, at: Option<u64>) {
        if self.mark.is_some() {
            return;
        }
        self.mark = Some(mark);
        let by_clock = at
            .zip(self.began)
            .map(|(at, began)| Duration::from_millis(at.saturating_sub(began)));
        self.took = self.took.or(by_clock);
    }

    /// Records a health check that ended at `at`, by the server's clock.
    pub(super) fn answered(&mut self, attempt: &Attempt, at: u64) {
        let full = self.answers.len() == ANSWERS;
        let kind = attempt.answer.kind();
        match self
            .answers
            .last_mut()
            .filter(|last| full || last.kind == kind)
        {
            Some(last) => last.next(attempt, kind, at),
            None => self.answers.push(Answers {
                first: attempt.number,
                since: at,
                last: attempt.clone(),
                kind,
            }),
        }
    }

    /// Forgets what it printed, and changes its answers.
    pub(super) fn without_texts(&mut self, answer: impl Fn(&HealthAnswer) -> HealthAnswer) {
        self.output = StepOutput::default();
        for answers in &mut self.answers {
            answers.last.answer = answer(&answers.last.answer);
            answers.kind = answers.last.answer.kind();
        }
    }

    /// The last answer, if that was not healthy: then it is why the step failed.
    pub(super) fn failed_health(&self) -> Option<&str> {
        let healthy = |it: &&Answers| it.last.answer.is_healthy();
        let last = self.answers.last();
        last.filter(|it| !healthy(it)).map(|it| it.kind.as_str())
    }

    /// The last answer of the health check, without its body.
    pub(super) fn health(&self) -> Option<&str> {
        self.answers.last().map(|answers| answers.kind.as_str())
    }
}

/// Consecutive health checks with the same answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// Number of the first.
    pub first: u32,
    /// When its answer came: milliseconds since the epoch, by the server's clock.
    pub since: u64,
    /// The last.
    pub last: Attempt,
    kind: String,
}

impl Answers {
    /// The next one, which has the same answer, unless no more changes are kept.
    fn next(&mut self, attempt: &Attempt, kind: String, at: u64) {
        if self.kind != kind {
            (self.since, self.kind) = (at, kind);
        }
        self.last = attempt.clone();
    }
}

/// The output of a step: the last lines, harmless and without keys that span lines. Other secrets are still in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct StepOutput {
    pub(super) lines: usize,
    pub(super) last: VecDeque<String>,
    block: KeyBlock,
}

impl StepOutput {
    pub(super) fn add(&mut self, text: &[u8]) {
        for line in lines(text) {
            self.lines += 1;
            if self.last.len() == KEPT {
                self.last.pop_front();
            }
            // now, because the first line of a key may be gone later
            self.last.push_back(self.block.hide(&line));
        }
    }
}
