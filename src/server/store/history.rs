//! Which release may have been live when a process started, found in the journal of attempts.

use super::journal;
use super::layout::Layout;
use super::links;
use super::records;
use crate::protocol::{ListedAttempt, ReleaseId};
use std::collections::BTreeSet;
use std::time::Duration;

/// When a process started of which nothing else can be seen, since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) struct Start {
    pub(in crate::server) earliest: Duration,
    pub(in crate::server) latest: Duration,
}

/// The releases that one of these processes may have been started from.
pub(super) fn live_at(layout: &Layout, starts: &[Start]) -> BTreeSet<ReleaseId> {
    let mut attempts = journal::last(layout, usize::MAX);
    attempts.reverse();
    let existed =
        |id: &ReleaseId, at: Duration| records::began(layout, id).is_none_or(|began| began <= at);
    let mut found = BTreeSet::new();
    for start in starts {
        let known = candidates(&attempts, *start);
        let all = known.unwrap_or_else(|| records::present(layout).into_iter().collect());
        found.extend(all.into_iter().filter(|id| existed(id, start.latest)));
        // `current` may have been changed by hand since
        found.extend(links::live(layout));
    }
    found
}

/// What was live between two attempts is what the first one left; during an attempt, it may be its release. `None`: the
/// process may be older than the journal. Clocks are set back, so no order is relied on.
fn candidates(attempts: &[ListedAttempt], start: Start) -> Option<Vec<ReleaseId>> {
    let may_precede = |attempt: &ListedAttempt| attempt.at <= start.latest.as_secs();
    let may_follow = |attempt: &ListedAttempt| attempt.at >= start.earliest.as_secs();
    if attempts.first().is_none_or(may_follow) {
        return None;
    }
    let following = attempts.iter().skip(1).map(Some).chain([None]);
    let mut found = Vec::new();
    for (attempt, next) in attempts.iter().zip(following) {
        if may_precede(attempt) && next.is_none_or(may_follow) {
            let next = next
                .into_iter()
                .flat_map(|next| [&next.release, &next.live]);
            found.extend(next.chain([&attempt.live]).flatten().cloned());
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Origin, Outcome};

    fn attempt((at, release, live): (u64, &str, &str)) -> ListedAttempt {
        ListedAttempt {
            at,
            outcome: Outcome::Deployed,
            release: release.parse().ok(),
            live: live.parse().ok(),
            origin: Origin::default(),
        }
    }

    fn found(attempts: &[(u64, &str, &str)], earliest: u64, latest: u64) -> String {
        let attempts: Vec<_> = attempts.iter().copied().map(attempt).collect();
        let [earliest, latest] = [earliest, latest].map(Duration::from_secs);
        match candidates(&attempts, Start { earliest, latest }) {
            Some(found) => BTreeSet::from_iter(found.iter().map(ToString::to_string))
                .into_iter()
                .collect::<Vec<_>>()
                .join(" "),
            None => "unknown".to_owned(),
        }
    }

    #[test]
    fn what_was_live_at_a_start_is_known_from_the_attempts() {
        let all = [
            (100, "a", "a"),
            (200, "b", "b"),
            (300, "failed", "b"),
            (400, "c", "c"),
        ];
        assert_eq!(found(&all, 50, 51), "unknown");
        assert_eq!(found(&all, 100, 101), "unknown");
        assert_eq!(found(&all, 150, 151), "a b");
        assert_eq!(found(&all, 250, 251), "b failed");
        assert_eq!(found(&all, 350, 351), "b c");
        assert_eq!(found(&all, 400, 401), "b c");
        assert_eq!(found(&all, 500, 501), "c");
        assert_eq!(found(&all, 150, 500), "a b c failed");
        assert_eq!(found(&[], 1, 2), "unknown");
        // the clock was set back
        let back = [(100, "a", "a"), (200, "b", "b"), (120, "c", "c")];
        assert_eq!(found(&back, 150, 151), "a b c");
    }
}
