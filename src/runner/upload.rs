//! What goes to the server: plan, manifest and contents, with bounded memory.

use super::changes::changes;
use super::progress::Progress;
use super::tree::{size_of, SourceError, Tree};
use crate::protocol::wire::{self, Packer, WireError};
use crate::protocol::{Entry, Known, Plan, ToServer};
use std::io;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::yield_now;

/// Entries of one message; fewer where paths are long.
const ENTRIES: usize = 500;
/// A message of entries is closed when its paths have so many bytes, well below [`wire::MAX_FRAME`].
const ENTRY_BYTES: usize = 256 << 10;
/// A tree with more bytes than that is not packed just to see whether it is small.
const WORTH_A_TRY: u64 = 1 << 20;
/// Packed bytes are written from here on.
const WRITE: usize = 64 << 10;
/// Of so many bytes of contents the server hears at the latest, however little they pack to: after two minutes without a
/// word it takes us for gone.
const UNHEARD: usize = 32 << 20;
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

    fn opening(&self) -> impl Iterator<Item = ToServer> + '_ {
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
        crate::protocol::Kind::Link { to } => to.len(),
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

/// Sends all: at once what `unasked` is, else the manifest and then what is needed, for as long as somebody may ask.
/// `progress` is told just before the server could get the last byte of it; from then on it can go on without us. Dropping
/// this ends the stream, which tells the server to stop.
pub(crate) async fn send<W: AsyncWrite + Unpin>(
    mut to: W,
    upload: Upload<'_>,
    unasked: Option<&[u8]>,
    mut needs: UnboundedReceiver<Needed>,
    progress: &Progress,
) -> Result<(), UploadError> {
    if let Some(packed) = unasked {
        progress.complete();
        to.write_all(packed).await?;
        to.flush().await?;
        while needs.recv().await.is_some() {}
        return Ok(());
    }
    let level = if upload.tree.bytes() > LARGE {
        QUICK
    } else {
        CAREFUL
    };
    let mut sender = Sender {
        to,
        packer: Packer::with_level(level),
        progress,
        unheard: 0,
    };
    for message in upload.opening().chain([ToServer::Ask]) {
        sender.push(&message).await?;
    }
    sender.flush().await?;
    sender.contents(upload.tree, needs).await
}

struct Sender<'a, W> {
    to: W,
    packer: Packer,
    progress: &'a Progress,
    /// Bytes of contents since something was written.
    unheard: usize,
}

impl<W: AsyncWrite + Unpin> Sender<'_, W> {
    async fn contents(
        &mut self,
        tree: &Tree,
        mut needs: UnboundedReceiver<Needed>,
    ) -> Result<(), UploadError> {
        let mut complete = false;
        while let Some(needed) = needs.recv().await {
            let mut known = needed.known.iter().peekable();
            for index in needed
                .ranges
                .into_iter()
                .flat_map(|(start, end)| start..end)
            {
                match known.next_if(|known| known.entry == index) {
                    Some(known) => self.changes(tree, known).await?,
                    None => self.content(tree, index).await?,
                }
            }
            if needed.last {
                complete = true;
                self.progress.complete();
                self.push(&ToServer::Sent).await?;
            }
            self.flush().await?;
        }
        // whoever followed has gone
        complete
            .then_some(())
            .ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe).into())
    }

    async fn content(&mut self, tree: &Tree, entry: u32) -> Result<(), UploadError> {
        let Some(mut content) = tree.content(entry)? else {
            return Ok(());
        };
        while let Some(bytes) = content.next_piece()? {
            let count = bytes.len();
            self.piece(&ToServer::Content { entry, bytes }, count)
                .await?;
        }
        Ok(())
    }

    async fn changes(&mut self, tree: &Tree, known: &Known) -> Result<(), UploadError> {
        let Some(content) = tree.content(known.entry)? else {
            return Ok(());
        };
        let size = content.left();
        for piece in changes(content, size, known) {
            let (message, count) = piece?;
            self.piece(&message, count).await?;
        }
        Ok(())
    }

    /// A message that stands for `count` bytes of contents. Whoever waits for something else has a turn after it: there may
    /// be nothing to be written for long.
    async fn piece(&mut self, message: &ToServer, count: usize) -> Result<(), UploadError> {
        self.unheard += count;
        self.push(message).await?;
        if self.unheard >= UNHEARD {
            self.flush().await?;
        }
        self.progress.send(count);
        yield_now().await;
        Ok(())
    }

    async fn push(&mut self, message: &ToServer) -> Result<(), UploadError> {
        self.packer.push(message)?;
        if self.packer.waiting() >= WRITE {
            self.unheard = 0;
            let packed = self.packer.take();
            self.to.write_all(&packed).await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), UploadError> {
        self.unheard = 0;
        let packed = self.packer.flush()?;
        self.to.write_all(&packed).await?;
        Ok(self.to.flush().await?)
    }
}

#[cfg(test)]
mod tests;
