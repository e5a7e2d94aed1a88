//! Finds what a release holds that was not deployed: the data that its application wrote into it. The next deployment leaves
//! it behind, and retention deletes it with the release.

mod ignored;
mod state;
mod walk;

pub(in crate::server) use self::ignored::SIBLINGS;

use self::state::{key, Keys};
use self::walk::{Seen, Walk};
use super::journal;
use super::layout::Layout;
use super::links;
use super::records;
use crate::protocol::{ListedAttempt, ReleaseId, WrittenData, WrittenItem, WrittenKind};
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
        return tracing::info!("the release is too large to record its state");
    }
    walk.installed(&mut add);
    let with_installed = !walk.is_over();
    if let Err(error) = Keys::write(&layout.state(id), keys, with_installed) {
        tracing::info!(%error, "the state of the release cannot be recorded");
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
        None => find_by_times(layout, id, &mut walk),
    }
    let (mut items, partial) = walk.finish();
    // what was not looked at may hold data
    if items.is_empty() && !partial {
        return None;
    }
    mark_changed(layout, id, &mut items);
    // of unknown size
    items.sort_by_key(|item| Reverse((item.kind == WrittenKind::Unreadable, item.size)));
    let more = items.len().saturating_sub(MOST_ITEMS) as u64;
    items.truncate(MOST_ITEMS);
    Some(WrittenData {
        release: id.clone(),
        folder: folder.display().to_string(),
        items,
        more,
        partial,
        named: Vec::new(),
    })
}

/// Finds what was written after a release without a recorded state went live.
fn find_by_times(layout: &Layout, id: &ReleaseId, walk: &mut Walk) {
    let (since, deployed) = (live_since(layout, id), deployed(layout, id));
    let own = records::index(layout, id);
    walk.deployed(&mut |path, seen| match seen {
        Seen::File(found) => {
            let is_of = |index: &Option<Index>| index.as_ref().is_some_and(|it| is_in(it, path));
            let since = match is_of(&own) {
                true => since.at_the_latest,
                false => since.at_the_earliest,
            };
            let after = found.modified().is_ok_and(|at| at > since);
            after && !is_of(&deployed)
        }
        Seen::Unreadable => true,
    });
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

/// When a release without a recorded state went live.
struct LiveSince {
    /// No later than that.
    at_the_earliest: SystemTime,
    at_the_latest: SystemTime,
}

/// A rollback makes the link again and commits again. The first line of the journal and the first start after the upload
/// stay.
fn live_since(layout: &Layout, id: &ReleaseId) -> LiveSince {
    let exactly = |at| LiveSince {
        at_the_earliest: at,
        at_the_latest: at,
    };
    let link = linked(layout, id);
    let mut attempts = journal::last(layout, usize::MAX).into_iter().rev();
    let Some(record) = records::get(layout, id).filter(|record| !record.taken_over) else {
        // taken over in the first run
        let first = attempts.next().map(|it| Duration::from_secs(it.at));
        let is_first = |at: &SystemTime| first.is_none_or(|first| *at < epoch(first) + SECOND);
        let created = || epoch(Duration::from_secs(records::created(layout, id)));
        return exactly(link.filter(is_first).unwrap_or_else(created));
    };
    let began = records::began(layout, id);
    let is_own = |it: &ListedAttempt| {
        it.release.as_ref() == Some(id) && it.at >= began.unwrap_or_default().as_secs()
    };
    let first = attempts.find(is_own).map(|it| Duration::from_secs(it.at));
    let changed = Duration::from_secs(record.changed);
    let committed = epoch(first.unwrap_or(changed).min(changed));
    let is_first = |at: &SystemTime| first.is_some() && *at < committed + SECOND;
    let mut starts = journal::starts(layout, None)
        .into_iter()
        .map(Duration::from_millis);
    let started = starts.find(|at| began.is_some_and(|began| *at >= began));
    let known = link.into_iter().chain(started.map(epoch));
    match known.filter(is_first).min() {
        Some(at) => exactly(at),
        None => LiveSince {
            // older than the journal
            at_the_earliest: began.filter(|_| first.is_none()).map_or(committed, epoch),
            at_the_latest: committed + SECOND,
        },
    }
}

/// When the link to a live release was made.
fn linked(layout: &Layout, id: &ReleaseId) -> Option<SystemTime> {
    links::live(layout).filter(|live| live == id)?;
    fs::symlink_metadata(layout.current()).ok()?.modified().ok()
}

fn epoch(after: Duration) -> SystemTime {
    SystemTime::UNIX_EPOCH + after
}

type Index = Vec<(crate::protocol::ShortDigest, Vec<u8>)>;

/// The files of another release that is linked, if it is unknown which of this one's were deployed.
fn deployed(layout: &Layout, id: &ReleaseId) -> Option<Index> {
    let taken_over = records::get(layout, id).is_none_or(|record| record.taken_over);
    let linked = [links::live(layout), links::previous(layout)];
    let other = linked
        .into_iter()
        .flatten()
        .find(|it| taken_over && it != id)?;
    records::index(layout, &other)
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
