//! When the server part must stop before the point of no return: the connection is lost, or time is up.

use crate::protocol::Reason;
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The limits of everything before the point of no return.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    closed: Arc<AtomicBool>,
    start: Instant,
    limit: Duration,
}

impl Limits {
    pub(super) fn new(closed: Arc<AtomicBool>, limit: Duration) -> Self {
        Self {
            closed,
            start: Instant::now(),
            limit,
        }
    }

    /// Whether the connection to the runner has ended.
    pub(super) fn disconnected(&self) -> bool {
        self.closed.load(Ordering::Relaxed) || hung_up()
    }

    /// Time left before the point of no return.
    pub(super) fn left(&self) -> Duration {
        self.limit.saturating_sub(self.start.elapsed())
    }

    /// The reason to stop, if there is one.
    pub(super) fn check(&self) -> Result<(), Reason> {
        if self.disconnected() {
            return Err(Reason::Cancelled);
        }
        if self.left().is_zero() {
            return Err(Reason::OutOfTime(self.limit));
        }
        Ok(())
    }
}

/// Whether the other end of standard input is closed, even if some input is not read yet.
fn hung_up() -> bool {
    let stdin = io::stdin();
    // sshd gives a socket, of which it closes one direction, or a pipe
    let mut stdin_state = [PollFd::new(&stdin, PollFlags::RDHUP)];
    poll(&mut stdin_state, Some(&Timespec::default())).is_ok()
        && stdin_state[0]
            .revents()
            .intersects(PollFlags::HUP | PollFlags::RDHUP)
}
