//! Reads a transaction's events from its file and forwards them.

use super::outbox::Outbox;
use crate::protocol::{wire, Event, Operation, Reason, ToRunner, TransactionId, What};
use crate::server::store::durable::{self, failed};
use crate::server::store::layout::Layout;
use rustix::fs::MemfdFlags;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;

/// How far a transaction's events have been forwarded. The file is locked while it is followed.
pub(in crate::server) struct EventTail {
    file: File,
    frames: wire::FromServer,
    /// Events that have been read.
    read: u32,
    /// Events that the runner half received over an earlier connection.
    received_before: u32,
    pub(in crate::server) past_point_of_no_return: bool,
}

impl EventTail {
    /// For a transaction that is about to begin.
    pub(in crate::server) fn new(
        layout: &Layout,
        transaction: &TransactionId,
    ) -> Result<Self, Reason> {
        let path = layout.events(transaction);
        let file = durable::private()
            .create(true)
            .append(true)
            .read(true)
            .open(&path)
            .map_err(failed(Operation::Open, &path))?;
        Ok(Self::of(file, 0))
    }

    /// For a transaction that has begun: forwards what comes after the first `received` events.
    pub(in crate::server) fn after(
        layout: &Layout,
        transaction: &TransactionId,
        received: u32,
    ) -> Option<Self> {
        let file = File::open(layout.events(transaction)).ok()?;
        Some(Self::of(file, received))
    }

    /// For what the event file cannot take. Also the file for the other end.
    pub(in crate::server) fn overflow() -> io::Result<(Self, File)> {
        let memory = rustix::fs::memfd_create("events", MemfdFlags::CLOEXEC)?;
        // opened again, to be read from its beginning while it is written
        let read = File::open(format!("/proc/self/fd/{}", memory.as_raw_fd()))?;
        Ok((Self::of(read, 0), memory.into()))
    }

    fn of(file: File, received_before: u32) -> Self {
        if let Err(error) = file.try_lock() {
            tracing::info!(%error, "the event file is followed without a lock");
        }
        Self {
            file,
            frames: wire::FromServer::default(),
            read: 0,
            received_before,
            past_point_of_no_return: false,
        }
    }

    /// How many events the runner half has been sent by now, over this connection and earlier ones.
    pub(in crate::server) fn received(&self) -> u32 {
        self.read.max(self.received_before)
    }

    /// Forwards new events. Returns whether the last one was among them.
    pub(in crate::server) fn forward(&mut self, outbox: &mut Outbox) -> bool {
        let mut bytes = Vec::new();
        if self.file.read_to_end(&mut bytes).is_err() || bytes.is_empty() {
            return false;
        }
        self.frames.push(&bytes);
        let mut ended = false;
        // a full disk or a kill may have cut the last event
        while let Ok(Some(message)) = self.frames.next_message() {
            let ToRunner::Event(Event { what, .. }) = &message else {
                continue;
            };
            self.past_point_of_no_return |= matches!(what, What::PointOfNoReturn { .. });
            let last = matches!(what, What::Ended(_));
            ended |= last;
            self.read += 1;
            // a runner half that follows has not received the end, whatever its count says
            if last || self.read > self.received_before {
                outbox.send(&message);
            }
        }
        ended
    }
}
