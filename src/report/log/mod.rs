//! The log of the run: one group per step with its result below, and the outcome at the end.

mod end;
mod groups;
mod handover;

use super::page::{Level, Page};
use super::{texts, Facts, Place, Report};
use crate::protocol::{Diagnostic, End, Event, Notice, RunEvent, Step, Verdict, Warning, What};
use crate::text::excerpt::excerpt;
use crate::text::Redactor;
use groups::Groups;

pub use handover::Ending;

/// The runner keeps ten annotations of each kind per step; further warnings are plain lines.
const WARNINGS: usize = 9;
/// The last lines of a diagnostic that are shown, because a traceback ends there.
const DIAGNOSTIC_LINES: usize = 100;

/// The most bytes of what is shown before the end; a hostile server could send any amount. Even long output is far below
/// it, because each step has limits of its own.
const MOST: usize = 8 << 20;

/// Turns events into the lines of the log.
#[derive(Debug)]
pub struct Log {
    groups: Groups,
    report: Report,
    warnings: usize,
    /// The bytes that were shown.
    shown: usize,
    ending: Ending,
}

impl Log {
    /// An empty log.
    #[must_use]
    pub fn new(page: Page) -> Self {
        Self {
            groups: Groups::new(page, Redactor::default()),
            report: Report::default(),
            warnings: 0,
            shown: 0,
            ending: Ending::Here,
        }
    }

    /// The same, hiding what `redactor` knows. Afterwards it would not be found in escaped lines.
    #[must_use]
    pub fn hiding(self, redactor: Redactor) -> Self {
        Self {
            groups: Groups::new(self.groups.page(), redactor),
            ..self
        }
    }

    /// The same, for a run without a plan.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.report.facts.place = place;
        self
    }

    /// The same, for one step of a run: the end is shown only where it belongs.
    #[must_use]
    pub fn ending(self, ending: Ending) -> Self {
        Self { ending, ..self }
    }

    /// The same, with what an earlier step of the run has found out.
    #[must_use]
    pub fn knowing(mut self, facts: Facts) -> Self {
        self.report.facts = facts;
        self
    }

    /// The facts so far.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.report.facts
    }

    /// The report so far.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The lines for an event, harmless and ready to be printed.
    pub fn on(&mut self, event: &RunEvent) -> Vec<String> {
        let lines = self.lines(event);
        if matches!(event, RunEvent::Ended(_)) {
            return lines;
        }
        if self.shown > MOST {
            return Vec::new();
        }
        self.shown += lines.iter().map(|line| line.len() + 1).sum::<usize>();
        match self.shown > MOST {
            true => self.groups.stopped(lines),
            false => lines,
        }
    }

    fn lines(&mut self, event: &RunEvent) -> Vec<String> {
        self.report.on(event);
        match event {
            RunEvent::Planned(planned) => self.groups.outside(&texts::planned(planned)),
            RunEvent::Doubt(doubt) => self.warn("In the source", &doubt.to_string()),
            RunEvent::Connecting => self.groups.open(&self.report),
            RunEvent::ConnectFailed {
                attempt,
                error,
                pause,
            } => {
                self.groups.inside(
                    &self.report,
                    &texts::connect_failed(*attempt, error, *pause),
                );
            }
            RunEvent::Connected { .. } => {}
            RunEvent::ConnectionLost { finished_by } => self.connection_lost(*finished_by),
            RunEvent::Reconnected { took } => self.groups.outside(&texts::reconnected(*took)),
            RunEvent::CopyingServerPart { bytes } => {
                self.groups.inside(&self.report, &texts::copying(*bytes))
            }
            RunEvent::Sending {
                files,
                bytes,
                known,
            } => self
                .groups
                .inside(&self.report, &texts::sending(*files, *bytes, *known)),
            RunEvent::Sent { .. } => {}
            RunEvent::UnexpectedOutput(text) => self.groups.output(&self.report, text),
            RunEvent::Server(event) => self.on_server(event),
            RunEvent::WatchLimited { limit } => self.groups.outside(&texts::watch_limited(*limit)),
            RunEvent::Ended(end) => self.end(end),
        }
        self.groups.take()
    }

    fn end(&mut self, end: &End) {
        let write = match self.ending {
            _ if self.ending.is_here(end) => end::write_end,
            Ending::InPreviousStep => handover::repeat,
            Ending::InNextStep | Ending::Here => handover::hand_over,
        };
        write(&mut self.groups, &self.report, end);
    }

    /// The step is repeated, unless the server continues by itself.
    fn connection_lost(&mut self, finished_by: Option<u64>) {
        if finished_by.is_none() {
            self.groups.close(&self.report);
        }
        self.groups.outside(&texts::connection_lost(finished_by));
    }

    fn on_server(&mut self, event: &Event) {
        match &event.what {
            // the runner half has reported it already
            What::Step(Step::Connect) => {}
            What::Step(_) => self.groups.open(&self.report),
            What::Waiting(holder) => self.groups.outside(&texts::waiting(holder.as_ref())),
            What::Recovered(verdict) => self.recovered(verdict),
            What::Output(text) => self.groups.output(&self.report, text),
            What::OutputLeftOut(left_out) => {
                self.groups.inside(&self.report, &texts::left_out(left_out));
            }
            What::Warning(warning) => self.warning(warning),
            What::Notice(notice) => self.notice(notice),
            What::Staged(staged) if !self.groups.in_step() => {
                self.groups.inside(&self.report, &texts::staged(staged))
            }
            What::Staged(_) => {}
            What::PointOfNoReturn {
                release,
                previous,
                deadline,
                ..
            } => {
                self.groups.outside(&texts::point_of_no_return(
                    release,
                    previous.as_ref(),
                    *deadline,
                ));
            }
            What::Attempt(attempt) => self.groups.attempt(&self.report, attempt),
            What::Live(_) | What::Releases(_) | What::FailedStart(_) => {}
            What::Diagnostics(all) => self.diagnostics(all),
            What::Ended(_) => self.groups.close(&self.report),
        }
    }

    fn diagnostics(&mut self, all: &[Diagnostic]) {
        self.groups.close(&self.report);
        for diagnostic in all {
            self.groups
                .outside(&format!("--- {}", excerpt(&diagnostic.title)));
            self.groups.quoted(&diagnostic.text, DIAGNOSTIC_LINES);
        }
    }

    fn recovered(&mut self, verdict: &Verdict) {
        let text = texts::recovered(verdict);
        match verdict.failure {
            Some(_) => self
                .groups
                .annotate(Level::Warning, "How an earlier run ended", &text),
            None => self.groups.outside(&text),
        }
    }

    fn warning(&mut self, warning: &Warning) {
        let text = texts::warning(warning, &self.report.facts.place).to_string();
        self.warn("On the server", &text);
    }

    fn warn(&mut self, title: &str, text: &str) {
        self.warnings += 1;
        match self.warnings <= WARNINGS {
            true => self.groups.annotate(Level::Warning, title, text),
            false => self.groups.outside(&format!("warning: {text}")),
        }
    }

    fn notice(&mut self, notice: &Notice) {
        // the server repeats it while it waits
        if matches!(notice, Notice::StartLimitWait { .. }) && !self.groups.first_wait() {
            return;
        }
        self.groups.outside(&format!("note: {notice}"));
    }
}
