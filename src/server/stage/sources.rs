//! What the server has already: the files of its other releases, known by the digests in their records. Copied (a reflink
//! where the disk can, never a hard link: applications write into their releases) and hashed again.

use super::known_chunks::{open, KnownChunks};
use super::new_file::NewFile;
use crate::protocol::chunks::{about, WORTH_CUTTING};
use crate::protocol::{Digest, Reason, ShortDigest};
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
/// The most chunks that the runner half is told of: half a megabyte.
const MOST_CHUNKS: usize = 64 << 10;

/// Where content lies.
pub(in crate::server) struct Sources {
    /// Newest first: it is the likeliest to be unchanged, and was read most lately.
    releases: Vec<Indexed>,
    by_digest: HashMap<ShortDigest, Vec<Place>>,
    /// A live release without a record of ours: the same path is worth a try.
    unrecorded: Option<PathBuf>,
    /// Chunks that may still be told of.
    chunks: AtomicUsize,
}

/// A release and its files, sorted by path.
struct Indexed {
    folder: PathBuf,
    files: Vec<(ShortDigest, Vec<u8>)>,
}

/// Index of a release, and of a file in it.
type Place = (usize, usize);

impl Sources {
    pub(in crate::server) fn new(layout: &Layout) -> Self {
        let indexed = |id| {
            Some(Indexed {
                folder: layout.release(id),
                files: records::index(layout, id)?,
            })
        };
        let releases: Vec<_> = records::present(layout)
            .into_iter()
            .rev()
            .filter_map(indexed)
            .collect();
        let mut by_digest: HashMap<ShortDigest, Vec<Place>> = HashMap::new();
        for (release, Indexed { files, .. }) in releases.iter().enumerate() {
            for (file, (digest, _)) in files.iter().enumerate() {
                by_digest.entry(*digest).or_default().push((release, file));
            }
        }
        let unrecorded = links::live(layout).map(|id| layout.release(id));
        let unrecorded =
            unrecorded.filter(|live| releases.iter().all(|release| release.folder != *live));
        Self {
            releases,
            by_digest,
            unrecorded,
            chunks: AtomicUsize::new(MOST_CHUNKS),
        }
    }

    /// Makes `file` from what is here; `None` where there is none, or none that is still the same.
    pub(in crate::server) fn copy(
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
            fs::remove_file(&file.path).map_err(failed("remove", &file.path))?;
        }
        Ok(None)
    }

    /// What is here of `file`, which can't be copied: what an upload that was cut short left of it, and the newest earlier
    /// version.
    pub(in crate::server) fn known(
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
        let begun = self.with_digest(file.digest).find(|path| size(path) > 0);
        let earlier = self
            .with_path(path, file.digest)
            .chain(self.unrecorded_at(path))
            .find(|path| size(path) > 0);
        let files: Vec<_> = begun.into_iter().chain(earlier).collect();
        let left = self.chunks.load(Ordering::Relaxed);
        // a far longer one is not cut in vain
        if about(files.iter().map(size).sum(), file.size) > left as u64 {
            return Ok(None);
        }
        let known = KnownChunks::of(files, file.size, left, limits)?;
        Ok(known.filter(|known| {
            // others take of it at the same time
            let take = |left: usize| left.checked_sub(known.count());
            self.chunks
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
                let Indexed { folder, files } = &self.releases[*release];
                folder.join(OsStr::from_bytes(&files[*file].1))
            })
    }

    /// Other contents of the same path.
    fn with_path<'a>(
        &'a self,
        path: &'a [u8],
        digest: ShortDigest,
    ) -> impl Iterator<Item = PathBuf> + 'a {
        self.releases
            .iter()
            .filter_map(move |Indexed { folder, files }| {
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

/// Copies and hashes files, one after the other.
pub(in crate::server) struct Copier<'a> {
    limits: &'a Limits,
    buffer: Vec<u8>,
}

impl<'a> Copier<'a> {
    pub(in crate::server) fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            buffer: vec![0; PIECE],
        }
    }

    /// The digest of what `file` holds then; `None` where the source can't be read.
    fn copy(
        &mut self,
        source: &mut File,
        target: &mut File,
        file: &NewFile,
    ) -> Result<Option<Digest>, Reason> {
        // it is what it was then, whatever becomes of the source
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
                            .map_err(failed("write", &file.path))?;
                    }
                    left = left.saturating_sub(n as u64);
                }
            }
        }
        Ok(Some(Digest::from_hasher(hasher)))
    }
}
