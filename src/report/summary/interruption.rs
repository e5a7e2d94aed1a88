//! How long users were not served, by the server's clock.

use crate::protocol::{Interruption, Step};
use crate::report::{texts, utc, Answers, Report, StepRun};

/// `4.6 s (19:20:17 – 19:20:21 UTC)` or `none`; `None`: it is unknown, or nothing was switched.
pub(super) fn interruption(report: &Report) -> Option<String> {
    let verdict = report.end.as_ref()?.verdict.as_ref()?;
    let interruption = verdict.interruption.filter(|_| verdict.switched)?;
    let took = texts::interruption(interruption);
    let Interruption { from, to } = interruption;
    Some(match interruption.is_none() {
        true => took,
        false => format!("{took} ({} – {} UTC)", clock(from), clock(to)),
    })
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

/// The first restart, or else the rollback, which restarts too.
fn began(report: &Report) -> Option<u64> {
    let restart = |run: &&StepRun| matches!(run.step, Step::Restart | Step::RollBack);
    report.steps.iter().find(restart)?.began
}

fn is_healthy(answers: &Answers) -> bool {
    answers.last.answer.is_healthy()
}

/// The time of day, by UTC.
fn clock(ms: u64) -> String {
    let time = utc(ms / 1000);
    time.get(11..19).unwrap_or(&time).to_owned()
}
