//! Receives the content of missing files. Every byte is hashed where it is written.

use super::known_chunks::{KnownChunks, OpenChunks, BETWEEN_CHECKS};
use super::new_file::NewFile;
use crate::protocol::chunks::ChunkDigest;
use crate::protocol::{
    BadUpload, Digest, KnownFile, Operation, Reason, ShortDigest, ToRunner, ToServer,
};
use crate::server::channel::inbox::Inbox;
use crate::server::channel::outbox::Outbox;
use crate::server::limits::Limits;
use crate::server::store::durable::failed;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::Write;

/// The size of one request, in bytes, well below [`crate::protocol::wire::MAX_FRAME`].
const REQUEST: usize = 256 << 10;
/// The size of one range, at most.
const RANGE: usize = 10;

/// A file whose content the runner half must send.
pub(super) struct MissingFile {
    /// Index of its entry.
    pub(super) index: u32,
    pub(super) file: NewFile,
    pub(super) known: Option<KnownChunks>,
}

/// Requests all missing files, in order.
pub(super) fn request(missing: &mut [MissingFile], outbox: &mut Outbox) {
    let mut request = ContentRequest::default();
    for MissingFile { index, known, .. } in missing {
        if request.bytes > REQUEST {
            outbox.send(&std::mem::take(&mut request).into_message(false));
        }
        request.add(*index, known.as_mut().map(KnownChunks::take_digests));
    }
    outbox.send(&request.into_message(true));
}

#[derive(Default)]
struct ContentRequest {
    ranges: Vec<(u32, u32)>,
    known: Vec<KnownFile>,
    /// Its approximate size.
    bytes: usize,
}

impl ContentRequest {
    fn add(&mut self, index: u32, chunks: Option<Vec<ChunkDigest>>) {
        match self.ranges.last_mut() {
            Some((_, end)) if *end == index => *end += 1,
            _ => {
                self.ranges.push((index, index + 1));
                self.bytes += RANGE;
            }
        }
        if let Some(chunks) = chunks {
            self.bytes += RANGE + size_of_val(chunks.as_slice());
            self.known.push(KnownFile {
                entry: index,
                chunks,
            });
        }
    }

    fn into_message(self, last: bool) -> ToRunner {
        ToRunner::Need {
            ranges: self.ranges,
            known: self.known,
            last,
        }
    }
}

/// Receives contents.
pub(super) struct Receiver<'a> {
    inbox: &'a Inbox,
    limits: &'a Limits,
    /// A message that was received but not used yet.
    next: Option<ToServer>,
    bytes: u64,
}

impl<'a> Receiver<'a> {
    pub(super) fn new(inbox: &'a Inbox, limits: &'a Limits) -> Self {
        Self {
            inbox,
            limits,
            next: None,
            bytes: 0,
        }
    }

    /// Whether the runner half waits for a request, rather than sending everything at once.
    pub(super) fn is_on_request(&mut self) -> Result<bool, Reason> {
        match self.inbox.next(self.limits)? {
            ToServer::Ask => Ok(true),
            other => {
                self.next = Some(other);
                Ok(false)
            }
        }
    }

    /// Bytes of content that were received.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Receives all missing files, in order, and stores their digests in `digests`. Returns those that did not match with
    /// known chunks: they were deleted, and must be requested as a whole.
    pub(super) fn receive(
        &mut self,
        missing: Vec<MissingFile>,
        digests: &mut [Digest],
    ) -> Result<Vec<MissingFile>, Reason> {
        let mut mismatched = Vec::new();
        for MissingFile { index, file, known } in missing {
            let known = known.map(KnownChunks::open);
            let target = file.create()?;
            let digest = self.content(index, &file, &target, known.as_ref())?;
            if ShortDigest::from(digest) == file.digest {
                file.finish(&target)?;
                digests[index as usize] = digest;
            } else if known.is_some() {
                fs::remove_file(&file.path).map_err(failed(Operation::Delete, &file.path))?;
                mismatched.push(MissingFile {
                    index,
                    file,
                    known: None,
                });
            } else {
                let path = file.path.display().to_string();
                return Err(Reason::Upload(BadUpload::Corrupt(path)));
            }
        }
        match self.message()? {
            ToServer::Sent => Ok(mismatched),
            _ => Err(Reason::Upload(BadUpload::TooMuch)),
        }
    }

    /// Receives and writes the content of one file. Returns its digest.
    fn content(
        &mut self,
        index: u32,
        file: &NewFile,
        target: &File,
        known: Option<&OpenChunks>,
    ) -> Result<Digest, Reason> {
        let mut writer = ContentWriter::new(file, target);
        while writer.left > 0 {
            self.limits.check()?;
            match self.message()? {
                ToServer::Content { entry, bytes } if entry == index && !bytes.is_empty() => {
                    self.bytes += bytes.len() as u64;
                    writer.write(&bytes)?;
                }
                ToServer::Known {
                    entry,
                    first,
                    count,
                } if entry == index && count > 0 => {
                    let chunks = (first as usize..).take(count as usize);
                    self.copy_chunks(chunks, known, &mut writer)?;
                }
                ToServer::Content { .. } | ToServer::Known { .. } => {
                    return Err(Reason::Upload(BadUpload::Unrequested));
                }
                _ => return Err(Reason::Upload(BadUpload::ContentMissing)),
            }
        }
        Ok(Digest::from_hasher(writer.hasher))
    }

    fn copy_chunks(
        &self,
        chunks: impl Iterator<Item = usize>,
        known: Option<&OpenChunks>,
        writer: &mut ContentWriter<'_>,
    ) -> Result<(), Reason> {
        for chunk in chunks {
            if chunk.is_multiple_of(BETWEEN_CHECKS) {
                self.limits.check()?;
            }
            let bytes = known.and_then(|known| known.read(chunk));
            writer.write(&bytes.ok_or(Reason::Upload(BadUpload::UnknownChunk))?)?;
        }
        Ok(())
    }

    fn message(&mut self) -> Result<ToServer, Reason> {
        self.next
            .take()
            .map_or_else(|| self.inbox.next(self.limits), Ok)
    }
}

/// Writes and hashes the content of one file.
struct ContentWriter<'a> {
    file: &'a NewFile,
    target: &'a File,
    hasher: Sha256,
    /// Bytes that are missing.
    left: u64,
}

impl<'a> ContentWriter<'a> {
    fn new(file: &'a NewFile, target: &'a File) -> Self {
        Self {
            file,
            target,
            hasher: Sha256::new(),
            left: file.size,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Reason> {
        self.left = self
            .left
            .checked_sub(bytes.len() as u64)
            .ok_or(Reason::Upload(BadUpload::Unrequested))?;
        self.hasher.update(bytes);
        let mut target = self.target;
        target
            .write_all(bytes)
            .map_err(failed(Operation::Write, &self.file.path))
    }
}
