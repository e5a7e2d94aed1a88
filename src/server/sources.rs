//! What the server has already: the files of its other releases, known by the digests in their records. Copied (a reflink
//! where the disk can, never a hard link: applications write into their releases) and hashed again.

use super::durable::{failed, Result};
use super::inbox::Limits;
use super::known::KnownChunks;
use super::layout::Layout;
use super::links;
use super::new_file::NewFile;
use super::records;
use crate::protocol::chunks::WORTH_CUTTING;
use crate::protocol::{Digest, ShortDigest};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

const PIECE: usize = 128 << 10;
/// The most chunks that the runner half is told of: half a megabyte.
const MOST_CHUNKS: usize = 64 << 10;

/// Where content lies.
pub(super) struct Sources {
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
    pub(super) fn new(layout: &Layout) -> Self {
        let indexed = |id| Some(Indexed { folder: layout.release(id), files: records::index(layout, id)? });
        let releases: Vec<_> = records::present(layout).into_iter().rev().filter_map(indexed).collect();
        let mut by_digest: HashMap<ShortDigest, Vec<Place>> = HashMap::new();
        for (release, Indexed { files, .. }) in releases.iter().enumerate() {
            for (file, (digest, _)) in files.iter().enumerate() {
                by_digest.entry(*digest).or_default().push((release, file));
            }
        }
        let unrecorded = links::live(layout).map(|id| layout.release(id));
        let unrecorded = unrecorded.filter(|live| releases.iter().all(|release| release.folder != *live));
        Self { releases, by_digest, unrecorded, chunks: AtomicUsize::new(MOST_CHUNKS) }
    }

    /// Makes `file` from what is here; `None` where there is none, or none that is still the same.
    pub(super) fn copy(&self, path: &[u8], file: &NewFile, copier: &mut Copier<'_>) -> Result<Option<Digest>> {
        for candidate in self.with_digest(file.digest).chain(self.unrecorded_at(path)) {
            let Some(mut source) = open(&candidate, file.size) else { continue };
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
    pub(super) fn known(&self, path: &[u8], file: &NewFile, limits: &Limits) -> Result<Option<KnownChunks>> {
        let most = self.chunks.load(Ordering::Relaxed);
        if file.size < WORTH_CUTTING || most == 0 {
            return Ok(None);
        }
        let is_there =
            |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.len() > 0);
        let begun = self.with_digest(file.digest).find(is_there);
        let earlier = self.with_path(path, file.digest).chain(self.unrecorded_at(path)).find(is_there);
        let known = KnownChunks::of(begun.into_iter().chain(earlier).collect(), file.size, most, limits)?;
        Ok(known.filter(|known| {
            // others take of it at the same time; once it does not suffice, no more files are looked at
            let take = |left: usize| Some(left.saturating_sub(known.count()));
            let left = self.chunks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
            left.is_ok_and(|left| left >= known.count())
        }))
    }

    fn with_digest(&self, digest: ShortDigest) -> impl Iterator<Item = PathBuf> + '_ {
        self.by_digest.get(&digest).into_iter().flatten().map(|(release, file)| {
            let Indexed { folder, files } = &self.releases[*release];
            folder.join(OsStr::from_bytes(&files[*file].1))
        })
    }

    /// Other contents of the same path.
    fn with_path<'a>(&'a self, path: &'a [u8], digest: ShortDigest) -> impl Iterator<Item = PathBuf> + 'a {
        self.releases.iter().filter_map(move |Indexed { folder, files }| {
            let found = files.binary_search_by(|(_, other)| other.as_slice().cmp(path)).ok()?;
            (files[found].0 != digest).then(|| folder.join(OsStr::from_bytes(path)))
        })
    }

    fn unrecorded_at(&self, path: &[u8]) -> Option<PathBuf> {
        Some(self.unrecorded.as_ref()?.join(OsStr::from_bytes(path)))
    }
}

/// A regular file of this size: never through a link, never a pipe that would block.
fn open(path: &Path, size: u64) -> Option<File> {
    let found = fs::symlink_metadata(path).ok()?;
    (found.is_file() && found.len() == size).then(|| File::open(path).ok())?
}

/// Copies and hashes files, one after the other.
pub(super) struct Copier<'a> {
    limits: &'a Limits,
    buffer: Vec<u8>,
}

impl<'a> Copier<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self { limits, buffer: vec![0; PIECE] }
    }

    /// The digest of what `file` holds then; `None` where the source can't be read.
    fn copy(&mut self, source: &mut File, target: &mut File, file: &NewFile) -> Result<Option<Digest>> {
        if rustix::fs::ioctl_ficlone(&*target, &*source).is_ok() {
            return Ok(target.rewind().and_then(|()| hash(target)).ok());
        }
        let mut hasher = Sha256::new();
        let mut left = file.size;
        while left > 0 {
            self.limits.check()?;
            match source.read(&mut self.buffer) {
                Ok(0) | Err(_) => return Ok(None),
                Ok(n) => {
                    hasher.update(&self.buffer[..n]);
                    target.write_all(&self.buffer[..n]).map_err(failed("write", &file.path))?;
                    left = left.saturating_sub(n as u64);
                }
            }
        }
        Ok(Some(Digest::from_hasher(hasher)))
    }
}

fn hash(source: &mut impl Read) -> io::Result<Digest> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; PIECE];
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(Digest::from_hasher(hasher)),
            n => hasher.update(&buffer[..n]),
        }
    }
}

/// The digest of a file.
pub(super) fn digest_of(path: &Path) -> io::Result<Digest> {
    hash(&mut File::open(path)?)
}
