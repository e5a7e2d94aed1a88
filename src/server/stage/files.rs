//! Creates a release's files from what the server has, on several threads, and finds out which are missing.

use super::modes::HandedDown;
use super::new_file::NewFile;
use super::receive::MissingFile;
use super::sources::{Copier, Sources};
use crate::protocol::{Digest, EntryKind, Reason, TreeEntry};
use crate::server::limits::Limits;
use rustix::process::nice;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// More threads did not help.
const THREADS: usize = 4;
/// The `nice` value of the additional threads: the running service has priority.
const NICENESS: i32 = 10;
/// Entries for which a thread is worthwhile.
const MIN_SHARE: usize = 200;

/// The result for all files.
#[derive(Default)]
pub(super) struct BuiltFiles {
    /// How many were copied.
    pub(super) copied: u32,
    /// In the order of the manifest.
    pub(super) missing: Vec<MissingFile>,
}

/// Creates a release's files.
pub(super) struct FileBuilder<'a> {
    pub(super) folder: &'a Path,
    pub(super) handed_down: HandedDown,
    /// `None`: only empty files are created.
    pub(super) sources: Option<&'a Sources>,
    pub(super) limits: &'a Limits,
}

impl FileBuilder<'_> {
    /// Creates the files that can be copied, and stores their digests in `digests`.
    pub(super) fn build(
        &self,
        entries: &[TreeEntry],
        digests: &mut [Digest],
    ) -> Result<BuiltFiles, Reason> {
        let threads = thread::available_parallelism()
            .map_or(1, usize::from)
            .min(THREADS);
        let share = entries.len().div_ceil(threads).max(MIN_SHARE);
        let failed = AtomicBool::new(false);
        let worker = Worker {
            builder: self,
            failed: &failed,
        };
        thread::scope(|scope| {
            let mut shares = (0..)
                .step_by(share)
                .zip(entries.chunks(share).zip(digests.chunks_mut(share)));
            let first = shares.next();
            let others: Vec<_> = shares
                .map(|(at, (part, digests))| {
                    scope.spawn(move || worker.build_in_thread(at, part, digests))
                })
                .collect();
            let mut built = first.map_or(Ok(BuiltFiles::default()), |(at, (part, digests))| {
                worker.build(at, part, digests)
            })?;
            for other in others {
                let more = other.join().unwrap_or_else(|panic| resume_unwind(panic))?;
                built.copied += more.copied;
                built.missing.extend(more.missing);
            }
            Ok(built)
        })
    }
}

/// The path of an entry in the release's folder.
pub(super) fn path_of(folder: &Path, entry: &TreeEntry) -> PathBuf {
    folder.join(OsStr::from_bytes(&entry.path))
}

#[derive(Clone, Copy)]
struct Worker<'a> {
    builder: &'a FileBuilder<'a>,
    /// Another worker has failed.
    failed: &'a AtomicBool,
}

impl Worker<'_> {
    fn build_in_thread(
        self,
        from: u32,
        part: &[TreeEntry],
        digests: &mut [Digest],
    ) -> Result<BuiltFiles, Reason> {
        if let Err(error) = nice(NICENESS) {
            tracing::info!(%error, "cannot lower the priority of a copying thread");
        }
        self.build(from, part, digests)
    }

    fn build(
        self,
        from: u32,
        part: &[TreeEntry],
        digests: &mut [Digest],
    ) -> Result<BuiltFiles, Reason> {
        let built = self.build_each(from, part, digests);
        if built.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        built
    }

    /// Creates the files of the part that begins at index `from` of the manifest.
    fn build_each(
        self,
        from: u32,
        part: &[TreeEntry],
        digests: &mut [Digest],
    ) -> Result<BuiltFiles, Reason> {
        let mut copier = Copier::new(self.builder.limits);
        let mut built = BuiltFiles::default();
        for (index, (entry, to)) in (from..).zip(part.iter().zip(digests)) {
            if self.failed.load(Ordering::Relaxed) {
                break;
            }
            let EntryKind::File { mode, size, digest } = entry.kind else {
                continue;
            };
            let file = NewFile {
                path: path_of(self.builder.folder, entry),
                mode,
                size,
                digest,
                handed_down: self.builder.handed_down,
            };
            if size == 0 {
                file.write_empty()?;
                continue;
            }
            let copied = self.builder.sources.map_or(Ok(None), |sources| {
                sources.copy(&entry.path, &file, &mut copier)
            })?;
            if let Some(digest) = copied {
                *to = digest;
                built.copied += 1;
                continue;
            }
            let known = self.builder.sources.map_or(Ok(None), |sources| {
                sources.known(&entry.path, &file, self.builder.limits)
            })?;
            built.missing.push(MissingFile { index, file, known });
        }
        Ok(built)
    }
}
