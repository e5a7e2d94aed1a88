//! What a run that was followed comes to. Nothing is claimed that is not proven: once the server had all it needs, only
//! its own word tells that it did not switch.

use super::channel::{Followed, Why};
use super::progress::Reached;
use super::watch::{Early, Stop};
use crate::protocol::{End, Outcome, Plan, Reason, Trouble, Verdict};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A unit's stop and start time-outs, as systemd has them where nobody says otherwise. Only for a deadline that the
/// server did not come to tell.
const UNIT_TIMEOUTS: Duration = Duration::from_secs(2 * 90);

/// How a run ends: its outcome, the server's word, and what went wrong on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conclusion {
    pub(super) outcome: Outcome,
    pub(super) verdict: Option<Verdict>,
    pub(super) trouble: Option<Trouble>,
}

impl Conclusion {
    fn without_verdict(outcome: Outcome, trouble: Trouble) -> Self {
        Self {
            outcome,
            verdict: None,
            trouble: Some(trouble),
        }
    }

    /// Where nothing was sent yet; `limit` is that of the run.
    pub(super) fn early(early: Early, limit: Duration) -> Self {
        let trouble = match early {
            Early::Trouble(trouble) => trouble,
            Early::Stop(stop) => trouble_of(stop, limit),
        };
        Self::without_verdict(outcome_of(&trouble), trouble)
    }

    pub(super) fn end(self, took: Duration) -> End {
        End {
            outcome: self.outcome,
            verdict: self.verdict,
            trouble: self.trouble,
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
                Why::Trouble(trouble) => in_trouble(trouble, finished_by),
                Why::Stop(stop) => stopped(stop, finished_by, known.limit),
                Why::Closed(said) => closed(said, reached, greeted, known),
            }
        }
    })
}

/// The server's word is the outcome; only that it stopped because *our* time was up, it can't know.
fn decided(mut verdict: Verdict, stop: Option<Stop>, limit: Duration) -> Conclusion {
    if stop == Some(Stop::TimeUp) && verdict.outcome == Outcome::Cancelled {
        let trouble = Some(Trouble::OutOfTime { limit });
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
            trouble,
        };
    }
    Conclusion {
        outcome: verdict.outcome,
        verdict: Some(verdict),
        trouble: None,
    }
}

fn in_trouble(trouble: Trouble, finished_by: Option<u64>) -> Conclusion {
    let outcome = match (finished_by, &trouble) {
        (Some(_), _) => Outcome::Unknown,
        (None, Trouble::Bug { .. }) => Outcome::Error,
        (None, _) => Outcome::Failed,
    };
    Conclusion::without_verdict(outcome, trouble)
}

fn stopped(stop: Stop, finished_by: Option<u64>, limit: Duration) -> Conclusion {
    let trouble = match stop {
        Stop::Cancelled => Trouble::Cancelled { finished_by },
        Stop::TimeUp if finished_by.is_some() => Trouble::LineCut { finished_by },
        Stop::TimeUp => Trouble::OutOfTime { limit },
    };
    let outcome = if finished_by.is_some() {
        Outcome::Unknown
    } else {
        outcome_of(&trouble)
    };
    Conclusion::without_verdict(outcome, trouble)
}

fn closed(said: Vec<u8>, reached: Reached, greeted: bool, known: Known<'_>) -> Conclusion {
    let by_itself = known.stands && !matches!(reached, Reached::PointOfNoReturn { .. });
    if by_itself {
        let (operation, outcome) = match (greeted, reached) {
            // its first word comes before anything else it does
            (false, _) => ("start", Outcome::NotReady),
            (true, Reached::Nothing) => ("finish", Outcome::Failed),
            // what it started may go on, and its word of that may have died with it
            (true, _) => ("finish", Outcome::Unknown),
        };
        let operation = operation.to_owned();
        return Conclusion::without_verdict(outcome, Trouble::ServerPart { operation, said });
    }
    let finished_by = finished_by(reached, known);
    let outcome = if finished_by.is_some() {
        Outcome::Unknown
    } else {
        Outcome::Failed
    };
    Conclusion::without_verdict(outcome, Trouble::LineCut { finished_by })
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

fn trouble_of(stop: Stop, limit: Duration) -> Trouble {
    match stop {
        Stop::Cancelled => Trouble::Cancelled { finished_by: None },
        Stop::TimeUp => Trouble::OutOfTime { limit },
    }
}

/// The outcome of a trouble before the point of no return.
fn outcome_of(trouble: &Trouble) -> Outcome {
    match trouble {
        Trouble::Key { .. } | Trouble::Passphrase | Trouble::Source { .. } => Outcome::Invalid,
        Trouble::Connection { .. } => Outcome::Unreachable,
        Trouble::Tool { .. } | Trouble::ServerPart { .. } | Trouble::NoBinary { .. } => {
            Outcome::NotReady
        }
        Trouble::Protocol { .. } | Trouble::LineCut { .. } | Trouble::OutOfTime { .. } => {
            Outcome::Failed
        }
        Trouble::Cancelled { .. } => Outcome::Cancelled,
        Trouble::Bug { .. } => Outcome::Error,
    }
}

#[cfg(test)]
mod tests;
