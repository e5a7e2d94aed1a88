//! What the runner knows about a transaction, over all connections. Only what is proven counts.

use crate::protocol::{Notice, What};
use std::cell::Cell;
use std::time::{Duration, SystemTime};

/// How far the server part came, as far as it is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// It cannot switch, because it lacks something.
    Nothing,
    /// It may have everything, and may be past the point of no return without the runner knowing.
    Complete,
    /// It is past the point of no return.
    PointOfNoReturn {
        /// When it will have finished, by the runner's clock.
        finished_by: SystemTime,
    },
}

/// The progress of a transaction: what was sent, and which events were received.
#[derive(Debug, Default)]
pub(super) struct Progress {
    complete: Cell<bool>,
    finished_by: Cell<Option<SystemTime>>,
    watched: Cell<Duration>,
    received: Cell<u32>,
    sent: Cell<u64>,
    goes_down: Cell<bool>,
}

impl Progress {
    /// From now on the server may receive the last byte.
    pub(super) fn complete(&self) {
        self.complete.set(true);
        self.sent.set(0);
    }

    /// Contents were sent over this connection.
    pub(super) fn add_sent(&self, bytes: usize) {
        self.sent.set(self.sent.get() + bytes as u64);
    }

    /// The bytes of contents that were sent over this connection.
    pub(super) fn sent(&self) -> u64 {
        self.sent.get()
    }

    /// Starts with another connection.
    pub(super) fn begin_connection(&self) {
        self.sent.set(0);
    }

    /// Nothing that was sent had an effect, because the server part is missing.
    pub(super) fn reset(&self) {
        self.complete.set(false);
    }

    /// Whether the server said that it goes down, and nothing after that.
    pub(super) fn goes_down(&self) -> bool {
        self.goes_down.get()
    }

    /// How long the transaction is watched after the point of no return.
    pub(super) fn watched(&self) -> Duration {
        self.watched.get()
    }

    /// Records an event, whose times are bounded. Returns the deadline of the transaction if this is the first point of no return.
    pub(super) fn record(&self, what: &What) -> Option<Duration> {
        self.goes_down.set(matches!(
            what,
            What::Notice(Notice::GoingDown | Notice::OwnSystemdDown)
        ));
        let deadline = match what {
            What::PointOfNoReturn { deadline, .. } if self.finished_by.get().is_none() => {
                Some(*deadline)
            }
            _ => None,
        };
        self.watched.set(deadline.unwrap_or(self.watched.get()));
        if deadline.is_some() || self.received.get() > 0 {
            self.received.set(self.received.get() + 1);
        }
        self.finished_by.set(
            self.finished_by
                .get()
                .or(deadline.and_then(|it| SystemTime::now().checked_add(it))),
        );
        deadline
    }

    /// The number of the transaction's own events that were received. The point of no return is the first.
    pub(super) fn received(&self) -> u32 {
        self.received.get()
    }

    pub(super) fn reached(&self) -> Reached {
        match (self.finished_by.get(), self.complete.get()) {
            (Some(finished_by), _) => Reached::PointOfNoReturn { finished_by },
            (None, true) => Reached::Complete,
            (None, false) => Reached::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Made, Step};
    use crate::runner::testing::release;

    #[test]
    fn events_count_from_the_point_of_no_return_on() {
        let progress = Progress::default();
        let point = What::PointOfNoReturn {
            release: release(),
            previous: None,
            deadline: Duration::from_secs(9),
            commit: None,
            made: Made::default(),
        };
        assert_eq!(
            (
                progress.record(&What::Step(Step::Seal)),
                progress.received()
            ),
            (None, 0)
        );
        assert_eq!(
            (progress.record(&point), progress.received()),
            (Some(Duration::from_secs(9)), 1)
        );
        assert_eq!(
            (
                progress.record(&What::Step(Step::Switch)),
                progress.received()
            ),
            (None, 2)
        );
        assert!(matches!(
            progress.reached(),
            Reached::PointOfNoReturn { .. }
        ));
    }

    #[test]
    fn a_server_that_goes_down_may_come_back() {
        let progress = Progress::default();
        progress.record(&What::Notice(Notice::GoingDown));
        assert!(progress.goes_down());
        progress.record(&What::Step(Step::Recover));
        assert!(!progress.goes_down());
    }

    #[test]
    fn the_server_may_continue_as_soon_as_it_may_have_everything() {
        let progress = Progress::default();
        assert_eq!(progress.reached(), Reached::Nothing);
        progress.complete();
        assert_eq!(progress.reached(), Reached::Complete);
    }

    #[test]
    fn a_server_cannot_extend_its_deadline() {
        let progress = Progress::default();
        let point = |seconds| What::PointOfNoReturn {
            release: release(),
            previous: None,
            deadline: Duration::from_secs(seconds),
            commit: None,
            made: Made::default(),
        };
        assert_eq!(progress.record(&point(9)), Some(Duration::from_secs(9)));
        assert_eq!(progress.record(&point(99)), None);
        assert_eq!(
            (progress.received(), progress.watched()),
            (2, Duration::from_secs(9))
        );
    }
}
