//! Decides the outcome of a run. Nothing is reported that is not proven: once the server may have everything, only its
//! own verdict shows that it did not switch.

use super::channel::{FollowResult, LostCause};
use super::progress::Reached;
use super::watch::{EarlyEnd, Stop};
use crate::protocol::{End, Outcome, Plan, Reason, RunError, ServerPartError, Verdict};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// systemd's default stop and start time-outs of a unit. Only for a deadline that the server could not report.
const UNIT_TIMEOUTS: Duration = Duration::from_secs(2 * 90);

/// How a run ends: its outcome, the server's verdict, and an error on the runner or on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conclusion {
    pub(super) outcome: Outcome,
    pub(super) verdict: Option<Verdict>,
    pub(super) error: Option<RunError>,
}

impl Conclusion {
    fn without_verdict(outcome: Outcome, error: RunError) -> Self {
        Self {
            outcome,
            verdict: None,
            error: Some(error),
        }
    }

    /// If nothing was sent yet. `limit` is the time limit of the run.
    pub(super) fn early(end: EarlyEnd, limit: Duration) -> Self {
        let error = match end {
            EarlyEnd::Error(error) => error,
            EarlyEnd::Stop(stop) => stop_error(stop, limit),
        };
        Self::without_verdict(error.outcome_before_switch(), error)
    }

    pub(super) fn end(self, took: Duration) -> End {
        End {
            outcome: self.outcome,
            verdict: self.verdict,
            error: self.error,
            took,
        }
    }
}

/// What the outcome depends on besides the result of following.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunContext<'a> {
    pub(super) plan: &'a Plan,
    /// Time limit for everything before the point of no return.
    pub(super) limit: Duration,
    /// Whether the connection is open, so the server part ended by itself.
    pub(super) is_connected: bool,
    /// Whether the server said that it goes down, and nothing after that.
    pub(super) goes_down: bool,
    /// How long the transaction is watched after the point of no return.
    pub(super) watched: Duration,
    pub(super) now: SystemTime,
}

/// The conclusion from the result of following; `None` if the server part is missing.
pub(super) fn conclude(result: FollowResult, context: RunContext<'_>) -> Option<Conclusion> {
    Some(match result {
        FollowResult::Missing(_) => return None,
        FollowResult::Verdict(verdict, stop) => by_verdict(*verdict, stop, context.limit),
        FollowResult::Lost {
            reached,
            greeted,
            cause,
        } => {
            let finished_by = finished_by(reached, context);
            match cause {
                LostCause::Stop(_) | LostCause::Closed(_) if context.goes_down => {
                    Conclusion::without_verdict(Outcome::Unknown, RunError::WentDown)
                }
                LostCause::Error(error) => after_error(error, finished_by),
                LostCause::Stop(Stop::TimeUp) if greeted && is_past(reached) => {
                    let watched = context.watched;
                    Conclusion::without_verdict(Outcome::Unknown, RunError::Overdue { watched })
                }
                LostCause::Stop(stop) => stopped(stop, finished_by, context.limit),
                LostCause::Closed(output) => closed(output, reached, greeted, context),
            }
        }
    })
}

fn is_past(reached: Reached) -> bool {
    matches!(reached, Reached::PointOfNoReturn { .. })
}

/// The server's verdict decides. But it cannot know that the runner stopped it because of the time limit.
fn by_verdict(mut verdict: Verdict, stop: Option<Stop>, limit: Duration) -> Conclusion {
    if stop == Some(Stop::TimeUp) && verdict.outcome == Outcome::Cancelled {
        let error = Some(RunError::OutOfTime { limit });
        if let Some(failure) = verdict
            .failure
            .as_mut()
            .filter(|failure| failure.reason == Reason::Cancelled)
        {
            failure.reason = Reason::OutOfTime(limit);
        }
        return Conclusion {
            outcome: Outcome::Failed,
            verdict: Some(verdict),
            error,
        };
    }
    Conclusion {
        outcome: verdict.outcome,
        verdict: Some(verdict),
        error: None,
    }
}

fn after_error(error: RunError, finished_by: Option<u64>) -> Conclusion {
    let outcome = match (finished_by, &error) {
        (Some(_), _) => Outcome::Unknown,
        (None, RunError::LoginScript { .. }) => Outcome::NotReady,
        (None, RunError::ServerPart { error, .. }) if is_unsafe(error) => Outcome::NotReady,
        (None, RunError::Bug(_)) => Outcome::Error,
        (None, _) => Outcome::Failed,
    };
    Conclusion::without_verdict(outcome, error)
}

fn is_unsafe(error: &ServerPartError) -> bool {
    matches!(error, ServerPartError::Unsafe(_))
}

fn stopped(stop: Stop, finished_by: Option<u64>, limit: Duration) -> Conclusion {
    let error = match stop {
        Stop::Cancelled => RunError::Cancelled { finished_by },
        Stop::TimeUp if finished_by.is_some() => RunError::ConnectionLost { finished_by },
        Stop::TimeUp => RunError::OutOfTime { limit },
    };
    let outcome = if finished_by.is_some() {
        Outcome::Unknown
    } else {
        error.outcome_before_switch()
    };
    Conclusion::without_verdict(outcome, error)
}

fn closed(output: Vec<u8>, reached: Reached, greeted: bool, context: RunContext<'_>) -> Conclusion {
    let ended_by_itself = context.is_connected && !is_past(reached);
    if ended_by_itself {
        let (error, outcome) = match (greeted, reached) {
            // the greeting comes before anything else
            (false, _) => (ServerPartError::Start, Outcome::NotReady),
            (true, Reached::Nothing) => (ServerPartError::Finish, Outcome::Failed),
            // the transaction may continue, even if this process died before it reported that
            (true, _) => (ServerPartError::Finish, Outcome::Unknown),
        };
        return Conclusion::without_verdict(outcome, RunError::ServerPart { error, output });
    }
    let finished_by = finished_by(reached, context);
    let outcome = if finished_by.is_some() {
        Outcome::Unknown
    } else {
        Outcome::Failed
    };
    Conclusion::without_verdict(outcome, RunError::ConnectionLost { finished_by })
}

/// Epoch seconds by which the server will have finished by itself; `None` if it cannot have passed the point of no
/// return.
fn finished_by(reached: Reached, context: RunContext<'_>) -> Option<u64> {
    let latest = match reached {
        Reached::Nothing => return None,
        Reached::Complete => context.now + max_duration(context.plan),
        Reached::PointOfNoReturn { finished_by } => finished_by,
    };
    Some(
        latest
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs(),
    )
}

/// An estimate of the longest time that the server needs by itself: staging, the transaction and its rollback.
fn max_duration(plan: &Plan) -> Duration {
    const MAX: Duration = Duration::from_secs(7 * 24 * 3600);
    let verification = plan
        .verification
        .timeout
        .saturating_add(plan.verification.settle);
    let one_way = verification.saturating_add(UNIT_TIMEOUTS);
    plan.stage_limit
        .saturating_add(one_way.saturating_mul(2))
        .min(MAX)
}

fn stop_error(stop: Stop, limit: Duration) -> RunError {
    match stop {
        Stop::Cancelled => RunError::Cancelled { finished_by: None },
        Stop::TimeUp => RunError::OutOfTime { limit },
    }
}

#[cfg(test)]
mod tests;
