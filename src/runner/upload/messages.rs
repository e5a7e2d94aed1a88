//! The messages that make up an upload: plan, manifest and contents.

use crate::protocol::wire::{self, Packer, WireError};
use crate::protocol::{Entry, Kind, Known, Plan, ToServer};
use crate::runner::source::{size_of, SourceError, Tree};
use std::io;

/// Entries of one message; fewer where paths are long.
const ENTRIES: usize = 500;
/// A message of entries is closed when its paths have so many bytes, well below [`wire::MAX_FRAME`].
const ENTRY_BYTES: usize = 256 << 10;
/// A tree with more bytes than that is not packed just to see whether it is small.
const WORTH_A_TRY: u64 = 1 << 20;
/// Above this the compressor is what takes time, so it may do less.
const LARGE: u64 = 16 << 20;
const CAREFUL: u32 = 6;
const QUICK: u32 = 3;

/// Why sending ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    /// The user's to fix; the server lacks what it asked for.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A bug of ours.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The other end stopped reading; why is to be read from it.
    #[error("the line broke")]
    Line(#[from] io::Error),
}

/// What is to be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Upload<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) tree: &'a Tree,
    pub(crate) word: Word,
}

/// What is wanted of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// To begin the transaction.
    Start,
    /// The same, after a line that was cut. So many of the transaction's own events were heard.
    Resume(u32),
    /// Only to tell what becomes of it; as many events were heard.
    Follow(u32),
}

impl Word {
    /// The word for the next line.
    pub(crate) fn again(self, heard: u32) -> Self {
        match self {
            Self::Start | Self::Resume(_) => Self::Resume(heard),
            Self::Follow(_) => Self::Follow(heard),
        }
    }
}

/// What the server asked for, as [`crate::protocol::ToRunner::Need`] says it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Needed {
    pub(crate) ranges: Vec<(u32, u32)>,
    pub(crate) known: Vec<Known>,
    pub(crate) last: bool,
}

impl Upload<'_> {
    /// All of it, packed, where that is little enough to be sent unasked.
    pub(crate) fn unasked(&self) -> Result<Option<Vec<u8>>, UploadError> {
        if self.tree.bytes() > WORTH_A_TRY {
            return Ok(None);
        }
        let mut packer = Packer::with_level(CAREFUL);
        for message in self.opening() {
            packer.push(&message)?;
        }
        for index in 0..self.plan.entries {
            for_each_piece(self.tree, index, |message| Ok(packer.push(&message)?))?;
        }
        if !matches!(self.word, Word::Follow(_)) {
            packer.push(&ToServer::Sent)?;
        }
        let packed = packer.flush()?;
        Ok((packed.len() <= wire::UNASKED).then_some(packed))
    }

    /// Files and their bytes; of those that the server has in an earlier version, less is sent.
    pub(crate) fn sum(&self, needed: &Needed) -> (u32, u64) {
        let sizes = needed
            .ranges
            .iter()
            .filter_map(|(start, end)| self.tree.entries().get(*start as usize..*end as usize))
            .flatten()
            .filter_map(size_of);
        sizes.fold((0, 0), |(files, bytes), size| (files + 1, bytes + size))
    }

    /// For what is sent bit by bit.
    pub(super) fn packer(&self) -> Packer {
        Packer::with_level(if self.tree.bytes() > LARGE {
            QUICK
        } else {
            CAREFUL
        })
    }

    /// What comes before the contents.
    pub(super) fn opening(&self) -> impl Iterator<Item = ToServer> + '_ {
        let plan = Box::new(self.plan.clone());
        let start = match self.word {
            Word::Start => ToServer::Start(plan),
            Word::Resume(heard) => ToServer::Resume { plan, heard },
            Word::Follow(heard) => ToServer::Follow { heard },
        };
        std::iter::once(start)
            .chain(chunks(self.tree.entries()).map(|entries| ToServer::Entries(entries.to_vec())))
    }
}

fn chunks(mut entries: &[Entry]) -> impl Iterator<Item = &[Entry]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            let first = bytes == 0;
            bytes += size_on_wire(entry);
            first || bytes <= ENTRY_BYTES
        };
        let count = entries.iter().take(ENTRIES).take_while(fits).count();
        let (chunk, rest) = entries.split_at(count);
        entries = rest;
        (!chunk.is_empty()).then_some(chunk)
    })
}

/// About so many; a link's text counts too.
fn size_on_wire(entry: &Entry) -> usize {
    let link = match &entry.kind {
        Kind::Link { to } => to.len(),
        _ => 0,
    };
    entry.path.len() + link + 64
}

/// The pieces of one file; an empty file has none.
fn for_each_piece(
    tree: &Tree,
    entry: u32,
    mut each: impl FnMut(ToServer) -> Result<(), UploadError>,
) -> Result<(), UploadError> {
    let Some(mut content) = tree.content(entry)? else {
        return Ok(());
    };
    while let Some(bytes) = content.next_piece()? {
        each(ToServer::Content { entry, bytes })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ShortDigest;
    use crate::runner::testing::noise;

    #[test]
    fn messages_of_entries_stay_below_the_limit_however_long_the_paths() {
        let entry = |path: Vec<u8>| Entry {
            path,
            kind: Kind::File {
                mode: 0o644,
                size: 0,
                digest: ShortDigest::of(b""),
            },
        };
        let short: Vec<Entry> = (0..1201)
            .map(|i: u32| entry(i.to_string().into_bytes()))
            .collect();
        assert_eq!(
            chunks(&short).map(<[Entry]>::len).collect::<Vec<_>>(),
            [500, 500, 201]
        );
        let long: Vec<Entry> = (0..600).map(|seed| entry(noise(seed, 4000))).collect();
        let links: Vec<Entry> = (0..600)
            .map(|seed| Entry {
                path: b"a".to_vec(),
                kind: Kind::Link {
                    to: noise(seed, 4000),
                },
            })
            .collect();
        for entries in [long, links] {
            assert_eq!(chunks(&entries).map(<[Entry]>::len).sum::<usize>(), 600);
            for chunk in chunks(&entries) {
                wire::frame(&ToServer::Entries(chunk.to_vec())).unwrap();
            }
        }
    }
}
