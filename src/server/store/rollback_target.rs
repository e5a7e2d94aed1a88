//! Finds the release that the rollback command means. It must exist and must have been healthy once, unless it is live.

use super::layout::Layout;
use super::links;
use super::records::{self, Record, State};
use crate::protocol::{Reason, ReleaseId, RollbackTargetError};
use std::collections::BTreeMap;

/// The most releases that a message names.
const MAX_NAMED: usize = 5;

/// The releases whose folders exist, with their records.
struct KnownReleases {
    current: Option<ReleaseId>,
    previous: Option<ReleaseId>,
    releases: BTreeMap<ReleaseId, Option<Record>>,
}

/// Where a rollback leads.
pub(in crate::server) enum Target {
    /// To this release.
    Earlier(ReleaseId),
    /// It is live already.
    Live(ReleaseId),
}

/// The release that `to` names: by its id, or by the beginning of its commit hash. `None` means the previous good release.
pub(in crate::server) fn find(layout: &Layout, to: Option<&str>) -> Result<Target, Reason> {
    let wanted = to.map(str::trim).unwrap_or_default();
    // a folder that was not taken over is no release; the message says why it is none
    let named = wanted.parse().ok();
    let named = named.filter(|id| records::has_folder(layout, id));
    let mut releases = BTreeMap::new();
    releases.extend(
        records::present(layout)
            .into_iter()
            .chain(named)
            .map(|id| (id.clone(), records::get(layout, &id))),
    );
    let known = KnownReleases {
        current: links::live(layout),
        previous: links::previous(layout),
        releases,
    };
    let found = if wanted.is_empty() {
        known.previous_good()
    } else {
        known.named(wanted)
    };
    match found {
        Ok(release) => Ok(Target::Earlier(release.clone())),
        Err(RollbackTargetError::Current(release)) => Ok(Target::Live(release)),
        Err(error) => Err(Reason::NoSuchRelease {
            wanted: wanted.to_owned(),
            error,
        }),
    }
}

impl KnownReleases {
    fn is_good(&self, id: &ReleaseId) -> bool {
        let record = self.releases.get(id).and_then(Option::as_ref);
        record.is_some_and(|record| record.state == State::Good)
    }

    /// The release that `previous` leads to, else the newest one before the current one.
    fn previous_good(&self) -> Result<&ReleaseId, RollbackTargetError> {
        let current = self.current.as_ref();
        let usable = |id: &&ReleaseId| self.is_good(id) && Some(*id) != current;
        let older = |id: &&ReleaseId| current.is_none_or(|current| *id < current);
        let all = self.releases.keys().rev();
        let newest = || all.filter(older).find(usable);
        let found = self.previous.as_ref().filter(usable).or_else(newest);
        found.ok_or_else(|| RollbackTargetError::NoneGood {
            current: self.current.clone(),
        })
    }

    /// An id is tried first, because it can look like the beginning of a hash.
    fn named(&self, wanted: &str) -> Result<&ReleaseId, RollbackTargetError> {
        let id = wanted.parse().map_err(|_| RollbackTargetError::NotAnId)?;
        match self.releases.get_key_value(&id) {
            Some((id, record)) => self.usable(id, record.as_ref()),
            None => self.of_commit(wanted),
        }
    }

    fn usable<'a>(
        &self,
        id: &'a ReleaseId,
        record: Option<&Record>,
    ) -> Result<&'a ReleaseId, RollbackTargetError> {
        let refused = match record.map(|record| record.state) {
            _ if Some(id) == self.current.as_ref() => RollbackTargetError::Current,
            Some(State::Good) => return Ok(id),
            Some(State::Failed) => RollbackTargetError::Failed,
            Some(State::Complete) => RollbackTargetError::NeverLive,
            Some(State::Incomplete) => RollbackTargetError::Incomplete,
            None => RollbackTargetError::NoRecord,
        };
        Err(refused(id.clone()))
    }

    fn of_commit(&self, wanted: &str) -> Result<&ReleaseId, RollbackTargetError> {
        let prefix = wanted.to_ascii_lowercase();
        let is_of = |(id, record): &(&ReleaseId, &Option<Record>)| {
            let recorded = record.as_ref().and_then(|it| it.origin.commit.as_ref());
            let name = id.is_commit().then(|| id.to_string().to_ascii_lowercase());
            recorded
                .or(name.as_ref())
                .is_some_and(|commit| commit.starts_with(&prefix))
        };
        let all = self.releases.iter().filter(is_of);
        let (good, others): (Vec<_>, Vec<_>) = all.partition(|(id, _)| self.is_good(id));
        match (good.as_slice(), others.last()) {
            ([(id, record)], _) => self.usable(id, record.as_ref()),
            ([], Some((id, record))) => self.usable(id, record.as_ref()),
            ([], None) => Err(RollbackTargetError::NoMatch),
            (several, _) => Err(self.ambiguous(several.iter().map(|(id, _)| *id).collect())),
        }
    }

    /// Newest first.
    fn ambiguous(&self, several: Vec<&ReleaseId>) -> RollbackTargetError {
        let current = self
            .current
            .as_ref()
            .filter(|current| several.contains(current));
        RollbackTargetError::Ambiguous {
            releases: several
                .iter()
                .rev()
                .take(MAX_NAMED)
                .copied()
                .cloned()
                .collect(),
            current: current.cloned(),
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
        assert_eq!(known.previous_good(), Ok(&id("1700000100")));
        known.previous = Some(id("1700000600"));
        assert_eq!(
            known.previous_good(),
            Ok(&id("1700000600")),
            "forward to a newer one"
        );
        for unusable in [
            None,
            known.current.clone(),
            Some(id("1700000200")),
            Some(id("1")),
        ] {
            known.previous = unusable;
            let previous = &known.previous;
            assert_eq!(known.previous_good(), Ok(&id("1700000100")), "{previous:?}");
        }
        known.current = Some(id("1700000000"));
        assert!(known
            .previous_good()
            .unwrap_err()
            .to_string()
            .contains("1700000000"));
        known.current = None;
        assert_eq!(known.previous_good(), Ok(&id("1700000600")));
    }

    /// What Capistrano and others created, taken over.
    fn taken_over() -> KnownReleases {
        let commit = format!("3f2a1bc{}", "0".repeat(33));
        let all = [
            "20251127101010",
            "20251128101010",
            "abcd",
            "v1.4.2",
            &commit,
        ];
        let mut known = known_releases();
        let record = |name: &str| (id(name), Some(Record::taken_over(id(name))));
        known.releases.extend(all.map(record));
        known.releases.insert(id("backup"), None);
        known
    }

    #[test]
    fn what_was_taken_over_is_a_rollback_target_by_its_name() {
        let all = "20251128101010 v1.4.2 abcd 3f2a1bc 3F2A1BC0 2025 v1.4 backup other abc0";
        let known = taken_over();
        let text = |wanted: &str| match known.named(wanted) {
            Ok(id) => format!("{wanted} -> {id}"),
            Err(problem) => format!("{wanted}: {problem}"),
        };
        insta::assert_snapshot!(all.split(' ').map(text).collect::<Vec<_>>().join("\n"), @"
        20251128101010 -> 20251128101010
        v1.4.2 -> v1.4.2
        abcd -> abcd
        3f2a1bc -> 3f2a1bc000000000000000000000000000000000
        3F2A1BC0 -> 3f2a1bc000000000000000000000000000000000
        2025: no release on the server has this id or a commit that starts with it
        v1.4: no release on the server has this id or a commit that starts with it
        backup: backup has no record, so it is unknown whether it works
        other: no release on the server has this id or a commit that starts with it
        abc0 -> 1700000000
        ");
    }

    #[test]
    fn a_numbered_release_is_newer_than_what_was_taken_over() {
        let mut known = taken_over();
        known.previous = None;
        known.current = Some(id("1700000000"));
        assert_eq!(known.previous_good(), Ok(&id("v1.4.2")));
        known.current = Some(id("20251128101010"));
        assert_eq!(known.previous_good(), Ok(&id("20251127101010")));
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
        v1.2: no release on the server has this id or a commit that starts with it
        ");
    }
}
