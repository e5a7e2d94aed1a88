//! Looks at the unit's processes and at the sockets of the health port, and answers.

use super::answers::Evidence;
use super::scene::{Elsewhere, Holder, Process, Scene, Socket};
use crate::protocol::{PortHolder, Reason};
use crate::server::exec::processes::{self, Traces};
use crate::server::unit::known_unit::BeforeRestart;
use crate::server::unit::sockets::{self, Listener};
use crate::server::unit::systemd::Unit;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Processes with those of the sockets that they hold.
type Holders = Vec<(Process, HashSet<u64>)>;

/// What the answers depend on.
pub(in crate::server::unit) struct Question<'a> {
    /// The folder of all releases, and the name of this one's.
    pub(in crate::server::unit) releases: PathBuf,
    pub(in crate::server::unit) release: String,
    pub(in crate::server::unit) before: &'a BeforeRestart,
    /// The port of the health check, if it is one of this server's.
    pub(in crate::server::unit) port: Option<u16>,
    /// The unit's definition leads to `current`.
    pub(in crate::server::unit) leads_to_current: bool,
}

impl Question<'_> {
    /// Looks at the unit's processes and at the sockets of the port. `from` is the address that answered.
    pub(in crate::server::unit) fn answer(&self, unit: &Unit, from: Option<IpAddr>) -> Evidence {
        let scene = self.look(unit, from);
        Evidence {
            origin: self.port.map(|port| scene.origin(port, &self.release)),
            belongs: scene.belongs(&self.release, self.leads_to_current),
            has_new_process: scene.unit.iter().any(|process| process.new),
        }
    }

    /// Whether a process that was there before the restart holds the port: then a new one may crash because of it. A
    /// service that holds it may be a proxy.
    pub(in crate::server::unit) fn blocked(&self, unit: &Unit) -> Option<Reason> {
        let port = self.port?;
        let scene = self.look(unit, None);
        let owner = scene.sockets.iter().find_map(|socket| match &socket.by {
            _ if !socket.was_there => None,
            Holder::Unit(holders) => holders.iter().find(|it| !it.new).map(Process::left_over),
            Holder::Stranger { group, processes } if !is_service(group) => {
                let first = processes.first()?;
                Some(PortHolder::Earlier(first.other(group)))
            }
            _ => None,
        })?;
        Some(Reason::OtherListener { port, owner })
    }

    fn look(&self, unit: &Unit, from: Option<IpAddr>) -> Scene {
        let of_unit: Vec<Process> = unit
            .processes()
            .into_iter()
            .map(|pid| self.process(pid))
            .collect();
        let listeners = sockets::listeners();
        let same_invocation = unit.invocation() == self.before.invocation;
        let own = Own::of(unit, &of_unit, same_invocation);
        let sockets = match self.port {
            Some(port) => {
                let on_port = sockets::answering(&listeners, port, from);
                self.sockets(port, &own, &on_port)
            }
            None => Vec::new(),
        };
        let elsewhere = match sockets.iter().any(|socket| socket.was_there) {
            true => listens_elsewhere(&own, self.port, &listeners, &self.before.listening),
            false => Elsewhere::Unknown,
        };
        Scene {
            unit: of_unit,
            sockets,
            elsewhere,
            same_invocation,
        }
    }

    fn process(&self, pid: u32) -> Process {
        let traces = Traces::of(pid);
        Process {
            pid,
            name: processes::name_of(pid),
            new: self.is_new(pid),
            releases: traces.entries_of(&self.releases),
            visible: traces.visible,
        }
    }

    /// Whether it started after the restart. Both values are rounded to ticks.
    fn is_new(&self, pid: u32) -> bool {
        match (processes::start_of(pid), self.before.at) {
            (Some(start), Some(at)) => start + 1 >= at,
            _ => false,
        }
    }

    fn sockets(&self, port: u16, own: &Own<'_>, on_port: &[&Listener]) -> Vec<Socket> {
        let inodes: HashSet<u64> = on_port.iter().map(|listener| listener.inode).collect();
        let holders = holders(own.processes.iter().cloned(), &inodes);
        let of_others: HashSet<u64> = inodes
            .into_iter()
            .filter(|inode| holding(&holders, *inode).is_empty())
            .collect();
        let strangers = self.strangers(&of_others, own);
        let hidden = |inode: &u64| holding(&strangers, *inode).is_empty();
        let groups = match of_others.iter().any(hidden) {
            true => sockets::groups(port),
            false => HashMap::new(),
        };
        let socket = |listener: &&Listener| Socket {
            was_there: self.before.listening.contains(&listener.inode),
            by: match (
                holding(&holders, listener.inode),
                holding(&strangers, listener.inode),
            ) {
                (of_unit, others) if of_unit.is_empty() && others.is_empty() => {
                    own.hidden_holder(groups.get(&listener.inode), listener.owner)
                }
                (of_unit, others) if of_unit.is_empty() => own.stranger(others),
                (of_unit, _) => Holder::Unit(of_unit),
            },
        };
        on_port.iter().map(socket).collect()
    }

    /// The processes outside the unit that hold one of the sockets, as far as they can be seen.
    fn strangers(&self, sockets: &HashSet<u64>, own: &Own<'_>) -> Holders {
        if sockets.is_empty() {
            return Vec::new();
        }
        let all = processes::all().into_iter();
        let others = all.filter(|pid| !own.processes.iter().any(|it| it.pid == *pid));
        let holds = |pid: &u32| !processes::held(*pid, sockets).is_empty();
        holders(others.filter(holds).map(|pid| self.process(pid)), sockets)
    }
}

/// Those that hold one of the sockets.
fn holders(processes: impl Iterator<Item = Process>, sockets: &HashSet<u64>) -> Holders {
    let with_held = |process: Process| {
        let held = processes::held(process.pid, sockets);
        (!held.is_empty()).then_some((process, held))
    };
    processes.filter_map(with_held).collect()
}

/// Those that hold this one.
fn holding(holders: &Holders, inode: u64) -> Vec<Process> {
    let of_this = holders.iter().filter(|(_, held)| held.contains(&inode));
    of_this.map(|(process, _)| process.clone()).collect()
}

/// What belongs to a unit.
struct Own<'a> {
    processes: &'a [Process],
    /// Its control group.
    group: String,
    /// Those of its processes outside its own.
    other_groups: BTreeSet<String>,
    socket_units: Vec<String>,
    /// The restart kept the invocation.
    same_invocation: bool,
}

impl<'a> Own<'a> {
    fn of(unit: &Unit, processes: &'a [Process], same_invocation: bool) -> Self {
        let groups = processes.iter().map(|it| processes::group_of(it.pid));
        Self {
            group: unit.get("ControlGroup").to_owned(),
            other_groups: groups.filter(|group| group != "/").collect(),
            socket_units: unit.socket_units().map(str::to_owned).collect(),
            processes,
            same_invocation,
        }
    }

    /// Who holds a socket that only visible processes outside the unit hold.
    fn stranger(&self, processes: Vec<Process>) -> Holder {
        let first = processes.first().map_or(0, |it| it.pid);
        match first == 1 && !self.socket_units.is_empty() {
            true => Holder::SocketUnit,
            false => Holder::Stranger {
                group: processes::group_of(first),
                processes,
            },
        }
    }

    /// Who holds a socket that no visible process holds.
    fn hidden_holder(&self, group: Option<&String>, owner: u32) -> Holder {
        let mut owners = self.processes.iter().map(|it| processes::owner_of(it.pid));
        match group {
            Some(group) if self.has(group) => Holder::HiddenOfUnit,
            Some(group) if self.is_of_socket(group) => Holder::SocketUnit,
            None if owners.any(|it| it == Some(owner)) => Holder::HiddenOfSameUser,
            group => Holder::Hidden {
                group: group.cloned(),
            },
        }
    }

    fn has(&self, group: &str) -> bool {
        let own = !self.group.is_empty() && Path::new(group).starts_with(&self.group);
        own || self.other_groups.contains(group)
    }

    /// systemd itself holds the socket of a socket unit.
    fn is_of_socket(&self, group: &str) -> bool {
        let last = group.rsplit('/').next();
        let names = |socket: &String| last == Some(socket);
        !self.socket_units.is_empty()
            && (group == "/init.scope" || self.socket_units.iter().any(names))
    }
}

/// Of processes that cannot be seen, only the owners are known, and which sockets were opened after the restart.
fn listens_elsewhere(
    own: &Own<'_>,
    port: Option<u16>,
    listeners: &HashSet<Listener>,
    before: &HashSet<u64>,
) -> Elsewhere {
    let on_port = |listener: &&Listener| Some(listener.port) == port;
    let tcp: Vec<&Listener> = listeners.iter().filter(|it| !on_port(it)).collect();
    let unix = sockets::unix_listeners();
    let all = tcp.iter().map(|it| it.inode);
    let all: HashSet<u64> = all.chain(unix.iter().map(|it| it.inode)).collect();
    let holds = |process: &Process| !processes::held(process.pid, &all).is_empty();
    if !own.socket_units.is_empty() || own.processes.iter().any(holds) {
        return Elsewhere::Yes;
    }
    let hidden = own.processes.iter().filter(|process| !process.visible);
    let owners: HashSet<u32> = hidden
        .filter_map(|process| processes::owner_of(process.pid))
        .collect();
    let is_new = |inode: u64| own.same_invocation || !before.contains(&inode);
    let of_owners = |owner: Option<u32>| owner.is_none_or(|owner| owners.contains(&owner));
    let by_owner = tcp
        .iter()
        .any(|it| is_new(it.inode) && owners.contains(&it.owner))
        || unix
            .iter()
            .any(|it| is_new(it.inode) && of_owners(it.owner));
    // root listens in many places
    match !owners.is_empty() && (by_owner || owners.contains(&0)) {
        true => Elsewhere::Unknown,
        false => Elsewhere::No,
    }
}

/// Whether the control group is that of a service. A user's own systemd is a service itself, `user@1000.service`; what
/// `su` started, and a login, are in no service.
fn is_service(group: &str) -> bool {
    let is_service = |part: &str| part.ends_with(".service");
    let mut parts = group.split('/');
    if group.starts_with("/user.slice/") {
        parts.find(|part| part.starts_with("user@") && is_service(part));
    }
    parts.any(is_service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_recognised_by_its_control_group() {
        for group in [
            "/system.slice/nginx.service",
            "/system.slice/docker.service/payload",
            "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service",
            "/user.slice/user-1000.slice/user@1000.service/app.slice/app-web.slice/web@1.service/x",
        ] {
            assert!(is_service(group), "{group}");
        }
        for group in [
            "/",
            "/init.scope",
            "/user.slice/user-1000.slice/session-3.scope",
            "/user.slice/user-1000.slice/user@1000.service/init.scope",
            "/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope",
        ] {
            assert!(!is_service(group), "{group}");
        }
    }
}
