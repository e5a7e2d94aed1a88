//! The log of the run: a group a step, its result outside of it, and at the end what a person must know.

mod end;
mod section;

use super::page::{Level, Page, Printer};
use super::{texts, Facts, Place, Report};
use crate::protocol::{Diagnostic, Event, Notice, RunEvent, Step, Verdict, Warning, What};
use crate::text::excerpt::excerpt;
use crate::text::Redactor;
use section::Sections;

/// The runner keeps ten annotations of a kind for a step; what goes beyond is a plain line.
const WARNINGS: usize = 9;
/// Of one diagnostic the last so many lines are shown: that is where a traceback ends.
const DIAGNOSTIC_LINES: usize = 100;

/// Turns what happens into the lines of the log.
#[derive(Debug)]
pub struct Log {
    sections: Sections,
    warnings: usize,
}

impl Log {
    /// An empty log.
    #[must_use]
    pub fn new(page: Page) -> Self {
        Self {
            sections: Sections::new(Printer::new(page, Redactor::default())),
            warnings: 0,
        }
    }

    /// The same, but what `redactor` knows is hidden: here, for in an escaped line it can't be found any more.
    #[must_use]
    pub fn hiding(mut self, redactor: Redactor) -> Self {
        self.sections.printer = Printer::new(self.sections.printer.page, redactor);
        self
    }

    /// The same, of a run for which nothing is planned.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.sections.report.facts.place = place;
        self
    }

    /// What is known so far.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.sections.report.facts
    }

    /// What happened so far.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.sections.report
    }

    /// The lines for what happened, harmless and ready to be printed.
    pub fn on(&mut self, event: &RunEvent) -> Vec<String> {
        self.sections.report.on(event);
        match event {
            RunEvent::Planned(planned) => self.sections.outside(&texts::planned(planned)),
            RunEvent::Connecting => self.sections.open(),
            RunEvent::ConnectFailed {
                attempt,
                error,
                pause,
            } => {
                self.sections
                    .inside(&texts::connect_failed(*attempt, error, *pause));
            }
            RunEvent::Connected { .. } => {}
            RunEvent::ConnectionLost { finished_by } => self.connection_lost(*finished_by),
            RunEvent::Reconnected { took } => self.sections.outside(&texts::reconnected(*took)),
            RunEvent::CopyingServerPart { bytes } => self.sections.inside(&texts::copying(*bytes)),
            RunEvent::Sending {
                files,
                bytes,
                known,
            } => self
                .sections
                .inside(&texts::sending(*files, *bytes, *known)),
            RunEvent::Sent { .. } => {}
            RunEvent::UnexpectedOutput(text) => self.sections.output(text),
            RunEvent::Server(event) => self.on_server(event),
            RunEvent::Ended(end) => end::end(&mut self.sections, end),
        }
        self.sections.printer.take()
    }

    /// The step is repeated, unless the server continues by itself.
    fn connection_lost(&mut self, finished_by: Option<u64>) {
        if finished_by.is_none() {
            self.sections.close();
        }
        self.sections.outside(&texts::connection_lost(finished_by));
    }

    fn on_server(&mut self, event: &Event) {
        match &event.what {
            // the runner half has told of it already
            What::Step(Step::Connect) => {}
            What::Step(_) => self.sections.open(),
            What::Waiting(holder) => self.sections.outside(&texts::waiting(holder.as_ref())),
            What::Recovered(verdict) => self.recovered(verdict),
            What::Output(text) => self.sections.output(text),
            What::Warning(warning) => self.warning(warning),
            What::Notice(notice) => self.notice(notice),
            What::Staged(staged) if !self.sections.is_open() => {
                self.sections.inside(&texts::staged(staged))
            }
            What::Staged(_) => {}
            What::PointOfNoReturn {
                release,
                previous,
                deadline,
            } => {
                self.sections
                    .outside(&texts::point_of_no_return(*release, *previous, *deadline));
            }
            What::Attempt(attempt) => self.sections.attempt(attempt),
            What::Diagnostics(all) => self.diagnostics(all),
            What::Ended(_) => self.sections.close(),
        }
    }

    fn diagnostics(&mut self, all: &[Diagnostic]) {
        self.sections.close();
        for diagnostic in all {
            self.sections
                .printer
                .plain(&format!("--- {}", excerpt(&diagnostic.title)));
            self.sections.quoted(&diagnostic.text, DIAGNOSTIC_LINES);
        }
    }

    fn recovered(&mut self, verdict: &Verdict) {
        let text = texts::recovered(verdict);
        match verdict.failure {
            Some(_) => self
                .sections
                .annotate(Level::Warning, "How an earlier run ended", &text),
            None => self.sections.outside(&text),
        }
    }

    fn warning(&mut self, warning: &Warning) {
        let text = texts::warning(warning);
        self.warnings += 1;
        match self.warnings <= WARNINGS {
            true => self
                .sections
                .annotate(Level::Warning, "On the server", &text),
            false => self.sections.outside(&format!("warning: {text}")),
        }
    }

    fn notice(&mut self, notice: &Notice) {
        // told again and again while it waits
        if matches!(notice, Notice::StartLimitWait { .. }) && !self.sections.first_wait() {
            return;
        }
        self.sections.outside(&format!("note: {notice}"));
    }
}
