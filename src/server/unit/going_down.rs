//! Whether the systemd that runs the units is going down. Then a unit that stops, and a restart that systemd refuses, say
//! nothing about a release.

use super::systemd::systemctl;
use crate::protocol::{Interference, Reason, Scope};
use crate::server::exec::process::quick;
use crate::server::exec::user::runtime_folder;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);
/// The states of a system that is not going down, as `systemctl is-system-running` prints them.
const UP: [&str; 5] = [
    "initializing",
    "starting",
    "running",
    "degraded",
    "maintenance",
];

/// This systemd is going down, so the transaction stays pending: the boot guard or the next run ends it.
pub(in crate::server) struct GoingDown(pub(in crate::server) Scope);

impl From<GoingDown> for Reason {
    fn from(GoingDown(scope): GoingDown) -> Self {
        Self::Interference(match scope {
            Scope::System => Interference::GoingDown,
            Scope::User => Interference::OwnSystemdDown,
        })
    }
}

/// Which systemd is going down, if the units that are asked about end with it: that of the system, or the deploy user's own.
/// It has queued the shutdown, before it stops the first unit.
pub(in crate::server) fn going_down(scope: Scope) -> Option<Scope> {
    // logins are refused from then on
    let has_nologin =
        || Path::new("/run/systemd/system").exists() && Path::new("/run/nologin").exists();
    if is_going_down(Scope::System, has_nologin) {
        return Some(Scope::System);
    }
    // its socket goes with it
    let socket = runtime_folder().join("systemd/private");
    let is_gone = || UnixStream::connect(&socket).is_err();
    (scope == Scope::User && is_going_down(scope, is_gone)).then_some(scope)
}

fn is_going_down(scope: Scope, otherwise: impl FnOnce() -> bool) -> bool {
    match quick(systemctl(scope).arg("is-system-running"), TIMEOUT) {
        Ok((_, output)) => is_end(&String::from_utf8_lossy(&output), otherwise),
        Err(error) => {
            tracing::info!(%error, "the state of systemd cannot be read");
            false
        }
    }
}

/// By the state that systemd reports. If it cannot be asked any more, because its bus is gone, by what else is known.
fn is_end(state: &str, otherwise: impl FnOnce() -> bool) -> bool {
    match state.trim() {
        "stopping" => true,
        state if UP.contains(&state) => false,
        _ => otherwise(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_system_that_stops_is_going_down() {
        assert!(is_end("stopping\n", || false));
        for state in UP {
            assert!(!is_end(&format!("{state}\n"), || true), "{state}");
        }
        for unreadable in [
            "",
            "offline\n",
            "unknown\n",
            "Failed to connect to bus: No such file or directory\n",
        ] {
            assert!(is_end(unreadable, || true), "{unreadable}");
            assert!(!is_end(unreadable, || false), "{unreadable}");
        }
    }
}
