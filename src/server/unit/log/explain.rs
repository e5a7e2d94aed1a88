//! The one line of a log that best explains why a start failed. Best effort: if it cannot be read quickly it is left
//! out, because the rollback must not wait for it.

use super::invocation::FailedStart;
use super::read;
use crate::logs::{find_cause, plain_lines, Cause, Rank, Source};
use crate::protocol::{LogLevel, ProcessEnd, Reason, UnitState};
use regex::Regex;
use std::thread;
use std::time::{Duration, Instant};

/// journald writes a line some time after it was logged.
const JOURNAL_DELAY: Duration = Duration::from_millis(150);
/// The log is not read a second time if the first time took longer.
const MAX_FIRST_READ: Duration = Duration::from_millis(500);

/// The same reason, with the line of the log that explains it.
pub(in crate::server::unit) fn explain(mut reason: Reason, failed: &FailedStart<'_>) -> Reason {
    let by_health = matches!(reason, Reason::Unhealthy { .. });
    let by_systemd = systemd_says_more(&reason);
    if let Some(log_line) = reason.log_line_mut() {
        let found = match failed.check.level {
            LogLevel::Off if by_health => None,
            _ if by_health => error_in_log(failed),
            _ => line_of_ended_process(failed, by_systemd),
        };
        *log_line = found.or_else(|| log_line.take());
    }
    reason
}

/// Whether systemd gave up a process that was still starting: the last line of its log does not say why.
fn systemd_says_more(reason: &Reason) -> bool {
    match reason {
        Reason::Command { output, .. } => {
            let output = String::from_utf8_lossy(output);
            ["a timeout was exceeded", "did not take the steps required"]
                .iter()
                .any(|words| output.contains(words))
        }
        Reason::Crashed {
            end: ProcessEnd::Exited { result, .. } | ProcessEnd::Killed { result, .. },
            ..
        } => matches!(
            result.as_str(),
            "timeout" | "protocol" | "watchdog" | "oom-kill"
        ),
        Reason::NotRunning {
            state: UnitState::Changing { active, sub },
            ..
        } => active == "activating" && sub == "start",
        _ => false,
    }
}

/// The cause of the end of a process. `only_failures`: a line counts only if it has words of a failure.
fn line_of_ended_process(failed: &FailedStart<'_>, only_failures: bool) -> Option<String> {
    let start = Instant::now();
    let mut found = cause_in_log(failed)?;
    // the last lines may not be written yet
    if found.as_ref().is_none_or(|cause| cause.rank < Rank::Crash)
        && start.elapsed() <= MAX_FIRST_READ
    {
        thread::sleep(JOURNAL_DELAY);
        found = cause_in_log(failed).flatten().or(found);
    }
    if found.as_ref().is_none_or(|cause| cause.rank < Rank::Minor) {
        let of_systemd = find(&read::of_systemd(failed));
        let of_systemd = of_systemd.filter(|cause| cause.rank >= Rank::Words);
        found = of_systemd.or(found.filter(|_| !only_failures));
    }
    found.map(|cause| cause.text)
}

/// A line of the log of a process that answers: only an error or a crash, for another line need not be the reason why it is
/// unhealthy.
fn error_in_log(failed: &FailedStart<'_>) -> Option<String> {
    let cause = cause_in_log(failed)?.filter(|cause| cause.rank >= Rank::Error);
    cause.map(|cause| cause.text)
}

/// What the log names as the cause: first of all the last line that the user's own pattern finds. `None`: it cannot be read.
fn cause_in_log(failed: &FailedStart<'_>) -> Option<Option<Cause>> {
    let lines = read::quickly(failed)?;
    let pattern = failed.check.pattern.as_deref();
    let by_pattern = pattern.and_then(|pattern| last_match(&lines, pattern));
    Some(by_pattern.or_else(|| find(&lines)))
}

fn find(lines: &[Vec<u8>]) -> Option<Cause> {
    find_cause(Source::Unit, plain_lines(lines).iter().map(String::as_str))
}

/// The last crash by the user's own pattern, which may be explained by a line below it.
fn last_match(lines: &[Vec<u8>], pattern: &str) -> Option<Cause> {
    let pattern = Regex::new(pattern).ok()?;
    let lines = plain_lines(lines);
    let at = lines.iter().rposition(|line| pattern.is_match(line))?;
    let found = find_cause(Source::Unit, lines[at..].iter().map(String::as_str))?;
    Some(match found.rank {
        Rank::Crash => found,
        _ => Cause {
            text: lines[at].clone(),
            rank: Rank::Crash,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Ending;

    #[test]
    fn the_last_line_is_no_cause_of_what_systemd_gave_up() {
        let command = |output: &str| Reason::Command {
            ending: Ending::Exit(1),
            line: None,
            output: output.as_bytes().to_vec(),
            log_line: None,
        };
        assert!(systemd_says_more(&command(
            "Job for a.service failed because a timeout was exceeded.\nSee x"
        )));
        assert!(systemd_says_more(&command(
            "Job for a.service failed because the service did not take the steps required by its unit configuration."
        )));
        assert!(!systemd_says_more(&command(
            "Job for a.service failed because the control process exited with error code."
        )));
    }
}
