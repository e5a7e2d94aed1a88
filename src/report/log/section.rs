use super::attempts::Attempts;
use super::Log;
use crate::protocol::{Attempt, Failure, Reason, Step};
use crate::report::page::Page;
use crate::report::{duration, texts};
use std::collections::VecDeque;
use std::time::Duration;

/// So many lines of what a step prints are shown as they come.
const SHOWN: usize = 2000;
/// So many of the last ones are kept: for the end of what was left out, and for a failure.
const KEPT: usize = 30;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Done,
    Failed,
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
}

/// The step that runs.
#[derive(Debug)]
pub(super) struct Section {
    step: Step,
    /// Milliseconds since the epoch.
    since: Option<u64>,
    /// Where it is known without a clock.
    took: Option<Duration>,
    /// Whether its group is open on the page.
    open: bool,
    printed: usize,
    last: VecDeque<String>,
    note: Option<String>,
    attempts: Attempts,
    waits: bool,
}

impl Section {
    fn new(step: Step, since: Option<u64>) -> Self {
        let (took, note, last, attempts) = (None, None, VecDeque::new(), Attempts::default());
        Self { step, since, took, open: true, printed: 0, last, note, attempts, waits: false }
    }

    pub(super) fn step(&self) -> Step {
        self.step
    }

    /// Keeps a line of output; whether it is to be shown now.
    fn keep(&mut self, line: &str) -> bool {
        self.printed += 1;
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(line.to_owned());
        self.printed <= SHOWN
    }

    /// The lines that were not shown: how many are lost, and the last ones.
    fn held_back(&self) -> Option<(usize, Vec<String>)> {
        let over = self.printed.checked_sub(SHOWN).filter(|over| *over > 0)?;
        let kept = over.min(self.last.len());
        Some((over - kept, self.last.iter().skip(self.last.len() - kept).cloned().collect()))
    }

    fn result(&self, mark: Mark, at: Option<u64>) -> String {
        let step = texts::step(self.step);
        let by_clock = at.zip(self.since).map(|(at, since)| Duration::from_millis(at.saturating_sub(since)));
        let took = self.took.or(by_clock).map(|took| format!(", {}", duration(took))).unwrap_or_default();
        let note = self.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        let health = self.attempts.last().map(|last| format!(": health {last}")).unwrap_or_default();
        match mark {
            Mark::Done => format!("✓ {step}{took}{note}"),
            Mark::Failed => format!("✗ {step} failed{took}{health}{note}"),
            Mark::Cancelled => format!("✗ {step} cancelled{took}{note}"),
            Mark::CutOff => format!("✗ {step} was not seen to end"),
        }
    }
}

impl Log {
    pub(super) fn open(&mut self, step: Step, since: Option<u64>) {
        self.close(Mark::CutOff, None);
        let title = format!("{}: {}", texts::step(step), texts::doing(step, self.place(), &self.facts.task));
        self.printer.open(&title);
        self.section = Some(Section::new(step, since));
    }

    /// Folds the step's group for lines that must be seen.
    pub(super) fn pause(&mut self) {
        if let Some(section) = self.section.as_mut().filter(|section| section.open) {
            section.open = false;
            self.printer.close();
        }
    }

    fn resume(&mut self) {
        if let Some(section) = self.section.as_mut().filter(|section| !section.open) {
            section.open = true;
            // a terminal folds nothing
            if self.printer.page == Page::Actions {
                self.printer.open(&format!("{}, continued", texts::step(section.step)));
            }
        }
    }

    /// A line of the step's own.
    pub(super) fn inside(&mut self, text: &str) {
        self.resume();
        self.printer.plain(text);
    }

    /// Something for the line of its result.
    pub(super) fn note(&mut self, text: String) {
        match &mut self.section {
            Some(section) => section.note = Some(text),
            None => self.inside(&text),
        }
    }

    /// How long it took, by the clock of whoever says so.
    pub(super) fn took(&mut self, took: Duration) {
        if let Some(section) = &mut self.section {
            section.took = Some(took);
        }
    }

    /// Whether this step has not been told to wait before.
    pub(super) fn first_wait(&mut self) -> bool {
        self.section.as_mut().is_none_or(|section| !std::mem::replace(&mut section.waits, true))
    }

    /// What the server, or ssh, prints.
    pub(super) fn output(&mut self, text: &[u8]) {
        for line in self.printer.more_foreign(text) {
            if self.section.as_mut().is_none_or(|section| section.keep(&line)) {
                self.resume();
                self.printer.print([line]);
            }
        }
    }

    pub(super) fn attempt(&mut self, attempt: &Attempt) {
        let worth = self.section.as_mut().is_none_or(|section| section.attempts.worth_a_line(attempt));
        if worth {
            self.inside(&texts::attempt(attempt));
        }
    }

    /// What a step printed is told in another way.
    pub(super) fn forget_output(&mut self) {
        if let Some(section) = &mut self.section {
            section.last.clear();
        }
    }

    /// Ends the step: its result stands outside of its group.
    pub(super) fn close(&mut self, mark: Mark, at: Option<u64>) {
        if let Some((lost, last)) = self.section.as_ref().and_then(Section::held_back) {
            self.resume();
            if lost > 0 {
                self.printer.plain(&texts::left_out(lost));
            }
            self.printer.print(last);
        }
        self.pause();
        let Some(section) = self.section.take() else { return };
        self.printer.plain(&section.result(mark, at));
        // a terminal folds nothing: there they can be seen already
        if mark != Mark::Done && self.printer.page == Page::Actions {
            self.printer.print(section.last);
        }
    }
}
