//! What the check learns about the units, and what it asks of several.

use crate::protocol::{Finding, Plan, Restart, Task, UnitFile, UnitKind, UnitRef};
use crate::server::exec::user::user;
use crate::server::unit::files;
use crate::server::unit::systemd::{self, Unit};

/// A unit as it is before anything is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CheckedUnit<'a> {
    pub(super) name: UnitRef<'a>,
    /// As it is called beside others; `None`: it is the only one.
    pub(super) label: Option<&'a str>,
    pub(super) unit: Unit,
    /// Whether the deploy user may reset systemd's start limit.
    pub(super) resettable: bool,
    /// Whether files of it come with the release, and may change it.
    pub(super) has_files: bool,
}

/// Checks that those units are active which a deployment does not start, and the rights for a socket that it may restart.
pub(super) fn check_others(plan: &Plan, units: &[CheckedUnit<'_>], findings: &mut Vec<Finding>) {
    if plan.task != Task::Deploy || units.len() < 2 {
        return;
    }
    let loaded = units
        .iter()
        .filter(|it| it.unit.get("LoadState") == "loaded");
    for it in loaded.filter(|it| it.name.kind() != UnitKind::Service) {
        let service = it.name.name.to_owned();
        if it.has_files {
            check_stop(plan, it, units, findings);
        } else if !it.unit.is_up() {
            let state = it.unit.get("ActiveState").to_owned();
            findings.push(Finding::NotActive { service, state });
        }
    }
}

/// A socket is not started while its service runs.
fn check_stop(
    plan: &Plan,
    socket: &CheckedUnit<'_>,
    units: &[CheckedUnit<'_>],
    findings: &mut Vec<Finding>,
) {
    if plan.restart != Restart::Systemctl || socket.name.kind() != UnitKind::Socket {
        return;
    }
    let triggered: Vec<&str> = socket.unit.get("Triggers").split_whitespace().collect();
    let is_triggered = |it: &&CheckedUnit<'_>| {
        let name = it.unit.full_name(it.name.name);
        it.name.kind() == UnitKind::Service && triggered.contains(&name.as_str())
    };
    for service in units.iter().filter(is_triggered) {
        for verb in ["stop", "start"] {
            if let Err(output) = systemd::ask_sudo(verb, service.name) {
                findings.push(Finding::SudoAround {
                    verb: verb.to_owned(),
                    service: service.name.name.to_owned(),
                    socket: socket.name.name.to_owned(),
                    user: user(),
                    output,
                });
            }
        }
    }
}

/// Whether a file of the unit comes with the release, so that the unit may change. `None`: it is not known which files do.
pub(super) fn may_change(plan: &Plan, files: Option<&[UnitFile]>, unit: UnitRef<'_>) -> bool {
    match files {
        Some(files) => files
            .iter()
            .any(|file| files::is_of(file, &files::full_name(unit.name))),
        None => !plan.units.files.is_empty(),
    }
}
