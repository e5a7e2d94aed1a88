//! The step of a run before the point of no return.

use super::events::Events;
use crate::protocol::{Reason, ReleaseId, Step, What};

/// The step, and the release once it has an id. The verdict of a failure names them.
pub(in crate::server) struct CurrentStep {
    pub(in crate::server) step: Step,
    pub(in crate::server) release: Option<ReleaseId>,
    /// The unit that has failed, if the service has several.
    pub(in crate::server) unit: Option<String>,
    /// Commands of `before-switch` were run.
    pub(in crate::server) before_switch: bool,
}

impl CurrentStep {
    /// Begins a step and reports it.
    pub(in crate::server) fn begin(&mut self, step: Step, events: &mut dyn Events) {
        self.step = step;
        events.emit(What::Step(step));
    }

    /// A failure of one of several units.
    pub(in crate::server) fn of(&mut self, (reason, unit): (Reason, Option<String>)) -> Reason {
        self.unit = unit;
        reason
    }
}
