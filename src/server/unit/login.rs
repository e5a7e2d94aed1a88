//! What happens to the deploy user's processes, and to its own systemd, when its login ends.

use super::systemd::is_root;
use crate::protocol::Ending;
use crate::server::exec::process::{command, quick};
use crate::server::exec::user::{login_name, user};
use std::path::Path;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(20);

/// Whether the user's own systemd starts at boot and survives its logins: loginctl(1), `enable-linger`.
pub(in crate::server) fn lingers() -> bool {
    let name = login_name().unwrap_or_else(user);
    Path::new("/var/lib/systemd/linger").join(name).exists()
}

/// Whether logind kills a user's processes at logout; `None`: unknown.
fn kills_user_processes() -> Option<bool> {
    let mut property = command("busctl");
    property.args([
        "get-property",
        "org.freedesktop.login1",
        "/org/freedesktop/login1",
    ]);
    property.args(["org.freedesktop.login1.Manager", "KillUserProcesses"]);
    match quick(&mut property, TIMEOUT) {
        Ok((Ending::Exit(0), output)) => Some(output.starts_with(b"b true")),
        _ => None,
    }
}

/// How the transaction's process can outlive the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Detaching {
    /// In a session of its own.
    Plain,
    /// In a scope of the user's manager: logind kills the login's processes, but the user lingers.
    Scope,
    /// logind's setting cannot be read.
    Unknown,
    /// Not at all: logind would kill it.
    Impossible,
}

pub(in crate::server) fn detaching() -> Detaching {
    if is_root() {
        return Detaching::Plain;
    }
    match kills_user_processes() {
        Some(false) => Detaching::Plain,
        None => Detaching::Unknown,
        Some(true) if lingers() => Detaching::Scope,
        Some(true) => Detaching::Impossible,
    }
}
