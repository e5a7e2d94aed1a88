//! When the server part must stop before the point of no return: the runner half is gone, or time is up.

use crate::protocol::Reason;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
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
