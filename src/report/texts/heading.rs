//! What the first lines of a page say about the state of the server.

use super::failed::in_words;
use super::live::{as_before, finished_by, live, rollback_failed};
use crate::protocol::{End, Outcome, RunError, Verdict};
use crate::report::place::Place;
use crate::text::amounts::utc;
use crate::text::Prose;

/// Characters that fit into the first line.
const MOST: usize = 80;

/// The state of the server, over two lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::report) struct Heading {
    /// For the first line.
    pub(in crate::report) state: Prose,
    /// What someone must do at once.
    pub(in crate::report) urgent: Option<Prose>,
    /// A sentence for the second line.
    pub(in crate::report) more: Option<Prose>,
}

/// The name of the server stands before it.
#[must_use]
pub(in crate::report) fn heading(end: &End, place: &Place) -> Heading {
    match &end.verdict {
        Some(verdict) if verdict.outcome == Outcome::RollbackFailed => by_hand(verdict, place),
        Some(verdict) if verdict.outcome == Outcome::RolledBack => {
            split(as_before(end, verdict, place))
        }
        None if end.outcome == Outcome::Unknown => unknown(end.error.as_ref(), place),
        _ => split(live(end, place)),
    }
}

/// A second statement has its own line, and what would make the first one too long.
fn split(state: Prose) -> Heading {
    let (mut state, mut more) = state.split_at(&["; "]);
    if more.is_none() && state.to_string().chars().count() > MOST {
        (state, more) = state.split_at(&[": "]);
    }
    Heading {
        state,
        more,
        ..Heading::default()
    }
}

fn by_hand(verdict: &Verdict, place: &Place) -> Heading {
    let (state, now) = rollback_failed(verdict).split_at(&[": "]);
    let why = verdict.rollback.as_ref().map(in_words);
    let more = match (now, why) {
        (Some(now), Some(why)) => Some(now.and(": ").and(why)),
        (now, why) => now.or(why),
    };
    let urgent = Prose::of("Manual intervention required on {}", [&place.host]);
    Heading {
        state,
        urgent: Some(urgent),
        more,
    }
}

fn unknown(error: Option<&RunError>, place: &Place) -> Heading {
    let host = &place.host;
    let (state, more) = match (error, finished_by(error, place)) {
        (Some(RunError::NoTrace), _) => return split(super::live::unknown(place)),
        (Some(RunError::WentDown), _) => (
            "the server went down during the deployment".into(),
            Prose::of(
                "the next run on {}, or the boot guard, restores the old release",
                [host],
            ),
        ),
        (Some(RunError::Overdue { .. }), _) => (
            Prose::of("{} may still finish on its own", [host]),
            "if it does, the new release is live if it is healthy, otherwise the old one".into(),
        ),
        (_, Some(by)) => (
            Prose::of("{} finishes on its own", [host]),
            Prose::of(
                "after {} the new release is live if it is healthy, otherwise the old one",
                [&utc(by)],
            ),
        ),
        (_, None) => (
            "it is unknown whether the deployment was begun".into(),
            Prose::of(
                "if it was, {} finishes on its own: the new release is live if it is healthy, otherwise the old one",
                [host],
            ),
        ),
    };
    Heading {
        state,
        more: Some(more),
        ..Heading::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Reason, Step};
    use crate::report::tests::{by_error, by_verdict, failed, place, verdict, OLD};

    fn shown(end: &End) -> String {
        let Heading {
            state,
            urgent,
            more,
        } = heading(end, &place());
        let lines = [Some(state), urgent, more];
        let lines: Vec<_> = lines.iter().flatten().map(Prose::to_string).collect();
        lines.join(" | ")
    }

    #[test]
    fn the_first_line_is_short_and_the_second_one_a_whole_sentence() {
        let lost = |finished_by| Some(RunError::Cancelled { finished_by });
        let all = [
            by_error(Outcome::Unknown, lost(Some(1_762_148_000))),
            by_error(Outcome::Unknown, lost(None)),
            by_error(Outcome::Unknown, Some(RunError::WentDown)),
            by_error(Outcome::Unknown, Some(RunError::NoTrace)),
            by_error(Outcome::Unreachable, None),
            by_verdict(Verdict {
                rollback: failed(Step::RollBack, Reason::NotRestarted),
                ..verdict(
                    Outcome::RollbackFailed,
                    Some(OLD),
                    failed(Step::Verify, Reason::NotRestarted),
                )
            }),
        ];
        insta::assert_snapshot!(all.iter().map(shown).collect::<Vec<_>>().join("\n"), @"
        web1.example finishes on its own | after 2025-11-03 05:33:20 UTC the new release is live if it is healthy, otherwise the old one
        it is unknown whether the deployment was begun | if it was, web1.example finishes on its own: the new release is live if it is healthy, otherwise the old one
        the server went down during the deployment | the next run on web1.example, or the boot guard, restores the old release
        it is unknown which release is live | on web1.example: readlink /opt/diting/current
        nothing was changed | the server still runs what it ran before
        users are not served | Manual intervention required on web1.example | current is 1762147685, but not healthy: the unit on the server still runs the old process
        ");
    }
}
