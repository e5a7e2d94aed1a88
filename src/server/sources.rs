//! What the server has already: the files of its other releases, known by the hashes in their records. Copied (a reflink
//! where the disk can, never a hard link: applications write into their releases) and hashed again.

use super::durable::{failed, Result};
use super::inbox::Limits;
use super::layout::Layout;
use super::links;
use super::new_file::NewFile;
use super::records;
use crate::protocol::Digest;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const PIECE: usize = 128 << 10;
/// A shorter beginning is sent again.
const WORTH_IT: u64 = 256 << 10;

/// Where content lies, by its hash.
pub(super) struct Sources {
    by_digest: HashMap<Digest, Vec<PathBuf>>,
    /// A live release without a record of ours: the same path is worth a try.
    unrecorded: Option<PathBuf>,
}

impl Sources {
    pub(super) fn new(layout: &Layout) -> Self {
        let mut by_digest: HashMap<Digest, Vec<PathBuf>> = HashMap::new();
        // the newest first: it is the likeliest to be unchanged, and was read most lately
        for id in records::present(layout).into_iter().rev() {
            let folder = layout.release(id);
            for (digest, path) in records::index(layout, id).unwrap_or_default() {
                by_digest.entry(digest).or_default().push(folder.join(OsStr::from_bytes(&path)));
            }
        }
        let live = links::live(layout).filter(|id| records::index(layout, *id).is_none());
        Self { by_digest, unrecorded: live.map(|id| layout.release(id)) }
    }

    /// Makes `file` from what is here; `false` where there is none, or none that is still the same.
    pub(super) fn copy(&self, path: &[u8], file: &NewFile, limits: &Limits) -> Result<bool> {
        let same_path = self.unrecorded.as_ref().map(|folder| folder.join(OsStr::from_bytes(path)));
        for candidate in self.by_digest.get(&file.digest).into_iter().flatten().chain(&same_path) {
            let Some(mut source) = open(candidate, file.size) else { continue };
            let mut target = file.create()?;
            if copy(&mut source, &mut target, limits, &file.path)? == Some(file.digest) {
                file.finish(&target)?;
                return Ok(true);
            }
            fs::remove_file(&file.path).map_err(failed("remove", &file.path))?;
        }
        Ok(false)
    }
}

/// What is here of a file's content: its beginning, already in its place.
pub(super) struct Begun {
    pub(super) target: File,
    pub(super) hasher: Sha256,
    pub(super) size: u64,
}

impl Sources {
    /// Begins `file` with what an upload that was cut short left of it. Whether that was right, the whole tells.
    pub(super) fn begin(&self, file: &NewFile, limits: &Limits) -> Result<Option<Begun>> {
        let shorter = |path: &PathBuf| {
            let found = fs::symlink_metadata(path).ok()?;
            let worth_it = found.is_file() && (WORTH_IT..file.size).contains(&found.len());
            worth_it.then(|| File::open(path).ok())?
        };
        let Some(mut source) = self.by_digest.get(&file.digest).into_iter().flatten().find_map(shorter) else {
            return Ok(None);
        };
        let mut target = file.create()?;
        let mut hasher = Sha256::new();
        let mut size = 0;
        let mut buffer = vec![0; PIECE];
        while let Ok(n @ 1..) = source.read(&mut buffer) {
            limits.check()?;
            hasher.update(&buffer[..n]);
            target.write_all(&buffer[..n]).map_err(failed("write", &file.path))?;
            size += n as u64;
        }
        Ok(Some(Begun { target, hasher, size }))
    }
}

/// A regular file of this size: never through a link, never a pipe that would block.
fn open(path: &Path, size: u64) -> Option<File> {
    let found = fs::symlink_metadata(path).ok()?;
    (found.is_file() && found.len() == size).then(|| File::open(path).ok())?
}

/// Copies and hashes; `None` where the source can't be read.
fn copy(source: &mut File, target: &mut File, limits: &Limits, path: &Path) -> Result<Option<Digest>> {
    if rustix::fs::ioctl_ficlone(&*target, &*source).is_ok() {
        return Ok(target.rewind().and_then(|()| hash(target, &mut io::sink())).ok());
    }
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; PIECE];
    loop {
        limits.check()?;
        match source.read(&mut buffer) {
            Ok(0) => return Ok(Some(Digest::from_hasher(hasher))),
            Ok(n) => {
                hasher.update(&buffer[..n]);
                target.write_all(&buffer[..n]).map_err(failed("write", path))?;
            }
            Err(_) => return Ok(None),
        }
    }
}

fn hash(source: &mut impl Read, target: &mut impl Write) -> io::Result<Digest> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; PIECE];
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(Digest::from_hasher(hasher)),
            n => {
                hasher.update(&buffer[..n]);
                target.write_all(&buffer[..n])?;
            }
        }
    }
}

/// The digest of a file.
pub(super) fn digest_of(path: &Path) -> io::Result<Digest> {
    hash(&mut File::open(path)?, &mut io::sink())
}
