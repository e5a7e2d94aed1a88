//! What a run that was followed comes to. Nothing is claimed that is not proven: once the server had all it needs, only
//! its own word tells that it did not switch.

use super::channel::{Followed, Why};
use super::progress::Reached;
use super::watch::{Early, Stop};
use crate::protocol::{End, Outcome, Plan, Reason, RunError, ServerPartError, Verdict};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A unit's stop and start time-outs, as systemd has them where nobody says otherwise. Only for a deadline that the
/// server did not come to tell.
const UNIT_TIMEOUTS: Duration = Duration::from_secs(2 * 90);

/// How a run ends: its outcome, the server's word, and what went wrong on the way.
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

    /// Where nothing was sent yet; `limit` is that of the run.
    pub(super) fn early(early: Early, limit: Duration) -> Self {
        let error = match early {
            Early::Error(error) => error,
            Early::Stop(stop) => stop_error(stop, limit),
        };
        Self::without_verdict(outcome_of(&error), error)
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

/// What is known beside what was followed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) plan: &'a Plan,
    /// For everything before the point of no return.
    pub(super) limit: Duration,
    /// Whether the connection still stands, and so the server part ended by itself.
    pub(super) stands: bool,
    pub(super) now: SystemTime,
}

/// What `followed` comes to; `None` where the server part is missing and nothing has ended.
pub(super) fn conclude(followed: Followed, known: Known<'_>) -> Option<Conclusion> {
    Some(match followed {
        Followed::Missing(_) => return None,
        Followed::Verdict(verdict, stop) => decided(*verdict, stop, known.limit),
        Followed::Lost {
            reached,
            greeted,
            why,
        } => {
            let finished_by = finished_by(reached, known);
            match why {
                Why::Error(error) => after_error(error, finished_by),
                Why::Stop(stop) => stopped(stop, finished_by, known.limit),
                Why::Closed(output) => closed(output, reached, greeted, known),
            }
        }
    })
}

/// The server's word is the outcome; only that it stopped because *our* time was up, it can't know.
fn decided(mut verdict: Verdict, stop: Option<Stop>, limit: Duration) -> Conclusion {
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
        (None, RunError::Bug(_)) => Outcome::Error,
        (None, _) => Outcome::Failed,
    };
    Conclusion::without_verdict(outcome, error)
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
        outcome_of(&error)
    };
    Conclusion::without_verdict(outcome, error)
}

fn closed(output: Vec<u8>, reached: Reached, greeted: bool, known: Known<'_>) -> Conclusion {
    let by_itself = known.stands && !matches!(reached, Reached::PointOfNoReturn { .. });
    if by_itself {
        let (error, outcome) = match (greeted, reached) {
            // its first word comes before anything else it does
            (false, _) => (ServerPartError::Start, Outcome::NotReady),
            (true, Reached::Nothing) => (ServerPartError::Finish, Outcome::Failed),
            // what it started may go on, and its word of that may have died with it
            (true, _) => (ServerPartError::Finish, Outcome::Unknown),
        };
        return Conclusion::without_verdict(outcome, RunError::ServerPart { error, output });
    }
    let finished_by = finished_by(reached, known);
    let outcome = if finished_by.is_some() {
        Outcome::Unknown
    } else {
        Outcome::Failed
    };
    Conclusion::without_verdict(outcome, RunError::ConnectionLost { finished_by })
}

/// Epoch seconds by which the server has finished alone; `None` where it can't have passed the point of no return.
fn finished_by(reached: Reached, known: Known<'_>) -> Option<u64> {
    let latest = match reached {
        Reached::Nothing => return None,
        Reached::Complete => known.now + longest(known.plan),
        Reached::PointOfNoReturn { finished_by } => finished_by,
    };
    Some(
        latest
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs(),
    )
}

/// A guess at the longest that the server can take alone: staging, then the transaction there and back.
fn longest(plan: &Plan) -> Duration {
    const AT_MOST: Duration = Duration::from_secs(7 * 24 * 3600);
    let verification = plan
        .verification
        .timeout
        .saturating_add(plan.verification.settle);
    let way = verification.saturating_add(UNIT_TIMEOUTS);
    plan.stage_limit
        .saturating_add(way.saturating_mul(2))
        .min(AT_MOST)
}

fn stop_error(stop: Stop, limit: Duration) -> RunError {
    match stop {
        Stop::Cancelled => RunError::Cancelled { finished_by: None },
        Stop::TimeUp => RunError::OutOfTime { limit },
    }
}

/// The outcome of an error before the point of no return.
fn outcome_of(error: &RunError) -> Outcome {
    match error {
        RunError::Key { .. } | RunError::Passphrase | RunError::Source { .. } => Outcome::Invalid,
        RunError::Connection { .. } => Outcome::Unreachable,
        RunError::Tool { .. } | RunError::ServerPart { .. } | RunError::NoBinary { .. } => {
            Outcome::NotReady
        }
        RunError::Protocol(_) | RunError::ConnectionLost { .. } | RunError::OutOfTime { .. } => {
            Outcome::Failed
        }
        RunError::Cancelled { .. } => Outcome::Cancelled,
        RunError::Bug(_) => Outcome::Error,
    }
}

#[cfg(test)]
mod tests;
