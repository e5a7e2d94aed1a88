//! Which release is live.

use super::quotes;
use crate::protocol::{End, Outcome, Reason, RunError, Step, Verdict};
use crate::report::Place;
use crate::text::amounts::utc;
use crate::text::Prose;

const UNSWITCHED: &str = "nothing was switched; the server still runs what it ran before";

/// What state the server is in now, in one sentence without a full stop.
#[must_use]
pub fn live(end: &End, place: &Place) -> Prose {
    state(end, place).and(not_undone(end, place))
}

/// What `before-switch` changed, if an older release is live.
fn not_undone(end: &End, place: &Place) -> Prose {
    let verdict = end.verdict.as_ref();
    let is_left = match verdict {
        Some(verdict) => verdict.leaves_changes(),
        None => place.before_switch && end.outcome != Outcome::Unknown,
    };
    if !is_left {
        return Prose::default();
    }
    let text =
        Prose::from("; what `before-switch` changed, such as a database schema, is not undone");
    match verdict.and_then(|verdict| verdict.live.as_ref()) {
        Some(live) => text.and(Prose::of(": {} now runs with it", [live])),
        None => text,
    }
}

fn state(end: &End, place: &Place) -> Prose {
    if let Some(verdict) = &end.verdict {
        return by_verdict(verdict, place);
    }
    match end.outcome {
        Outcome::Invalid => "nothing was sent; the server still runs what it ran before".into(),
        Outcome::Unreachable => {
            "nothing was changed; the server still runs what it ran before".into()
        }
        Outcome::Done => "nothing was changed".into(),
        Outcome::NotReady | Outcome::Busy | Outcome::Cancelled | Outcome::Failed => {
            UNSWITCHED.into()
        }
        Outcome::Unknown => finishes_by_itself(end.error.as_ref(), place),
        Outcome::Error
            if end
                .error
                .as_ref()
                .is_some_and(RunError::is_before_any_request) =>
        {
            "nothing was sent; the server still runs what it ran before".into()
        }
        Outcome::Deployed
        | Outcome::Restored
        | Outcome::RolledBack
        | Outcome::RollbackFailed
        | Outcome::Error => unknown(place),
    }
}

/// The same after a rollback, for the heading of a page.
pub(super) fn as_before(end: &End, verdict: &Verdict, place: &Place) -> Prose {
    id(verdict)
        .and(" is live")
        .and(watched(place))
        .and(", as before")
        .and(not_undone(end, place))
}

/// The same for the annotation, which may be longer: also where, and what was live before.
#[must_use]
pub fn now(end: &End, place: &Place) -> Prose {
    let verdict = end.verdict.as_ref();
    let Some(verdict) = verdict.filter(|verdict| verdict.outcome.is_success()) else {
        return live(end, place);
    };
    let state = state(end, place).and(Prose::of(" on {}", [&place.host]));
    let state = match &verdict.previous {
        Some(id) => state.and(Prose::of(" ({} before)", [&id])),
        None => state,
    };
    state.and(not_undone(end, place))
}

/// By the server's verdict.
fn by_verdict(verdict: &Verdict, place: &Place) -> Prose {
    match verdict.outcome {
        Outcome::Restored if !verdict.switched => id(verdict)
            .and(" is live already")
            .and(watched(place))
            .and(", and nothing was switched or restarted"),
        Outcome::Deployed | Outcome::Restored => id(verdict).and(" is live").and(watched(place)),
        Outcome::RolledBack => id(verdict)
            .and(" is live")
            .and(watched(place))
            .and(" again"),
        Outcome::RollbackFailed => by_hand(verdict, place),
        Outcome::Failed if verdict.switched => failed(verdict),
        Outcome::Busy => {
            "this run changed nothing; the other deployment decides which release is live".into()
        }
        Outcome::NotReady if verdict.live.is_none() => UNSWITCHED.into(),
        Outcome::Failed | Outcome::NotReady | Outcome::Cancelled => unchanged(verdict),
        Outcome::Unknown | Outcome::Error => unknown(place),
        Outcome::Invalid | Outcome::Unreachable | Outcome::Done => UNSWITCHED.into(),
    }
}

/// After a failed rollback, and why it failed.
fn by_hand(verdict: &Verdict, place: &Place) -> Prose {
    let state = rollback_failed(verdict);
    let state = match &verdict.rollback {
        Some(failure) => state.and(": ").and(quotes::failure(failure)),
        None => state,
    };
    state.and(Prose::of(
        "; manual intervention required on {}",
        [&place.host],
    ))
}

/// Only if the old release is what is live, it is known not to serve.
pub(super) fn rollback_failed(verdict: &Verdict) -> Prose {
    let why = verdict.rollback.as_ref().map(|failure| &failure.reason);
    match (&verdict.live, why) {
        (Some(live), _) if is_healthy_but_unrecorded(verdict) => Prose::of(
            "{} is live and was healthy, but could be neither recorded nor rolled back",
            [live],
        ),
        (Some(live), _) if verdict.live == verdict.release => Prose::of(
            "{}, which failed, is still current, because the rollback failed",
            [live],
        ),
        (Some(live), _) if verdict.live != verdict.previous => Prose::of(
            "current is {}, to which someone else pointed it, and nobody has checked its health",
            [live],
        ),
        (Some(live), Some(Reason::Io { .. })) => Prose::of(
            "current is {} again, but the rollback could not be completed",
            [live],
        ),
        (Some(live), _) => Prose::of(
            "users are not served: current is {}, but not healthy",
            [live],
        ),
        (None, _) => "users are not served: no release is live".into(),
    }
}

/// The new release is live, and only its commit failed.
pub(in crate::report) fn is_healthy_but_unrecorded(verdict: &Verdict) -> bool {
    let failed = verdict.failure.as_ref().map(|failure| failure.step);
    failed == Some(Step::Commit) && verdict.live.is_some() && verdict.live == verdict.release
}

/// Past the point of no return: nothing was switched after all, or there was no good release to roll back to.
fn failed(verdict: &Verdict) -> Prose {
    match (&verdict.live, &verdict.rollback) {
        (live, None) if *live != verdict.previous && *live != verdict.release => {
            changed_by_others(verdict)
        }
        (None, _) => "no release to roll back to, and no release is live".into(),
        (Some(live), _) if verdict.live == verdict.release => Prose::of(
            "no release to roll back to, and {}, which failed, is still current",
            [live],
        ),
        (Some(live), Some(_)) if verdict.live != verdict.previous => {
            Prose::of("current is {}, to which someone else pointed it", [live])
        }
        (Some(live), Some(_)) => Prose::of(
            "rolled back to {}, which was not healthy before either",
            [live],
        ),
        (Some(live), None) => Prose::of("{} is still live", [live]),
    }
}

/// Someone else has changed `current`.
fn changed_by_others(verdict: &Verdict) -> Prose {
    let now = match &verdict.live {
        Some(live) => Prose::of(
            "this run switched nothing, but someone else pointed current to {}",
            [live],
        ),
        None => "this run switched nothing, but current no longer leads to a release".into(),
    };
    match &verdict.previous {
        Some(previous) => now.and(Prose::of(" (it was {})", [previous])),
        None => now,
    }
}

fn unchanged(verdict: &Verdict) -> Prose {
    match &verdict.live {
        live if verdict.previous.is_some() && *live != verdict.previous => {
            changed_by_others(verdict)
        }
        live if is_harmless(verdict) => {
            let before = live
                .as_ref()
                .map(|live| Prose::of("{} is still live", [live]));
            Prose::from("no user was affected: ")
                .and(before.unwrap_or_else(|| "nothing was live before".into()))
        }
        Some(live) => Prose::of("{} is still live", [live]),
        None => "nothing was switched; no release is live yet".into(),
    }
}

/// The release failed the smoke test, and nothing of it is left that the live one uses.
fn is_harmless(verdict: &Verdict) -> bool {
    let failure = verdict.failure.as_ref();
    verdict.outcome == Outcome::Failed
        && failure.is_some_and(|it| it.step == Step::SmokeTest)
        && !verdict.leaves_changes()
}

/// By when the server finishes on its own, as this step of the run knows, or else the one before it.
pub(in crate::report) fn finished_by(error: Option<&RunError>, place: &Place) -> Option<u64> {
    let own = match error {
        Some(RunError::ConnectionLost { finished_by } | RunError::Cancelled { finished_by }) => {
            *finished_by
        }
        _ => None,
    };
    own.or(place.finished_by)
}

fn finishes_by_itself(error: Option<&RunError>, place: &Place) -> Prose {
    match error {
        Some(RunError::Overdue { .. }) => Prose::of(
            "{} may still finish by itself: on the new release if it is healthy, otherwise on the old one",
            [&place.host],
        ),
        Some(RunError::WentDown) => Prose::of(
            "the deployment is pending: the next run on {}, or the boot guard, restores the old release",
            [&place.host],
        ),
        Some(RunError::NoTrace) => unknown(place),
        _ => match finished_by(error, place) {
            Some(by) => Prose::of(
                "{} finishes on its own by {}: on the new release if it is healthy, otherwise on the old one",
                [&place.host, &utc(by)],
            ),
            None => Prose::of(
                "it is unknown whether the deployment was begun; if it was, {} finishes it by itself: on the new release if it is \
                 healthy, otherwise on the old one",
                [&place.host],
            ),
        },
    }
}

pub(super) fn unknown(place: &Place) -> Prose {
    let command = format!("readlink {}", place.below("current"));
    Prose::of(
        "it is unknown which release is live; on {}: ",
        [&place.host],
    )
    .and(Prose::verbatim(command))
}

fn watched(place: &Place) -> &'static str {
    match (&place.service, place.answered) {
        (Some(_), _) | (None, true) => " and healthy",
        (None, false) => "",
    }
}

fn id(verdict: &Verdict) -> Prose {
    match &verdict.live {
        Some(id) => Prose::of("{}", [&id]),
        None => "the release".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Failure, Interference, IoKind, Operation};
    use crate::report::tests::{by_error, by_verdict, ends, failed, id, place, verdict, NEW, OLD};

    const OTHER: &str = "1762140000";

    fn read_only() -> Reason {
        Reason::Io {
            operation: Operation::Rename,
            path: "/opt/diting/current".into(),
            error: "Read-only file system (os error 30)".into(),
            kind: IoKind::ReadOnly,
        }
    }

    fn moved() -> Reason {
        Reason::Interference(Interference::Current(id(OTHER)))
    }

    fn shown(end: &End) -> String {
        live(end, &place()).to_string()
    }

    /// What is said of a transaction that ended so.
    fn said(
        outcome: Outcome,
        is_live: Option<&str>,
        failure: Option<Failure>,
        rollback: Option<Failure>,
    ) -> String {
        let verdict = verdict(outcome, is_live, failure);
        shown(&by_verdict(Verdict {
            rollback,
            ..verdict
        }))
    }

    #[test]
    fn the_release_that_is_live_is_the_one_that_is_named() {
        use Outcome::{Failed, RollbackFailed};
        let back = |reason| failed(Step::RollBack, reason);
        let unhealthy = || failed(Step::Verify, Reason::NotRestarted);
        let all = [
            said(Failed, Some(OTHER), failed(Step::Switch, moved()), None),
            said(Failed, None, failed(Step::Switch, moved()), None),
            said(RollbackFailed, Some(OTHER), unhealthy(), back(moved())),
            said(RollbackFailed, Some(NEW), unhealthy(), back(read_only())),
            said(
                RollbackFailed,
                Some(NEW),
                failed(Step::Commit, read_only()),
                back(read_only()),
            ),
            said(RollbackFailed, Some(OLD), unhealthy(), back(read_only())),
            said(RollbackFailed, None, unhealthy(), back(read_only())),
            shown(&by_verdict(Verdict {
                switched: false,
                ..verdict(Failed, Some(OTHER), failed(Step::Install, moved()))
            })),
            shown(&by_error(Outcome::Unknown, Some(RunError::WentDown))),
            shown(&by_error(Outcome::Unknown, Some(RunError::NoTrace))),
        ];
        insta::assert_snapshot!(all.join("\n"), @"
        this run switched nothing, but someone else pointed current to 1762140000 (it was 1762147685)
        this run switched nothing, but current no longer leads to a release (it was 1762147685)
        current is 1762140000, to which someone else pointed it, and nobody has checked its health: someone else changed the server during the deployment: current now points to 1762140000; manual intervention required on web1.example
        1762147999, which failed, is still current, because the rollback failed: the server cannot rename a file to /opt/diting/current: Read-only file system (os error 30); manual intervention required on web1.example
        1762147999 is live and was healthy, but could be neither recorded nor rolled back: the server cannot rename a file to /opt/diting/current: Read-only file system (os error 30); manual intervention required on web1.example
        current is 1762147685 again, but the rollback could not be completed: the server cannot rename a file to /opt/diting/current: Read-only file system (os error 30); manual intervention required on web1.example
        users are not served: no release is live: the server cannot rename a file to /opt/diting/current: Read-only file system (os error 30); manual intervention required on web1.example
        this run switched nothing, but someone else pointed current to 1762140000 (it was 1762147685)
        the deployment is pending: the next run on web1.example, or the boot guard, restores the old release
        it is unknown which release is live; on web1.example: readlink /opt/diting/current
        ");
    }

    #[test]
    fn what_before_switch_changed_is_not_undone() {
        use Outcome::{Cancelled, Deployed, Failed, Restored, RollbackFailed, RolledBack};
        let unhealthy = || failed(Step::Verify, Reason::NotRestarted);
        let with = |outcome, is_live, failure| {
            let verdict = verdict(outcome, is_live, failure);
            let end = by_verdict(Verdict {
                before_switch: true,
                ..verdict
            });
            now(&end, &place()).to_string()
        };
        let lost = by_error(Cancelled, Some(RunError::Cancelled { finished_by: None }));
        let ran = Place {
            before_switch: true,
            ..place()
        };
        let all = [
            with(RolledBack, Some(OLD), unhealthy()),
            with(Failed, None, unhealthy()),
            with(RollbackFailed, Some(NEW), failed(Step::Commit, read_only())),
            with(Restored, Some(NEW), None),
            with(Deployed, Some(NEW), None),
            live(&lost, &ran).to_string(),
            live(&lost, &place()).to_string(),
        ];
        insta::assert_snapshot!(all.join("\n"), @"
        1762147685 is live and healthy again; what `before-switch` changed, such as a database schema, is not undone: 1762147685 now runs with it
        this run switched nothing, but current no longer leads to a release (it was 1762147685); what `before-switch` changed, such as a database schema, is not undone
        1762147999 is live and was healthy, but could be neither recorded nor rolled back; manual intervention required on web1.example
        1762147999 is live and healthy on web1.example (1762147685 before); what `before-switch` changed, such as a database schema, is not undone: 1762147999 now runs with it
        1762147999 is live and healthy on web1.example (1762147685 before)
        nothing was switched; the server still runs what it ran before; what `before-switch` changed, such as a database schema, is not undone
        nothing was switched; the server still runs what it ran before
        ");
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "the snapshot is long")]
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
        rollback-failed: users are not served: current is 1762147685, but not healthy: health refused the connection: no process listens there after 30 attempts in 1 min; manual intervention required on web1.example
        failed: no release to roll back to, and no release is live
        failed: rolled back to 1762147685, which was not healthy before either
        failed: no release to roll back to, and 1762147999, which failed, is still current
        failed: 1762147685 is still live
        failed: 1762147685 is still live
        failed: nothing was switched; no release is live yet
        not-ready: 1762147685 is still live
        busy: this run changed nothing; the other deployment decides which release is live
        not-ready: 1762147685 is still live
        failed: no user was affected: 1762147685 is still live
        failed: no user was affected: nothing was live before
        cancelled: 1762147685 is still live
        error: it is unknown which release is live; on web1.example: readlink /opt/diting/current
        failed: 1762147685 is still live
        error: it is unknown which release is live; on web1.example: readlink /opt/diting/current
        error: nothing was sent; the server still runs what it ran before
        unknown: web1.example may still finish by itself: on the new release if it is healthy, otherwise on the old one
        invalid: nothing was sent; the server still runs what it ran before
        invalid: nothing was sent; the server still runs what it ran before
        unreachable: nothing was changed; the server still runs what it ran before
        not-ready: nothing was switched; the server still runs what it ran before
        failed: nothing was switched; the server still runs what it ran before
        failed: nothing was switched; the server still runs what it ran before
        cancelled: nothing was switched; the server still runs what it ran before
        unknown: web1.example finishes on its own by 2025-11-03 05:38:20 UTC: on the new release if it is healthy, otherwise on the old one
        unknown: web1.example finishes on its own by 2025-11-03 05:38:20 UTC: on the new release if it is healthy, otherwise on the old one
        unknown: it is unknown whether the deployment was begun; if it was, web1.example finishes it by itself: on the new release if it is healthy, otherwise on the old one
        done: nothing was changed
        ");
        assert!(Outcome::ALL
            .iter()
            .all(|outcome| ends().iter().any(|end| end.outcome == *outcome)));
    }
}
