//! Where events go: to the runner half over standard output, or into the transaction's file.

use super::clock::now_ms;
use crate::protocol::{wire, Event, ToRunner, What};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{sync_channel, SyncSender, TrySendError};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Takes events. Telling can never fail what it tells about.
pub(super) trait Events {
    fn emit(&mut self, what: What);
}

/// To the runner half. A thread writes, so that a frozen client holds nobody up for longer than `patience`.
pub(super) struct Outbox {
    frames: Option<SyncSender<Vec<u8>>>,
    writer: Option<JoinHandle<()>>,
    patience: Duration,
    /// Whether the line from the runner half has ended.
    gone: Arc<AtomicBool>,
    /// Somebody was there when the end was told.
    heard: bool,
}

impl Outbox {
    const WAITING: usize = 1024;

    pub(super) fn new(patience: Duration, gone: Arc<AtomicBool>) -> Self {
        let (frames, queue) = sync_channel::<Vec<u8>>(Self::WAITING);
        let writer = thread::spawn(move || {
            let mut stdout = io::stdout().lock();
            for frame in queue {
                if stdout.write_all(&frame).and_then(|()| stdout.flush()).is_err() {
                    return;
                }
            }
        });
        Self { frames: Some(frames), writer: Some(writer), patience, gone, heard: false }
    }

    /// Passes bytes on as they are: the greeting, frames from the transaction's file.
    pub(super) fn pass(&mut self, mut bytes: Vec<u8>) {
        let start = Instant::now();
        while let Some(frames) = &self.frames {
            bytes = match frames.try_send(bytes) {
                Ok(()) => return,
                Err(TrySendError::Full(back)) if start.elapsed() < self.patience => back,
                Err(_) => {
                    self.frames = None;
                    return;
                }
            };
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(super) fn send(&mut self, message: &ToRunner) {
        if matches!(message, ToRunner::Event(Event { what: What::Ended(_), .. })) {
            self.heard = !self.gone.load(Ordering::Relaxed);
        }
        match wire::frame(message) {
            Ok(bytes) => self.pass(bytes),
            Err(error) => tracing::error!(%error, "a message cannot be sent"),
        }
    }

    /// Waits until everything is written, or the line is broken; whether somebody was there when the end was told.
    pub(super) fn close(mut self) -> bool {
        self.frames = None;
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
        self.heard
    }
}

impl Events for Outbox {
    fn emit(&mut self, what: What) {
        self.send(&ToRunner::Event(Event { at: now_ms(), what }));
    }
}

/// Into the transaction's file, for whoever follows it by offset. A full disk costs events, never the transaction.
pub(super) struct EventFile(Option<File>);

impl EventFile {
    pub(super) fn create(path: &Path) -> Self {
        Self(File::options().create(true).append(true).open(path).ok())
    }
}

impl Events for EventFile {
    fn emit(&mut self, what: What) {
        let frame = wire::frame(&ToRunner::Event(Event { at: now_ms(), what }));
        if let (Some(file), Ok(frame)) = (&mut self.0, frame) {
            if file.write_all(&frame).is_err() {
                self.0 = None;
            }
        }
    }
}
