//! Finds the release that the rollback command means. It must exist, must have been healthy once, and must not be live.

use super::check::InitialState;
use crate::protocol::{Reason, ReleaseId, RollbackTargetError};
use crate::server::store::layout::Layout;
use crate::server::store::records::{self, Record, State};
use std::collections::BTreeMap;

/// The most releases that a message names.
const MAX_NAMED: usize = 5;

/// The releases whose folders exist, with their records.
struct KnownReleases {
    current: Option<ReleaseId>,
    previous: Option<ReleaseId>,
    releases: BTreeMap<ReleaseId, Option<Record>>,
}

/// The release that `to` names: by its id, or by the beginning of its commit hash. `None` means the previous good release.
pub(in crate::server) fn find(
    layout: &Layout,
    to: Option<&str>,
    before: &InitialState,
) -> Result<ReleaseId, Reason> {
    let releases = records::present(layout)
        .into_iter()
        .map(|id| (id, records::get(layout, id)))
        .collect();
    let known = KnownReleases {
        current: before.current,
        previous: before.previous,
        releases,
    };
    let wanted = to.map(str::trim).unwrap_or_default();
    let found = if wanted.is_empty() {
        known.previous_good()
    } else {
        known.named(wanted)
    };
    found.map_err(|error| Reason::NoSuchRelease {
        wanted: wanted.to_owned(),
        error,
    })
}

impl KnownReleases {
    fn is_good(&self, id: ReleaseId) -> bool {
        self.releases.get(&id).is_some_and(|record| {
            record
                .as_ref()
                .is_some_and(|record| record.state == State::Good)
        })
    }

    /// The release that `previous` leads to, else the newest one before the current one.
    fn previous_good(&self) -> Result<ReleaseId, RollbackTargetError> {
        let usable = |id: &ReleaseId| self.is_good(*id) && Some(*id) != self.current;
        let older = |id: &ReleaseId| self.current.is_none_or(|current| *id < current);
        let newest = || {
            self.releases
                .keys()
                .rev()
                .copied()
                .find(|id| usable(id) && older(id))
        };
        let found = self.previous.filter(usable).or_else(newest);
        found.ok_or(RollbackTargetError::NoneGood {
            current: self.current,
        })
    }

    /// An id is tried first, because it can look like the beginning of a hash.
    fn named(&self, wanted: &str) -> Result<ReleaseId, RollbackTargetError> {
        let id = wanted.parse().ok();
        match id.filter(|id| self.releases.contains_key(id)) {
            Some(id) => self.usable(id),
            None => self.of_commit(wanted),
        }
    }

    fn usable(&self, id: ReleaseId) -> Result<ReleaseId, RollbackTargetError> {
        if Some(id) == self.current {
            return Err(RollbackTargetError::Current(id));
        }
        match self.releases.get(&id) {
            Some(Some(record)) => match record.state {
                State::Good => Ok(id),
                State::Failed => Err(RollbackTargetError::Failed(id)),
                State::Complete => Err(RollbackTargetError::NeverLive(id)),
                State::Incomplete => Err(RollbackTargetError::Incomplete(id)),
            },
            Some(None) => Err(RollbackTargetError::NoRecord(id)),
            None => Err(RollbackTargetError::NotThere(id)),
        }
    }

    fn of_commit(&self, wanted: &str) -> Result<ReleaseId, RollbackTargetError> {
        let prefix = wanted.to_ascii_lowercase();
        if !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(RollbackTargetError::NotAnId);
        }
        let is_of = |record: &Record| {
            record
                .origin
                .commit
                .as_ref()
                .is_some_and(|commit| commit.starts_with(&prefix))
        };
        let all = self
            .releases
            .iter()
            .filter(|(_, record)| record.as_ref().is_some_and(is_of))
            .map(|(id, _)| *id);
        let (good, others): (Vec<_>, Vec<_>) = all.partition(|id| self.is_good(*id));
        match (good.as_slice(), others.last()) {
            ([only], _) => self.usable(*only),
            ([], Some(newest)) => self.usable(*newest),
            ([], None) => Err(RollbackTargetError::NoMatch),
            (several, _) => Err(self.ambiguous(several)),
        }
    }

    /// Newest first.
    fn ambiguous(&self, several: &[ReleaseId]) -> RollbackTargetError {
        RollbackTargetError::Ambiguous {
            releases: several.iter().rev().take(MAX_NAMED).copied().collect(),
            current: self.current.filter(|current| several.contains(current)),
            more: several.len() > MAX_NAMED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Origin;

    fn id(text: &str) -> ReleaseId {
        text.parse().unwrap()
    }

    /// `current` is 1700000300, `previous` 1700000100.
    fn known_releases() -> KnownReleases {
        let record = |(release, state, commit): (&str, State, &str)| {
            let origin = Origin {
                commit: Some(commit.to_owned()),
                ..Origin::default()
            };
            (id(release), Some(Record::new(id(release), state, origin)))
        };
        let all = [
            ("1700000000", State::Good, "abc0"),
            ("1700000100", State::Good, "abc1"),
            ("1700000200", State::Failed, "bad0"),
            ("1700000300", State::Good, "cafe"),
            ("1700000400", State::Incomplete, "dead"),
            ("1700000500", State::Complete, "feed"),
            ("1700000600", State::Good, "bad1"),
        ];
        let releases = all
            .map(record)
            .into_iter()
            .chain([(id("1600000000"), None)])
            .collect();
        KnownReleases {
            current: Some(id("1700000300")),
            previous: Some(id("1700000100")),
            releases,
        }
    }

    #[test]
    fn without_a_name_the_previous_good_release_is_meant() {
        let mut known = known_releases();
        assert_eq!(known.previous_good(), Ok(id("1700000100")));
        known.previous = Some(id("1700000600"));
        assert_eq!(
            known.previous_good(),
            Ok(id("1700000600")),
            "forward to a newer one"
        );
        for unusable in [None, known.current, Some(id("1700000200")), Some(id("1"))] {
            known.previous = unusable;
            assert_eq!(known.previous_good(), Ok(id("1700000100")), "{unusable:?}");
        }
        known.current = Some(id("1700000000"));
        assert!(known
            .previous_good()
            .unwrap_err()
            .to_string()
            .contains("1700000000"));
        known.current = None;
        assert_eq!(known.previous_good(), Ok(id("1700000600")));
    }

    #[test]
    fn only_a_good_release_that_is_not_live_is_a_rollback_target() {
        let all =
            "1700000000 abc1 ABC1 bad1 bad 1700000300 cafe 1700000200 bad0 1700000400 1700000500 feed 1600000000 \
                   1500000000 abc 0 v1.2";
        let known = known_releases();
        let text = |wanted: &str| match known.named(wanted) {
            Ok(id) => format!("{wanted} -> {id}"),
            Err(problem) => format!("{wanted}: {problem}"),
        };
        insta::assert_snapshot!(all.split(' ').map(text).collect::<Vec<_>>().join("\n"), @"
        1700000000 -> 1700000000
        abc1 -> 1700000100
        ABC1 -> 1700000100
        bad1 -> 1700000600
        bad -> 1700000600
        1700000300: 1700000300 is already current
        cafe: 1700000300 is already current
        1700000200: 1700000200 failed when it went live
        bad0: 1700000200 failed when it went live
        1700000400: 1700000400 is not complete
        1700000500: 1700000500 never went live, so it is unknown whether it works
        feed: 1700000500 never went live, so it is unknown whether it works
        1600000000: 1600000000 has no record, so it is unknown whether it works
        1500000000: no release on the server has this id or a commit that starts with it
        abc: several releases have such a commit; give an id: 1700000100, 1700000000
        0: no release on the server has this id or a commit that starts with it
        v1.2: this is neither a release id nor the start of a commit hash
        ");
    }
}
