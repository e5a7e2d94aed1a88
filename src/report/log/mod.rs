//! The log of the run: a group a step, its result outside of it, and at the end what a person must know.

mod attempts;
mod end;
mod section;

use super::page::{Level, Page};
use super::{texts, Facts, Place};
use crate::protocol::{Diagnostic, Event, RunEvent, Step, Verdict, Warning, What};
use section::{Mark, Section};
use std::time::Duration;

/// The runner keeps ten annotations of a kind for a step; what goes beyond is a plain line.
const WARNINGS: usize = 9;
/// Of one diagnostic the last so many lines are shown: that is where a traceback ends.
const DIAGNOSTIC_LINES: usize = 100;

/// Turns what happens into the lines of the log.
#[derive(Debug)]
pub struct Log {
    page: Page,
    facts: Facts,
    section: Option<Section>,
    warnings: usize,
    lines: Vec<String>,
}

impl Log {
    /// An empty log.
    #[must_use]
    pub fn new(page: Page) -> Self {
        Self { page, facts: Facts::default(), section: None, warnings: 0, lines: Vec::new() }
    }

    /// What is known so far.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The lines for what happened, harmless and ready to be printed.
    pub fn on(&mut self, event: &RunEvent) -> Vec<String> {
        self.facts.on(event);
        match event {
            RunEvent::Planned(planned) => self.outside(&texts::planned(planned)),
            RunEvent::Connecting => self.open(Step::Connect, None),
            RunEvent::Connected { took } => self.close(Mark::Done, Some(*took)),
            RunEvent::CopyingServerPart { bytes } => self.inside(&texts::copying(*bytes)),
            RunEvent::Sending { files, bytes } => self.inside(&texts::sending(*files, *bytes)),
            RunEvent::Noise(text) => self.output(text),
            RunEvent::Server(event) => self.on_server(event),
            RunEvent::Ended(end) => self.end(end),
        }
        std::mem::take(&mut self.lines)
    }

    fn on_server(&mut self, event: &Event) {
        match &event.what {
            What::Step(step) => self.step(*step, event.at),
            What::Waiting(holder) => self.outside(&texts::waiting(holder.as_ref())),
            What::Recovered(verdict) => self.recovered(verdict),
            What::Output(text) => self.output(text),
            What::Warning(warning) => self.warning(warning),
            What::Notice(notice) => self.outside(&format!("note: {}", texts::notice(notice))),
            What::Staged(staged) => self.note(texts::staged(staged)),
            What::PointOfNoReturn { release, previous, deadline } => {
                self.outside(&texts::point_of_no_return(*release, *previous, *deadline));
            }
            What::Attempt(attempt) => self.attempt(attempt),
            What::Diagnostics(all) => self.diagnostics(all, event.at),
            What::Ended(verdict) => self.verdict(verdict, event.at),
        }
    }

    /// A step begins, so the one before it has ended - badly, where the way back begins.
    fn step(&mut self, step: Step, at: u64) {
        // the runner half has told of it already, with its own clock
        if step == Step::Connect {
            return;
        }
        let mark = if step == Step::RollBack { Mark::Failed } else { Mark::Done };
        self.close_at(mark, at);
        self.open(step, Some(at));
    }

    fn verdict(&mut self, verdict: &Verdict, at: u64) {
        let failed = verdict.rollback.as_ref().or(verdict.failure.as_ref()).map(|failure| failure.step);
        let rolled_back = self.section.as_ref().is_some_and(|section| section.step() == Step::RollBack);
        let mark = match (failed, &verdict.rollback) {
            (None, _) => Mark::Done,
            (Some(_), None) if rolled_back => Mark::Done,
            (Some(_), _) => Mark::Failed,
        };
        self.close_at(mark, at);
    }

    fn diagnostics(&mut self, all: &[Diagnostic], at: u64) {
        self.close_at(Mark::Failed, at);
        for diagnostic in all {
            self.lines.extend(Page::plain(&format!("--- {}", super::foreign::word(&diagnostic.title))));
            self.quoted(&diagnostic.text, DIAGNOSTIC_LINES);
        }
    }

    /// The last lines of a foreign text, outside of every group.
    fn quoted(&mut self, text: &[u8], most: usize) {
        let mut lines = Page::foreign(text);
        let over = lines.len().saturating_sub(most);
        if over > 0 {
            lines.drain(..over);
            self.lines.extend(Page::plain(&texts::left_out(over)));
        }
        self.lines.extend(lines);
    }

    fn recovered(&mut self, verdict: &Verdict) {
        let text = texts::recovered(verdict);
        match verdict.failure {
            Some(_) => self.annotate(Level::Warning, "An earlier run was unfinished", &text),
            None => self.outside(&text),
        }
    }

    fn warning(&mut self, warning: &Warning) {
        let text = texts::warning(warning, &self.facts.place);
        self.warnings += 1;
        match self.warnings <= WARNINGS {
            true => self.annotate(Level::Warning, "On the server", &text),
            false => self.outside(&format!("warning: {text}")),
        }
    }

    fn annotate(&mut self, level: Level, title: &str, text: &str) {
        self.pause();
        self.lines.extend(self.page.annotation(level, title, text));
    }

    /// Lines that must be seen at once, so not in a group that is folded.
    fn outside(&mut self, text: &str) {
        self.pause();
        self.lines.extend(Page::plain(text));
    }

    fn place(&self) -> &Place {
        &self.facts.place
    }

    fn close_at(&mut self, mark: Mark, at: u64) {
        let since = self.section.as_ref().and_then(Section::since);
        self.close(mark, since.map(|since| Duration::from_millis(at.saturating_sub(since))));
    }
}
