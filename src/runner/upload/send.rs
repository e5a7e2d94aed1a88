//! Sends an upload, with bounded memory.

use super::changes::changes;
use super::messages::{Needed, Upload, UploadError};
use crate::protocol::wire::Packer;
use crate::protocol::{Known, ToServer};
use crate::runner::progress::Progress;
use crate::runner::source::Tree;
use std::io;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::yield_now;

/// Packed bytes are written from here on.
const WRITE: usize = 64 << 10;
/// Of so many bytes of contents the server hears at the latest, however little they pack to: after two minutes without a
/// word it takes us for gone.
const UNHEARD: usize = 32 << 20;

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
    let mut sender = Sender {
        to,
        packer: upload.packer(),
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
