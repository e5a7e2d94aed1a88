//! What the runner half sends: read by a thread, so that its end is noticed at any time.

use crate::protocol::{wire, Reason, ToServer};
use flate2::read::ZlibDecoder;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{sync_channel, Receiver, RecvTimeoutError};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Why staging must stop, if it must.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    gone: Arc<AtomicBool>,
    start: Instant,
    limit: Duration,
}

impl Limits {
    pub(super) fn new(gone: Arc<AtomicBool>, limit: Duration) -> Self {
        Self {
            gone,
            start: Instant::now(),
            limit,
        }
    }

    /// Whether the line to the runner has ended.
    pub(super) fn gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed) || hung_up()
    }

    /// Time left before the point of no return.
    pub(super) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.start.elapsed())
    }

    /// The reason to stop, if there is one.
    pub(super) fn check(&self) -> Result<(), Reason> {
        if self.gone() {
            return Err(Reason::Cancelled);
        }
        if self.left().is_zero() {
            return Err(Reason::OutOfTime(self.limit));
        }
        Ok(())
    }
}

/// Whether the other end of standard input is closed, even if there is still something to be read.
fn hung_up() -> bool {
    let stdin = io::stdin();
    let mut look = [PollFd::new(&stdin, PollFlags::empty())];
    poll(&mut look, Some(&Timespec::default())).is_ok()
        && look[0].revents().contains(PollFlags::HUP)
}

/// Messages as they come in.
pub(super) struct Inbox {
    messages: Receiver<Result<ToServer, wire::WireError>>,
    gone: Arc<AtomicBool>,
}

impl Inbox {
    /// Messages that may wait; with the pieces' size, a megabyte.
    const WAITING: usize = 4;
    const TICK: Duration = Duration::from_millis(100);
    /// Without a message for so long, the runner is taken to have vanished.
    const SILENCE: Duration = Duration::from_secs(120);

    pub(super) fn stdin() -> Self {
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

    pub(super) fn gone(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.gone)
    }

    /// The first message.
    pub(super) fn first(&self) -> Result<ToServer, Reason> {
        Self::understood(
            self.messages
                .recv_timeout(Self::SILENCE)
                .map_err(|_| Reason::Cancelled)?,
        )
    }

    /// The next message, within the limits.
    pub(super) fn next(&self, limits: &Limits) -> Result<ToServer, Reason> {
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
