use super::attempts::Attempts;
use super::Log;
use crate::protocol::{Attempt, Step};
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
    /// It was not seen to end.
    CutOff,
}

/// The step that runs.
#[derive(Debug)]
pub(super) struct Section {
    step: Step,
    /// Milliseconds since the epoch.
    since: Option<u64>,
    /// Whether its group is open on the page.
    open: bool,
    printed: usize,
    last: VecDeque<String>,
    note: Option<String>,
    attempts: Attempts,
}

impl Section {
    fn new(step: Step, since: Option<u64>) -> Self {
        let (last, attempts) = (VecDeque::new(), Attempts::default());
        Self { step, since, open: true, printed: 0, last, note: None, attempts }
    }

    pub(super) fn step(&self) -> Step {
        self.step
    }

    pub(super) fn since(&self) -> Option<u64> {
        self.since
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
}

impl Log {
    pub(super) fn open(&mut self, step: Step, since: Option<u64>) {
        self.close(Mark::CutOff, None);
        self.lines.push(self.page.open(&title(self, step)));
        self.section = Some(Section::new(step, since));
    }

    /// Folds the step's group for lines that must be seen.
    pub(super) fn pause(&mut self) {
        if let Some(section) = self.section.as_mut().filter(|section| section.open) {
            section.open = false;
            self.lines.extend(self.page.close());
        }
    }

    fn resume(&mut self) {
        let Some(step) = self.section.as_ref().filter(|section| !section.open).map(Section::step) else { return };
        if self.page == Page::Actions {
            self.lines.push(self.page.open(&format!("{}, continued", texts::step(step))));
        }
        if let Some(section) = &mut self.section {
            section.open = true;
        }
    }

    /// A line of the step's own.
    pub(super) fn inside(&mut self, text: &str) {
        self.resume();
        self.lines.extend(Page::plain(text));
    }

    /// Something for the line of its result.
    pub(super) fn note(&mut self, text: String) {
        match &mut self.section {
            Some(section) => section.note = Some(text),
            None => self.inside(&text),
        }
    }

    /// What the server, or ssh, prints.
    pub(super) fn output(&mut self, text: &[u8]) {
        for line in Page::foreign(text) {
            if self.section.as_mut().is_none_or(|section| section.keep(&line)) {
                self.resume();
                self.lines.push(line);
            }
        }
    }

    pub(super) fn attempt(&mut self, attempt: &Attempt) {
        let worth = self.section.as_mut().is_none_or(|section| section.attempts.worth_a_line(attempt));
        if worth {
            self.inside(&texts::attempt(attempt));
        }
    }

    /// Ends the step: its result stands outside of its group.
    pub(super) fn close(&mut self, mark: Mark, took: Option<Duration>) {
        if let Some((lost, last)) = self.section.as_ref().and_then(Section::held_back) {
            self.resume();
            self.lines.extend(Page::plain(&texts::left_out(lost)));
            self.lines.extend(last);
        }
        self.pause();
        let Some(section) = self.section.take() else { return };
        self.lines.extend(Page::plain(&result(&section, mark, took)));
        // a terminal folds nothing: there they can be seen already
        if mark != Mark::Done && self.page == Page::Actions {
            self.lines.extend(section.last);
        }
    }
}

fn title(log: &Log, step: Step) -> String {
    format!("{}: {}", texts::step(step), texts::doing(step, log.place()))
}

fn result(section: &Section, mark: Mark, took: Option<Duration>) -> String {
    let step = texts::step(section.step);
    let took = took.map(|took| format!(", {}", duration(took))).unwrap_or_default();
    let note = section.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    let last = section.attempts.last().map(|last| format!(": health {last}")).unwrap_or_default();
    match mark {
        Mark::Done => format!("✓ {step}{took}{note}"),
        Mark::Failed => format!("✗ {step} failed{took}{last}{note}"),
        Mark::CutOff => format!("✗ {step} was not seen to end{took}"),
    }
}
