//! What is known of a transaction, over all the lines on which it was followed. Only what is proven counts.

use crate::protocol::What;
use std::cell::Cell;
use std::time::{Duration, SystemTime};

/// No deadline is later, whatever a server says: both ways with the longest times that inputs and systemd's units allow.
const LONGEST: Duration = Duration::from_secs(2 * 24 * 3600);

/// How far the server was, as far as it is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// It lacks what it needs to switch: it can't.
    Nothing,
    /// It has all it needs, and may be past the point of no return without us knowing.
    Complete,
    /// It is past the point of no return, and finishes by then.
    PointOfNoReturn {
        /// By the runner's clock.
        finished_by: SystemTime,
    },
}

/// Grows as the server is sent what it needs, and tells what it does.
#[derive(Debug, Default)]
pub(super) struct Progress {
    complete: Cell<bool>,
    finished_by: Cell<Option<SystemTime>>,
    heard: Cell<u32>,
    sent: Cell<u64>,
}

impl Progress {
    /// The server may get its last byte from now on; nothing more is on its way.
    pub(super) fn complete(&self) {
        self.complete.set(true);
        self.sent.set(0);
    }

    /// Contents are on their way, over this line.
    pub(super) fn send(&self, bytes: usize) {
        self.sent.set(self.sent.get() + bytes as u64);
    }

    /// How much of the contents is on its way, over this line.
    pub(super) fn sent(&self) -> u64 {
        self.sent.get()
    }

    /// Another line.
    pub(super) fn begin_line(&self) {
        self.sent.set(0);
    }

    /// What was sent fell on deaf ears: there is no server part.
    pub(super) fn nothing_done(&self) {
        self.complete.set(false);
    }

    /// Takes in what the server tells. Its own deadline, where this is the point of no return, which comes once.
    pub(super) fn hear(&self, what: &What) -> Option<Duration> {
        let begins = match what {
            What::PointOfNoReturn { deadline, .. } if self.finished_by.get().is_none() => {
                Some((*deadline).min(LONGEST))
            }
            _ => None,
        };
        if begins.is_some() || self.heard.get() > 0 {
            self.heard.set(self.heard.get() + 1);
        }
        self.finished_by.set(
            self.finished_by
                .get()
                .or(begins.and_then(|it| SystemTime::now().checked_add(it))),
        );
        begins
    }

    /// How many of the transaction's own events were heard, the point of no return being the first.
    pub(super) fn heard(&self) -> u32 {
        self.heard.get()
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
    use crate::protocol::Step;
    use crate::runner::testing::release;

    #[test]
    fn events_count_from_the_point_of_no_return_on() {
        let progress = Progress::default();
        let begins = What::PointOfNoReturn {
            release: release(),
            previous: None,
            deadline: Duration::from_secs(9),
        };
        assert_eq!(
            (progress.hear(&What::Step(Step::Seal)), progress.heard()),
            (None, 0)
        );
        assert_eq!(
            (progress.hear(&begins), progress.heard()),
            (Some(Duration::from_secs(9)), 1)
        );
        assert_eq!(
            (progress.hear(&What::Step(Step::Switch)), progress.heard()),
            (None, 2)
        );
        assert!(matches!(
            progress.reached(),
            Reached::PointOfNoReturn { .. }
        ));
    }

    #[test]
    fn the_server_may_go_on_as_soon_as_it_may_have_all_it_needs() {
        let progress = Progress::default();
        assert_eq!(progress.reached(), Reached::Nothing);
        progress.complete();
        assert_eq!(progress.reached(), Reached::Complete);
    }

    #[test]
    fn no_server_is_waited_for_without_end() {
        let progress = Progress::default();
        let begins = What::PointOfNoReturn {
            release: release(),
            previous: None,
            deadline: Duration::MAX,
        };
        assert_eq!(progress.hear(&begins), Some(LONGEST));
        assert!(matches!(
            progress.reached(),
            Reached::PointOfNoReturn { .. }
        ));
        // else it could put it off again and again
        assert_eq!(progress.hear(&begins), None);
        assert_eq!(progress.heard(), 2);
    }
}
