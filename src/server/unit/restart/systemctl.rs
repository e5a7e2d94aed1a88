//! Commands of systemctl that need rights.

use crate::protocol::{Ending, Reason, UnitRef};
use crate::server::exec::process::quick;
use crate::server::unit::systemd::{self, Unit};
use std::time::Duration;

/// Time for systemctl itself, in addition to the unit's own timeouts.
pub(super) const MARGIN: Duration = Duration::from_secs(30);

/// Resets systemd's count of starts, if the deploy user has the right to do so.
pub(super) fn reset_failed(name: UnitRef<'_>, unit: &Unit) {
    if unit.start_limit().is_some() && systemd::may_run("reset-failed", name) {
        if let Err(error) = quick(&mut systemd::privileged("reset-failed", name), MARGIN) {
            tracing::info!(%error, "systemctl reset-failed failed");
        }
    }
}

pub(super) fn ignore(restarted: Result<(), Reason>) {
    if let Err(reason) = restarted {
        tracing::info!(%reason, "the restart failed");
    }
}

pub(super) fn run_systemctl(verb: &str, unit: UnitRef<'_>, limit: Duration) -> Result<(), Reason> {
    let (ending, output) = quick(&mut systemd::privileged(verb, unit), limit)
        .map_err(|error| systemd::not_run(&error))?;
    match ending {
        Ending::Exit(0) => Ok(()),
        ending => Err(Reason::Command {
            ending,
            line: None,
            output,
            log_line: None,
        }),
    }
}
