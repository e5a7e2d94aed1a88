//! Removes what is no longer kept, after the verdict and under the lock. What can't be removed is warned of by the next
//! run, and changes no verdict.

use super::journal;
use super::layout::Layout;
use super::links::Link;
use super::records::{self, State};
use super::verdicts;
use crate::protocol::{ReleaseId, Retention};
use crate::server::clock::now;
use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What retention comes after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum After {
    /// A release was committed.
    Success,
    /// Anything else.
    Failure,
    /// The disk was full: what was uploaded must not keep the next run from succeeding.
    FullDisk,
}

/// A release as retention sees it.
#[derive(Debug, Clone, Copy)]
struct Kept {
    id: ReleaseId,
    state: State,
}

/// Removes what `retention` does not keep.
pub(in crate::server) fn run(layout: &Layout, retention: Retention, after: After) {
    // what it names must stay, and only its end says which that is
    if layout.pending().exists() {
        return;
    }
    let link = |path| Link::read(layout, path).release();
    let protected: BTreeSet<ReleaseId> = [link(&layout.current()), link(&layout.previous())]
        .into_iter()
        .flatten()
        .collect();
    let releases: Vec<Kept> = records::present(layout)
        .into_iter()
        .filter_map(|id| {
            Some(Kept {
                id,
                state: records::get(layout, id)?.state,
            })
        })
        .collect();
    let gone = to_remove(&releases, &protected, retention, after, now());
    let stays = |id| {
        set_aside(layout, id)
            .err()
            .map(|error| (path_of(&layout.release(id)), error.to_string()))
    };
    let mut leftovers: Vec<(String, String)> = gone.into_iter().filter_map(stays).collect();
    leftovers.extend(empty_trash(layout));
    if let Err(reason) = journal::put_leftovers(layout, &leftovers) {
        tracing::debug!(?reason, "what was left over is not noted");
    }
    forget_the_vanished(layout);
    verdicts::prune(layout);
}

/// Which releases go, of those with a record: others are not ours. A good one goes when it is beyond the newest `count` or
/// older than `age`; failed and incomplete ones go with the next success, until then the last one of each kind stays.
fn to_remove(
    releases: &[Kept],
    protected: &BTreeSet<ReleaseId>,
    retention: Retention,
    after: After,
    now: u64,
) -> Vec<ReleaseId> {
    let is_good = |kept: &&Kept| kept.state == State::Good;
    let newest = |is: fn(State) -> bool| {
        releases
            .iter()
            .filter(|kept| is(kept.state))
            .map(|kept| kept.id)
            .max()
    };
    let mut good: Vec<ReleaseId> = releases
        .iter()
        .filter(is_good)
        .map(|kept| kept.id)
        .collect();
    good.sort_unstable();
    let beyond = retention
        .count
        .map_or(0, |count| good.len().saturating_sub(count as usize));
    let age = retention.age.map_or(u64::MAX, |age| age.as_secs());
    let old = good
        .iter()
        .enumerate()
        .filter(|(i, id)| *i < beyond || id.age(now) > age)
        .map(|(_, id)| *id);
    let others = releases
        .iter()
        .filter(|kept| !is_good(kept))
        .map(|kept| kept.id);
    // the last failed one is for a person to look at, what was uploaded last is for the next run to take up
    let failed = newest(|state| state == State::Failed).filter(|_| after != After::Success);
    let unfinished = newest(|state| matches!(state, State::Incomplete | State::Complete));
    let unfinished = unfinished.filter(|_| after == After::Failure);
    let others = others.filter(|id| Some(*id) != failed && Some(*id) != unfinished);
    old.chain(others)
        .filter(|id| !protected.contains(id))
        .collect()
}

fn path_of(path: &Path) -> String {
    path.display().to_string()
}

fn set_aside(layout: &Layout, id: ReleaseId) -> io::Result<()> {
    let folder = layout.release(id);
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).or_else(ignore_denied)?;
    fs::rename(&folder, layout.trash().join(id.to_string()))?;
    records::forget(layout, id).map_err(|reason| io::Error::other(format!("{reason:?}")))
}

fn ignore_denied(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Ok(()),
        _ => Err(error),
    }
}

/// Removes what was set aside, by this run or an earlier one.
fn empty_trash(layout: &Layout) -> Vec<(String, String)> {
    let entries = fs::read_dir(layout.trash()).into_iter().flatten().flatten();
    let failed = |path: &Path| {
        remove(path)
            .err()
            .map(|error| (path_of(path), error.to_string()))
    };
    entries.filter_map(|entry| failed(&entry.path())).collect()
}

/// Removes a tree, read-only folders in it too; links are removed, never followed.
fn remove(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        // of somebody else: reading it may do
        fs::set_permissions(path, Permissions::from_mode(0o700)).or_else(ignore_denied)?;
        let mut first = Ok(());
        for entry in fs::read_dir(path)? {
            // the rest goes all the same
            first = first.and(remove(&entry?.path()));
        }
        first.and_then(|()| fs::remove_dir(path))
    } else {
        fs::remove_file(path)
    }
}

/// Records of releases that somebody removed by hand.
fn forget_the_vanished(layout: &Layout) {
    let present = records::present(layout);
    let newest = records::all(layout).into_iter().max();
    // the newest stays, so that ids go on increasing
    for id in records::all(layout)
        .into_iter()
        .filter(|id| !present.contains(id) && Some(*id) != newest)
    {
        if let Err(reason) = records::forget(layout, id) {
            tracing::debug!(?reason, "a record stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const DAY: u64 = 86_400;
    const NOW: u64 = 100 * DAY;

    fn id(days_ago: u64) -> ReleaseId {
        (NOW - days_ago * DAY).to_string().parse().unwrap()
    }

    fn kept(days_ago: u64, state: State) -> Kept {
        Kept {
            id: id(days_ago),
            state,
        }
    }

    fn removed(
        releases: &[Kept],
        protected: &[u64],
        retention: (Option<u32>, Option<u64>),
        after: After,
    ) -> Vec<u64> {
        let retention = Retention {
            count: retention.0,
            age: retention.1.map(|days| Duration::from_secs(days * DAY)),
        };
        let protected = protected.iter().map(|days| id(*days)).collect();
        let mut gone: Vec<u64> = to_remove(releases, &protected, retention, after, NOW)
            .into_iter()
            .map(|id| id.age(NOW) / DAY)
            .collect();
        gone.sort_unstable();
        gone
    }

    fn good(days: &[u64]) -> Vec<Kept> {
        days.iter().map(|days| kept(*days, State::Good)).collect()
    }

    #[test]
    fn a_good_release_goes_beyond_the_count_or_the_age() {
        let releases = good(&[0, 1, 2, 3, 4]);
        assert_eq!(
            removed(&releases, &[0, 1], (Some(3), Some(7)), After::Success),
            [3, 4]
        );
        let monthly = good(&[0, 30, 60]);
        assert_eq!(
            removed(&monthly, &[0, 30], (Some(3), Some(7)), After::Success),
            [60]
        );
        assert_eq!(
            removed(&monthly, &[0, 30], (Some(3), None), After::Success),
            Vec::<u64>::new()
        );
        assert_eq!(
            removed(&releases, &[0, 1], (None, Some(2)), After::Success),
            [3, 4]
        );
    }

    #[test]
    fn what_current_and_previous_point_to_stays_whatever_its_age() {
        assert_eq!(
            removed(
                &good(&[50, 90]),
                &[50, 90],
                (Some(1), Some(7)),
                After::Success
            ),
            Vec::<u64>::new()
        );
    }

    #[test]
    fn failed_and_incomplete_ones_go_with_the_next_success_and_never_count() {
        let mut releases = good(&[5, 6]);
        releases.extend([2, 3].map(|days| kept(days, State::Failed)));
        releases.extend([1, 4].map(|days| kept(days, State::Incomplete)));
        assert_eq!(
            removed(&releases, &[5, 6], (Some(3), Some(7)), After::Failure),
            [3, 4]
        );
        assert_eq!(
            removed(&releases, &[5, 6], (Some(3), Some(7)), After::FullDisk),
            [1, 3, 4]
        );
        assert_eq!(
            removed(&releases, &[5, 6], (Some(3), Some(7)), After::Success),
            [1, 2, 3, 4]
        );
    }

    #[test]
    fn a_tree_with_read_only_folders_and_links_outside_is_removed_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, outside) = (folder.path().join("tree"), folder.path().join("outside"));
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("precious"), "x").unwrap();
        std::os::unix::fs::symlink(&outside, tree.join("a/b/link")).unwrap();
        fs::set_permissions(tree.join("a/b"), Permissions::from_mode(0o500)).unwrap();
        remove(&tree).unwrap();
        assert!(!tree.exists() && outside.join("precious").exists());
    }
}
