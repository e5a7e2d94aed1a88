//! The service that is tried: the first unit of the input `service`, or the one that it starts, with its socket units.

use crate::protocol::{SmokeTestObstacle, UnitKind, UnitRef, Units};
use crate::server::unit::files::lines::Lines;
use crate::server::unit::files::staged::Staged;
use crate::server::unit::systemd::Unit;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// A service, as its files define it.
pub(super) struct Service {
    pub(super) lines: Lines,
    /// The socket units that give it their sockets.
    pub(super) sockets: Vec<Lines>,
}

/// `None`: it is not installed.
///
/// # Errors
/// It cannot be told what it is.
pub(super) fn find(staged: &Staged, units: &Units) -> Result<Option<Service>, SmokeTestObstacle> {
    let Some(first) = units.first() else {
        return Ok(None);
    };
    let Some(mut lines) = read(staged, first)? else {
        return Ok(None);
    };
    if first.kind() != UnitKind::Service {
        let name = started_by(&lines);
        let started = UnitRef {
            name: &name,
            ..first
        };
        let Some(found) = read(staged, started)? else {
            return Ok(None);
        };
        lines = found;
    }
    let mut sockets = Vec::new();
    let asked = lines.words("Sockets");
    let listed = units.all().filter(|unit| unit.kind() == UnitKind::Socket);
    let listed: Vec<&str> = listed.map(|unit| unit.name).collect();
    for name in names(&asked, &lines.triggered_by, &listed) {
        let unit = UnitRef { name, ..first };
        let Some(socket) = read(staged, unit)? else {
            continue;
        };
        let is_asked = asked.iter().any(|it| it == name);
        // one that does not listen gives nothing
        let listens = listed.contains(&name) || Unit::show_once(unit).is_ok_and(|it| it.is_up());
        if is_asked || listens && started_by(&socket) == lines.name {
            sockets.push(socket);
        }
    }
    Ok(Some(Service { lines, sockets }))
}

fn names<'a>(asked: &'a [String], triggers: &'a [String], listed: &[&'a str]) -> BTreeSet<&'a str> {
    let known = asked.iter().chain(triggers).map(String::as_str);
    let sockets = known.chain(listed.iter().copied());
    sockets.filter(|name| name.ends_with(".socket")).collect()
}

/// The service that a socket, timer or path unit starts.
fn started_by(lines: &Lines) -> String {
    let setting = if lines.name.ends_with(".socket") {
        "Service"
    } else {
        "Unit"
    };
    match lines.get(setting) {
        name if name.is_empty() => {
            let stem = lines.name.rsplit_once('.').map_or("", |(stem, _)| stem);
            format!("{stem}.service")
        }
        name => name,
    }
}

fn read(staged: &Staged, unit: UnitRef<'_>) -> Result<Option<Lines>, SmokeTestObstacle> {
    staged
        .lines(unit)
        .map_err(|(path, error)| unreadable(&path, &error))
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> SmokeTestObstacle {
    SmokeTestObstacle::Unreadable {
        path: path.display().to_string(),
        error: error.to_string(),
    }
}
