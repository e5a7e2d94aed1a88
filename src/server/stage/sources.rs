//! The files that the server has already, in other releases, found by the digests in their records. They are copied - as
//! reflinks if the disk supports it, never as hard links, because applications write into their releases - and hashed
//! again.

use super::known_chunks::{open, KnownChunks};
use super::new_file::NewFile;
use crate::protocol::chunks::{about, WORTH_CUTTING};
use crate::protocol::{Digest, Operation, Reason, ReleaseId, ShortDigest};
use crate::server::limits::Limits;
use crate::server::store::durable::failed;
use crate::server::store::layout::Layout;
use crate::server::store::links;
use crate::server::store::records;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

const PIECE: usize = 128 << 10;
/// The most chunks that are offered to the runner half: half a megabyte.
const MAX_CHUNKS: usize = 64 << 10;

/// Files of other releases, by content and by path.
pub(super) struct Sources {
    /// Newest first: it is most likely unchanged and in the system's cache.
    releases: Vec<IndexedRelease>,
    by_digest: HashMap<ShortDigest, Vec<FilePosition>>,
    /// The live release if it has no record: its files are tried by path.
    unrecorded: Option<PathBuf>,
    /// Chunks that may still be offered.
    chunks_left: AtomicUsize,
}

/// A release and its files, sorted by path.
struct IndexedRelease {
    folder: PathBuf,
    files: Vec<(ShortDigest, Vec<u8>)>,
}

/// Index of a release, and of a file in it.
type FilePosition = (usize, usize);

impl Sources {
    pub(super) fn new(layout: &Layout) -> Self {
        let indexed = |id: ReleaseId| {
            Some(IndexedRelease {
                folder: layout.release(&id),
                files: records::index(layout, &id)?,
            })
        };
        let releases: Vec<_> = records::present(layout)
            .into_iter()
            .rev()
            .filter_map(indexed)
            .collect();
        let mut by_digest: HashMap<ShortDigest, Vec<FilePosition>> = HashMap::new();
        for (release, IndexedRelease { files, .. }) in releases.iter().enumerate() {
            for (file, (digest, _)) in files.iter().enumerate() {
                by_digest.entry(*digest).or_default().push((release, file));
            }
        }
        let unrecorded = links::live(layout).map(|id| layout.release(&id));
        let unrecorded =
            unrecorded.filter(|live| releases.iter().all(|release| release.folder != *live));
        Self {
            releases,
            by_digest,
            unrecorded,
            chunks_left: AtomicUsize::new(MAX_CHUNKS),
        }
    }

    /// Creates `file` as a copy; `None` if no source has its content.
    pub(super) fn copy(
        &self,
        path: &[u8],
        file: &NewFile,
        copier: &mut Copier<'_>,
    ) -> Result<Option<Digest>, Reason> {
        for candidate in self
            .with_digest(file.digest)
            .chain(self.unrecorded_at(path))
        {
            let Some((mut source, _)) = open(&candidate).filter(|(_, size)| *size == file.size)
            else {
                continue;
            };
            let mut target = file.create()?;
            if let Some(digest) = copier.copy(&mut source, &mut target, file)? {
                if ShortDigest::from(digest) == file.digest {
                    file.finish(&target)?;
                    return Ok(Some(digest));
                }
            }
            fs::remove_file(&file.path).map_err(failed(Operation::Delete, &file.path))?;
        }
        Ok(None)
    }

    /// The known chunks of a `file` that cannot be copied: from an interrupted upload of it, and from its newest earlier
    /// version.
    pub(super) fn known(
        &self,
        path: &[u8],
        file: &NewFile,
        limits: &Limits,
    ) -> Result<Option<KnownChunks>, Reason> {
        if file.size < WORTH_CUTTING {
            return Ok(None);
        }
        let size = |path: &PathBuf| {
            fs::symlink_metadata(path)
                .ok()
                .filter(Metadata::is_file)
                .map_or(0, |it| it.len())
        };
        let interrupted = self.with_digest(file.digest).find(|path| size(path) > 0);
        let earlier = self
            .with_path(path, file.digest)
            .chain(self.unrecorded_at(path))
            .find(|path| size(path) > 0);
        let files: Vec<_> = interrupted.into_iter().chain(earlier).collect();
        let left = self.chunks_left.load(Ordering::Relaxed);
        // cutting a far longer file would be useless
        if about(files.iter().map(size).sum(), file.size) > left as u64 {
            return Ok(None);
        }
        let known = KnownChunks::of(files, file.size, left, limits)?;
        Ok(known.filter(|known| {
            // other threads take from it too
            let take = |left: usize| left.checked_sub(known.count());
            self.chunks_left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                .is_ok()
        }))
    }

    fn with_digest(&self, digest: ShortDigest) -> impl Iterator<Item = PathBuf> + '_ {
        self.by_digest
            .get(&digest)
            .into_iter()
            .flatten()
            .map(|(release, file)| {
                let IndexedRelease { folder, files } = &self.releases[*release];
                folder.join(OsStr::from_bytes(&files[*file].1))
            })
    }

    /// Files with another content at the same path.
    fn with_path<'a>(
        &'a self,
        path: &'a [u8],
        digest: ShortDigest,
    ) -> impl Iterator<Item = PathBuf> + 'a {
        self.releases
            .iter()
            .filter_map(move |IndexedRelease { folder, files }| {
                let found = files
                    .binary_search_by(|(_, other)| other.as_slice().cmp(path))
                    .ok()?;
                (files[found].0 != digest).then(|| folder.join(OsStr::from_bytes(path)))
            })
    }

    fn unrecorded_at(&self, path: &[u8]) -> Option<PathBuf> {
        Some(self.unrecorded.as_ref()?.join(OsStr::from_bytes(path)))
    }
}

/// Copies and hashes files one after another.
pub(super) struct Copier<'a> {
    limits: &'a Limits,
    buffer: Vec<u8>,
}

impl<'a> Copier<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            buffer: vec![0; PIECE],
        }
    }

    /// Returns the digest of the copy; `None` if the source cannot be read.
    fn copy(
        &mut self,
        source: &mut File,
        target: &mut File,
        file: &NewFile,
    ) -> Result<Option<Digest>, Reason> {
        // a clone does not change with its source
        let cloned =
            rustix::fs::ioctl_ficlone(&*target, &*source).is_ok() && target.rewind().is_ok();
        let mut hasher = Sha256::new();
        let mut left = file.size;
        while left > 0 {
            self.limits.check()?;
            let from = if cloned { &mut *target } else { &mut *source };
            match from.read(&mut self.buffer) {
                Ok(0) | Err(_) => return Ok(None),
                Ok(n) => {
                    hasher.update(&self.buffer[..n]);
                    if !cloned {
                        target
                            .write_all(&self.buffer[..n])
                            .map_err(failed(Operation::Write, &file.path))?;
                    }
                    left = left.saturating_sub(n as u64);
                }
            }
        }
        Ok(Some(Digest::from_hasher(hasher)))
    }
}
