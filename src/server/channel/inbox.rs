//! What the runner half sends: read by a thread, so that its end is noticed at any time.

use crate::protocol::{wire, Reason, ToServer};
use crate::server::limits::Limits;
use flate2::read::ZlibDecoder;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{sync_channel, Receiver, RecvTimeoutError};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Messages as they come in.
pub(in crate::server) struct Inbox {
    messages: Receiver<Result<ToServer, wire::WireError>>,
    gone: Arc<AtomicBool>,
}

impl Inbox {
    /// Messages that may wait; with the pieces' size, a megabyte.
    const WAITING: usize = 4;
    const TICK: Duration = Duration::from_millis(100);
    /// Without a message for so long, the runner is taken to have vanished.
    const SILENCE: Duration = Duration::from_secs(120);

    pub(in crate::server) fn stdin() -> Self {
        let (sender, messages) = sync_channel(Self::WAITING);
        let gone = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&gone);
        thread::spawn(move || {
            let mut stream = ZlibDecoder::new(io::stdin().lock());
            while let Some(message) = wire::read(&mut stream).transpose() {
                let broken = message.is_err();
                if sender.send(message).is_err() || broken {
                    break;
                }
            }
            end.store(true, Ordering::Relaxed);
        });
        Self { messages, gone }
    }

    pub(in crate::server) fn gone(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.gone)
    }

    /// The first message.
    pub(in crate::server) fn first(&self) -> Result<ToServer, Reason> {
        Self::understood(
            self.messages
                .recv_timeout(Self::SILENCE)
                .map_err(|_| Reason::Cancelled)?,
        )
    }

    /// The next message, within the limits.
    pub(in crate::server) fn next(&self, limits: &Limits) -> Result<ToServer, Reason> {
        let start = Instant::now();
        loop {
            match self.messages.recv_timeout(Self::TICK) {
                Ok(message) => return Self::understood(message),
                Err(RecvTimeoutError::Disconnected) => return Err(Reason::Cancelled),
                Err(RecvTimeoutError::Timeout) if limits.left().is_zero() => limits.check()?,
                // asked to leave, by a line that stands as far as is known here
                Err(RecvTimeoutError::Timeout) if self.gone.load(Ordering::Relaxed) => {
                    return self
                        .messages
                        .try_recv()
                        .map_or(Err(Reason::Cancelled), Self::understood);
                }
                Err(RecvTimeoutError::Timeout) if start.elapsed() > Self::SILENCE => {
                    return Err(Reason::Cancelled)
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn understood(message: Result<ToServer, wire::WireError>) -> Result<ToServer, Reason> {
        message.map_err(|error| match error {
            wire::WireError::Io(_) => Reason::Cancelled,
            other => Reason::Upload(other.to_string()),
        })
    }
}
