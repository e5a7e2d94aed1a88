//! Deletes what retention does not keep, after the verdict and under the lock. What cannot be deleted does not change the
//! verdict; the next run warns about it.

use super::data_list;
use super::history::{self, Start};
use super::journal;
use super::layout::Layout;
use super::links;
use super::records::{self, State};
use super::verdicts;
use super::written;
use crate::protocol::{ReleaseId, Retention, TransactionId};
use crate::server::clock::now;
use crate::server::exec::in_use::entries_in_use;
use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What happened before retention runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum After {
    /// A release was committed.
    Success,
    /// Anything else.
    Failure,
    /// The disk was full: the upload must not take the disk space that the next run needs.
    FullDisk,
}

/// A release with a record.
#[derive(Debug, Clone)]
struct KnownRelease {
    id: ReleaseId,
    state: State,
    /// Epoch seconds.
    created: u64,
}

/// Which releases are kept.
struct Rules<'a> {
    retention: Retention,
    after: After,
    /// Never deleted.
    protected: &'a BTreeSet<ReleaseId>,
    /// Epoch seconds.
    now: u64,
}

/// Deletes what `retention` does not keep. `hidden` are the processes of the service of which nobody can see where they
/// work: what may have been live when they started stays too.
pub(in crate::server) fn run(
    layout: &Layout,
    retention: Retention,
    (transaction, after): (&TransactionId, After),
    hidden: impl FnOnce() -> Vec<Start>,
) {
    // a pending transaction needs its releases
    if layout.pending().exists() {
        return;
    }
    let mut protected: BTreeSet<ReleaseId> = BTreeSet::new();
    protected.extend(links::live(layout));
    protected.extend(links::previous(layout));
    let releases: Vec<KnownRelease> = records::present(layout)
        .into_iter()
        .filter_map(|id| {
            Some(KnownRelease {
                state: records::get(layout, &id)?.state,
                created: records::created(layout, &id),
                id,
            })
        })
        .collect();
    let rules = Rules {
        retention,
        after,
        protected: &protected,
        now: now(),
    };
    let failure = |id: ReleaseId| {
        move_to_trash(layout, &id)
            .err()
            .map(|error| (path_of(&layout.release(&id)), error.to_string()))
    };
    let mut chosen = to_delete(&releases, &rules);
    if !chosen.is_empty() {
        keep_used(layout, &mut chosen, &hidden());
        chosen.retain(|id| !has_unlisted_data(layout, id, transaction));
    }
    let mut leftovers: Vec<(String, String)> = chosen.into_iter().filter_map(failure).collect();
    leftovers.extend(empty_trash(layout));
    if let Err(reason) = journal::put_leftovers(layout, &leftovers) {
        tracing::info!(%reason, "what could not be deleted cannot be recorded");
    }
    forget_missing(layout);
    verdicts::prune(layout);
}

/// Takes out the releases in which a process works, or may work.
fn keep_used(layout: &Layout, chosen: &mut Vec<ReleaseId>, hidden: &[Start]) {
    let in_use = entries_in_use(&layout.releases());
    let maybe_in_use = history::live_at(layout, hidden);
    chosen.retain(|id| !in_use.contains(&id.to_string()) && !maybe_in_use.contains(id));
}

/// Whether the release holds data that no earlier run has listed. It is recorded for the next run, which lists it.
fn has_unlisted_data(layout: &Layout, id: &ReleaseId, transaction: &TransactionId) -> bool {
    let state = records::get(layout, id).map(|record| record.state);
    if !matches!(state, Some(State::Good | State::Failed)) {
        // it never ran
        return false;
    }
    let Some(data) = written::find(layout, id, written::PATIENTLY) else {
        return false;
    };
    if data_list::is_listed(layout, &data, transaction) {
        return false;
    }
    let own = data_list::listed_by(layout, transaction);
    if !own.iter().any(|listed| listed.release == *id) {
        data_list::list(layout, data, None);
    }
    true
}

/// The releases to delete. A good one is deleted if it is beyond the newest `count` or older than `age`. Failed and
/// incomplete ones are deleted with the next success; until then the last one of each kind is kept.
fn to_delete(releases: &[KnownRelease], rules: &Rules<'_>) -> Vec<ReleaseId> {
    let Rules {
        retention,
        after,
        protected,
        now,
    } = *rules;
    let is_good = |release: &&KnownRelease| release.state == State::Good;
    let newest = |is: fn(State) -> bool| {
        releases
            .iter()
            .filter(|release| is(release.state))
            .map(|release| &release.id)
            .max()
    };
    let mut good: Vec<&KnownRelease> = releases.iter().filter(is_good).collect();
    good.sort_unstable_by_key(|release| (release.created, &release.id));
    let beyond = retention
        .count
        .map_or(0, |count| good.len().saturating_sub(count as usize));
    let age = retention.age.map_or(u64::MAX, |age| age.as_secs());
    let old = good
        .iter()
        .enumerate()
        .filter(|(i, release)| *i < beyond || now.saturating_sub(release.created) > age)
        .map(|(_, release)| &release.id);
    let others = releases
        .iter()
        .filter(|release| !is_good(release))
        .map(|release| &release.id);
    // the last failed one is kept for diagnosis, the last unfinished one for the next upload
    let failed = newest(|state| state == State::Failed).filter(|_| after != After::Success);
    let unfinished = newest(|state| matches!(state, State::Incomplete | State::Complete));
    let unfinished = unfinished.filter(|_| after == After::Failure);
    let others = others.filter(|id| Some(*id) != failed && Some(*id) != unfinished);
    old.chain(others)
        .filter(|id| !protected.contains(id))
        .cloned()
        .collect()
}

fn path_of(path: &Path) -> String {
    path.display().to_string()
}

fn move_to_trash(layout: &Layout, id: &ReleaseId) -> io::Result<()> {
    let folder = layout.release(id);
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).or_else(ignore_denied)?;
    match fs::rename(&folder, layout.trash().join(id.to_string())) {
        // `releases` is a mount, or a link to elsewhere
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            fs::rename(&folder, layout.trash_beside(id))?;
        }
        moved => moved?,
    }
    records::forget(layout, id).map_err(io::Error::other)
}

fn ignore_denied(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Ok(()),
        _ => Err(error),
    }
}

/// Deletes what this run or an earlier one moved to the trash.
fn empty_trash(layout: &Layout) -> Vec<(String, String)> {
    let mut failures = delete_all(&layout.trash(), "");
    failures.extend(delete_all(&layout.releases(), Layout::TRASH));
    failures
}

/// Deletes what starts with `prefix` in the folder.
fn delete_all(folder: &Path, prefix: &str) -> Vec<(String, String)> {
    let is_trash =
        |entry: &fs::DirEntry| entry.file_name().as_bytes().starts_with(prefix.as_bytes());
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let entries: Vec<_> = entries.filter(is_trash).collect();
    if entries.is_empty() {
        return Vec::new();
    }
    // an older version may have moved it there although a process works in it
    let in_use = entries_in_use(folder);
    let is_unused = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        !name.to_str().is_some_and(|name| in_use.contains(name))
    };
    let failure = |path: &Path| {
        delete(path)
            .err()
            .map(|error| (path_of(path), error.to_string()))
    };
    let unused = entries.iter().filter(|entry| is_unused(entry));
    unused.filter_map(|entry| failure(&entry.path())).collect()
}

/// Deletes a tree with its read-only folders. Links are deleted, never followed.
fn delete(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        // another user's folder may be readable anyway
        fs::set_permissions(path, Permissions::from_mode(0o700)).or_else(ignore_denied)?;
        let mut first = Ok(());
        for entry in fs::read_dir(path)? {
            // an entry that cannot be deleted does not keep the others
            first = first.and(delete(&entry?.path()));
        }
        first.and_then(|()| fs::remove_dir(path))
    } else {
        fs::remove_file(path)
    }
}

/// Deletes the records of releases that no longer exist.
fn forget_missing(layout: &Layout) {
    let present = records::present(layout);
    let all = records::all(layout);
    records::clean_up(layout, &present);
    // the newest record stays, because ids must keep increasing
    let newest = all.iter().filter(|id| id.is_numbered()).max();
    for id in &all {
        if present.contains(id) || Some(id) == newest {
            continue;
        }
        if let Err(reason) = records::forget(layout, id) {
            tracing::info!(%reason, "a record cannot be deleted");
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

    fn known(days_ago: u64, state: State) -> KnownRelease {
        KnownRelease {
            id: id(days_ago),
            state,
            created: NOW - days_ago * DAY,
        }
    }

    fn deleted(
        releases: &[KnownRelease],
        protected: &[u64],
        retention: (Option<u32>, Option<u64>),
        after: After,
    ) -> Vec<u64> {
        let retention = Retention {
            count: retention.0,
            age: retention.1.map(|days| Duration::from_secs(days * DAY)),
        };
        let protected = protected.iter().map(|days| id(*days)).collect();
        let rules = Rules {
            retention,
            after,
            protected: &protected,
            now: NOW,
        };
        let mut deleted: Vec<u64> = to_delete(releases, &rules)
            .into_iter()
            .map(|id| (NOW - id.created().unwrap()) / DAY)
            .collect();
        deleted.sort_unstable();
        deleted
    }

    fn good(days: &[u64]) -> Vec<KnownRelease> {
        days.iter().map(|days| known(*days, State::Good)).collect()
    }

    #[test]
    fn a_good_release_is_deleted_beyond_the_count_or_the_age() {
        let releases = good(&[0, 1, 2, 3, 4]);
        assert_eq!(
            deleted(&releases, &[0, 1], (Some(3), Some(7)), After::Success),
            [3, 4]
        );
        let monthly = good(&[0, 30, 60]);
        assert_eq!(
            deleted(&monthly, &[0, 30], (Some(3), Some(7)), After::Success),
            [60]
        );
        assert_eq!(
            deleted(&monthly, &[0, 30], (Some(3), None), After::Success),
            Vec::<u64>::new()
        );
        assert_eq!(
            deleted(&releases, &[0, 1], (None, Some(2)), After::Success),
            [3, 4]
        );
    }

    #[test]
    fn current_and_previous_are_kept_whatever_their_age() {
        assert_eq!(
            deleted(
                &good(&[50, 90]),
                &[50, 90],
                (Some(1), Some(7)),
                After::Success
            ),
            Vec::<u64>::new()
        );
    }

    #[test]
    fn failed_and_incomplete_ones_are_deleted_with_the_next_success_and_never_count() {
        let mut releases = good(&[5, 6]);
        releases.extend([2, 3].map(|days| known(days, State::Failed)));
        releases.extend([1, 4].map(|days| known(days, State::Incomplete)));
        assert_eq!(
            deleted(&releases, &[5, 6], (Some(3), Some(7)), After::Failure),
            [3, 4]
        );
        assert_eq!(
            deleted(&releases, &[5, 6], (Some(3), Some(7)), After::FullDisk),
            [1, 3, 4]
        );
        assert_eq!(
            deleted(&releases, &[5, 6], (Some(3), Some(7)), After::Success),
            [1, 2, 3, 4]
        );
    }

    #[test]
    fn a_tree_is_deleted_with_its_read_only_folders_but_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, outside) = (folder.path().join("tree"), folder.path().join("outside"));
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("precious"), "x").unwrap();
        std::os::unix::fs::symlink(&outside, tree.join("a/b/link")).unwrap();
        fs::set_permissions(tree.join("a/b"), Permissions::from_mode(0o500)).unwrap();
        delete(&tree).unwrap();
        assert!(!tree.exists() && outside.join("precious").exists());
    }
}
