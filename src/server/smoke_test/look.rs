//! Looks at the sockets of the processes, and at what answers.

use super::machine::Sockets;
use crate::protocol::{OtherProcess, PortHolder, ReleaseId, SmokeTestError};
use crate::server::exec::processes::{self, Traces};
use crate::server::store::layout::Layout;
use crate::server::unit::sockets::{self, Listener};
use rustix::process::geteuid;
use std::collections::{BTreeSet, HashSet};
use std::net::{IpAddr, SocketAddr};

/// What listens at one moment.
pub(super) struct Look<'a> {
    /// Those that the smoke test has started.
    processes: &'a BTreeSet<u32>,
    listeners: HashSet<Listener>,
    /// The sockets that they hold.
    own: HashSet<u64>,
    /// The kernel does not show what one of them holds: its program has capabilities, or protects itself.
    is_hidden: bool,
}

impl<'a> Look<'a> {
    /// `port`: that of the trial. If a process is hidden, what this user listens with on it counts as that process's.
    pub(super) fn at(processes: &'a BTreeSet<u32>, port: u16) -> Self {
        let listeners = sockets::listeners();
        let inodes = listeners.iter().map(|listener| listener.inode).collect();
        let held = |pid: &u32| processes::held(*pid, &inodes);
        let mut own: HashSet<u64> = processes.iter().flat_map(held).collect();
        let is_hidden = processes.iter().any(|pid| processes::is_hidden(*pid));
        let user = geteuid().as_raw();
        let is_own = |it: &&Listener| it.port == port && it.owner == user;
        if is_hidden {
            own.extend(listeners.iter().filter(is_own).map(|it| it.inode));
        }
        Self {
            processes,
            listeners,
            own,
            is_hidden,
        }
    }

    pub(super) fn sockets(&self) -> Sockets {
        let (own, others): (Vec<&Listener>, Vec<&Listener>) = self
            .listeners
            .iter()
            .partition(|listener| self.own.contains(&listener.inode));
        let public = own.iter().find(|it| !is_loopback(it.address));
        let is_shared = |it: &&&Listener| others.iter().any(|other| meet(it, other));
        let shared = own.iter().find(is_shared);
        let mut ports: BTreeSet<u16> = BTreeSet::new();
        ports.extend(own.iter().map(|it| it.port));
        Sockets {
            public: public.map(|it| SocketAddr::new(it.address, it.port).to_string()),
            shared: shared.map(|it| it.port),
            ports: ports.into_iter().collect(),
        }
    }

    /// Why an answer on `port` does not count. `from` is the address that answered.
    pub(super) fn wrong(
        &self,
        layout: &Layout,
        release: &ReleaseId,
        (port, from): (u16, Option<IpAddr>),
    ) -> Option<SmokeTestError> {
        let answering = sockets::answering(&self.listeners, port, from);
        let foreign = answering.iter().find(|it| !self.own.contains(&it.inode));
        if answering.is_empty() || foreign.is_some() {
            let owner = PortHolder::Other(holder(foreign.map(|it| it.inode)).to_string());
            return Some(SmokeTestError::OtherProcess { port, owner });
        }
        let inodes = answering.iter().map(|it| it.inode).collect();
        self.other_release(layout, release, &inodes)
    }

    /// The release that those who answer are of, if it is another one.
    fn other_release(
        &self,
        layout: &Layout,
        release: &ReleaseId,
        sockets: &HashSet<u64>,
    ) -> Option<SmokeTestError> {
        let mut found: BTreeSet<String> = BTreeSet::new();
        for pid in self.processes {
            if !processes::held(*pid, sockets).is_empty() {
                found.extend(Traces::of(*pid).entries_of(&layout.releases()));
            }
        }
        let cannot_tell = found.is_empty() && self.is_hidden;
        if cannot_tell || found.contains(&release.to_string()) {
            return None;
        }
        let other = found.iter().find_map(|name| name.parse().ok());
        Some(SmokeTestError::OtherRelease(other))
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Whether connections to one of them may reach the other.
fn meet(one: &Listener, other: &Listener) -> bool {
    let (a, b) = (one.address.to_canonical(), other.address.to_canonical());
    let everywhere = |any: IpAddr, it: IpAddr| {
        any.is_unspecified() && (any.is_ipv6() || it.is_ipv4() == any.is_ipv4())
    };
    one.port == other.port && (a == b || everywhere(a, b) || everywhere(b, a))
}

/// The process that holds the socket, as far as it can be seen.
fn holder(socket: Option<u64>) -> OtherProcess {
    let sockets: HashSet<u64> = socket.into_iter().collect();
    let holds = |pid: &u32| !processes::held(*pid, &sockets).is_empty();
    let found = match sockets.is_empty() {
        true => None,
        false => processes::all().into_iter().find(holds),
    };
    OtherProcess {
        process: found.map(|pid| (pid, processes::name_of(pid))),
        group: found.map(processes::group_of).filter(|group| group != "/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn own() -> BTreeSet<u32> {
        BTreeSet::from([std::process::id()])
    }

    #[test]
    fn connections_meet_where_one_address_takes_those_to_the_other() {
        let listener = |address: &str, port| Listener {
            inode: 0,
            port,
            owner: 0,
            address: address.parse().unwrap(),
        };
        for (one, other, expected) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "0.0.0.0", true),
            ("0.0.0.0", "127.0.0.1", true),
            ("127.0.0.1", "::", true),
            ("::1", "::", true),
            ("::ffff:127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.53", false),
            ("127.0.0.1", "192.168.1.5", false),
            ("::1", "0.0.0.0", false),
            ("::1", "127.0.0.1", false),
        ] {
            let (one, other) = (listener(one, 80), listener(other, 80));
            assert_eq!(meet(&one, &other), expected, "{one:?} {other:?}");
            assert!(!meet(&one, &listener("0.0.0.0", 81)));
        }
    }

    #[test]
    fn a_listener_that_others_can_reach_is_public() {
        let processes = own();
        let inner = TcpListener::bind("127.0.0.1:0").unwrap();
        let look = Look::at(&processes, 0);
        assert!(look
            .sockets()
            .ports
            .contains(&inner.local_addr().unwrap().port()));
        let outer = TcpListener::bind("[::]:0").unwrap();
        let address = Look::at(&processes, 0).sockets().public.unwrap();
        let port = outer.local_addr().unwrap().port();
        // other tests of this process may listen too
        assert!(
            !address.starts_with("127.") && !address.starts_with("[::1]"),
            "{address}"
        );
        let nobody = BTreeSet::new();
        let look = Look::at(&nobody, port);
        assert_eq!(look.sockets(), Sockets::default());
        let other = look.wrong(
            &Layout::new("/nowhere"),
            &"7".parse().unwrap(),
            (port, None),
        );
        match other {
            Some(SmokeTestError::OtherProcess { port: of, owner }) => {
                assert_eq!(of, port);
                let own = format!("process {}", std::process::id());
                assert!(owner.to_string().starts_with(&own), "{owner}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_answer_counts_only_from_a_process_of_the_release() {
        let processes = own();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let look = Look::at(&processes, 0);
        let asked = (port, Some("127.0.0.1".parse().unwrap()));
        let wrong = look.wrong(&Layout::new("/nowhere"), &"7".parse().unwrap(), asked);
        assert_eq!(wrong, Some(SmokeTestError::OtherRelease(None)));
    }
}
