//! Judges what was seen at one moment. It looks at nothing itself.

use super::answers::{Belongs, Origin};
use crate::protocol::{OtherProcess, PortHolder, ReleaseProcess, UncheckedListener, UnseenRelease};
use std::collections::BTreeSet;

/// A process as far as it can be seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) name: String,
    /// It started after the restart.
    pub(super) new: bool,
    /// The names of the releases that it works in.
    pub(super) releases: BTreeSet<String>,
    /// More than its arguments can be seen.
    pub(super) visible: bool,
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

    pub(super) fn left_over(&self) -> PortHolder {
        PortHolder::LeftOver {
            pid: self.pid,
            name: self.name.clone(),
        }
    }

    pub(super) fn other(&self, group: &str) -> OtherProcess {
        OtherProcess {
            process: Some((self.pid, self.name.clone())),
            group: Some(group.to_owned()),
        }
    }
}

/// A socket that listens on the port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Socket {
    /// It listened before the restart.
    pub(super) was_there: bool,
    pub(super) by: Holder,
}

/// Who holds a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holder {
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
pub(super) enum Elsewhere {
    Yes,
    No,
    Unknown,
}

/// What can be seen at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scene {
    pub(super) unit: Vec<Process>,
    pub(super) sockets: Vec<Socket>,
    pub(super) elsewhere: Elsewhere,
    /// The restart kept the invocation.
    pub(super) same_invocation: bool,
}

impl Scene {
    /// If several processes listen, one that must not respond decides, then one that cannot be told.
    pub(super) fn origin(&self, port: u16, release: &str) -> Origin {
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
    pub(super) fn belongs(&self, release: &str, leads_to_current: bool) -> Belongs {
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

#[cfg(test)]
mod tests;
