//! What is known about each release: stored beside the releases, never inside them.

use super::durable::{self, failed};
use super::layout::Layout;
use super::links;
use crate::protocol::{
    EntryKind, Made, Operation, Origin, Reason, ReleaseId, ShortDigest, Step, TreeEntry,
    Verification,
};
use crate::server::clock::now;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

/// What the names of a release's files end with. The name of the release may have dots too.
const RECORD: &str = "json";
const INDEX: &str = "files";
/// Of these alone, a release is not known: versions before 1.5 do not delete them.
const OTHERS: [&str; 5] = ["state", "data", "install", "before-switch", "smoke-test"];

/// How far a release has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub(in crate::server) enum State {
    /// Being staged, or its staging was interrupted.
    #[error("incomplete")]
    Incomplete,
    /// Sealed: durable and complete.
    #[error("complete")]
    Complete,
    /// Once committed as healthy, or taken over.
    #[error("good")]
    Good,
    /// Went live and failed.
    #[error("failed")]
    Failed,
}

/// A release's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::server) struct Record {
    /// Format of this file.
    format: u32,
    release: ReleaseId,
    pub(in crate::server) state: State,
    /// Was live without a record of deploy-action.
    pub(super) taken_over: bool,
    pub(in crate::server) origin: Origin,
    /// The settings it was committed with; a rollback to it is verified with them.
    pub(in crate::server) verification: Option<Verification>,
    /// Epoch seconds of the last change of state.
    pub(in crate::server) changed: u64,
    /// Commands of `before-switch` were run for it. Versions before 1.5 did not write it.
    #[serde(default)]
    before_switch: bool,
}

impl Record {
    pub(in crate::server) fn new(release: ReleaseId, state: State, origin: Origin) -> Self {
        Self {
            format: 1,
            release,
            state,
            taken_over: false,
            origin,
            verification: None,
            changed: now(),
            before_switch: false,
        }
    }

    pub(in crate::server) fn taken_over(release: ReleaseId) -> Self {
        Self {
            taken_over: true,
            ..Self::new(release, State::Good, Origin::default())
        }
    }
}

fn path(layout: &Layout, id: &ReleaseId) -> PathBuf {
    layout.records().join(format!("{id}.{RECORD}"))
}

/// The record; `None` if it does not exist or cannot be read.
pub(in crate::server) fn get(layout: &Layout, id: &ReleaseId) -> Option<Record> {
    serde_json::from_slice(&fs::read(path(layout, id)).ok()?).ok()
}

/// What a release was made from; nothing if its record does not exist or cannot be read.
pub(in crate::server) fn made(layout: &Layout, id: &ReleaseId) -> Made {
    let Some(Record {
        origin, changed, ..
    }) = get(layout, id)
    else {
        return Made::default();
    };
    Made {
        commit: origin.commit,
        changed: origin.changed,
        live_since: Some(changed),
        actor: origin.actor,
        run: origin.run,
    }
}

/// Writes the record, durably.
pub(in crate::server) fn put(layout: &Layout, record: &Record) -> Result<(), Reason> {
    let path = path(layout, &record.release);
    let bytes = serde_json::to_vec_pretty(record)
        .map_err(|error| failed(Operation::Write, &path)(error.into()))?;
    durable::write(&path, &bytes)
}

/// Changes the state of a release that has a record.
pub(in crate::server) fn mark(
    layout: &Layout,
    id: &ReleaseId,
    state: State,
    verification: Option<Verification>,
) -> Result<(), Reason> {
    match get(layout, id) {
        Some(record) => put(
            layout,
            &Record {
                state,
                verification,
                changed: now(),
                ..record
            },
        ),
        None => Ok(()),
    }
}

/// Records that commands of `before-switch` are run for a release.
pub(in crate::server) fn mark_before_switch(layout: &Layout, id: &ReleaseId) -> Result<(), Reason> {
    let mark = |record| Record {
        before_switch: true,
        ..record
    };
    get(layout, id).map_or(Ok(()), |record| put(layout, &mark(record)))
}

/// Whether commands of `before-switch` are known to have been run for a release that is newer than this one.
pub(in crate::server) fn before_switch_since(layout: &Layout, id: &ReleaseId) -> bool {
    let newer = all(layout).into_iter().filter(|other| other > id);
    newer
        .filter_map(|other| get(layout, &other))
        .any(|record| record.before_switch)
}

/// Deletes the record of a release.
pub(super) fn forget(layout: &Layout, id: &ReleaseId) -> Result<(), Reason> {
    let outputs =
        [Step::Install, Step::BeforeSwitch, Step::SmokeTest].map(|step| layout.output(id, step));
    for other in [layout.state(id), layout.written(id)]
        .iter()
        .chain(&outputs)
    {
        durable::remove(other)?;
    }
    durable::remove(&path(layout, id))?;
    durable::remove(&index_path(layout, id))
}

/// Deletes what versions before 1.5 left of releases that they deleted.
pub(super) fn clean_up(layout: &Layout, present: &BTreeSet<ReleaseId>) {
    for entry in fs::read_dir(layout.records())
        .into_iter()
        .flatten()
        .flatten()
    {
        let path = entry.path();
        let id = path
            .file_stem()
            .and_then(|name| name.to_str()?.parse().ok());
        let is_other = extension(&path).is_some_and(|it| OTHERS.contains(&it));
        if is_other && !id.is_some_and(|id| present.contains(&id)) {
            if let Err(error) = fs::remove_file(&path) {
                tracing::info!(%error, "what is left of a release cannot be deleted");
            }
        }
    }
}

/// Every id that is or was in use: numbered folders, releases with a record, and those that `current` and `previous` lead
/// to. Other folders in `releases` are none.
pub(in crate::server) fn all(layout: &Layout) -> BTreeSet<ReleaseId> {
    let names = |folder: PathBuf| {
        fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| PathBuf::from(entry.file_name()))
    };
    let numbered = names(layout.releases())
        .filter_map(|name| name.to_str()?.parse().ok())
        .filter(ReleaseId::is_numbered);
    let is_ours = |name: &PathBuf| matches!(extension(name), Some(RECORD | INDEX));
    let recorded = names(layout.records())
        .filter(is_ours)
        .filter_map(|name| name.file_stem()?.to_str()?.parse().ok());
    let linked = links::live(layout)
        .into_iter()
        .chain(links::previous(layout));
    let mut all = BTreeSet::new();
    all.extend(numbered.chain(recorded).chain(linked));
    all
}

fn extension(name: &Path) -> Option<&str> {
    name.extension()?.to_str()
}

/// The releases whose folders exist.
pub(in crate::server) fn present(layout: &Layout) -> BTreeSet<ReleaseId> {
    let mut all = all(layout);
    all.retain(|id| has_folder(layout, id));
    all
}

/// Whether there is such a folder, be it a release or not.
pub(in crate::server) fn has_folder(layout: &Layout, id: &ReleaseId) -> bool {
    fs::symlink_metadata(layout.release(id)).is_ok_and(|found| found.is_dir())
}

/// When the release was created, in epoch seconds: its number, else when its folder was changed last.
pub(super) fn created(layout: &Layout, id: &ReleaseId) -> u64 {
    let changed = || u64::try_from(fs::metadata(layout.release(id)).ok()?.mtime()).ok();
    id.created().or_else(changed).unwrap_or_else(now)
}

/// When the upload of the release began, since the epoch; `None` if that is not recorded.
pub(super) fn began(layout: &Layout, id: &ReleaseId) -> Option<Duration> {
    let index = fs::metadata(index_path(layout, id)).ok()?;
    index.modified().ok()?.duration_since(UNIX_EPOCH).ok()
}

fn index_path(layout: &Layout, id: &ReleaseId) -> PathBuf {
    layout.records().join(format!("{id}.{INDEX}"))
}

/// Records which content a release holds at which path, as a sequence of `digest path NUL`. It need not be durable: every
/// copy is hashed again.
pub(in crate::server) fn put_index(
    layout: &Layout,
    id: &ReleaseId,
    entries: &[TreeEntry],
) -> Result<(), Reason> {
    let mut bytes = Vec::new();
    for entry in entries {
        if let EntryKind::File { digest, .. } = entry.kind {
            bytes.extend_from_slice(digest.to_string().as_bytes());
            bytes.push(b' ');
            bytes.extend_from_slice(&entry.path);
            bytes.push(0);
        }
    }
    let path = index_path(layout, id);
    durable::write_briefly(&path, &bytes).map_err(failed(Operation::Write, &path))
}

/// The index that [`put_index`] wrote, sorted by path, without the parts that cannot be read. Before 1.0.0 it held whole
/// digests.
pub(in crate::server) fn index(
    layout: &Layout,
    id: &ReleaseId,
) -> Option<Vec<(ShortDigest, Vec<u8>)>> {
    const HALF: usize = 32;
    let bytes = fs::read(index_path(layout, id)).ok()?;
    let line = |line: &[u8]| {
        let end = line
            .iter()
            .position(|byte| *byte == b' ')
            .filter(|end| [HALF, 2 * HALF].contains(end))?;
        let digest = std::str::from_utf8(&line[..HALF]).ok()?.parse().ok()?;
        Some((digest, line[end + 1..].to_vec()))
    };
    Some(bytes.split(|b| *b == 0).filter_map(line).collect())
}
