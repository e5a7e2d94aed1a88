//! The log of the run: a line per step, above it what the step printed, and the outcome at the end.

mod end;
mod groups;
mod handover;
mod warnings;

use super::commits::without_secrets;
use super::page::Page;
use super::{texts, Facts, Place, Report};
use crate::protocol::{Diagnostic, End, Event, Notice, RunEvent, Step, Verdict, Warning, What};
use crate::text::excerpt::excerpt;
use crate::text::Redactor;
use groups::Groups;
use warnings::{Rank, Warnings};

pub use handover::ReportedBy;

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
    warnings: Warnings,
    /// What is sent, until the upload begins.
    sending: Option<String>,
    /// The bytes that were shown.
    shown: usize,
    reported_by: ReportedBy,
}

impl Log {
    /// An empty log.
    #[must_use]
    pub fn new(page: Page) -> Self {
        Self {
            groups: Groups::new(page, Redactor::default()),
            report: Report::default(),
            warnings: Warnings::default(),
            sending: None,
            shown: 0,
            reported_by: ReportedBy::ThisStep,
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

    /// The same, for a run that lists what is on a server: it has no plan.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.report.facts.place = place;
        self.report.facts.is_listing = true;
        self
    }

    /// The same, with what is odd about the inputs.
    #[must_use]
    pub fn warning_of(mut self, inputs: Vec<String>) -> Self {
        for text in inputs {
            self.warnings.add(Rank::Useful, "In the inputs", text);
        }
        self
    }

    /// The same, for one step of a run: the end is shown only where it belongs.
    #[must_use]
    pub fn reported_by(self, reported_by: ReportedBy) -> Self {
        Self {
            reported_by,
            ..self
        }
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
        let hidden = without_secret_commits(event, self.groups.redactor());
        let event = hidden.as_ref().unwrap_or(event);
        if self.shown > MOST && !matches!(event, RunEvent::Ended(_)) {
            self.report.on(event);
            self.keep_warning(event);
            return Vec::new();
        }
        let lines = self.lines(event);
        if matches!(event, RunEvent::Ended(_)) {
            return lines;
        }
        self.shown += lines.iter().map(|line| line.len() + 1).sum::<usize>();
        match self.shown > MOST {
            true => self.groups.stopped(lines),
            false => lines,
        }
    }

    /// Of events that are not shown, the warnings are shown at the end.
    fn keep_warning(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Doubt(doubt) => {
                self.warnings
                    .add(Rank::Useful, "In the source", doubt.to_string());
            }
            RunEvent::Server(event) => match &event.what {
                What::Warning(warning) => self.warning(warning),
                What::Recovered(verdict) if verdict.failure.is_some() => self.recovered(verdict),
                _ => {}
            },
            _ => {}
        }
    }

    fn lines(&mut self, event: &RunEvent) -> Vec<String> {
        self.report.on(event);
        let is_step = |event: &Event| matches!(event.what, What::Step(_));
        if !matches!(event, RunEvent::Server(event) if is_step(event)) {
            self.groups.write_between();
        }
        match event {
            RunEvent::Planned(planned) => self.groups.outside(&texts::planned(planned)),
            RunEvent::Doubt(doubt) => {
                let text = doubt.to_string();
                self.warnings
                    .add_at_once(&mut self.groups, "In the source", text);
            }
            RunEvent::Connecting => self.groups.begin(&self.report),
            RunEvent::ConnectFailed {
                attempt,
                error,
                pause,
            } => {
                let text = texts::connect_failed(*attempt, error, *pause);
                self.groups.outside(&text);
            }
            RunEvent::Connected { .. } | RunEvent::Sent { .. } => {}
            RunEvent::ConnectionLost { finished_by } => self.connection_lost(*finished_by),
            RunEvent::Reconnected { took } => self.groups.outside(&texts::reconnected(*took)),
            RunEvent::CopyingServerPart { bytes } => self.groups.outside(&texts::copying(*bytes)),
            RunEvent::Sending {
                files,
                bytes,
                known,
            } => self.sending(texts::sending(*files, *bytes, *known)),
            RunEvent::UnexpectedOutput(text) => self.groups.output(&self.report, text),
            RunEvent::Server(event) => self.on_server(event),
            RunEvent::WatchLimited { limit } => self.groups.outside(&texts::watch_limited(*limit)),
            RunEvent::Ended(end) => self.end(end),
        }
        self.groups.take()
    }

    fn end(&mut self, end: &End) {
        let Self {
            groups,
            report,
            warnings,
            ..
        } = self;
        match self.reported_by {
            _ if self.reported_by.is_here(end) => end::write_end(groups, warnings, report, end),
            ReportedBy::PreviousStep => handover::repeat(groups, report, end),
            ReportedBy::NextStep | ReportedBy::ThisStep => {
                groups.close(report);
                warnings.write(groups);
                handover::hand_over(groups, report, end);
            }
        }
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
            What::Step(_) => {
                self.groups.begin(&self.report);
                if let Some(text) = self.sending.take() {
                    self.sending(text);
                }
            }
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
                made,
                ..
            } => {
                let target = previous.as_ref().map(|id| texts::release(id, made));
                let text = texts::point_of_no_return(release, target.as_deref(), *deadline);
                // the next step begins at once
                self.groups.between(text);
            }
            What::Attempt(attempt) => self.groups.attempt(&self.report, attempt),
            What::Live(live) => self.groups.outside(&texts::live_before(live, event.at)),
            What::Releases(_) | What::FailedStart(_) => {}
            What::Diagnostics(all) => self.diagnostics(all),
            What::Ended(_) => self.groups.close(&self.report),
        }
    }

    /// Files are on their way before the server has asked for them, and while it still checks.
    fn sending(&mut self, text: String) {
        match self.report.facts.step {
            Some(Step::Upload) => self.groups.outside(&text),
            _ => self.sending = Some(text),
        }
    }

    fn diagnostics(&mut self, all: &[Diagnostic]) {
        self.groups.close(&self.report);
        for Diagnostic { title, text, .. } in all {
            self.groups.folded(&excerpt(title), text, DIAGNOSTIC_LINES);
        }
    }

    fn recovered(&mut self, verdict: &Verdict) {
        let text = texts::recovered(verdict);
        match verdict.failure {
            Some(_) => self.warn(Rank::Urgent, "How an earlier run ended", text),
            None => self.groups.outside(&text),
        }
    }

    fn warning(&mut self, warning: &Warning) {
        let text = texts::warning(warning, &self.report.facts.place).to_string();
        self.warn(Rank::of(warning), "On the server", text);
    }

    fn warn(&mut self, rank: Rank, title: &'static str, text: String) {
        self.groups.warned();
        self.warnings.add(rank, title, text);
    }

    fn notice(&mut self, notice: &Notice) {
        // the server repeats it while it waits
        if matches!(notice, Notice::StartLimitWait { .. }) && !self.groups.first_wait() {
            return;
        }
        self.groups.outside(&format!("note: {notice}"));
    }
}

/// An event whose commits are shortened when they are shown; `None`: this one has none.
fn without_secret_commits(event: &RunEvent, redactor: &Redactor) -> Option<RunEvent> {
    let RunEvent::Server(event) = event else {
        return None;
    };
    let hide = |commit: &mut Option<String>| {
        *commit = commit.take().map(|it| without_secrets(&it, redactor));
    };
    if !matches!(event.what, What::Live(_) | What::PointOfNoReturn { .. }) {
        return None;
    }
    let mut what = event.what.clone();
    match &mut what {
        What::Live(live) => hide(&mut live.made.commit),
        What::PointOfNoReturn { commit, made, .. } => {
            hide(commit);
            hide(&mut made.commit);
        }
        _ => {}
    }
    Some(RunEvent::Server(Event { what, ..*event }))
}
