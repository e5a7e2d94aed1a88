//! The lines that show why a run failed.

use super::causes::program_outputs;
use super::steps::Mark;
use super::Report;
use crate::protocol::{Diagnostic, DiagnosticOrigin, End, Failure, Outcome, Reason, UnitState};
use crate::text::excerpt::{lines, shorten};
use crate::text::Redactor;

/// The most lines of one failure.
const MOST: usize = 12;
/// Characters of a line.
const LONGEST: usize = 300;
/// The first line of a Python traceback, which explains the lines below it.
const TRACEBACK: &str = "Traceback (most recent call last)";
/// Stands where a line of a log was cut.
const CUT: char = '…';

/// What a reader looks at first, from the end and from what the steps printed.
pub(super) struct Evidence<'a> {
    pub(super) report: &'a Report,
    pub(super) end: &'a End,
    pub(super) redactor: &'a Redactor,
}

impl Evidence<'_> {
    /// The lines about why the rollback failed, which come first because users are not served.
    pub(super) fn of_rollback(&self) -> Vec<String> {
        let verdict = self.end.verdict.as_ref();
        let verdict = verdict.filter(|it| it.outcome == Outcome::RollbackFailed);
        match verdict.and_then(|verdict| verdict.rollback.as_ref()) {
            Some(failure) => self.shown(self.printed(failure)),
            None => Vec::new(),
        }
    }

    /// The lines about why the release failed; empty if `what` says it all.
    pub(super) fn of_release(&self, what: &str) -> Vec<String> {
        let found = self.shown(self.found());
        match found.as_slice() {
            [only] if what.contains(only.trim()) => Vec::new(),
            _ => found,
        }
    }

    /// Whether a reader has seen these lines before, in this evidence or in `what`.
    pub(super) fn has(&self, lines: &[String], what: &str) -> bool {
        let seen = [self.of_rollback(), self.of_release(what)].concat();
        let lines = lines.iter().filter(|line| !line.trim().is_empty());
        let is_in_text = |line: &String| lines.clone().count() == 1 && what.contains(line.trim());
        lines
            .clone()
            .all(|line| seen.contains(&shorten(line, LONGEST)) || is_in_text(line))
    }

    fn found(&self) -> Vec<String> {
        if let (Some(_), [output, ..]) = (&self.end.error, program_outputs(self.end).as_slice()) {
            return self.clean(output);
        }
        let verdict = self.end.verdict.as_ref();
        let failure = verdict.and_then(|verdict| verdict.failure.as_ref());
        let printed = failure.map(|it| self.printed(it)).unwrap_or_default();
        match failure {
            _ if !printed.is_empty() => self.in_log(&printed).unwrap_or(printed),
            // the log is that of a process which the command did not reach
            Some(Failure {
                reason: Reason::Command { .. },
                ..
            }) if !self.last_output().is_empty() => self.last_output(),
            Some(failure) if has_log(&failure.reason) && !self.log().is_empty() => self.log(),
            _ => self.last_output(),
        }
    }

    /// What is in the failure itself.
    fn printed(&self, failure: &Failure) -> Vec<String> {
        match (&failure.reason, failure.reason.log_line()) {
            (_, Some(line)) => self.clean(line.as_bytes()),
            (Reason::Log { lines }, None) => self.clean(&lines.join(&b'\n')),
            (Reason::Command { output, .. }, None) => self.clean(output),
            _ => Vec::new(),
        }
    }

    /// The lines of the log up to the last of these.
    fn in_log(&self, printed: &[String]) -> Option<Vec<String>> {
        let last = printed.last()?;
        let is_it = |line: &String| last.split(CUT).all(|part| line.contains(part));
        let log = self.log();
        let at = log.iter().rposition(is_it)?;
        Some(log[..=at].to_vec())
    }

    /// The log of the failed start.
    fn log(&self) -> Vec<String> {
        let is_log = |it: &&Diagnostic| it.origin == DiagnosticOrigin::Log;
        let log = self.report.diagnostics.iter().find(is_log);
        log.map(|log| without_requests(self.clean(&log.text)))
            .unwrap_or_default()
    }

    /// What the step printed that failed.
    fn last_output(&self) -> Vec<String> {
        let mut steps = self.report.steps.iter();
        let failed = steps.find(|it| it.mark == Some(Mark::Failed));
        let lines = failed.into_iter().flat_map(|step| &step.output.last);
        let lines: Vec<String> = lines.cloned().collect();
        self.redactor.foreign(&lines)
    }

    /// The last lines, from the beginning of their traceback on.
    fn shown(&self, mut all: Vec<String>) -> Vec<String> {
        all.retain(|line| !line.trim().is_empty());
        let mut last = all.split_off(all.len().saturating_sub(MOST));
        if let Some(begin) = last.iter().rposition(|line| line.contains(TRACEBACK)) {
            last.drain(..begin);
        }
        last.iter().map(|line| shorten(line, LONGEST)).collect()
    }

    fn clean(&self, text: &[u8]) -> Vec<String> {
        self.redactor.foreign(&lines(text))
    }
}

/// Without the requests that were answered, most of them of the health check, unless there is nothing else.
fn without_requests(mut log: Vec<String>) -> Vec<String> {
    let is_request = |line: &String| line.contains("\"GET ") && line.contains(" HTTP/1");
    if !log.iter().all(is_request) {
        log.retain(|line| !is_request(line));
    }
    log
}

/// Whether the log of the failed start may show why.
fn has_log(reason: &Reason) -> bool {
    let other_release = matches!(
        reason,
        Reason::NotRunning {
            state: UnitState::OtherRelease(_),
            ..
        }
    );
    !other_release
        && matches!(
            reason,
            Reason::Crashed { .. }
                | Reason::NotRunning { .. }
                | Reason::Unhealthy { .. }
                | Reason::StartLimit { .. }
                | Reason::Command { .. }
        )
}
