//! Sends an upload, in bounded memory.

use super::changes::changes;
use super::messages::{Need, Upload, UploadError};
use crate::protocol::wire::Packer;
use crate::protocol::{KnownFile, ToServer};
use crate::runner::progress::Progress;
use crate::runner::source::Tree;
use std::io;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::yield_now;

/// Compressed bytes are written when there are this many.
const MIN_WRITE: usize = 64 << 10;
/// Contents are written at the latest after this many bytes, even if they compress to very little. After two minutes
/// without a message the server assumes that the runner is gone.
const MAX_UNWRITTEN: usize = 32 << 20;

/// Sends the upload: `unasked` at once, or the manifest and then what `needs` asks for, until its sender is dropped.
/// `progress` is complete just before the last byte is sent. From then on the server can continue by itself. Dropping
/// this future ends the stream, which makes the server stop.
pub(crate) async fn send<W: AsyncWrite + Unpin>(
    mut to: W,
    upload: Upload<'_>,
    unasked: Option<&[u8]>,
    mut needs: UnboundedReceiver<Need>,
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
        unwritten: 0,
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
    /// Bytes of contents since the last write.
    unwritten: usize,
}

impl<W: AsyncWrite + Unpin> Sender<'_, W> {
    async fn contents(
        &mut self,
        tree: &Tree,
        mut needs: UnboundedReceiver<Need>,
    ) -> Result<(), UploadError> {
        let mut complete = false;
        while let Some(need) = needs.recv().await {
            let mut known = need.known.iter().peekable();
            for index in need.ranges.into_iter().flat_map(|(start, end)| start..end) {
                match known.next_if(|known| known.entry == index) {
                    Some(known) => self.changes(tree, known).await?,
                    None => self.content(tree, index).await?,
                }
            }
            if need.last {
                complete = true;
                self.progress.complete();
                self.push(&ToServer::Sent).await?;
            }
            self.flush().await?;
        }
        // the follower was dropped
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

    async fn changes(&mut self, tree: &Tree, known: &KnownFile) -> Result<(), UploadError> {
        let Some(content) = tree.content(known.entry)? else {
            return Ok(());
        };
        let size = content.remaining();
        for piece in changes(content, size, known) {
            let (message, count) = piece?;
            self.piece(&message, count).await?;
        }
        Ok(())
    }

    /// Sends a message for `count` bytes of contents. Then other tasks run, because it may take long until the next
    /// write.
    async fn piece(&mut self, message: &ToServer, count: usize) -> Result<(), UploadError> {
        self.unwritten += count;
        self.push(message).await?;
        if self.unwritten >= MAX_UNWRITTEN {
            self.flush().await?;
        }
        self.progress.add_sent(count);
        yield_now().await;
        Ok(())
    }

    async fn push(&mut self, message: &ToServer) -> Result<(), UploadError> {
        self.packer.push(message)?;
        if self.packer.waiting() >= MIN_WRITE {
            self.unwritten = 0;
            let packed = self.packer.take();
            self.to.write_all(&packed).await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), UploadError> {
        self.unwritten = 0;
        let packed = self.packer.flush()?;
        self.to.write_all(&packed).await?;
        Ok(self.to.flush().await?)
    }
}

#[cfg(test)]
mod tests;
