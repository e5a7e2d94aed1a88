//! The log's lines, in and between its groups. A group is folded, and opened only when there is something in it.

use crate::protocol::Attempt;
use crate::report::page::{Level, LinePrinter, Page};
use crate::report::steps::StepRun;
use crate::report::{texts, Report};
use crate::text::Redactor;
use std::time::Duration;

/// The most lines of a step's output that are shown when they come.
const SHOWN: usize = 2000;
/// An attempt is always shown after this many.
const EVERY: u32 = 10;

/// The part of the log that belongs to one step.
#[derive(Debug, Default)]
struct Section {
    /// Index of the step in the report.
    at: usize,
    /// Whether its group is open.
    open: bool,
    /// Whether it had one before.
    begun: bool,
    /// Whether its wait was shown.
    wait_shown: bool,
    /// The warnings in it, which are shown at the end of the log.
    warnings: usize,
}

/// Writes lines inside and outside of groups.
#[derive(Debug)]
pub(super) struct Groups {
    printer: LinePrinter,
    section: Option<Section>,
    /// What comes between this step and the next one.
    between: Option<String>,
}

impl Groups {
    pub(super) fn new(page: Page, redactor: Redactor) -> Self {
        Self {
            printer: LinePrinter::new(page, redactor),
            section: None,
            between: None,
        }
    }

    pub(super) fn page(&self) -> Page {
        self.printer.page
    }

    pub(super) fn redactor(&self) -> &Redactor {
        self.printer.redactor()
    }

    /// The lines since the last call.
    pub(super) fn take(&mut self) -> Vec<String> {
        self.printer.take()
    }

    /// These lines, and that no more are shown.
    pub(super) fn stopped(&mut self, mut lines: Vec<String>) -> Vec<String> {
        self.outside(&texts::log_stopped());
        lines.append(&mut self.take());
        lines
    }

    /// Whether a step is running.
    pub(super) fn in_step(&self) -> bool {
        self.section.is_some()
    }

    /// Lines outside of every group, because groups are folded.
    pub(super) fn outside(&mut self, text: &str) {
        self.pause();
        self.printer.plain(text);
    }

    /// A line behind the result of the running step, which is ending.
    pub(super) fn between(&mut self, text: String) {
        self.between = Some(text);
    }

    /// Writes it, if the step goes on after all.
    pub(super) fn write_between(&mut self) {
        if let Some(text) = self.between.take() {
            self.outside(&text);
        }
    }

    pub(super) fn annotate(&mut self, level: Level, title: &str, text: &str) {
        self.pause();
        self.printer.annotation(level, title, text);
    }

    /// Lines that are harmless already, outside of every group.
    pub(super) fn shown(&mut self, lines: &[String]) {
        self.pause();
        let lines = self.printer.known(lines);
        self.printer.print(lines);
    }

    /// The last lines of an untrusted text, in a group of their own.
    pub(super) fn folded(&mut self, title: &str, text: &[u8], most: usize) {
        self.pause();
        let lines = self.printer.untrusted(text);
        if lines.is_empty() {
            return;
        }
        let over = lines.len().saturating_sub(most);
        self.printer.open(&texts::of_lines(title, lines.len()));
        if over > 0 {
            self.printer.plain(&texts::omitted(over));
        }
        self.printer.print(lines.into_iter().skip(over));
        self.printer.close();
    }

    /// The newest step begins.
    pub(super) fn begin(&mut self, report: &Report) {
        self.close(report);
        self.section = report.steps.len().checked_sub(1).map(|at| Section {
            at,
            ..Section::default()
        });
    }

    /// Closes the group for lines outside of it.
    fn pause(&mut self) {
        if let Some(section) = self.section.as_mut().filter(|section| section.open) {
            section.open = false;
            self.printer.close();
        }
    }

    /// Opens the group of the running step, unless it is open.
    fn resume(&mut self, report: &Report) {
        let Some(section) = self.section.as_mut().filter(|section| !section.open) else {
            return;
        };
        section.open = true;
        let again = std::mem::replace(&mut section.begun, true);
        let title = texts::step_output(report.steps[section.at].step);
        match (again, self.printer.page) {
            (false, _) => self.printer.open(&title),
            (true, Page::Actions) => self.printer.open(&texts::continued(&title)),
            // a terminal has no groups
            (true, Page::Terminal) => {}
        }
    }

    /// A line inside the group.
    pub(super) fn inside(&mut self, report: &Report, text: &str) {
        self.resume(report);
        self.printer.plain(text);
    }

    /// Whether this is the first wait of this step.
    pub(super) fn first_wait(&mut self) -> bool {
        self.section
            .as_mut()
            .is_none_or(|section| !std::mem::replace(&mut section.wait_shown, true))
    }

    /// The step has a warning, which is shown later.
    pub(super) fn warned(&mut self) {
        if let Some(section) = &mut self.section {
            section.warnings += 1;
        }
    }

    /// Output of the server or of ssh.
    pub(super) fn output(&mut self, report: &Report, text: &[u8]) {
        let lines = self.printer.more_untrusted(text);
        let before = self
            .step(report)
            .map_or(0, |step| step.output.lines.saturating_sub(lines.len()));
        for line in lines.into_iter().take(SHOWN.saturating_sub(before)) {
            self.resume(report);
            self.printer.print([line]);
        }
    }

    /// Shows the first attempt, each with another answer, and every tenth.
    pub(super) fn attempt(&mut self, report: &Report, attempt: &Attempt) {
        let first = |step: &StepRun| {
            step.answers
                .last()
                .is_some_and(|last| last.first == attempt.number)
        };
        if self.step(report).is_none_or(first) || attempt.number.is_multiple_of(EVERY) {
            self.inside(report, &texts::attempt(attempt));
        }
    }

    /// Closes the group and shows the step's result.
    pub(super) fn close(&mut self, report: &Report) {
        self.close_after(report, None);
    }

    /// The same; `took` is the time of a step that has none.
    fn close_after(&mut self, report: &Report, took: Option<Duration>) {
        self.end_of_output(report);
        self.pause();
        let Some(section) = self.section.take() else {
            return;
        };
        let step = &report.steps[section.at];
        let took = step.took.or(took);
        self.printer
            .plain(&texts::step_result(step, took, section.warnings));
        self.write_between();
    }

    /// Closes the last one, after a run that took so long: as long as its only step.
    pub(super) fn finish(&mut self, report: &Report, took: Duration) {
        let is_only = report.steps.len() == 1;
        self.close_after(report, is_only.then_some(took));
    }

    /// The last of the lines that were not shown, and how many are missing.
    fn end_of_output(&mut self, report: &Report) {
        let Some(output) = self.step(report).map(|step| &step.output) else {
            return;
        };
        let over = output.lines.saturating_sub(SHOWN);
        let kept = over.min(output.last.len());
        if over == 0 {
            return;
        }
        let last = self
            .printer
            .known(output.last.iter().skip(output.last.len() - kept));
        self.resume(report);
        if over > kept {
            self.printer.plain(&texts::omitted(over - kept));
        }
        self.printer.print(last);
    }

    /// The running step.
    fn step<'a>(&self, report: &'a Report) -> Option<&'a StepRun> {
        let section = self.section.as_ref()?;
        report.steps.get(section.at)
    }
}
