//! What failed, in one sentence after the name of the release.

use super::quotes::{failure as quoted_failure, of_end};
use super::run_error;
use crate::protocol::{
    End, Ending, Failure, Outcome, ProcessEnd, Reason, RunError, Step, UnitState, Verdict,
};
use crate::text::excerpt::excerpt;
use crate::text::Prose;

/// What happened to a release: `did not start`. Fits after its name.
#[must_use]
pub(in crate::report) fn fate(end: &End) -> Prose {
    let failure = end.verdict.as_ref().and_then(|it| it.failure.as_ref());
    match (end.outcome, failure) {
        (Outcome::Unknown, _) => "has an unknown result".into(),
        (Outcome::Error, None) if may_have_begun(end) => "has an unknown result".into(),
        (_, Some(failure)) if matches!(end.error, Some(RunError::OutOfTime { .. })) => {
            Prose::of("was stopped during {}", [&failure.step])
        }
        (_, Some(failure)) => of_failure(failure),
        (Outcome::Cancelled, None) => "was cancelled".into(),
        _ => "did not go live".into(),
    }
}

fn may_have_begun(end: &End) -> bool {
    let error = end.error.as_ref();
    !error.is_some_and(RunError::is_before_any_request)
}

fn of_failure(failure: &Failure) -> Prose {
    let Failure { step, reason, .. } = failure;
    match (reason, step) {
        (Reason::NotReady(_) | Reason::Busy(_) | Reason::NoSuchRelease { .. }, _) => {
            "did not go live".into()
        }
        (Reason::Interrupted, _) => "was interrupted".into(),
        (Reason::Cancelled, _) => Prose::of("was cancelled during {}", [step]),
        (Reason::OutOfTime(_), _) => Prose::of("was stopped during {}", [step]),
        (_, Step::BeforeSwitch) => "was not switched to".into(),
        (_, Step::SmokeTest) => "failed the smoke test".into(),
        (Reason::Unhealthy { .. }, _) => "did not become healthy".into(),
        (
            Reason::NotRunning {
                state: UnitState::Changing { .. },
                ..
            },
            _,
        ) => "did not become ready".into(),
        (
            Reason::Crashed { .. }
            | Reason::StartLimit { .. }
            | Reason::NotStarted { .. }
            | Reason::NotRunning {
                state: UnitState::Ended { .. },
                ..
            }
            | Reason::Command { .. },
            Step::Restart | Step::Verify,
        ) => "did not start".into(),
        _ => Prose::of("failed to {}", [step]),
    }
}

/// Why, without a full stop; empty if the fate says it all.
#[must_use]
pub(in crate::report) fn why(end: &End) -> Prose {
    if let Some(error) = &end.error {
        return match error {
            RunError::Cancelled { finished_by: None } => Prose::default(),
            error => Prose::quoting(run_error(error), &of_end(end)),
        };
    }
    let failure = end.verdict.as_ref().and_then(|it| it.failure.as_ref());
    match failure {
        Some(
            failure @ Failure {
                step: Step::BeforeSwitch,
                reason,
                ..
            },
        ) if !matches!(reason, Reason::Cancelled | Reason::OutOfTime(_)) => {
            Prose::from("the before-switch commands failed: ").and(quoted_failure(failure))
        }
        Some(failure) => in_words(failure),
        None => Prose::default(),
    }
}

/// Why the rollback failed too.
#[must_use]
pub(in crate::report) fn why_rollback(verdict: &Verdict) -> Option<Prose> {
    let failure = verdict.rollback.as_ref()?;
    Some(in_words(failure))
}

/// A reason as a page has it: how a process ended, without systemd's names for it.
#[must_use]
pub(super) fn in_words(failure: &Failure) -> Prose {
    match &failure.reason {
        Reason::Crashed { end, log_line }
        | Reason::NotRunning {
            state: UnitState::Ended { end, .. },
            log_line,
        } => {
            let ended = of_unit(ended(end), failure.unit.as_ref());
            match log_line {
                Some(line) => ended.and(": ").and(Prose::verbatim(excerpt(line))),
                None => ended,
            }
        }
        _ => quoted_failure(failure),
    }
}

/// The same sentence about the process of one of several units.
fn of_unit(ended: Prose, unit: Option<&String>) -> Prose {
    let process = "the process";
    match (unit, ended.split_at(&[process])) {
        (Some(unit), (before, Some(after))) => before
            .and(process)
            .and(" of ")
            .and(Prose::verbatim(excerpt(unit)))
            .and(after),
        _ => ended,
    }
}

fn ended(end: &ProcessEnd) -> Prose {
    let (ProcessEnd::Exited { result, .. } | ProcessEnd::Killed { result, .. }) = end else {
        return Prose::of("the process ended: {}", [&end]);
    };
    match (result.as_str(), end) {
        ("oom-kill", _) => "the kernel ended the process because memory ran out".into(),
        ("watchdog", _) => {
            "systemd ended the process because it did not report within `WatchdogSec`".into()
        }
        ("timeout", _) => {
            "systemd ended the process because a time limit of the unit was reached".into()
        }
        ("protocol", _) => "the process ended before it reported that it was ready".into(),
        (_, ProcessEnd::Exited { status, .. }) => {
            Prose::of("the process ended with exit status {}", [status])
        }
        (_, ProcessEnd::Killed { signal, .. }) => {
            Prose::of("the process {}", [&Ending::Signal(*signal)])
        }
        _ => Prose::default(),
    }
}

/// What the run saw last of a deployment whose result is unknown.
#[must_use]
pub(in crate::report) fn last_seen(step: Step, health: Option<&str>) -> Prose {
    match health {
        Some(health) => Prose::of("; seen last: {}, health {}", [&step, &health]),
        None => Prose::of("; seen last: {}", [&step]),
    }
}

/// Whether it is the end of a process that was started.
#[must_use]
pub(in crate::report) fn is_crash(reason: &Reason) -> bool {
    matches!(reason, Reason::Crashed { .. })
}

/// The outcome in a heading, after the name of the service.
#[must_use]
pub(in crate::report) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Deployed => "deployed",
        Outcome::Restored => "restored",
        Outcome::Done => "done",
        Outcome::Error => "bug in deploy-action",
        Outcome::Invalid => "invalid inputs",
        Outcome::Unreachable => "server unreachable",
        Outcome::NotReady => "not ready",
        Outcome::Failed => "failed",
        Outcome::RolledBack => "rolled back",
        Outcome::RollbackFailed => "rollback failed",
        Outcome::Busy => "another deployment is running",
        Outcome::Unknown => "result unknown",
        Outcome::Cancelled => "cancelled",
    }
}
