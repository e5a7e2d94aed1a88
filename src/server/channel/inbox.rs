//! Messages of the runner half. A thread reads them, which notices the end of the connection at any time.

use crate::protocol::{wire, BadUpload, Reason, Refusal, ToServer};
use crate::server::limits::Limits;
use flate2::read::ZlibDecoder;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{sync_channel, Receiver, RecvTimeoutError};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Receives messages over standard input.
pub(in crate::server) struct Inbox {
    messages: Receiver<Result<ToServer, wire::WireError>>,
    closed: Arc<AtomicBool>,
    /// Set when the first byte arrives.
    begun: Arc<AtomicBool>,
}

/// Standard input, which notes that something arrives.
struct Noting<R> {
    input: R,
    begun: Arc<AtomicBool>,
}

impl<R: Read> Read for Noting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        if read > 0 {
            self.begun.store(true, Ordering::Relaxed);
        }
        Ok(read)
    }
}

impl Inbox {
    /// Messages that are buffered: about a megabyte.
    const BUFFERED: usize = 4;
    const TICK: Duration = Duration::from_millis(100);
    /// A runner that sends nothing for this long counts as disconnected.
    const MAX_SILENCE: Duration = Duration::from_secs(120);
    /// The runner half sends the plan as soon as the channel is open, so it waits here already unless a login script has
    /// read it. This is long enough for several lost packets.
    const FIRST_BYTE_TIME: Duration = Duration::from_secs(30);

    pub(in crate::server) fn stdin() -> Self {
        let (sender, messages) = sync_channel(Self::BUFFERED);
        let closed = Arc::new(AtomicBool::new(false));
        let begun = Arc::new(AtomicBool::new(false));
        let (end, noted) = (Arc::clone(&closed), Arc::clone(&begun));
        thread::spawn(move || {
            let input = io::stdin().lock();
            let mut stream = ZlibDecoder::new(Noting {
                input,
                begun: noted,
            });
            while let Some(message) = wire::read(&mut stream).transpose() {
                let broken = message.is_err();
                if sender.send(message).is_err() || broken {
                    break;
                }
            }
            end.store(true, Ordering::Relaxed);
        });
        Self {
            messages,
            closed,
            begun,
        }
    }

    /// Set when the connection ends.
    pub(in crate::server) fn closed(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.closed)
    }

    /// The first message.
    pub(in crate::server) fn first(&self) -> Result<ToServer, Refusal> {
        let start = Instant::now();
        loop {
            match self.messages.recv_timeout(Self::TICK) {
                Ok(message) => return message.map_err(|_| Refusal::Unreadable),
                // an end before the first message is not what was sent either
                Err(RecvTimeoutError::Disconnected) => return Err(Refusal::Unreadable),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let limit = match self.begun.load(Ordering::Relaxed) {
                true => Self::MAX_SILENCE,
                false => Self::FIRST_BYTE_TIME,
            };
            if start.elapsed() > limit {
                return Err(Refusal::NoInput { limit });
            }
        }
    }

    /// The next message, within the limits.
    pub(in crate::server) fn next(&self, limits: &Limits) -> Result<ToServer, Reason> {
        let start = Instant::now();
        loop {
            match self.messages.recv_timeout(Self::TICK) {
                Ok(message) => return Self::decoded(message),
                Err(RecvTimeoutError::Disconnected) => return Err(Reason::Cancelled),
                Err(RecvTimeoutError::Timeout) if limits.left().is_zero() => limits.check()?,
                // a SIGTERM asked this login to stop, while its connection seems to stand
                Err(RecvTimeoutError::Timeout) if self.closed.load(Ordering::Relaxed) => {
                    return self
                        .messages
                        .try_recv()
                        .map_or(Err(Reason::Cancelled), Self::decoded);
                }
                Err(RecvTimeoutError::Timeout) if start.elapsed() > Self::MAX_SILENCE => {
                    return Err(Reason::Cancelled)
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn decoded(message: Result<ToServer, wire::WireError>) -> Result<ToServer, Reason> {
        message.map_err(|error| match error {
            wire::WireError::Io(_) => Reason::Cancelled,
            wire::WireError::TooLong(bytes) => {
                Reason::Upload(BadUpload::MessageTooLong(bytes as u64))
            }
            wire::WireError::Garbled(_) => Reason::Upload(BadUpload::MessageUnreadable),
        })
    }
}
