//! Answers two questions about a unit that is up: does the answer to the health check come from it, and does what it runs
//! belong to the release? Each has three answers, because not everything can be seen.

use super::processes::{self, Traces};
use super::restart::BeforeRestart;
use super::sockets::{self, Listener};
use super::systemd::Unit;
use crate::protocol::{
    OtherProcess, PortHolder, Reason, ReleaseProcess, UncheckedListener, UnseenRelease,
};
use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Whether the answer comes from the unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// Yes.
    Unit,
    /// No: from this process.
    Other(PortHolder),
    /// It cannot be told.
    Unknown(UncheckedListener),
}

/// Whether what runs belongs to the release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Belongs {
    /// Yes; beside it, these processes of the unit still run other releases.
    Yes { others: Vec<ReleaseProcess> },
    /// No: this process runs another one.
    No(ReleaseProcess),
    /// It cannot be told.
    Unknown(UnseenRelease),
}

/// Both answers at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Evidence {
    /// `None`: there is no port to look at.
    pub(super) origin: Option<Origin>,
    pub(super) belongs: Belongs,
    /// A process of the unit started after the restart.
    pub(super) has_new_process: bool,
}

/// What the answers depend on.
pub(super) struct Question<'a> {
    /// The folder of all releases, and the name of this one's.
    pub(super) releases: PathBuf,
    pub(super) release: String,
    pub(super) before: &'a BeforeRestart,
    /// The port of the health check, if it is one of this server's.
    pub(super) port: Option<u16>,
    /// The unit's definition leads to `current`.
    pub(super) leads_to_current: bool,
}

impl Question<'_> {
    /// Looks at the unit's processes and at the sockets of the port. `from` is the address that answered.
    pub(super) fn answer(&self, unit: &Unit, from: Option<IpAddr>) -> Evidence {
        let scene = self.look(unit, from);
        Evidence {
            origin: self.port.map(|port| scene.origin(port, &self.release)),
            belongs: scene.belongs(&self.release, self.leads_to_current),
            has_new_process: scene.unit.iter().any(|process| process.new),
        }
    }

    /// Whether a process that was there before the restart holds the port: then a new one may crash because of it. A
    /// service that holds it may be a proxy.
    pub(super) fn blocked(&self, unit: &Unit) -> Option<Reason> {
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
        let of_unit: Vec<Process> = processes::of_unit(unit)
            .into_iter()
            .map(|pid| self.process(pid))
            .collect();
        let listeners = sockets::listeners();
        let sockets = match self.port {
            Some(port) => {
                let on_port = sockets::answering(&listeners, port, from);
                self.sockets(port, unit, &of_unit, &on_port)
            }
            None => Vec::new(),
        };
        let elsewhere = match sockets.iter().any(|socket| socket.was_there) {
            true => listens_elsewhere(&of_unit, self.port, &listeners),
            false => Elsewhere::Unknown,
        };
        Scene {
            unit: of_unit,
            sockets,
            elsewhere,
            same_invocation: unit.invocation() == self.before.invocation,
        }
    }

    fn process(&self, pid: u32) -> Process {
        let traces = Traces::of(pid);
        let mut releases = traces.entry_of(&self.releases);
        if let Ok(real) = self.releases.canonicalize() {
            releases.extend(traces.entry_of(&real));
        }
        Process {
            pid,
            name: processes::name_of(pid),
            new: self.is_new(pid),
            releases,
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

    fn sockets(
        &self,
        port: u16,
        unit: &Unit,
        of_unit: &[Process],
        on_port: &[&Listener],
    ) -> Vec<Socket> {
        let all: HashSet<u64> = on_port.iter().map(|listener| listener.inode).collect();
        let mut holders: Vec<(Process, HashSet<u64>)> = Vec::new();
        for process in of_unit {
            let held = processes::held(process.pid, &all);
            if !held.is_empty() {
                holders.push((process.clone(), held));
            }
        }
        let of_unit_group = Groups::of(unit, of_unit);
        let unit_pids: HashSet<u32> = of_unit.iter().map(|process| process.pid).collect();
        let is_held = |inode: &u64, by: &[(Process, HashSet<u64>)]| {
            by.iter().any(|(_, held)| held.contains(inode))
        };
        let lonely: HashSet<u64> = all
            .iter()
            .copied()
            .filter(|inode| !is_held(inode, &holders))
            .collect();
        let strangers = self.strangers(&lonely, &unit_pids);
        let hidden = lonely.iter().any(|inode| !is_held(inode, &strangers));
        let groups = if hidden {
            sockets::groups(port)
        } else {
            Default::default()
        };
        let socket = |listener: &&Listener| {
            let inode = listener.inode;
            let of = |by: &[(Process, HashSet<u64>)]| -> Vec<Process> {
                let holding = by.iter().filter(|(_, held)| held.contains(&inode));
                holding.map(|(process, _)| process.clone()).collect()
            };
            let (own, others) = (of(&holders), of(&strangers));
            let by = match others.first() {
                _ if !own.is_empty() => Holder::Unit(own),
                Some(other) if other.pid == 1 && of_unit_group.has_socket => Holder::SocketUnit,
                Some(other) => Holder::Stranger {
                    group: processes::group_of(other.pid),
                    processes: others,
                },
                None => of_unit_group.holder(groups.get(&inode), listener.owner, of_unit),
            };
            Socket {
                was_there: self.before.listening.contains(&inode),
                by,
            }
        };
        on_port.iter().map(socket).collect()
    }

    /// The processes outside the unit that hold one of the sockets, as far as they can be seen.
    fn strangers(
        &self,
        sockets: &HashSet<u64>,
        unit: &HashSet<u32>,
    ) -> Vec<(Process, HashSet<u64>)> {
        if sockets.is_empty() {
            return Vec::new();
        }
        let others = processes::all()
            .into_iter()
            .filter(|pid| !unit.contains(pid));
        others
            .filter_map(|pid| {
                let held = processes::held(pid, sockets);
                (!held.is_empty()).then(|| (self.process(pid), held))
            })
            .collect()
    }
}

/// A process as far as it can be seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Process {
    pid: u32,
    name: String,
    /// It started after the restart.
    new: bool,
    /// The names of the releases that it works in.
    releases: BTreeSet<String>,
    /// More than its arguments can be seen.
    visible: bool,
}

impl Process {
    fn in_release(&self, release: &str) -> bool {
        self.releases.contains(release)
    }

    /// As one of another release, if it is one.
    fn of_other(&self, release: &str) -> Option<ReleaseProcess> {
        let other = self
            .releases
            .first()
            .filter(|_| !self.in_release(release))?;
        Some(ReleaseProcess {
            pid: self.pid,
            name: self.name.clone(),
            release: other.clone(),
        })
    }

    fn left_over(&self) -> PortHolder {
        PortHolder::LeftOver {
            pid: self.pid,
            name: self.name.clone(),
        }
    }

    fn other(&self, group: &str) -> OtherProcess {
        OtherProcess {
            process: Some((self.pid, self.name.clone())),
            group: Some(group.to_owned()),
        }
    }
}

/// A socket that listens on the port.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Socket {
    /// It listened before the restart.
    was_there: bool,
    by: Holder,
}

/// Who holds a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Holder {
    /// These processes of the unit.
    Unit(Vec<Process>),
    /// The unit's socket unit.
    SocketUnit,
    /// A process of the unit that cannot be seen.
    HiddenOfUnit,
    /// A process that cannot be seen, of a user whose processes the unit has too.
    HiddenOfSameUser,
    /// These processes outside the unit.
    Stranger {
        group: String,
        processes: Vec<Process>,
    },
    /// A process outside the unit, or one of another user, that cannot be seen.
    Hidden { group: Option<String> },
}

/// Whether one of the unit's processes listens somewhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Elsewhere {
    Yes,
    No,
    Unknown,
}

/// What can be seen at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Scene {
    unit: Vec<Process>,
    sockets: Vec<Socket>,
    elsewhere: Elsewhere,
    /// The restart kept the invocation.
    same_invocation: bool,
}

impl Scene {
    /// If several processes listen, one that must not respond decides, then one that cannot be told.
    fn origin(&self, port: u16, release: &str) -> Origin {
        let all: Vec<Origin> = self
            .sockets
            .iter()
            .map(|socket| self.origin_of(socket, port, release))
            .collect();
        let other = all.iter().find(|it| matches!(it, Origin::Other(_)));
        let unknown = all.iter().find(|it| matches!(it, Origin::Unknown(_)));
        match other.or(unknown) {
            Some(found) => found.clone(),
            None if all.is_empty() => Origin::Unknown(UncheckedListener::None { port }),
            None => Origin::Unit,
        }
    }

    fn origin_of(&self, socket: &Socket, port: u16, release: &str) -> Origin {
        let stranger = |other: OtherProcess, new: bool| match self.elsewhere {
            _ if new => Origin::Unknown(UncheckedListener::Since { port, other }),
            _ if self.unit.is_empty() => Origin::Unknown(UncheckedListener::NoProcess),
            Elsewhere::No => Origin::Other(PortHolder::Earlier(other)),
            _ => Origin::Unknown(UncheckedListener::Proxy { port, other }),
        };
        match &socket.by {
            Holder::SocketUnit => Origin::Unit,
            Holder::Unit(holders) => {
                let serves =
                    |it: &Process| self.same_invocation || it.new || it.in_release(release);
                match holders.iter().find(|it| !serves(it)) {
                    Some(old) if !holders.iter().any(serves) => Origin::Other(old.left_over()),
                    _ => Origin::Unit,
                }
            }
            // it is unknown which of the unit's processes holds it
            Holder::HiddenOfUnit => {
                let left_over = self.unit.iter().any(|it| !it.new);
                match socket.was_there && !self.same_invocation && left_over {
                    true => Origin::Other(PortHolder::MaybeLeftOver),
                    false => Origin::Unit,
                }
            }
            Holder::HiddenOfSameUser => Origin::Unknown(UncheckedListener::Hidden { port }),
            Holder::Stranger { group, processes } => {
                let new = !socket.was_there || processes.iter().any(|it| it.new);
                match processes.first() {
                    _ if processes.iter().any(|it| it.in_release(release)) => Origin::Unit,
                    Some(first) => stranger(first.other(group), new),
                    None => Origin::Unknown(UncheckedListener::Hidden { port }),
                }
            }
            Holder::Hidden { group } => {
                let other = OtherProcess {
                    process: None,
                    group: group.clone(),
                };
                stranger(other, !socket.was_there)
            }
        }
    }

    /// The processes that serve decide: those that started after the restart or, if none did, those that hold the port.
    fn belongs(&self, release: &str, leads_to_current: bool) -> Belongs {
        let mut judged: Vec<&Process> = self.unit.iter().filter(|it| it.new).collect();
        if judged.is_empty() {
            judged = self.holders();
        }
        if judged.is_empty() {
            judged = self.unit.iter().collect();
        }
        let outside = self.sockets.iter().flat_map(|socket| match &socket.by {
            Holder::Stranger { processes, .. } => processes.as_slice(),
            _ => &[],
        });
        let here = judged.iter().copied().chain(outside);
        let started = leads_to_current && !self.same_invocation;
        let other = judged.iter().find_map(|it| it.of_other(release));
        match other {
            _ if here.into_iter().any(|it| it.in_release(release)) => self.with_others(release),
            Some(other) => Belongs::No(other),
            None if started => self.with_others(release),
            None if judged.iter().any(|it| !it.visible) => Belongs::Unknown(UnseenRelease::Hidden),
            None => Belongs::Unknown(UnseenRelease::NoTrace),
        }
    }

    fn with_others(&self, release: &str) -> Belongs {
        let others = self.unit.iter().filter_map(|it| it.of_other(release));
        Belongs::Yes {
            others: others.collect(),
        }
    }

    fn holders(&self) -> Vec<&Process> {
        let held = self.sockets.iter().flat_map(|socket| match &socket.by {
            Holder::Unit(processes) => processes.as_slice(),
            _ => &[],
        });
        held.collect()
    }
}

fn is_service(group: &str) -> bool {
    !group.starts_with("/user.slice/") && group.split('/').any(|part| part.ends_with(".service"))
}

/// The control groups of a unit.
struct Groups {
    own: String,
    /// Those of its processes outside its own.
    others: BTreeSet<String>,
    /// Its socket units.
    sockets: Vec<String>,
    has_socket: bool,
}

impl Groups {
    fn of(unit: &Unit, processes: &[Process]) -> Self {
        let sockets: Vec<String> = unit
            .get("TriggeredBy")
            .split_whitespace()
            .filter(|name| name.ends_with(".socket"))
            .map(str::to_owned)
            .collect();
        let groups = processes.iter().map(|it| processes::group_of(it.pid));
        Self {
            own: unit.get("ControlGroup").to_owned(),
            others: groups.filter(|group| group != "/").collect(),
            has_socket: !sockets.is_empty(),
            sockets,
        }
    }

    /// Who holds a socket that no visible process holds.
    fn holder(&self, group: Option<&String>, owner: u32, of_unit: &[Process]) -> Holder {
        let same_user = || {
            let owners = of_unit.iter().filter_map(|it| processes::owner_of(it.pid));
            owners.into_iter().any(|it| it == owner)
        };
        match group.map(String::as_str) {
            Some(group) if self.has(group) => Holder::HiddenOfUnit,
            Some(group) if self.is_of_socket(group) => Holder::SocketUnit,
            Some(group) => Holder::Hidden {
                group: Some(group.to_owned()),
            },
            None if same_user() => Holder::HiddenOfSameUser,
            None => Holder::Hidden { group: None },
        }
    }

    fn has(&self, group: &str) -> bool {
        let own = !self.own.is_empty() && Path::new(group).starts_with(&self.own);
        own || self.others.contains(group)
    }

    /// systemd itself holds the socket of a socket unit.
    fn is_of_socket(&self, group: &str) -> bool {
        let name = PathBuf::from(group);
        let last = name.file_name().and_then(|name| name.to_str());
        let names = |socket: &String| last == Some(socket);
        self.has_socket && (group == "/init.scope" || self.sockets.iter().any(names))
    }
}

/// Of processes that cannot be seen, only the owners are known.
fn listens_elsewhere(
    unit: &[Process],
    port: Option<u16>,
    listeners: &HashSet<Listener>,
) -> Elsewhere {
    let elsewhere = |listener: &&Listener| Some(listener.port) != port;
    let unix = sockets::unix_listeners();
    let mut inodes: HashSet<u64> = listeners
        .iter()
        .filter(elsewhere)
        .map(|listener| listener.inode)
        .collect();
    inodes.extend(unix.iter().map(|listener| listener.inode));
    let holds = |process: &Process| !processes::held(process.pid, &inodes).is_empty();
    if unit.iter().any(holds) {
        return Elsewhere::Yes;
    }
    let hidden = unit.iter().filter(|process| !process.visible);
    let owners: HashSet<u32> = hidden
        .filter_map(|process| processes::owner_of(process.pid))
        .collect();
    let by_owner = listeners
        .iter()
        .filter(elsewhere)
        .any(|listener| owners.contains(&listener.owner))
        || unix
            .iter()
            .any(|listener| listener.owner.is_some_and(|owner| owners.contains(&owner)));
    match by_owner {
        // root listens in many places
        _ if owners.contains(&0) => Elsewhere::Unknown,
        true => Elsewhere::Yes,
        false => Elsewhere::No,
    }
}

#[cfg(test)]
mod tests;
