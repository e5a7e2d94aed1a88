//! Reads files of the source: once for their digests, and again for their contents.

use super::error::SourceError;
use crate::protocol::{wire::MAX_PIECE, Digest, ShortDigest, SourceProblem};
use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

const BUFFER: usize = 256 << 10;

/// Opens a regular file only. Does not follow a link, and does not wait for the other end of a FIFO.
pub(super) fn open(source: &Path, path: &[u8]) -> Result<File, SourceError> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(source.join(OsStr::from_bytes(path)))
        .map_err(|error| unreadable(path, &error))?;
    let found = file.metadata().map_err(|error| unreadable(path, &error))?;
    if !found.is_file() {
        return Err(SourceError::at(path, SourceProblem::NotFile));
    }
    Ok(file)
}

pub(super) fn unreadable(path: &[u8], error: &io::Error) -> SourceError {
    let error = error.to_string();
    SourceError::at(path, SourceProblem::Unreadable { error })
}

/// The digest of a file that is `size` bytes long.
pub(super) fn hash(
    source: &Path,
    path: &[u8],
    size: u64,
    stop: &AtomicBool,
) -> Result<Digest, SourceError> {
    let mut file = open(source, path)?.take(size.saturating_add(1));
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; usize::try_from(size).unwrap_or(BUFFER).clamp(1, BUFFER)];
    let mut seen: u64 = 0;
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(SourceError::Stopped);
        }
        match file
            .read(&mut buffer)
            .map_err(|error| unreadable(path, &error))?
        {
            0 => break,
            n => {
                hasher.update(&buffer[..n]);
                seen += n as u64;
            }
        }
    }
    if seen != size {
        return Err(SourceError::at(path, SourceProblem::Changes));
    }
    Ok(Digest::from_hasher(hasher))
}

/// A file that is read again, piece by piece, and must not have changed.
pub struct Content<'a> {
    path: &'a [u8],
    file: File,
    hasher: Sha256,
    remaining: u64,
    digest: ShortDigest,
}

impl<'a> Content<'a> {
    pub(super) fn open(
        source: &Path,
        path: &'a [u8],
        size: u64,
        digest: ShortDigest,
    ) -> Result<Self, SourceError> {
        let file = open(source, path)?;
        Ok(Self {
            path,
            file,
            hasher: Sha256::new(),
            remaining: size,
            digest,
        })
    }

    /// The number of bytes that were not returned yet.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.remaining
    }

    /// The next piece, at most [`MAX_PIECE`] bytes; `None` at the end. The last piece is returned only if the whole
    /// file has the digest in the manifest.
    ///
    /// # Errors
    /// If the file has changed or cannot be read.
    pub fn next_piece(&mut self) -> Result<Option<Vec<u8>>, SourceError> {
        if self.remaining == 0 {
            return Ok(None);
        }
        let size = usize::try_from(self.remaining)
            .unwrap_or(MAX_PIECE)
            .min(MAX_PIECE);
        let mut piece = vec![0; size];
        self.fill(&mut piece)?;
        Ok(Some(piece))
    }

    /// `piece` is not longer than the rest of the file.
    fn fill(&mut self, piece: &mut [u8]) -> Result<(), SourceError> {
        self.file
            .read_exact(piece)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => self.changed(),
                _ => unreadable(self.path, &error),
            })?;
        self.hasher.update(&piece);
        self.remaining -= piece.len() as u64;
        if self.remaining == 0 {
            self.check_digest()?;
        }
        Ok(())
    }

    fn check_digest(&mut self) -> Result<(), SourceError> {
        let more = self
            .file
            .read(&mut [0])
            .map_err(|error| unreadable(self.path, &error))?;
        let digest = Digest::from_hasher(std::mem::take(&mut self.hasher));
        if more > 0 || ShortDigest::from(digest) != self.digest {
            return Err(self.changed());
        }
        Ok(())
    }

    fn changed(&self) -> SourceError {
        SourceError::at(self.path, SourceProblem::Changes)
    }
}

/// As [`Content::next_piece`]. Errors contain a [`SourceError`].
impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = usize::try_from(self.remaining)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        if size > 0 {
            self.fill(&mut buffer[..size]).map_err(io::Error::other)?;
        }
        Ok(size)
    }
}
