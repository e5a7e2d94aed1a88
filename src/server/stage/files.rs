//! Makes a release's files of what the server has, several at once, and tells which are lacking.

use super::new_file::NewFile;
use super::receive::Lacking;
use super::sources::{Copier, Sources};
use crate::protocol::{Digest, Entry, Kind, Reason};
use crate::server::limits::Limits;
use rustix::process::nice;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// More have not been seen to help.
const THREADS: usize = 4;
/// As `nice` counts: the service that runs meanwhile comes first.
const LESS_URGENT: i32 = 10;
/// Fewer entries are not worth a thread.
const WORTH_A_THREAD: usize = 200;

/// What became of the files.
#[derive(Default)]
pub(in crate::server) struct Made {
    /// How many were made.
    pub(in crate::server) copied: u32,
    /// In the order of the manifest.
    pub(in crate::server) lacking: Vec<Lacking>,
}

/// Makes in `folder` what can be made of `sources`, and writes down its digests; nothing but empty files without sources.
pub(in crate::server) fn make_files(
    folder: &Path,
    entries: &[Entry],
    digests: &mut [Digest],
    sources: Option<&Sources>,
    limits: &Limits,
) -> Result<Made, Reason> {
    let threads = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(THREADS);
    let share = entries.len().div_ceil(threads).max(WORTH_A_THREAD);
    let failed = AtomicBool::new(false);
    let maker = Maker {
        folder,
        sources,
        limits,
        failed: &failed,
    };
    thread::scope(|scope| {
        let mut shares = (0..)
            .step_by(share)
            .zip(entries.chunks(share).zip(digests.chunks_mut(share)));
        let first = shares.next();
        let others: Vec<_> = shares
            .map(|(at, (part, digests))| scope.spawn(move || maker.help(at, part, digests)))
            .collect();
        let mut made = first.map_or(Ok(Made::default()), |(at, (part, digests))| {
            maker.make(at, part, digests)
        })?;
        for other in others {
            let more = other.join().unwrap_or_else(|panic| resume_unwind(panic))?;
            made.copied += more.copied;
            made.lacking.extend(more.lacking);
        }
        Ok(made)
    })
}

/// Where an entry lies.
pub(in crate::server) fn place(folder: &Path, entry: &Entry) -> PathBuf {
    folder.join(OsStr::from_bytes(&entry.path))
}

#[derive(Clone, Copy)]
struct Maker<'a> {
    folder: &'a Path,
    sources: Option<&'a Sources>,
    limits: &'a Limits,
    /// One of the others: the whole is in vain.
    failed: &'a AtomicBool,
}

impl Maker<'_> {
    /// In a thread of its own.
    fn help(self, from: u32, part: &[Entry], digests: &mut [Digest]) -> Result<Made, Reason> {
        if let Err(error) = nice(LESS_URGENT) {
            tracing::debug!(%error, "copying is as urgent as the service");
        }
        self.make(from, part, digests)
    }

    fn make(self, from: u32, part: &[Entry], digests: &mut [Digest]) -> Result<Made, Reason> {
        let made = self.make_each(from, part, digests);
        if made.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        made
    }

    /// Makes a part of the manifest, that from index `from` on.
    fn make_each(self, from: u32, part: &[Entry], digests: &mut [Digest]) -> Result<Made, Reason> {
        let mut copier = Copier::new(self.limits);
        let mut made = Made::default();
        for (index, (entry, to)) in (from..).zip(part.iter().zip(digests)) {
            if self.failed.load(Ordering::Relaxed) {
                break;
            }
            let Kind::File { mode, size, digest } = entry.kind else {
                continue;
            };
            let file = NewFile {
                path: place(self.folder, entry),
                mode,
                size,
                digest,
            };
            if size == 0 {
                file.write_empty()?;
                continue;
            }
            let copied = self.sources.map_or(Ok(None), |sources| {
                sources.copy(&entry.path, &file, &mut copier)
            })?;
            if let Some(digest) = copied {
                *to = digest;
                made.copied += 1;
                continue;
            }
            let known = self.sources.map_or(Ok(None), |sources| {
                sources.known(&entry.path, &file, self.limits)
            })?;
            made.lacking.push(Lacking { index, file, known });
        }
        Ok(made)
    }
}
