//! What to do next, for everything that can go wrong. Text and commands alternate; a command has a line of its own,
//! indented, to be copied.

mod app_access;
mod by_hand;
mod cause;
mod command;
mod connection;
mod finding;
mod health;
mod obstacle;
mod reason;
mod run_error;
mod shared;
mod smoke_test;
mod steps;
mod sudoers;
mod unit;

use by_hand::by_hand;
pub use finding::finding;
pub use reason::reason;
pub use run_error::run_error;
pub(super) use steps::steps;
pub use steps::{Advice, Hint};
pub(super) use sudoers::{sudoers, sudoers_line};

use super::texts::is_healthy_but_unrecorded;
use super::Place;
use crate::protocol::{End, FailedStart, LogPlace, Outcome, Scope, Verdict};

/// Most transactions take less, in seconds.
const LONGEST_TRANSACTION: u64 = 1800;

/// What to do about how the run ended.
#[must_use]
pub fn hint(end: &End, place: &Place) -> Hint {
    let why = why(end, place);
    match end.outcome {
        // what runs now is what counts, not the start that failed first
        Outcome::RollbackFailed => match &end.verdict {
            Some(verdict) if is_healthy_but_unrecorded(verdict) => why,
            verdict => by_hand(verdict.as_ref(), &about_now(place)).then(why),
        },
        Outcome::Error if why.is_empty() => run_error::report_it(),
        Outcome::Deployed
        | Outcome::Restored
        | Outcome::Error
        | Outcome::Invalid
        | Outcome::Unreachable
        | Outcome::NotReady
        | Outcome::Failed
        | Outcome::RolledBack
        | Outcome::Busy
        | Outcome::Unknown
        | Outcome::Cancelled
        | Outcome::Done => why,
    }
}

/// What to do about the cause; after a failed rollback, about that first.
fn why(end: &End, place: &Place) -> Hint {
    let of_verdict = |verdict: &Verdict| match (end.outcome, &verdict.rollback) {
        (Outcome::RollbackFailed, Some(failure)) => Some(reason(failure, &about_now(place))),
        _ => verdict
            .failure
            .as_ref()
            .map(|failure| reason(failure, &with_start(place, verdict))),
    };
    let own = end.error.as_ref().map(|error| match end.outcome {
        Outcome::Unknown => run_error::unfinished(error, place),
        _ => run_error(error, place),
    });
    own.or_else(|| end.verdict.as_ref().and_then(of_verdict))
        .unwrap_or_default()
}

fn about_now(place: &Place) -> Place {
    Place {
        about_now: true,
        ..place.clone()
    }
}

/// If only the verdict is known: the time in which the start that failed must have been.
fn with_start(place: &Place, verdict: &Verdict) -> Place {
    let start = || {
        let begun = verdict.at.saturating_sub(LONGEST_TRANSACTION);
        let created = verdict.release.as_ref();
        let created: Option<u64> = created.and_then(|id| id.to_string().parse().ok());
        FailedStart {
            since: created.map_or(begun, |created| created.clamp(begun, verdict.at)),
            until: verdict.at,
            log: match place.scope {
                Scope::System => LogPlace::Journal,
                Scope::User => LogPlace::ReadableJournal,
            },
            ..FailedStart::default()
        }
    };
    Place {
        start: place.start.clone().or_else(|| verdict.switched.then(start)),
        ..place.clone()
    }
}

#[cfg(test)]
mod tests;
