//! Health requests and commands in the background: one that hangs must not keep the verification from noticing a crash.

use super::super::health::{Answered, HealthCheck};
use crate::protocol::{HealthAnswer, HealthError, Reason};
use std::sync::mpsc::{channel, Receiver, RecvTimeoutError, TryRecvError};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Sends one request at a time.
pub(in crate::server) struct Requests {
    check: Arc<HealthCheck>,
    /// For one request.
    limit: Duration,
    pending: Option<Receiver<Answered>>,
    answer: Option<Answered>,
}

impl Requests {
    pub(in crate::server) fn new(check: HealthCheck, limit: Duration) -> Self {
        Self {
            check: Arc::new(check),
            limit,
            pending: None,
            answer: None,
        }
    }

    /// Sends one. It ends within its limit and its patience, whether or not someone still waits.
    pub(in crate::server) fn send(&mut self) {
        let (sender, receiver) = channel();
        let (check, limit) = (Arc::clone(&self.check), self.limit);
        thread::spawn(move || sender.send(check.run(limit)));
        self.pending = Some(receiver);
    }

    /// Whether one was sent and its answer not taken.
    pub(in crate::server) fn is_waiting(&self) -> bool {
        self.pending.is_some() || self.answer.is_some()
    }

    /// Whether what was sent waits for a port that refuses connections.
    pub(super) fn is_refused(&self) -> bool {
        self.is_waiting() && self.check.is_refused()
    }

    /// Waits for the answer, at most for `pause`.
    pub(in crate::server) fn wait(&mut self, pause: Duration) {
        let Some(pending) = self.pending.as_ref().filter(|_| self.answer.is_none()) else {
            return;
        };
        self.answer = match pending.recv_timeout(pause) {
            Ok(answer) => Some(answer),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(lost()),
        };
    }

    /// The time is over. If it was a command that did not end, that is the answer, with what it has printed.
    pub(super) fn end_command(&mut self, reason: &mut Reason) {
        let Reason::Unhealthy { last, attempts, .. } = reason else {
            return;
        };
        // what an earlier run has printed says more than one that has just begun
        let is_last = matches!(
            **last,
            HealthAnswer::TimedOut { .. } | HealthAnswer::Refused
        );
        if self.check.stop() && is_last {
            self.wait(Duration::from_secs(1));
            if let Some(answered) = self.answer() {
                **last = answered.answer;
                *attempts = (*attempts).max(1);
            }
        }
    }

    /// Takes the answer, if there is one.
    pub(in crate::server) fn answer(&mut self) -> Option<Answered> {
        if self.answer.is_none() {
            self.answer = match self.pending.as_ref()?.try_recv() {
                Ok(answer) => Some(answer),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => Some(lost()),
            };
        }
        let answer = self.answer.take()?;
        self.pending = None;
        Some(answer)
    }
}

/// Nobody would end a command that still runs.
impl Drop for Requests {
    fn drop(&mut self) {
        self.check.stop();
    }
}

/// The thread ended without an answer.
fn lost() -> Answered {
    let error = HealthError::Other("the request ended without an answer".to_owned());
    Answered {
        answer: HealthAnswer::Broken(error),
        took: Duration::ZERO,
        at: Instant::now(),
        from: None,
    }
}
