//! Which release is live.

use crate::protocol::{End, Outcome, RunError, Verdict};
use crate::report::Place;
use crate::text::amounts::utc;

const UNSWITCHED: &str = "nothing was switched; the server still runs what it ran before";

/// What state the server is in now, in one sentence without a full stop.
#[must_use]
pub fn live(end: &End, place: &Place) -> String {
    if let Some(verdict) = &end.verdict {
        return by_verdict(verdict, place);
    }
    match end.outcome {
        Outcome::Invalid => "nothing was sent; the server still runs what it ran before".to_owned(),
        Outcome::Unreachable => {
            "nothing was changed; the server still runs what it ran before".to_owned()
        }
        Outcome::NotReady | Outcome::Busy | Outcome::Cancelled | Outcome::Failed => {
            UNSWITCHED.to_owned()
        }
        Outcome::Unknown => finishes_by_itself(end.error.as_ref(), place),
        Outcome::Deployed
        | Outcome::Restored
        | Outcome::RolledBack
        | Outcome::RollbackFailed
        | Outcome::Error => unknown(place),
    }
}

/// The same for the annotation, which may be longer: also where, and what was live before.
#[must_use]
pub fn now(end: &End, place: &Place) -> String {
    let verdict = end
        .verdict
        .as_ref()
        .filter(|verdict| verdict.outcome.is_success());
    let before = verdict
        .and_then(|verdict| verdict.previous.as_ref())
        .map(|id| format!(", before it {id}"));
    match verdict {
        Some(_) => format!(
            "{} on {}{}",
            live(end, place),
            place.host,
            before.unwrap_or_default()
        ),
        None => live(end, place),
    }
}

/// By the server's verdict.
fn by_verdict(verdict: &Verdict, place: &Place) -> String {
    match verdict.outcome {
        Outcome::Restored if !verdict.switched => format!(
            "{} is live already{}, and nothing was switched or restarted",
            id(verdict),
            watched(place)
        ),
        Outcome::Deployed | Outcome::Restored => {
            format!("{} is live{}", id(verdict), watched(place))
        }
        Outcome::RolledBack => format!("{} is live{} again", id(verdict), watched(place)),
        Outcome::RollbackFailed => rollback_failed(verdict, place),
        Outcome::Failed if verdict.switched => failed(verdict),
        Outcome::Busy => {
            "this run changed nothing; the other deployment decides which release is live"
                .to_owned()
        }
        Outcome::NotReady if verdict.live.is_none() => UNSWITCHED.to_owned(),
        Outcome::Failed | Outcome::NotReady | Outcome::Cancelled => unchanged(verdict),
        Outcome::Unknown | Outcome::Error => unknown(place),
        Outcome::Invalid | Outcome::Unreachable => UNSWITCHED.to_owned(),
    }
}

fn rollback_failed(verdict: &Verdict, place: &Place) -> String {
    let why = verdict
        .rollback
        .as_ref()
        .map(|failure| format!(": {}", failure.reason))
        .unwrap_or_default();
    match &verdict.live {
        Some(live) => {
            format!(
                "current is {live}, but it is not healthy{why}; manual intervention required on {}",
                place.host
            )
        }
        None => format!(
            "no release is live{why}; manual intervention required on {}",
            place.host
        ),
    }
}

/// Past the point of no return: nothing was switched after all, or there was no good release to roll back to.
fn failed(verdict: &Verdict) -> String {
    match (&verdict.live, &verdict.rollback) {
        (None, _) => "no release to roll back to, and no release is live".to_owned(),
        (Some(live), _) if verdict.live == verdict.release => {
            format!("no release to roll back to, and {live}, which failed, is still current")
        }
        (Some(live), Some(_)) => {
            format!("rolled back to {live}, which was not healthy before either")
        }
        (Some(live), None) => format!("{live} is still live"),
    }
}

fn unchanged(verdict: &Verdict) -> String {
    match verdict.live.as_ref().or(verdict.previous.as_ref()) {
        Some(live) => format!("{live} is still live"),
        None => "nothing was switched; no release is live yet".to_owned(),
    }
}

fn finishes_by_itself(error: Option<&RunError>, place: &Place) -> String {
    match error {
        Some(
            RunError::ConnectionLost {
                finished_by: Some(by),
            }
            | RunError::Cancelled {
                finished_by: Some(by),
            },
        ) => {
            format!(
                "{} finishes by itself by {}: on the new release if it is healthy, otherwise on the old one",
                place.host,
                utc(*by)
            )
        }
        Some(RunError::WentDown) => format!(
            "the deployment is pending: the next run on {}, or the boot guard, restores the old release",
            place.host
        ),
        Some(RunError::NoTrace) => unknown(place),
        _ => format!(
            "it is unknown whether the deployment was begun; if it was, {} finishes it by itself: on the new release if it is \
             healthy, otherwise on the old one",
            place.host
        ),
    }
}

fn unknown(place: &Place) -> String {
    format!(
        "it is unknown which release is live; on {}: readlink {}",
        place.host,
        place.below("current")
    )
}

fn watched(place: &Place) -> &'static str {
    match (&place.service, place.answered) {
        (Some(_), _) | (None, true) => " and healthy",
        (None, false) => "",
    }
}

fn id(verdict: &Verdict) -> String {
    verdict
        .live
        .as_ref()
        .map_or_else(|| "the release".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{ends, place};

    #[test]
    fn every_outcome_says_what_state_the_server_is_in() {
        let all: Vec<_> = ends()
            .iter()
            .map(|end| format!("{}: {}", end.outcome.word(), live(end, &place())))
            .collect();
        insta::assert_snapshot!(all.join("\n"), @"
        deployed: 1762147999 is live and healthy
        restored: 1762147685 is live and healthy
        restored: 1762147685 is live already and healthy, and nothing was switched or restarted
        rolled-back: 1762147685 is live and healthy again
        rolled-back: 1762147685 is live and healthy again
        rollback-failed: current is 1762147685, but it is not healthy: health refused the connection: no process listens there after 30 attempts in 1 min; manual intervention required on web1.example
        failed: no release to roll back to, and no release is live
        failed: rolled back to 1762147685, which was not healthy before either
        failed: no release to roll back to, and 1762147999, which failed, is still current
        failed: 1762147685 is still live
        failed: 1762147685 is still live
        failed: nothing was switched; no release is live yet
        not-ready: 1762147685 is still live
        busy: this run changed nothing; the other deployment decides which release is live
        failed: 1762147685 is still live
        cancelled: 1762147685 is still live
        error: it is unknown which release is live; on web1.example: readlink /opt/diting/current
        failed: 1762147685 is still live
        error: it is unknown which release is live; on web1.example: readlink /opt/diting/current
        invalid: nothing was sent; the server still runs what it ran before
        invalid: nothing was sent; the server still runs what it ran before
        unreachable: nothing was changed; the server still runs what it ran before
        not-ready: nothing was switched; the server still runs what it ran before
        failed: nothing was switched; the server still runs what it ran before
        failed: nothing was switched; the server still runs what it ran before
        cancelled: nothing was switched; the server still runs what it ran before
        unknown: web1.example finishes by itself by 2025-11-03 05:38:20 UTC: on the new release if it is healthy, otherwise on the old one
        unknown: web1.example finishes by itself by 2025-11-03 05:38:20 UTC: on the new release if it is healthy, otherwise on the old one
        unknown: web1.example finishes by itself: on the new release if it is healthy, otherwise on the old one
        ");
        assert!(Outcome::ALL
            .iter()
            .all(|outcome| ends().iter().any(|end| end.outcome == *outcome)));
    }
}
