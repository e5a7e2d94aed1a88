//! The log of the run: a group a step, its result outside of it, and at the end what a person must know.

mod end;
mod section;

use super::page::{Level, Page, Printer};
use super::{texts, Facts, Place, Report};
use crate::protocol::{Diagnostic, Event, Notice, RunEvent, Step, Verdict, Warning, What};
use crate::text::excerpt::excerpt;
use crate::text::Redactor;
use section::Section;

/// The runner keeps ten annotations of a kind for a step; what goes beyond is a plain line.
const WARNINGS: usize = 9;
/// Of one diagnostic the last so many lines are shown: that is where a traceback ends.
const DIAGNOSTIC_LINES: usize = 100;

/// Turns what happens into the lines of the log.
#[derive(Debug)]
pub struct Log {
    printer: Printer,
    report: Report,
    section: Option<Section>,
    warnings: usize,
}

impl Log {
    /// An empty log.
    #[must_use]
    pub fn new(page: Page) -> Self {
        let printer = Printer::new(page, Redactor::default());
        Self {
            printer,
            report: Report::default(),
            section: None,
            warnings: 0,
        }
    }

    /// The same, but what `redactor` knows is hidden: here, for in an escaped line it can't be found any more.
    #[must_use]
    pub fn hiding(self, redactor: Redactor) -> Self {
        Self {
            printer: Printer::new(self.printer.page, redactor),
            ..self
        }
    }

    /// The same, of a run for which nothing is planned.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.report.facts.place = place;
        self
    }

    /// What is known so far.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.report.facts
    }

    /// What happened so far.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The lines for what happened, harmless and ready to be printed.
    pub fn on(&mut self, event: &RunEvent) -> Vec<String> {
        self.report.on(event);
        match event {
            RunEvent::Planned(planned) => self.outside(&texts::planned(planned)),
            RunEvent::Connecting => self.open(),
            RunEvent::ConnectFailed {
                attempt,
                error,
                pause,
            } => {
                self.inside(&texts::connect_failed(*attempt, error, *pause));
            }
            RunEvent::Connected { .. } => {}
            RunEvent::ConnectionLost { finished_by } => self.connection_lost(*finished_by),
            RunEvent::Reconnected { took } => self.outside(&texts::reconnected(*took)),
            RunEvent::CopyingServerPart { bytes } => self.inside(&texts::copying(*bytes)),
            RunEvent::Sending {
                files,
                bytes,
                known,
            } => self.inside(&texts::sending(*files, *bytes, *known)),
            RunEvent::Sent { .. } => {}
            RunEvent::UnexpectedOutput(text) => self.output(text),
            RunEvent::Server(event) => self.on_server(event),
            RunEvent::Ended(end) => self.end(end),
        }
        self.printer.take()
    }

    /// The step is repeated, unless the server continues by itself.
    fn connection_lost(&mut self, finished_by: Option<u64>) {
        if finished_by.is_none() {
            self.close();
        }
        self.outside(&texts::connection_lost(finished_by));
    }

    fn on_server(&mut self, event: &Event) {
        match &event.what {
            // the runner half has told of it already
            What::Step(Step::Connect) => {}
            What::Step(_) => self.open(),
            What::Waiting(holder) => self.outside(&texts::waiting(holder.as_ref())),
            What::Recovered(verdict) => self.recovered(verdict),
            What::Output(text) => self.output(text),
            What::Warning(warning) => self.warning(warning),
            What::Notice(notice) => self.notice(notice),
            What::Staged(staged) if self.section.is_none() => self.inside(&texts::staged(staged)),
            What::Staged(_) => {}
            What::PointOfNoReturn {
                release,
                previous,
                deadline,
            } => {
                self.outside(&texts::point_of_no_return(*release, *previous, *deadline));
            }
            What::Attempt(attempt) => self.attempt(attempt),
            What::Diagnostics(all) => self.diagnostics(all),
            What::Ended(_) => self.close(),
        }
    }

    fn diagnostics(&mut self, all: &[Diagnostic]) {
        self.close();
        for diagnostic in all {
            self.printer
                .plain(&format!("--- {}", excerpt(&diagnostic.title)));
            self.quoted(&diagnostic.text, DIAGNOSTIC_LINES);
        }
    }

    /// The last lines of a foreign text, outside of every group.
    fn quoted(&mut self, text: &[u8], most: usize) {
        let lines = self.printer.foreign(text);
        let over = lines.len().saturating_sub(most);
        if over > 0 {
            self.printer.plain(&texts::omitted(over));
        }
        self.printer.print(lines.into_iter().skip(over));
    }

    fn recovered(&mut self, verdict: &Verdict) {
        let text = texts::recovered(verdict);
        match verdict.failure {
            Some(_) => self.annotate(Level::Warning, "How an earlier run ended", &text),
            None => self.outside(&text),
        }
    }

    fn warning(&mut self, warning: &Warning) {
        let text = texts::warning(warning);
        self.warnings += 1;
        match self.warnings <= WARNINGS {
            true => self.annotate(Level::Warning, "On the server", &text),
            false => self.outside(&format!("warning: {text}")),
        }
    }

    fn notice(&mut self, notice: &Notice) {
        // told again and again while it waits
        if matches!(notice, Notice::StartLimitWait { .. }) && !self.first_wait() {
            return;
        }
        self.outside(&format!("note: {notice}"));
    }

    fn annotate(&mut self, level: Level, title: &str, text: &str) {
        self.pause();
        self.printer.annotation(level, title, text);
    }

    /// Lines that must be seen at once, so not in a group that is folded.
    fn outside(&mut self, text: &str) {
        self.pause();
        self.printer.plain(text);
    }

    fn place(&self) -> &Place {
        &self.report.facts.place
    }
}
