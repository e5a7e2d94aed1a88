//! Messages to the runner half.

use super::events::Events;
use crate::protocol::{wire, Event, ToRunner, What};
use crate::server::clock::now_ms;
use std::io::{self, Write};
use std::sync::mpsc::{sync_channel, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Sends messages over standard output. A thread writes them, so a frozen client delays nothing for longer than
/// `timeout`.
pub(in crate::server) struct Outbox {
    frames: Option<SyncSender<Vec<u8>>>,
    writer: Option<JoinHandle<()>>,
    timeout: Duration,
}

impl Outbox {
    const BUFFERED: usize = 1024;

    pub(in crate::server) fn new(timeout: Duration) -> Self {
        let (frames, queue) = sync_channel::<Vec<u8>>(Self::BUFFERED);
        let writer = thread::spawn(move || {
            let mut stdout = io::stdout().lock();
            for frame in queue {
                if stdout
                    .write_all(&frame)
                    .and_then(|()| stdout.flush())
                    .is_err()
                {
                    return;
                }
            }
        });
        Self {
            frames: Some(frames),
            writer: Some(writer),
            timeout,
        }
    }

    /// Sends bytes as they are.
    pub(in crate::server) fn send_bytes(&mut self, mut bytes: Vec<u8>) {
        let start = Instant::now();
        while let Some(frames) = &self.frames {
            bytes = match frames.try_send(bytes) {
                Ok(()) => return,
                Err(TrySendError::Full(unsent)) if start.elapsed() < self.timeout => unsent,
                Err(_) => {
                    self.frames = None;
                    return;
                }
            };
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(in crate::server) fn send(&mut self, message: &ToRunner) {
        match wire::frame(message) {
            Ok(bytes) => self.send_bytes(bytes),
            Err(error) => tracing::error!(%error, "a message cannot be sent"),
        }
    }

    /// Waits until everything is written, the connection is lost or time is up. Nothing can be sent after that.
    pub(in crate::server) fn close(&mut self) {
        self.frames = None;
        let start = Instant::now();
        while self
            .writer
            .as_ref()
            .is_some_and(|writer| !writer.is_finished())
            && start.elapsed() < self.timeout
        {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Events for Outbox {
    fn emit(&mut self, what: What) {
        self.send(&ToRunner::Event(Event { at: now_ms(), what }));
    }
}
