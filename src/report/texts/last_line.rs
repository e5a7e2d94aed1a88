//! The last line of the log.

use super::live;
use crate::protocol::{End, Failure, Interruption, Outcome, Reason, RunError, Side, Step, Verdict};
use crate::report::Place;
use crate::text::amounts::{count, duration};
use crate::text::excerpt::excerpt;
use std::time::Duration;

/// The shortest interruption that is shown as a number.
const SHOWN: Duration = Duration::from_millis(100);

/// The last line of the log: the outcome, of what, what is live now, what failed, how long users were not served, how long
/// it took. The annotation above it has the cause.
#[must_use]
pub fn last_line(end: &End, place: &Place) -> String {
    let parts = [
        place.known_subject(),
        Some(now_live(end, place)),
        place.commits.clone(),
        in_brief(end),
        interrupted(end),
        Some(duration(end.took)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format!("{}: {}", end.outcome.word(), parts.join("; "))
}

/// The commit that a rollback made live, and the one that it replaced.
pub(in crate::report) fn restored(live: &str, old: Option<&str>) -> String {
    match old {
        Some(old) => format!("commit {live} replaced {old}"),
        None => format!("commit {live}"),
    }
}

/// What is live, without why a rollback failed.
fn now_live(end: &End, place: &Place) -> String {
    let state = live(end, place).to_string();
    let verdict = end.verdict.as_ref();
    match verdict.and_then(|verdict| verdict.rollback.as_ref()) {
        Some(failure) => state.replace(&format!(": {}", failure.why()), ""),
        None => state,
    }
}

/// `interruption: 0.9 s`, unless the rest says that nothing was begun, or that only a smoke test failed.
fn interrupted(end: &End) -> Option<String> {
    let verdict = end.verdict.as_ref()?;
    let tried = |failure: &Failure| failure.step == Step::SmokeTest;
    let is_tried = verdict.failure.as_ref().is_some_and(tried);
    let is_begun = verdict.switched || end.outcome == Outcome::Failed && !is_tried;
    let interruption = verdict.interruption.filter(|_| is_begun)?;
    Some(format!(
        "interruption: {}",
        self::interruption(interruption)
    ))
}

/// How long users were not served.
pub(in crate::report) fn interruption(interruption: Interruption) -> String {
    let took = interruption.duration();
    match interruption.is_none() {
        true => "none".to_owned(),
        false if took < SHOWN => format!("less than {}", duration(SHOWN)),
        false => duration(took),
    }
}

/// What failed, without the cause.
fn in_brief(end: &End) -> Option<String> {
    let verdict = end.verdict.as_ref().filter(|_| end.error.is_none())?;
    let failure = verdict.failure.as_ref()?;
    let release = verdict.release.as_ref();
    let release = release.map_or_else(|| "the deployment".to_owned(), ToString::to_string);
    match (&failure.reason, verdict.outcome) {
        (Reason::NotReady(found), _) => Some(count(found.len() as u64, "finding")),
        (Reason::NoSuchRelease { .. }, _) => Some("cannot roll back".to_owned()),
        (Reason::Interrupted | Reason::Cancelled, _) => Some(format!("{release} was interrupted")),
        (_, Outcome::Busy | Outcome::NotReady) => None,
        _ => {
            let unit = failure.unit.as_ref().map(excerpt);
            let unit = unit.map_or_else(String::new, |unit| format!(" ({unit})"));
            let step = match failure.step {
                Step::SmokeTest => "the smoke test".to_owned(),
                step => format!("to {step}"),
            };
            Some(format!("{release} failed {step}{unit}"))
        }
    }
}

/// What failed, in one sentence without a full stop; `None` if nothing did.
#[must_use]
pub fn what_happened(end: &End) -> Option<String> {
    let failed = end.verdict.as_ref().and_then(by_verdict);
    // a server that was told to stop does not know why
    end.error.as_ref().map(run_error).or(failed)
}

/// What failed on the runner or on the way, and on which side. The texts about connections name it themselves.
#[must_use]
pub fn run_error(error: &RunError) -> String {
    match error.side() {
        _ if !is_of_a_place(error) => error.to_string(),
        Side::Connection => error.to_string(),
        side @ (Side::Runner | Side::Server) => format!("{side}: {error}"),
    }
}

/// Whether it matters where it happened.
fn is_of_a_place(error: &RunError) -> bool {
    !matches!(
        error,
        RunError::OutOfTime { .. }
            | RunError::Overdue { .. }
            | RunError::Cancelled { .. }
            | RunError::Killed { .. }
            | RunError::Bug(_)
    )
}

fn by_verdict(verdict: &Verdict) -> Option<String> {
    let failure = verdict.failure.as_ref()?;
    Some(match (verdict.outcome, &verdict.release) {
        _ if matches!(failure.reason, Reason::NoSuchRelease { .. }) => {
            format!("cannot roll back: {}", failure.reason)
        }
        (Outcome::Busy | Outcome::NotReady, _) => failure.why(),
        (_, Some(id)) => format!("{id} {failure}"),
        (_, None) => format!("the deployment {failure}"),
    })
}

/// The title of the annotation: of what, and the outcome of a deployment or a listing.
#[must_use]
pub fn annotation_title(outcome: Outcome, place: &Place, is_listing: bool) -> String {
    let title = match is_listing {
        true => listing_title(outcome),
        false => title(outcome),
    };
    let Some(subject) = place.known_subject() else {
        return title.to_owned();
    };
    let mut letters = title.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    format!(
        "{subject}: {}{}",
        first.unwrap_or_default(),
        letters.as_str()
    )
}

/// The outcome of a run that lists releases, in two or three words.
#[must_use]
pub(in crate::report) fn listing_title(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Failed | Outcome::Unknown | Outcome::Cancelled => "Releases not read",
        _ => title(outcome),
    }
}

/// The outcome in two or three words.
#[must_use]
pub fn title(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Deployed => "Deployed",
        Outcome::Restored => "Restored",
        Outcome::Error => "Bug in deploy-action",
        Outcome::Invalid => "Invalid inputs",
        Outcome::Unreachable => "Server unreachable",
        Outcome::NotReady => "Not ready: something must be fixed first",
        Outcome::Failed => "Deployment failed",
        Outcome::RolledBack => "Deployment rolled back",
        Outcome::RollbackFailed => "Rollback failed",
        Outcome::Busy => "Another deployment is running",
        Outcome::Unknown => "Result unknown",
        Outcome::Cancelled => "Deployment cancelled",
        Outcome::Done => "Done",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{ends, place};

    #[test]
    fn the_last_line_says_the_outcome_and_what_is_live() {
        let all: Vec<_> = ends().iter().map(|end| last_line(end, &place())).collect();
        insta::assert_snapshot!(all.join("\n"), @"
        deployed: diting on web1.example; 1762147999 is live and healthy; interruption: 0.9 s; 21.4 s
        restored: diting on web1.example; 1762147685 is live and healthy; interruption: 0.9 s; 21.4 s
        restored: diting on web1.example; 1762147685 is live already and healthy, and nothing was switched or restarted; 21.4 s
        rolled-back: diting on web1.example; 1762147685 is live and healthy again; 1762147999 failed to verify; interruption: 4.6 s; 21.4 s
        rolled-back: diting on web1.example; 1762147685 is live and healthy again; 1762147999 was interrupted; interruption: 4.6 s; 21.4 s
        rollback-failed: diting on web1.example; users are not served: current is 1762147685, but not healthy; manual intervention required on web1.example; 1762147999 failed to verify; 21.4 s
        failed: diting on web1.example; no release to roll back to, and no release is live; 1762147999 failed to verify; 21.4 s
        failed: diting on web1.example; rolled back to 1762147685, which was not healthy before either; 1762147999 failed to verify; 21.4 s
        failed: diting on web1.example; no release to roll back to, and 1762147999, which failed, is still current; 1762147999 failed to verify; 21.4 s
        failed: diting on web1.example; 1762147685 is still live; 1762147999 failed to switch; 21.4 s
        failed: diting on web1.example; 1762147685 is still live; 1762147999 failed to install; interruption: none; 21.4 s
        failed: diting on web1.example; nothing was switched; no release is live yet; 1762147999 failed to install; 21.4 s
        not-ready: diting on web1.example; 1762147685 is still live; 47 findings; 21.4 s
        busy: diting on web1.example; this run changed nothing; the other deployment decides which release is live; 21.4 s
        not-ready: diting on web1.example; 1762147685 is still live; cannot roll back; 21.4 s
        failed: diting on web1.example; no user was affected: 1762147685 is still live; 1762147999 failed the smoke test; 21.4 s
        failed: diting on web1.example; no user was affected: nothing was live before; 1762147999 failed the smoke test; 21.4 s
        cancelled: diting on web1.example; 1762147685 is still live; 1762147999 was interrupted; 21.4 s
        error: diting on web1.example; it is unknown which release is live; on web1.example: readlink /opt/diting/current; 21.4 s
        failed: diting on web1.example; 1762147685 is still live; 21.4 s
        error: diting on web1.example; it is unknown which release is live; on web1.example: readlink /opt/diting/current; 12.3 s
        error: diting on web1.example; nothing was sent; the server still runs what it ran before; 12.3 s
        unknown: diting on web1.example; web1.example may still finish by itself: on the new release if it is healthy, otherwise on the old one; 12.3 s
        invalid: diting on web1.example; nothing was sent; the server still runs what it ran before; 12.3 s
        invalid: diting on web1.example; nothing was sent; the server still runs what it ran before; 12.3 s
        unreachable: diting on web1.example; nothing was changed; the server still runs what it ran before; 12.3 s
        not-ready: diting on web1.example; nothing was switched; the server still runs what it ran before; 12.3 s
        failed: diting on web1.example; nothing was switched; the server still runs what it ran before; 12.3 s
        failed: diting on web1.example; nothing was switched; the server still runs what it ran before; 12.3 s
        cancelled: diting on web1.example; nothing was switched; the server still runs what it ran before; 12.3 s
        unknown: diting on web1.example; web1.example finishes on its own by 2025-11-03 05:38:20 UTC: on the new release if it is healthy, otherwise on the old one; 12.3 s
        unknown: diting on web1.example; web1.example finishes on its own by 2025-11-03 05:38:20 UTC: on the new release if it is healthy, otherwise on the old one; 12.3 s
        unknown: diting on web1.example; it is unknown whether the deployment was begun; if it was, web1.example finishes it by itself: on the new release if it is healthy, otherwise on the old one; 12.3 s
        done: diting on web1.example; nothing was changed; 12.3 s
        ");
    }

    #[test]
    fn every_outcome_has_a_title() {
        let all = Outcome::ALL.map(|outcome| {
            let named = annotation_title(outcome, &place(), false);
            format!("{}: {} | {named}", outcome.word(), title(outcome))
        });
        let unknown = annotation_title(Outcome::Error, &Place::default(), false);
        assert_eq!(unknown, title(Outcome::Error));
        insta::assert_snapshot!(all.join("\n"), @"
        deployed: Deployed | diting on web1.example: deployed
        restored: Restored | diting on web1.example: restored
        error: Bug in deploy-action | diting on web1.example: bug in deploy-action
        invalid: Invalid inputs | diting on web1.example: invalid inputs
        unreachable: Server unreachable | diting on web1.example: server unreachable
        not-ready: Not ready: something must be fixed first | diting on web1.example: not ready: something must be fixed first
        failed: Deployment failed | diting on web1.example: deployment failed
        rolled-back: Deployment rolled back | diting on web1.example: deployment rolled back
        rollback-failed: Rollback failed | diting on web1.example: rollback failed
        busy: Another deployment is running | diting on web1.example: another deployment is running
        unknown: Result unknown | diting on web1.example: result unknown
        cancelled: Deployment cancelled | diting on web1.example: deployment cancelled
        done: Done | diting on web1.example: done
        ");
    }
}
