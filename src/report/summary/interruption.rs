//! How long users were not served, by the server's clock.

use crate::protocol::{Outcome, Step};
use crate::report::{duration, utc, Answers, Report, StepRun};
use std::time::Duration;

/// From the first restart to the first healthy answer after which it stayed healthy, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Interruption {
    from: u64,
    to: u64,
    /// It was healthy when it was first asked.
    at_most: bool,
}

/// `4.6 s (19:20:17 – 19:20:21 UTC)`; `None`: it is unknown, because no health check was made.
pub(super) fn interruption(report: &Report) -> Option<String> {
    let Interruption { from, to, at_most } = measured(report)?;
    let took = duration(Duration::from_millis(to.saturating_sub(from)));
    let most = if at_most { "at most " } else { "" };
    Some(format!(
        "{most}{took} ({} – {} UTC)",
        clock(from),
        clock(to)
    ))
}

/// When it began, if it lasts until somebody ends it.
pub(super) fn lasting(report: &Report) -> Option<String> {
    let answers = &report
        .steps
        .iter()
        .rfind(|run| run.step == Step::RollBack)?
        .answers;
    let is_down = answers.last().is_some_and(|last| !is_healthy(last));
    let from = began(report).filter(|_| is_down)?;
    Some(format!("since {} UTC, not over", clock(from)))
}

fn measured(report: &Report) -> Option<Interruption> {
    let outcome = report.end.as_ref()?.outcome;
    let step = match outcome {
        Outcome::Deployed | Outcome::Restored => Step::Verify,
        Outcome::RolledBack => Step::RollBack,
        _ => return None,
    };
    let run = report.steps.iter().rfind(|run| run.step == step)?;
    let (since, at_most) = healthy_since(run)?;
    let from = began(report)?;
    Some(Interruption {
        from,
        to: since.max(from),
        at_most,
    })
}

/// The first restart, or else the rollback, which restarts too.
fn began(report: &Report) -> Option<u64> {
    let restart = |run: &&StepRun| matches!(run.step, Step::Restart | Step::RollBack);
    report.steps.iter().find(restart)?.began
}

/// When it answered for the first time and stayed healthy, and whether it had never answered otherwise.
fn healthy_since(run: &StepRun) -> Option<(u64, bool)> {
    let bad = run.answers.iter().rposition(|it| !is_healthy(it));
    let first = bad.map_or(0, |at| at + 1);
    Some((run.answers.get(first)?.since, bad.is_none()))
}

fn is_healthy(answers: &Answers) -> bool {
    answers.last.answer.is_healthy()
}

/// The time of day, by UTC.
fn clock(ms: u64) -> String {
    let time = utc(ms / 1000);
    time.get(11..19).unwrap_or(&time).to_owned()
}
