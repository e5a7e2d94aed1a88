//! Finds the new parts of a file of which the server has an earlier version, or a part.

use crate::protocol::chunks::{cut, Chunk, ChunkDigest};
use crate::protocol::{wire::MAX_PIECE, KnownFile, ToServer};
use crate::runner::source::{Content, SourceError};
use std::collections::HashMap;
use std::io;

/// About the most known bytes of one message. A large file that has hardly changed must send messages while it is read,
/// not only at its end.
const MAX_KNOWN: usize = 8 << 20;

/// The messages for a file's content, in order, each with the number of bytes it represents.
pub(super) struct Changes<'a, C> {
    entry: u32,
    chunks: C,
    known: &'a [ChunkDigest],
    first: HashMap<ChunkDigest, usize>,
    /// The last piece, which may still grow.
    open: Option<Piece>,
    /// New bytes that did not fit into the last message.
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

/// Splits `content`, which has `size` bytes, into new pieces and `known` ones.
pub(super) fn changes<'a>(
    content: Content<'a>,
    size: u64,
    known: &'a KnownFile,
) -> Changes<'a, impl Iterator<Item = io::Result<Chunk>> + 'a> {
    let KnownFile { entry, chunks } = known;
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
                Some(Err(error)) => return Some(Err(source_error(error))),
                None => return self.open.take().map(|piece| Ok(self.message(piece))),
            };
            if let Some(piece) = closed {
                return Some(Ok(self.message(piece)));
            }
        }
    }
}

impl<C> Changes<'_, C> {
    /// Adds `chunk` to the last piece. If it does not fit, it starts a new piece, and the last one is returned.
    fn join(&mut self, chunk: Chunk) -> Option<Piece> {
        let digest = chunk.digest();
        let length = chunk.bytes.len();
        match (&mut self.open, self.first.get(&digest)) {
            (Some(Piece::Known { end, bytes, .. }), _) if self.known.get(*end) == Some(&digest) => {
                if *bytes >= MAX_KNOWN {
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

    /// A message with at most [`MAX_PIECE`] bytes. A chunk of a large file may be longer.
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

/// Extracts the [`SourceError`] that reading failed with.
fn source_error(error: io::Error) -> SourceError {
    error
        .downcast()
        .unwrap_or_else(|error| SourceError::unreadable(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::wire::frame;
    use crate::runner::testing::{content_of, random_bytes};

    fn chunk(bytes: Vec<u8>) -> io::Result<Chunk> {
        Ok(Chunk { offset: 0, bytes })
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn a_chunk_longer_than_a_message_is_split() {
        let (short, long, known) = (
            random_bytes(1, 7),
            random_bytes(2, 4 << 20),
            random_bytes(3, 9),
        );
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
    fn many_known_bytes_are_sent_in_several_messages() {
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
