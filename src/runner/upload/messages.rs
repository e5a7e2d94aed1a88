//! The messages that make up an upload: plan, manifest and contents.

use crate::protocol::wire::{self, Packer, WireError};
use crate::protocol::{EntryKind, Errand, KnownFile, Plan, ToServer, TreeEntry};
use crate::runner::source::{size_of, SourceError, Tree};
use std::io;

/// The most entries of one message.
const ENTRIES: usize = 500;
/// The most bytes of the paths in one message, well below [`wire::MAX_FRAME`].
const ENTRY_BYTES: usize = 256 << 10;
/// A larger tree is not compressed only to find out whether it is small enough to be sent unasked.
const MAX_UNASKED_TREE: u64 = 1 << 20;
/// For a larger tree compression takes most of the time, so a lower level is used.
const LARGE: u64 = 16 << 20;
const BEST: u32 = 6;
const FAST: u32 = 3;

/// Why sending ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    /// A problem that the user must fix.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A bug in deploy-action.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The server stopped reading. Its output says why.
    #[error("the connection was lost")]
    Connection(#[from] io::Error),
}

/// What is sent to the server part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Upload<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) tree: &'a Tree,
    pub(crate) request: Request,
}

/// What the server part must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    /// Begin the transaction.
    Start,
    /// Continue it after the connection was lost. The number of the transaction's events that were received.
    Resume(u32),
    /// Only report its progress. The number of events as in `Resume`.
    Follow(u32),
}

impl Request {
    /// As the command line tells it.
    pub(crate) fn errand(self) -> Errand {
        match self {
            Self::Start => Errand::Start,
            Self::Resume(_) => Errand::Resume,
            Self::Follow(heard) => Errand::Follow { heard },
        }
    }

    /// The request on the next connection.
    pub(crate) fn next(self, received: u32) -> Self {
        match self {
            Self::Start | Self::Resume(_) => Self::Resume(received),
            Self::Follow(_) => Self::Follow(received),
        }
    }
}

/// What the server asked for, as in [`crate::protocol::ToRunner::Need`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) ranges: Vec<(u32, u32)>,
    pub(crate) known: Vec<KnownFile>,
    pub(crate) last: bool,
}

impl Upload<'_> {
    /// The whole upload, compressed; `None` if it is too large to be sent unasked.
    pub(crate) fn unasked(&self) -> Result<Option<Vec<u8>>, UploadError> {
        if self.tree.bytes() > MAX_UNASKED_TREE {
            return Ok(None);
        }
        let mut packer = Packer::with_level(BEST);
        for message in self.opening() {
            packer.push(&message)?;
        }
        for index in 0..self.plan.entries {
            for_each_piece(self.tree, index, |message| Ok(packer.push(&message)?))?;
        }
        if !matches!(self.request, Request::Follow(_)) {
            packer.push(&ToServer::Sent)?;
        }
        let packed = packer.flush()?;
        Ok((packed.len() <= wire::UNASKED).then_some(packed))
    }

    /// The number of needed files and their bytes. Of files that the server has in an earlier version, fewer bytes are
    /// sent.
    pub(crate) fn amount(&self, need: &Need) -> (u32, u64) {
        let sizes = need
            .ranges
            .iter()
            .filter_map(|(start, end)| self.tree.entries().get(*start as usize..*end as usize))
            .flatten()
            .filter_map(size_of);
        sizes.fold((0, 0), |(files, bytes), size| (files + 1, bytes + size))
    }

    /// Compresses an upload that is not sent at once.
    pub(super) fn packer(&self) -> Packer {
        Packer::with_level(if self.tree.bytes() > LARGE {
            FAST
        } else {
            BEST
        })
    }

    /// The messages before the contents.
    pub(super) fn opening(&self) -> impl Iterator<Item = ToServer> + '_ {
        let plan = Box::new(self.plan.clone());
        let start = match self.request {
            Request::Start => Some(ToServer::Start(plan)),
            Request::Resume(heard) => Some(ToServer::Resume { plan, heard }),
            // the command line says it all
            Request::Follow(_) => None,
        };
        start
            .into_iter()
            .chain(chunks(self.tree.entries()).map(|entries| ToServer::Entries(entries.to_vec())))
    }
}

fn chunks(mut entries: &[TreeEntry]) -> impl Iterator<Item = &[TreeEntry]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |entry: &&TreeEntry| {
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

/// The approximate size, in bytes.
fn size_on_wire(entry: &TreeEntry) -> usize {
    let link = match &entry.kind {
        EntryKind::Link { to } => to.len(),
        _ => 0,
    };
    entry.path.len() + link + 64
}

/// Passes on the pieces of one file. An empty file has none.
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
    use crate::runner::testing::random_bytes;

    #[test]
    fn messages_of_entries_stay_below_the_limit_however_long_the_paths() {
        let entry = |path: Vec<u8>| TreeEntry {
            path,
            kind: EntryKind::File {
                mode: 0o644,
                size: 0,
                digest: ShortDigest::of(b""),
            },
        };
        let short: Vec<TreeEntry> = (0..1201)
            .map(|i: u32| entry(i.to_string().into_bytes()))
            .collect();
        assert_eq!(
            chunks(&short).map(<[TreeEntry]>::len).collect::<Vec<_>>(),
            [500, 500, 201]
        );
        let long: Vec<TreeEntry> = (0..600)
            .map(|seed| entry(random_bytes(seed, 4000)))
            .collect();
        let links: Vec<TreeEntry> = (0..600)
            .map(|seed| TreeEntry {
                path: b"a".to_vec(),
                kind: EntryKind::Link {
                    to: random_bytes(seed, 4000),
                },
            })
            .collect();
        for entries in [long, links] {
            assert_eq!(chunks(&entries).map(<[TreeEntry]>::len).sum::<usize>(), 600);
            for chunk in chunks(&entries) {
                wire::frame(&ToServer::Entries(chunk.to_vec())).unwrap();
            }
        }
    }
}
