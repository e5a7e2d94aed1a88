//! Checks which systemd runs the units, and whether the deploy user's own one is there and stays.

use crate::protocol::{Finding, Scope, SystemdError, UnitRef};
use crate::server::exec::user::user;
use crate::server::unit::login::lingers;
use crate::server::unit::systemd::Unit;

/// Units of the user's own systemd end with the user's last login, unless the user lingers.
pub(super) fn check(scope: Scope, findings: &mut Vec<Finding>) {
    if scope == Scope::User && !lingers() {
        findings.push(Finding::NoLinger { user: user() });
    }
}

/// What a systemd that cannot be asked means. A user who does not linger need not have one.
pub(super) fn unreachable(scope: Scope, error: SystemdError) -> Option<Finding> {
    match scope {
        Scope::System => Some(Finding::NoSystemd(error)),
        Scope::User => lingers().then(|| Finding::NoOwnSystemd {
            user: user(),
            error,
        }),
    }
}

/// What a unit that is not loaded means: perhaps the other systemd has it.
pub(super) fn unusable(unit: UnitRef<'_>, state: String) -> Finding {
    let service = unit.name.to_owned();
    let other = match unit.scope {
        Scope::System => Scope::User,
        Scope::User => Scope::System,
    };
    let is_loaded = |scope| {
        let shown = Unit::show_once(UnitRef { scope, ..unit });
        shown.is_ok_and(|unit| unit.get("LoadState") == "loaded")
    };
    match state == "not-found" && is_loaded(other) {
        true => Finding::OtherScope {
            service,
            user: user(),
            found: other,
        },
        false => Finding::Unit { service, state },
    }
}
