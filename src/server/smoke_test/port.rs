//! A free port of the loopback, which no other smoke test takes meanwhile.

use rustix::io::Errno;
use rustix::net::sockopt::{set_socket_reuseaddr, set_socket_reuseport};
use rustix::net::{bind, socket_with, AddressFamily, SocketFlags, SocketType};
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

/// The kernel takes the ports of outgoing connections from here.
const EPHEMERAL: &str = "/proc/sys/net/ipv4/ip_local_port_range";
/// Below, most services have their ports: one may start at any moment.
const LOWEST: u16 = 10_000;
/// Below, only root may listen.
const UNPRIVILEGED: u16 = 1024;
const TRIES: usize = 500;
/// Where the port is held: an address of the loopback at which nobody asks.
const HELD_AT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A port that is free for a process of this server to listen on.
pub(super) struct Port {
    pub(super) number: u16,
    /// Bound, not listening, at another address of the loopback: the next smoke test finds the port taken, the process
    /// does not.
    _held: OwnedFd,
}

impl Port {
    /// One at random, but not `other`.
    pub(super) fn free(other: Option<u16>) -> io::Result<Self> {
        let range = fs::read_to_string(EPHEMERAL).unwrap_or_default();
        let candidates = candidates(&range);
        let usable = |port: &u16| Some(*port) != other && is_free(*port);
        for _ in 0..TRIES {
            let Some(number) = any_of(&candidates)?.filter(usable) else {
                continue;
            };
            if let Ok(held) = hold(number) {
                return Ok(Self {
                    number,
                    _held: held,
                });
            }
        }
        Err(io::Error::from(io::ErrorKind::AddrInUse))
    }
}

/// Those outside of the kernel's own range; all of them if that leaves none.
fn candidates(range: &str) -> Vec<u16> {
    let mut bounds = range.split_whitespace().map(str::parse::<u16>);
    let (Some(Ok(first)), Some(Ok(last))) = (bounds.next(), bounds.next()) else {
        return (LOWEST..=u16::MAX).collect();
    };
    let outside = |port: &u16| *port < first || *port > last;
    for lowest in [LOWEST, UNPRIVILEGED] {
        let found: Vec<u16> = (lowest..=u16::MAX).filter(outside).collect();
        if !found.is_empty() {
            return found;
        }
    }
    (LOWEST..=u16::MAX).collect()
}

fn any_of(candidates: &[u16]) -> io::Result<Option<u16>> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let at = u32::from_ne_bytes(bytes) as usize % candidates.len().max(1);
    Ok(candidates.get(at).copied())
}

/// Whether no socket has it, at any address of either family: a socket that shares nothing can be bound to it.
fn is_free(port: u16) -> bool {
    let everywhere: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    everywhere
        .into_iter()
        .all(|address| bound(address, port).err() != Some(Errno::ADDRINUSE))
}

/// A process may listen on the port at 127.0.0.1, whether or not it sets `SO_REUSEADDR` or `SO_REUSEPORT`.
fn hold(port: u16) -> Result<OwnedFd, Errno> {
    let held = bound(HELD_AT.into(), port)?;
    set_socket_reuseaddr(&held, true)?;
    set_socket_reuseport(&held, true)?;
    Ok(held)
}

fn bound(address: IpAddr, port: u16) -> Result<OwnedFd, Errno> {
    let family = match address {
        IpAddr::V4(_) => AddressFamily::INET,
        IpAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    bind(&socket, &SocketAddr::new(address, port))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::net::TcpListener;

    #[test]
    fn a_port_is_none_that_the_kernel_or_most_services_use() {
        let usual = candidates("32768\t60999\n");
        assert!(usual.contains(&10_000) && usual.contains(&32_767) && usual.contains(&61_000));
        assert!(!usual.contains(&9999) && !usual.contains(&32_768) && !usual.contains(&60_999));
        assert_eq!(candidates("10000 65535").first(), Some(&1024));
        for range in ["", "1 65535", "1024 65535", "x y"] {
            assert_eq!(candidates(range).first(), Some(&10_000), "{range}");
        }
    }

    #[test]
    fn a_port_in_use_is_not_free_at_any_address() {
        for address in [
            "127.0.0.1:0",
            "127.0.0.7:0",
            "0.0.0.0:0",
            "[::1]:0",
            "[::]:0",
        ] {
            let listener = TcpListener::bind(address).unwrap();
            let port = listener.local_addr().unwrap().port();
            assert!(!is_free(port), "{address}");
        }
    }

    #[test]
    fn two_smoke_tests_have_different_ports_and_a_process_can_listen_on_each() {
        let ports: Vec<Port> = (0..50).map(|_| Port::free(None).unwrap()).collect();
        let numbers: HashSet<u16> = ports.iter().map(|port| port.number).collect();
        assert_eq!(numbers.len(), ports.len());
        for port in &ports {
            assert!(!is_free(port.number) && hold(port.number).is_err());
            // std sets SO_REUSEADDR, the other socket does not
            drop(TcpListener::bind(("127.0.0.1", port.number)).unwrap());
            bound(Ipv4Addr::LOCALHOST.into(), port.number).unwrap();
            // so that a release which listens everywhere is told so
            drop(TcpListener::bind(("0.0.0.0", port.number)).unwrap());
        }
    }

    #[test]
    fn programs_in_python_can_listen_on_the_port() {
        let script = "import socketserver, sys\n\
            class Shared(socketserver.TCPServer): allow_reuse_address = True\n\
            kind = Shared if sys.argv[2] == 'shared' else socketserver.TCPServer\n\
            kind((sys.argv[3], int(sys.argv[1])), None)";
        for kind in ["own", "shared"] {
            let port = Port::free(None).unwrap().number.to_string();
            let held = Port::free(None).unwrap();
            for number in [port, held.number.to_string()] {
                let mut python = std::process::Command::new("python3");
                python.args(["-c", script, &number, kind, "127.0.0.1"]);
                assert!(python.status().unwrap().success(), "{kind}");
            }
        }
    }

    #[test]
    fn the_port_of_the_live_release_is_never_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let other = listener.local_addr().unwrap().port();
        for _ in 0..20 {
            assert_ne!(Port::free(Some(other)).unwrap().number, other);
        }
    }
}
