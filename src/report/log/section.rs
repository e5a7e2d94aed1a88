//! The log, step by step: a group for each, and what stands outside of it.

use crate::protocol::Attempt;
use crate::report::page::{Level, Page, Printer};
use crate::report::steps::{Mark, StepRun};
use crate::report::{duration, texts, Place, Report};

/// So many lines of what a step prints are shown as they come.
const SHOWN: usize = 2000;
/// Every so many attempts there is a line, whatever they say.
const EVERY: u32 = 10;

/// The part of the log that belongs to one step.
#[derive(Debug)]
struct Section {
    /// Which of the report's steps.
    at: usize,
    /// Whether its group is open on the page.
    open: bool,
    waits: bool,
    /// Its last lines are not shown again.
    told: bool,
}

/// The lines of the log, step by step.
#[derive(Debug)]
pub(super) struct Sections {
    pub(super) printer: Printer,
    pub(super) report: Report,
    section: Option<Section>,
}

impl Sections {
    pub(super) fn new(printer: Printer) -> Self {
        Self {
            printer,
            report: Report::default(),
            section: None,
        }
    }

    /// Whether a step has begun, and not ended.
    pub(super) fn is_open(&self) -> bool {
        self.section.is_some()
    }

    /// The group of the step that the report has just begun.
    pub(super) fn open(&mut self) {
        self.close();
        let Some(at) = self.report.steps.len().checked_sub(1) else {
            return;
        };
        let step = self.report.steps[at].step;
        let title = format!(
            "{}: {}",
            step,
            texts::description(step, self.place(), &self.report.facts.task)
        );
        self.printer.open(&title);
        self.section = Some(Section {
            at,
            open: true,
            waits: false,
            told: false,
        });
    }

    /// Folds the step's group for lines that must be seen.
    fn pause(&mut self) {
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
                self.printer.open(&format!(
                    "{}, continued",
                    self.report.steps[section.at].step
                ));
            }
        }
    }

    /// A line of the step's own.
    pub(super) fn inside(&mut self, text: &str) {
        self.resume();
        self.printer.plain(text);
    }

    /// Whether this step has not been told to wait before.
    pub(super) fn first_wait(&mut self) -> bool {
        self.section
            .as_mut()
            .is_none_or(|section| !std::mem::replace(&mut section.waits, true))
    }

    /// What the server, or ssh, prints.
    pub(super) fn output(&mut self, text: &[u8]) {
        let lines = self.printer.more_foreign(text);
        let before = self
            .step()
            .map_or(0, |step| step.said.lines.saturating_sub(lines.len()));
        for line in lines.into_iter().take(SHOWN.saturating_sub(before)) {
            self.resume();
            self.printer.print([line]);
        }
    }

    /// The first attempt, one that says something else, and every tenth.
    pub(super) fn attempt(&mut self, attempt: &Attempt) {
        let first = |step: &StepRun| {
            step.answers
                .last()
                .is_some_and(|last| last.first == attempt.number)
        };
        if self.step().is_none_or(first) || attempt.number.is_multiple_of(EVERY) {
            self.inside(&texts::attempt(attempt));
        }
    }

    /// What a step printed is told in another way.
    pub(super) fn forget_output(&mut self) {
        if let Some(section) = &mut self.section {
            section.told = true;
        }
    }

    /// Ends the step, as the report says it ended: its result stands outside of its group.
    pub(super) fn close(&mut self) {
        self.end_of_output();
        self.pause();
        let Some(section) = self.section.take() else {
            return;
        };
        let step = &self.report.steps[section.at];
        self.printer.plain(&result(step));
        // a terminal folds nothing: there they can be seen already
        if step.mark != Some(Mark::Done) && self.printer.page == Page::Actions && !section.told {
            let last = self.printer.known(&step.said.last);
            self.printer.print(last);
        }
    }

    /// The last of the lines that were not shown, and how many are lost.
    fn end_of_output(&mut self) {
        let Some(said) = self.step().map(|step| &step.said) else {
            return;
        };
        let over = said.lines.saturating_sub(SHOWN);
        let kept = over.min(said.last.len());
        if over == 0 {
            return;
        }
        let last = self
            .printer
            .known(said.last.iter().skip(said.last.len() - kept));
        self.resume();
        if over > kept {
            self.printer.plain(&texts::omitted(over - kept));
        }
        self.printer.print(last);
    }

    /// The last lines of a foreign text, outside of every group.
    pub(super) fn quoted(&mut self, text: &[u8], most: usize) {
        let lines = self.printer.foreign(text);
        let over = lines.len().saturating_sub(most);
        if over > 0 {
            self.printer.plain(&texts::omitted(over));
        }
        self.printer.print(lines.into_iter().skip(over));
    }

    pub(super) fn annotate(&mut self, level: Level, title: &str, text: &str) {
        self.pause();
        self.printer.annotation(level, title, text);
    }

    /// Lines that must be seen at once, so not in a group that is folded.
    pub(super) fn outside(&mut self, text: &str) {
        self.pause();
        self.printer.plain(text);
    }

    pub(super) fn place(&self) -> &Place {
        &self.report.facts.place
    }

    fn step(&self) -> Option<&StepRun> {
        self.section
            .as_ref()
            .map(|section| &self.report.steps[section.at])
    }
}

/// The step's line outside of its group.
fn result(run: &StepRun) -> String {
    let step = run.step;
    let took = run
        .took
        .map(|took| format!(", {}", duration(took)))
        .unwrap_or_default();
    let note = run
        .note
        .as_ref()
        .map(|note| format!(": {note}"))
        .unwrap_or_default();
    let health = run
        .health()
        .map(|last| format!(": health {last}"))
        .unwrap_or_default();
    match run.mark {
        Some(Mark::Done) => format!("✓ {step}{took}{note}"),
        Some(Mark::Failed) => format!("✗ {step} failed{took}{health}{note}"),
        Some(Mark::Cancelled) => format!("✗ {step} cancelled{took}{note}"),
        Some(Mark::CutOff) | None => format!("✗ {step} was not seen to end"),
    }
}
