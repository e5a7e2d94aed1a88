//! The lines that show why a run failed.

use super::causes::program_outputs;
use super::steps::Mark;
use super::Report;
use crate::protocol::{
    Diagnostic, DiagnosticOrigin, End, Failure, HealthAnswer, Outcome, Reason, Step, UnitState,
};
use crate::text::excerpt::{lines, shorten};
use crate::text::Redactor;

/// The most lines of one failure.
const MOST: usize = 8;
/// Of an answer of the health check, if there are other lines too.
const BODY: usize = 3;
/// Bytes of an answer that the sentence about it shows as a whole.
const SENTENCE: usize = 100;
/// Characters of a line.
const LONGEST: usize = 300;
/// The first line of a Python traceback, which explains the lines below it.
const TRACEBACK: &str = "Traceback (most recent call last)";
/// Stands where a line of a log was cut, and for lines that are not shown.
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
            Some(failure) => shown(self.printed(failure)),
            None => Vec::new(),
        }
    }

    /// The lines about why the release failed.
    pub(super) fn of_release(&self) -> Vec<String> {
        shown(self.found())
    }

    /// All of these lines.
    pub(super) fn all(&self) -> Vec<String> {
        [self.of_rollback(), self.of_release()].concat()
    }

    fn found(&self) -> Vec<String> {
        if let (Some(_), [output, ..]) = (&self.end.error, program_outputs(self.end).as_slice()) {
            return last(self.clean(output));
        }
        let verdict = self.end.verdict.as_ref();
        match verdict.and_then(|verdict| verdict.failure.as_ref()) {
            Some(failure) => self.of_failure(failure),
            None => last(self.last_output()),
        }
    }

    fn of_failure(&self, failure: &Failure) -> Vec<String> {
        let (printed, output) = (self.printed(failure), self.last_output());
        // it has no unit, and its output is what would be the log
        let log = || match failure.step {
            Step::SmokeTest => without_requests(output.clone()),
            _ => self.log(),
        };
        let is_command = matches!(failure.reason, Reason::Command { .. });
        if let Some(cause) = printed.last() {
            let sources = match is_command {
                true => vec![output.clone(), log()],
                false => vec![log()],
            };
            let around = sources.iter().find_map(|lines| around(lines, cause));
            return around.unwrap_or_else(|| led_by(printed, &sources[0]));
        }
        // the log is that of a process which the command did not reach
        if is_command && !output.is_empty() {
            return last(output);
        }
        let body = long_body(&failure.reason).map(|body| self.clean(body));
        let mut body = filled(body.unwrap_or_default());
        if is_command_of_health(&failure.reason) {
            body = last_of(body, BODY);
        }
        body.truncate(BODY);
        let log = match failure.step {
            Step::SmokeTest => log(),
            _ if has_log(&failure.reason) => self.state(),
            _ => Vec::new(),
        };
        match body.is_empty() && log.is_empty() {
            true => last(output),
            false => {
                let room = MOST - body.len();
                [body, last_of(log, room)].concat()
            }
        }
    }

    /// What is in the failure itself.
    fn printed(&self, failure: &Failure) -> Vec<String> {
        let lines = match (&failure.reason, failure.reason.log_line()) {
            (_, Some(line)) => self.clean(line.as_bytes()),
            (Reason::Log { lines }, None) => self.clean(&lines.join(&b'\n')),
            (Reason::Command { output, .. }, None) => self.clean(output),
            _ => Vec::new(),
        };
        filled(lines)
    }

    /// The log of the failed start, or else what systemd shows of the unit.
    fn state(&self) -> Vec<String> {
        let log = self.log();
        let is_status = |it: &&Diagnostic| is_status(&it.title);
        let status = self.report.diagnostics.iter().find(is_status);
        match (log.is_empty(), status) {
            (true, Some(status)) => filled(self.clean(&status.text))
                .into_iter()
                .take(MOST)
                .collect(),
            _ => log,
        }
    }

    /// The log of the failed start.
    fn log(&self) -> Vec<String> {
        let is_log = |it: &&Diagnostic| it.origin == DiagnosticOrigin::Log;
        let log = self.report.diagnostics.iter().find(is_log);
        log.map(|log| without_requests(filled(self.clean(&log.text))))
            .unwrap_or_default()
    }

    /// What the step printed that failed or was cancelled.
    fn last_output(&self) -> Vec<String> {
        let mut steps = self.report.steps.iter();
        let failed = steps.find(|it| matches!(it.mark, Some(Mark::Failed | Mark::Cancelled)));
        let lines = failed.into_iter().flat_map(|step| &step.output.last);
        let lines: Vec<String> = lines.cloned().collect();
        filled(self.redactor.foreign(&lines))
    }

    fn clean(&self, text: &[u8]) -> Vec<String> {
        self.redactor.foreign(&lines(text))
    }
}

/// Whether a diagnostic with this title is what systemd shows of a unit.
pub(super) fn is_status(title: &str) -> bool {
    ["systemctl status ", "systemctl --user status "]
        .iter()
        .any(|it| title.starts_with(it))
}

/// Whether a reader has seen these lines before, in this evidence or in `what`.
pub(super) fn has(evidence: &[String], lines: &[String], what: &str) -> bool {
    let lines = lines.iter().filter(|line| !line.trim().is_empty());
    let is_in_text = |line: &String| lines.clone().count() == 1 && what.contains(line.trim());
    lines
        .clone()
        .all(|line| evidence.contains(&shorten(line, LONGEST)) || is_in_text(line))
}

fn shown(lines: Vec<String>) -> Vec<String> {
    let lines = filled(lines);
    lines
        .iter()
        .take(MOST)
        .map(|line| shorten(line, LONGEST))
        .collect()
}

fn filled(mut lines: Vec<String>) -> Vec<String> {
    lines.retain(|line| !line.trim().is_empty());
    lines
}

/// The last lines, from the beginning of their traceback on.
fn last(lines: Vec<String>) -> Vec<String> {
    let mut last = last_of(filled(lines), MOST);
    if let Some(begin) = last.iter().rposition(|line| line.contains(TRACEBACK)) {
        last.drain(..begin);
    }
    last
}

fn last_of(mut lines: Vec<String>, most: usize) -> Vec<String> {
    lines.split_off(lines.len().saturating_sub(most))
}

/// The lines around the one that names the cause: those before it if it ends a traceback, else those that follow, because a
/// compiler shows the place there.
fn around(lines: &[String], cause: &str) -> Option<Vec<String>> {
    let is_it = |line: &String| cause.split(CUT).all(|part| line.contains(part));
    let at = lines.iter().rposition(is_it)?;
    let traceback = lines[..at]
        .iter()
        .rposition(|line| line.contains(TRACEBACK));
    let is_frame = |line: &String| line.starts_with(char::is_whitespace);
    if let Some(begin) = traceback.filter(|begin| lines[begin + 1..at].iter().all(is_frame)) {
        return Some(last_of(lines[begin..=at].to_vec(), MOST));
    }
    let begin = at.min(lines.len().saturating_sub(MOST));
    let end = lines.len().min(begin + MOST);
    Some(lines[begin..end].to_vec())
}

/// The cause, and then the last lines of an output in which it is no longer.
fn led_by(mut cause: Vec<String>, output: &[String]) -> Vec<String> {
    cause = last_of(cause, MOST);
    let room = MOST - cause.len();
    if room > 1 && !output.is_empty() {
        cause.push(CUT.to_string());
        cause.extend(last_of(output.to_vec(), room - 1));
    }
    cause
}

/// What a health answer holds, if it is too long for a sentence.
fn long_body(reason: &Reason) -> Option<&[u8]> {
    let Reason::Unhealthy { last, .. } = reason else {
        return None;
    };
    let body = match last.as_ref() {
        HealthAnswer::Status { body, .. } | HealthAnswer::Mismatch { body, .. } => body,
        // a sentence has its last line only
        HealthAnswer::Command { output, .. } if output.contains(&b'\n') => return Some(output),
        HealthAnswer::Command { output, .. } => output,
        _ => return None,
    };
    (body.len() > SENTENCE).then_some(body)
}

/// Whether the health check was a command, whose last lines say most.
fn is_command_of_health(reason: &Reason) -> bool {
    matches!(reason, Reason::Unhealthy { last, .. } if matches!(**last, HealthAnswer::Command { .. }))
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
