//! The socket units that start a service: systemd ends one whose service hits the start limit, and does not start it again with
//! the service.

use super::systemctl::{ignore, reset_failed, run_systemctl};
use crate::protocol::{UnitRef, Warning, What};
use crate::server::channel::events::{Events, OfUnit};
use crate::server::unit::known_unit::KnownUnit;
use crate::server::unit::systemd::{self, Unit};
use std::thread;
use std::time::{Duration, Instant};

/// systemd's default for a stop and a start.
const TIMEOUT: Duration = Duration::from_secs(180);

/// Starts those again that have failed, before their service: systemd starts no socket whose service runs. A connection that
/// comes then starts the service, so this waits until that is `allowed`. What the deploy user may not start is
/// a warning.
pub(super) fn recover(
    unit: &KnownUnit<'_>,
    shown: &Unit,
    allowed: Instant,
    events: &mut dyn Events,
) {
    for name in shown.socket_units() {
        let socket = UnitRef {
            name,
            scope: unit.name.scope,
        };
        let state = Unit::show(socket).unwrap_or_default();
        if state.get("ActiveState") != "failed" {
            continue;
        }
        if systemd::may_run("restart", socket) {
            thread::sleep(allowed.saturating_duration_since(Instant::now()));
            reset_failed(socket, &state);
            ignore(run_systemctl("restart", socket, TIMEOUT));
            continue;
        }
        let warning = Warning::SocketDown {
            socket: name.to_owned(),
            result: state.get("Result").to_owned(),
        };
        let mut events = OfUnit {
            unit: unit.label,
            events,
        };
        events.emit(What::Warning(warning));
    }
}
