//! Of a file that the server has in an earlier version, or in part: what is new in it.

use crate::protocol::chunks::{cut, Chunk, ChunkDigest};
use crate::protocol::{wire::MAX_PIECE, Known, ToServer};
use crate::runner::source::{Content, SourceError};
use std::collections::HashMap;
use std::io;

/// Known bytes that one message stands for, or a chunk more: a large file that has hardly changed is to be told of while it
/// is read, and not all at its end.
const MOST_KNOWN: usize = 8 << 20;

/// The messages that make up a file's content, in order, each with the bytes that it stands for.
pub(super) struct Changes<'a, C> {
    entry: u32,
    chunks: C,
    known: &'a [ChunkDigest],
    first: HashMap<ChunkDigest, usize>,
    /// What came last: more may join it.
    open: Option<Piece>,
    /// New bytes that did not fit into one message.
    rest: Vec<u8>,
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
    let first = (0..chunks.len())
        .rev()
        .map(|index| (chunks[index], index))
        .collect();
    Changes {
        entry: *entry,
        chunks: cut(content, size),
        known: chunks,
        first,
        open: None,
        rest: Vec::new(),
    }
}

impl<C: Iterator<Item = io::Result<Chunk>>> Iterator for Changes<'_, C> {
    type Item = Result<(ToServer, usize), SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            return Some(Ok(self.content(rest)));
        }
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
                if *bytes >= MOST_KNOWN {
                    let first = *end;
                    return self.open.replace(Piece::Known {
                        first,
                        end: first + 1,
                        bytes: length,
                    });
                }
                *end += 1;
                *bytes += length;
                None
            }
            (Some(Piece::New(new)), None) if new.len() + length <= MAX_PIECE => {
                new.extend(chunk.bytes);
                None
            }
            (open, Some(first)) => open.replace(Piece::Known {
                first: *first,
                end: *first + 1,
                bytes: length,
            }),
            (open, None) => open.replace(Piece::New(chunk.bytes)),
        }
    }

    fn message(&mut self, piece: Piece) -> (ToServer, usize) {
        let entry = self.entry;
        let short = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        match piece {
            Piece::New(bytes) => self.content(bytes),
            Piece::Known { first, end, bytes } => (
                ToServer::Known {
                    entry,
                    first: short(first),
                    count: short(end - first),
                },
                bytes,
            ),
        }
    }

    /// As much as a message may hold; a chunk of a large file is longer.
    fn content(&mut self, mut bytes: Vec<u8>) -> (ToServer, usize) {
        self.rest = bytes.split_off(bytes.len().min(MAX_PIECE));
        let length = bytes.len();
        (
            ToServer::Content {
                entry: self.entry,
                bytes,
            },
            length,
        )
    }
}

/// Reading fails with a [`SourceError`], which cutting into chunks passes on.
fn unread(error: io::Error) -> SourceError {
    error
        .downcast()
        .unwrap_or_else(|error| SourceError::unreadable(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::wire::frame;
    use crate::runner::testing::{content_of, noise};

    fn chunk(bytes: Vec<u8>) -> io::Result<Chunk> {
        Ok(Chunk { offset: 0, bytes })
    }

    #[test]
    fn a_chunk_that_is_longer_than_a_message_goes_in_several() {
        let (short, long, known) = (noise(1, 7), noise(2, 4 << 20), noise(3, 9));
        let digests = [chunk(known.clone()).unwrap().digest()];
        let first = HashMap::from([(digests[0], 0)]);
        let chunks = [
            short.clone(),
            long.clone(),
            long.clone(),
            known,
            long.clone(),
        ]
        .map(chunk)
        .into_iter();
        let changes = Changes {
            entry: 3,
            chunks,
            known: &digests,
            first,
            open: None,
            rest: Vec::new(),
        };
        let (messages, counts): (Vec<_>, Vec<_>) = changes.map(Result::unwrap).unzip();
        assert!(content_of(&messages, 3) == [short, long.clone(), long.clone(), long].concat());
        assert_eq!(counts.iter().sum::<usize>(), 7 + 9 + 3 * (4 << 20));
        assert_eq!(
            messages[33],
            ToServer::Known {
                entry: 3,
                first: 0,
                count: 1
            }
        );
        for message in messages {
            frame(&message).unwrap();
            assert!(
                !matches!(message, ToServer::Content { bytes, .. } if bytes.is_empty() || bytes.len() > MAX_PIECE)
            );
        }
    }

    #[test]
    fn much_that_is_known_is_told_of_bit_by_bit() {
        let long = vec![0; 1 << 20];
        let digests = vec![chunk(long.clone()).unwrap().digest(); 20];
        let chunks = std::iter::repeat_with(|| chunk(long.clone())).take(20);
        let first = HashMap::from([(digests[0], 0)]);
        let changes = Changes {
            entry: 3,
            chunks,
            known: &digests,
            first,
            open: None,
            rest: Vec::new(),
        };
        let known = |first, count| {
            (
                ToServer::Known {
                    entry: 3,
                    first,
                    count,
                },
                (count as usize) << 20,
            )
        };
        assert_eq!(
            changes.map(Result::unwrap).collect::<Vec<_>>(),
            [known(0, 8), known(8, 8), known(16, 4)]
        );
    }
}
