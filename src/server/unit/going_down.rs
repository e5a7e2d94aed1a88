//! Whether the system is going down. Then a unit that stops, and a restart that systemd refuses, say nothing about a release.

use crate::server::exec::process::{command, quick};
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

/// Whether the system is going down: systemd has queued the shutdown, before it stops the first unit.
pub(in crate::server) fn is_going_down() -> bool {
    let mut state = command("systemctl");
    state.arg("is-system-running");
    match quick(&mut state, TIMEOUT) {
        Ok((_, output)) => is_end(&String::from_utf8_lossy(&output), || {
            // logins are refused from then on
            Path::new("/run/systemd/system").exists() && Path::new("/run/nologin").exists()
        }),
        Err(error) => {
            tracing::info!(%error, "the state of the system cannot be read");
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
