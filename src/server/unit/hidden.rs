//! The processes of a service of which the deploy user cannot see where they work: when they started is all that is known.

use super::sockets::{self, Listener};
use super::systemd::Unit;
use crate::protocol::{Health, Units};
use crate::server::clock::{since_epoch, ticks_since_boot};
use crate::server::exec::processes;
use crate::server::store::history::Start;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// The control group of systemd itself, which holds the sockets of socket units.
const SYSTEMD: &str = "/init.scope";
/// Start times are rounded to ticks, and two clocks are read.
const MARGIN: Duration = Duration::from_millis(100);

/// When the hidden processes of the units, and of what listens on the port of the health check, started.
pub(in crate::server) fn starts(units: &Units, health: Option<&Health>) -> Vec<Start> {
    // with the start of the main process of their unit
    let mut all: BTreeMap<u32, Option<Duration>> = BTreeMap::new();
    let port = health
        .map(|health| &health.url)
        .filter(|url| url.is_loopback())
        .map(|url| url.port);
    all.extend(port.into_iter().flat_map(owners).map(|pid| (pid, None)));
    for unit in units.all().filter_map(|unit| Unit::show(unit).ok()) {
        let main_started = unit.main_started();
        all.extend(unit.processes().into_iter().map(|pid| (pid, main_started)));
    }
    let hidden = all
        .into_iter()
        .filter(|(pid, _)| processes::is_hidden(*pid));
    hidden
        .map(|(pid, main_started)| start_of(pid, main_started))
        .collect()
}

/// When a process started. If not even that can be seen, it was not before the main process of its unit.
fn start_of(pid: u32, main_started: Option<Duration>) -> Start {
    let now = since_epoch();
    let ago = ticks_since_boot()
        .zip(processes::start_of(pid))
        .and_then(|(up, start)| up.checked_sub(start));
    let exact = ago.map(|ago| now.saturating_sub(Duration::from_millis(ago * 10)));
    let [earliest, latest] = match exact {
        Some(exact) => [exact, exact],
        None => [main_started.unwrap_or_default(), now],
    };
    Start {
        earliest: earliest.saturating_sub(MARGIN),
        latest: latest + MARGIN,
    }
}

/// The processes that may hold the sockets on `port`, as far as they cannot be seen: those of the control group or, if that
/// is unknown, of the user.
fn owners(port: u16) -> Vec<u32> {
    let listeners = sockets::listeners();
    let on_port: Vec<&Listener> = listeners.iter().filter(|it| it.port == port).collect();
    let inodes: HashSet<u64> = on_port.iter().map(|listener| listener.inode).collect();
    if inodes.is_empty() {
        return Vec::new();
    }
    let all = processes::all();
    let seen: HashSet<u64> = all
        .iter()
        .flat_map(|pid| processes::held(*pid, &inodes))
        .collect();
    let groups = sockets::groups(port);
    let hidden = on_port
        .iter()
        .filter(|listener| !seen.contains(&listener.inode));
    let of = |listener: &&Listener| match groups.get(&listener.inode) {
        Some(group) if group == SYSTEMD => Vec::new(),
        Some(group) => processes::of_group(group),
        None => {
            let is_of_owner = |pid: &&u32| processes::owner_of(**pid) == Some(listener.owner);
            all.iter()
                .filter(|pid| **pid != 1)
                .filter(is_of_owner)
                .copied()
                .collect()
        }
    };
    hidden.flat_map(of).collect()
}
