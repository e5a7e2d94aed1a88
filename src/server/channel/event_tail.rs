//! The events of a transaction, read from its file by whoever follows it.

use super::outbox::Outbox;
use crate::protocol::{wire, Event, Reason, ToRunner, TransactionId, What};
use crate::server::store::durable::failed;
use crate::server::store::layout::Layout;
use std::fs::File;
use std::io::Read;

/// What of the file has been passed on. Locked as long as it is followed.
pub(in crate::server) struct Tail {
    file: File,
    frames: wire::FromServer,
    /// Events that have been read.
    read: u32,
    /// So many of them the runner half has heard over an earlier line.
    heard: u32,
    /// The point of no return is passed.
    pub(in crate::server) no_return: bool,
}

impl Tail {
    /// Of a transaction that is about to begin.
    pub(in crate::server) fn new(
        layout: &Layout,
        transaction: &TransactionId,
    ) -> Result<Self, Reason> {
        let path = layout.events(transaction);
        let file = File::options()
            .create(true)
            .append(true)
            .read(true)
            .open(&path)
            .map_err(failed("open", &path))?;
        Ok(Self::of(file, 0))
    }

    /// Of one that has begun, behind the first `heard` events.
    pub(in crate::server) fn behind(
        layout: &Layout,
        transaction: &TransactionId,
        heard: u32,
    ) -> Option<Self> {
        let file = File::open(layout.events(transaction)).ok()?;
        Some(Self::of(file, heard))
    }

    fn of(file: File, heard: u32) -> Self {
        if let Err(error) = file.try_lock() {
            tracing::debug!(%error, "nobody sees that we follow");
        }
        Self {
            file,
            frames: wire::FromServer::default(),
            read: 0,
            heard,
            no_return: false,
        }
    }

    /// How many events the runner half has been told by now, over this line and earlier ones.
    pub(in crate::server) fn heard(&self) -> u32 {
        self.read.max(self.heard)
    }

    /// Passes on what is new; whether the last event was among it.
    pub(in crate::server) fn pass(&mut self, outbox: &mut Outbox) -> bool {
        let mut bytes = Vec::new();
        if self.file.read_to_end(&mut bytes).is_err() || bytes.is_empty() {
            return false;
        }
        self.frames.push(&bytes);
        let mut ended = false;
        // only whole ones: a full disk, or a kill, may have cut the last
        while let Ok(Some(message)) = self.frames.next_message() {
            let ToRunner::Event(Event { what, .. }) = &message else {
                continue;
            };
            self.no_return |= matches!(what, What::PointOfNoReturn { .. });
            let last = matches!(what, What::Ended(_));
            ended |= last;
            self.read += 1;
            // whoever asks has not heard the end, whatever it has counted
            if last || self.read > self.heard {
                outbox.send(&message);
            }
        }
        ended
    }
}
