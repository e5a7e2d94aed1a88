//! Of a file that the server has in an earlier version, or in part: what is new in it.

use super::tree::{Content, SourceError};
use super::upload::UploadError;
use crate::protocol::chunks::{cut, Chunk, ChunkDigest};
use crate::protocol::{wire::MAX_PIECE, Known, ToServer};
use std::collections::HashMap;
use std::io;

/// The messages that make up a file's content, in order, each with the bytes that it stands for.
pub(super) struct Changes<'a, C> {
    entry: u32,
    chunks: C,
    known: &'a [ChunkDigest],
    first: HashMap<ChunkDigest, usize>,
    /// What came last: more may join it.
    open: Option<Piece>,
}

enum Piece {
    New(Vec<u8>),
    /// Chunks `first..end`.
    Known {
        first: usize,
        end: usize,
        bytes: usize,
    },
}

/// Of `content`, which is to be `size` bytes long, in pieces that are new and such that are `known`.
pub(super) fn changes<'a>(
    content: Content<'a>,
    size: u64,
    known: &'a Known,
) -> Changes<'a, impl Iterator<Item = io::Result<Chunk>> + 'a> {
    let Known { entry, chunks } = known;
    let first = (0..chunks.len()).rev().map(|index| (chunks[index], index)).collect();
    Changes { entry: *entry, chunks: cut(content, size), known: chunks, first, open: None }
}

impl<C: Iterator<Item = io::Result<Chunk>>> Iterator for Changes<'_, C> {
    type Item = Result<(ToServer, usize), UploadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let closed = match self.chunks.next() {
                Some(Ok(chunk)) => self.join(chunk),
                Some(Err(error)) => return Some(Err(unread(error))),
                None => return self.open.take().map(|piece| Ok(self.message(piece))),
            };
            if let Some(piece) = closed {
                return Some(Ok(self.message(piece)));
            }
        }
    }
}

impl<C> Changes<'_, C> {
    /// The piece that `chunk` does not belong to, if there was one.
    fn join(&mut self, chunk: Chunk) -> Option<Piece> {
        let digest = chunk.digest();
        let length = chunk.bytes.len();
        match (&mut self.open, self.first.get(&digest)) {
            (Some(Piece::Known { end, bytes, .. }), _) if self.known.get(*end) == Some(&digest) => {
                *end += 1;
                *bytes += length;
                None
            }
            (Some(Piece::New(new)), None) if new.len() + length <= MAX_PIECE => {
                new.extend(chunk.bytes);
                None
            }
            (open, Some(first)) => open.replace(Piece::Known { first: *first, end: *first + 1, bytes: length }),
            (open, None) => open.replace(Piece::New(chunk.bytes)),
        }
    }

    fn message(&self, piece: Piece) -> (ToServer, usize) {
        let entry = self.entry;
        let short = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        match piece {
            Piece::New(bytes) => {
                let length = bytes.len();
                (ToServer::Content { entry, bytes }, length)
            }
            Piece::Known { first, end, bytes } => {
                (ToServer::Known { entry, first: short(first), count: short(end - first) }, bytes)
            }
        }
    }
}

fn unread(error: io::Error) -> UploadError {
    match error.downcast::<SourceError>() {
        Ok(error) => error.into(),
        Err(error) => error.into(),
    }
}
