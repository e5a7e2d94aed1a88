//! Finds what a release holds that was not deployed: the data that its application wrote into it. The next deployment leaves
//! it behind, and retention deletes it with the release.

mod ignored;
mod mark;
mod state;
mod walk;

pub(in crate::server) use self::mark::{is_listed, list, listed_by, unlisted};
pub(in crate::server) use self::walk::SIBLINGS;

use self::state::{key, Keys};
use self::walk::{Seen, Walk};
use super::layout::Layout;
use super::links;
use super::records;
use crate::protocol::{ReleaseId, WrittenData, WrittenItem, WrittenKind};
use std::cmp::Reverse;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The most items that are kept.
const MOST_ITEMS: usize = 100;
/// While someone waits. A hundred thousand files take some tenths of a second, unless the disk is slow.
pub(in crate::server) const BRIEFLY: Duration = Duration::from_millis(1500);
/// While nobody waits.
pub(in crate::server) const PATIENTLY: Duration = Duration::from_secs(30);
/// `changed` in a record is in whole seconds.
const SECOND: Duration = Duration::from_secs(1);

/// Records the state of a release before it goes live, so that what is written later can be told from it. Without that record,
/// only the times of the files can tell.
pub(in crate::server) fn record_state(layout: &Layout, id: &ReleaseId) {
    let mut keys = Vec::new();
    let mut walk = Walk::new(layout.release(id), BRIEFLY);
    let mut add = |path: &Path, seen: &Seen<'_>| {
        keys.push(key(path, seen));
        false
    };
    walk.deployed(&mut add);
    if walk.is_over() {
        return tracing::debug!("the release is too large to record its state");
    }
    walk.installed(&mut add);
    let with_installed = !walk.is_over();
    if let Err(error) = Keys::write(&layout.state(id), keys, with_installed) {
        tracing::debug!(%error, "the state of the release cannot be recorded");
    }
}

/// What was written into a release; `None` if that is nothing.
pub(in crate::server) fn find(
    layout: &Layout,
    id: &ReleaseId,
    limit: Duration,
) -> Option<WrittenData> {
    let folder = layout.release(id);
    let mut walk = Walk::new(folder.clone(), limit);
    match Keys::read(&layout.state(id)) {
        Some(keys) => {
            let mut is_written = |path: &Path, seen: &Seen<'_>| !keys.has(key(path, seen));
            walk.deployed(&mut is_written);
            if keys.with_installed {
                walk.installed(&mut is_written);
            }
        }
        None => {
            let (since, deployed) = (live_since(layout, id), deployed(layout, id));
            walk.deployed(&mut |path, seen| match seen {
                Seen::File(found) => {
                    let after = found.modified().is_ok_and(|at| at > since);
                    after && !deployed.as_ref().is_some_and(|it| is_in(it, path))
                }
                Seen::Unreadable => true,
            });
        }
    }
    let (mut items, partial) = walk.finish();
    // what was not looked at may hold data
    if items.is_empty() && !partial {
        return None;
    }
    mark_changed(layout, id, &mut items);
    items.sort_by_key(|item| Reverse(item.size));
    let more = items.len().saturating_sub(MOST_ITEMS) as u64;
    items.truncate(MOST_ITEMS);
    Some(WrittenData {
        release: id.clone(),
        folder: folder.display().to_string(),
        items,
        more,
        partial,
    })
}

/// Whether anything is in the folder that someone might miss.
pub(in crate::server) fn holds_files(folder: &Path) -> bool {
    let mut walk = Walk::new(folder.to_owned(), BRIEFLY);
    let mut every = |_: &Path, _: &Seen<'_>| true;
    walk.deployed(&mut every);
    walk.installed(&mut every);
    let (items, partial) = walk.finish();
    partial || !items.is_empty()
}

/// Whether nobody would miss what is there.
pub(in crate::server) fn is_ignored(path: &Path) -> bool {
    let mut names = path.iter().filter_map(|name| name.to_str());
    names.any(ignored::is_ignored_folder)
}

/// When a release without a recorded state went live: the link to it is as old, unless a rollback has made it again.
fn live_since(layout: &Layout, id: &ReleaseId) -> SystemTime {
    let is_live = links::live(layout).as_ref() == Some(id);
    let link = fs::symlink_metadata(layout.current())
        .ok()
        .filter(|_| is_live);
    let link = link.and_then(|found| found.modified().ok());
    let record = records::get(layout, id).filter(|record| !record.taken_over);
    let committed =
        record.map(|it| SystemTime::UNIX_EPOCH + Duration::from_secs(it.changed) + SECOND);
    let created = || SystemTime::UNIX_EPOCH + Duration::from_secs(records::created(layout, id));
    link.into_iter()
        .chain(committed)
        .min()
        .unwrap_or_else(created)
}

type Index = Vec<(crate::protocol::ShortDigest, Vec<u8>)>;

/// The files of the live release, if it is unknown which of another one's were deployed.
fn deployed(layout: &Layout, id: &ReleaseId) -> Option<Index> {
    let taken_over = records::get(layout, id).is_none_or(|record| record.taken_over);
    let live = links::live(layout).filter(|live| taken_over && live != id)?;
    records::index(layout, &live)
}

fn is_in(index: &Index, path: &Path) -> bool {
    let path = path.as_os_str().as_bytes();
    index
        .binary_search_by(|(_, other)| other.as_slice().cmp(path))
        .is_ok()
}

fn mark_changed(layout: &Layout, id: &ReleaseId, items: &mut [WrittenItem]) {
    let Some(index) = records::index(layout, id) else {
        return;
    };
    let files = items
        .iter_mut()
        .filter(|item| item.kind == WrittenKind::File);
    for item in files.filter(|item| is_in(&index, Path::new(&item.path))) {
        item.kind = WrittenKind::Changed;
    }
}
