//! The steps of a run, as far as they were seen.

use crate::protocol::{Attempt, End, Failure, Outcome, Reason, RunError, Step};
use crate::text::excerpt::lines;
use crate::text::KeyBlock;
use std::collections::VecDeque;
use std::time::Duration;

/// So many of the last lines that a step printed are kept.
const KEPT: usize = 30;
/// Changes of the answer about health that are kept.
const ANSWERS: usize = 100;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// As it should.
    Done,
    /// It failed.
    Failed,
    /// It was stopped.
    Cancelled,
    /// It was not seen to end.
    CutOff,
}

impl Mark {
    /// Of a step that failed.
    pub(super) fn of(failure: &Failure) -> Self {
        match failure.reason {
            Reason::Cancelled => Self::Cancelled,
            _ => Self::Failed,
        }
    }

    /// Of the step that was running when everything ended.
    pub(super) fn at_the_end(end: &End) -> Self {
        match (&end.error, end.outcome) {
            (Some(RunError::ConnectionLost { .. }), _) | (_, Outcome::Unknown) => Self::CutOff,
            (_, outcome) if outcome.is_success() => Self::Done,
            (_, Outcome::Cancelled) => Self::Cancelled,
            _ => Self::Failed,
        }
    }
}

/// A step as far as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRun {
    /// Which.
    pub step: Step,
    /// When it began: milliseconds since the epoch, by the server's clock. `None`: by the runner's, which is not told.
    pub began: Option<u64>,
    /// How long it took.
    pub took: Option<Duration>,
    /// How it ended; `None`: it runs.
    pub mark: Option<Mark>,
    /// What is worth a word beside its result.
    pub note: Option<String>,
    /// What health answered.
    pub answers: Vec<Answers>,
    /// What was printed.
    pub(super) said: Said,
}

impl StepRun {
    pub(super) fn new(step: Step, began: Option<u64>) -> Self {
        let (took, mark, note, answers, said) = (None, None, None, Vec::new(), Said::default());
        Self {
            step,
            began,
            took,
            mark,
            note,
            answers,
            said,
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

    pub(super) fn answered(&mut self, attempt: &Attempt) {
        let full = self.answers.len() == ANSWERS;
        let kind = attempt.answer.kind();
        match self
            .answers
            .last_mut()
            .filter(|last| full || last.kind == kind)
        {
            Some(last) => last.last = attempt.clone(),
            None => self.answers.push(Answers {
                first: attempt.number,
                last: attempt.clone(),
                kind,
            }),
        }
    }

    /// What health answered at last, in two or three words.
    pub(super) fn health(&self) -> Option<&str> {
        self.answers.last().map(|answers| answers.kind.as_str())
    }
}

/// Attempts that health answered in the same way, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// Number of the first.
    pub first: u32,
    /// The last.
    pub last: Attempt,
    kind: String,
}

/// What a step printed: the last lines, harmless and without keys that span lines; other secrets are still in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) lines: usize,
    pub(super) last: VecDeque<String>,
    block: KeyBlock,
}

impl Said {
    pub(super) fn add(&mut self, text: &[u8]) {
        for line in lines(text) {
            self.lines += 1;
            if self.last.len() == KEPT {
                self.last.pop_front();
            }
            // here, for the line that a key begins with may be gone later
            self.last.push_back(self.block.hide(&line));
        }
    }
}
