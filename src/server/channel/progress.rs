//! How far a run has come before the point of no return.

use super::events::Events;
use crate::protocol::{ReleaseId, Step, What};

/// The current step, and the release if there is one already. The verdict of a failure names both.
pub(in crate::server) struct Progress {
    pub(in crate::server) step: Step,
    pub(in crate::server) release: Option<ReleaseId>,
}

impl Progress {
    /// Begins a step and reports it.
    pub(in crate::server) fn begin(&mut self, step: Step, events: &mut dyn Events) {
        self.step = step;
        events.emit(What::Step(step));
    }
}
