//! Sockets that listen, as the kernel's tables show them: to everyone, but without their processes.

use crate::protocol::Ending;
use crate::server::exec::process::{command, quick};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

const SS_TIMEOUT: Duration = Duration::from_secs(5);

/// A TCP socket that listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::server) struct Listener {
    pub(in crate::server) inode: u64,
    pub(in crate::server) port: u16,
    /// The user who opened it.
    pub(in crate::server) owner: u32,
    pub(in crate::server) address: IpAddr,
}

impl Listener {
    /// How exactly it listens on this address: the kernel prefers the most exact one. `None`: not at all.
    fn exactness(&self, address: IpAddr) -> Option<u8> {
        let own = self.address;
        match own.is_unspecified() {
            false if own.to_canonical() == address => Some(2),
            true if own.is_ipv4() == address.is_ipv4() => Some(1),
            // `::` takes IPv4 too, unless it was told not to
            true if own.is_ipv6() => Some(0),
            _ => None,
        }
    }
}

/// What answers on `port`: at `address` or, if that is unknown, on any address of loopback.
pub(in crate::server) fn answering(
    listeners: &HashSet<Listener>,
    port: u16,
    address: Option<IpAddr>,
) -> Vec<&Listener> {
    let on_port = listeners.iter().filter(|listener| listener.port == port);
    let Some(address) = address.map(|address| address.to_canonical()) else {
        let answers = |listener: &&Listener| {
            let own = listener.address.to_canonical();
            own.is_unspecified() || own.is_loopback()
        };
        return on_port.filter(answers).collect();
    };
    let ranked: Vec<(u8, &Listener)> = on_port
        .filter_map(|listener| Some((listener.exactness(address)?, listener)))
        .collect();
    let best = ranked.iter().map(|(exactness, _)| *exactness).max();
    let chosen = ranked.into_iter().filter(|(it, _)| Some(*it) == best);
    chosen.map(|(_, listener)| listener).collect()
}

/// All of them, of both families.
pub(in crate::server) fn listeners() -> HashSet<Listener> {
    let table = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let mut all = parse(&table("/proc/net/tcp"));
    all.extend(parse(&table("/proc/net/tcp6")));
    all
}

/// proc(5), /proc/net/tcp: local address in column 2, state (0A: listening) in 4, user in 8, inode in 10.
fn parse(table: &str) -> HashSet<Listener> {
    let row = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (address, port) = columns.get(1)?.rsplit_once(':')?;
        let listens = *columns.get(3)? == "0A";
        listens.then_some(())?;
        Some(Listener {
            inode: columns.get(9)?.parse().ok()?,
            port: u16::from_str_radix(port, 16).ok()?,
            owner: columns.get(7)?.parse().ok()?,
            address: parse_address(address)?,
        })
    };
    table.lines().skip(1).filter_map(row).collect()
}

/// An address in the kernel's format: 32-bit words in native byte order.
fn parse_address(text: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(text.get(at..at + 8)?, 16).ok();
    match text.len() {
        8 => Some(Ipv4Addr::from(word(0)?.to_ne_bytes()).into()),
        32 => {
            let mut bytes = [0; 16];
            for (index, chunk) in bytes.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(index * 8)?.to_ne_bytes());
            }
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

/// A Unix socket that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnixListener {
    pub(super) inode: u64,
    /// The owner of its file, if it has one.
    pub(super) owner: Option<u32>,
}

/// All of them. proc(5), /proc/net/unix: flags in column 4 (00010000: listening), inode in 7, path in 8.
pub(super) fn unix_listeners() -> Vec<UnixListener> {
    let table = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let row = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let listens = *columns.get(3)? == "00010000";
        listens.then_some(())?;
        let path = columns.get(7).filter(|path| path.starts_with('/'));
        Some(UnixListener {
            inode: columns.get(6)?.parse().ok()?,
            owner: path.and_then(|path| fs::metadata(path).ok().map(|found| found.uid())),
        })
    };
    table.lines().skip(1).filter_map(row).collect()
}

/// The control groups of the sockets that listen on `port`, by inode. `ss` shows them without special rights. Empty if it
/// does not, and without those that are not in systemd's hierarchy.
pub(super) fn groups(port: u16) -> HashMap<u64, String> {
    let mut ss = command("ss");
    ss.args(["-Hltne", "--cgroup", "sport", "=", &format!(":{port}")]);
    let Ok((Ending::Exit(0), output)) = quick(&mut ss, SS_TIMEOUT) else {
        return HashMap::new();
    };
    parse_groups(&String::from_utf8_lossy(&output))
}

fn parse_groups(output: &str) -> HashMap<u64, String> {
    let value = |line: &str, key: &str| {
        let rest = line.split(key).nth(1)?;
        rest.split_whitespace().next().map(str::to_owned)
    };
    let row = |line: &str| {
        let group = value(line, " cgroup:")?;
        let known = group != "/" && group.starts_with('/');
        known.then_some(())?;
        Some((value(line, " ino:")?.parse().ok()?, group))
    };
    output.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_sockets_are_found_in_the_kernel_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: \
             0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 41 1 0 100 0 0 10 0\n   1: \
             0100007F:1F40 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 42 1 0 100 0 0 10 0\n   2: \
             0501A8C0:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 43 1 0 100 0 0 10 0\n";
        let listener = |inode, port, owner, address: &str| Listener {
            inode,
            port,
            owner,
            address: address.parse().unwrap(),
        };
        let expected = HashSet::from([
            listener(41, 8000, 1000, "127.0.0.1"),
            listener(43, 22, 0, "192.168.1.5"),
        ]);
        assert_eq!(parse(table), expected);
        assert!(parse("").is_empty());
    }

    #[test]
    fn addresses_are_read_in_the_kernels_format() {
        let every = "0".repeat(32);
        for (text, address) in [
            ("00000000", "0.0.0.0"),
            ("0100007F", "127.0.0.1"),
            (every.as_str(), "::"),
            ("00000000000000000000000001000000", "::1"),
            ("0000000000000000FFFF00000100007F", "::ffff:127.0.0.1"),
            (
                "000080FE00000000FF565002BE8A3EFE",
                "fe80::250:56ff:fe3e:8abe",
            ),
        ] {
            assert_eq!(
                parse_address(text),
                Some(address.parse().unwrap()),
                "{text}"
            );
        }
        assert_eq!(parse_address("7F"), None);
    }

    #[test]
    fn of_several_listeners_the_most_exact_one_answers() {
        let addresses = [
            "0.0.0.0",
            "127.0.0.1",
            "::",
            "::1",
            "192.168.1.5",
            "::ffff:127.0.0.2",
        ];
        let listener = |(inode, address): (u64, &&str)| Listener {
            inode,
            port: 80,
            owner: 0,
            address: address.parse().unwrap(),
        };
        let all: Vec<Listener> = (0..).zip(&addresses).map(listener).collect();
        let answers = |among: &[usize], from: Option<&str>| {
            let set: HashSet<Listener> = among.iter().map(|at| all[*at].clone()).collect();
            let from = from.map(|it| it.parse().unwrap());
            let mut found: Vec<u64> = answering(&set, 80, from)
                .iter()
                .map(|it| it.inode)
                .collect();
            found.sort_unstable();
            found
        };
        assert_eq!(answers(&[0, 1, 2, 3], Some("127.0.0.1")), [1]);
        assert_eq!(answers(&[0, 2, 3], Some("127.0.0.1")), [0]);
        assert_eq!(answers(&[2, 3], Some("127.0.0.1")), [2]);
        assert_eq!(answers(&[0, 2, 3], Some("::1")), [3]);
        assert_eq!(answers(&[0, 2], Some("::1")), [2]);
        assert_eq!(answers(&[0, 5], Some("127.0.0.2")), [5]);
        assert_eq!(answers(&[0, 1, 2, 3, 4], None), [0, 1, 2, 3]);
        assert!(answers(&[0], Some("::1")).is_empty());
    }

    #[test]
    fn a_listener_of_this_process_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let found: Vec<Listener> = listeners()
            .into_iter()
            .filter(|listener| listener.port == port)
            .collect();
        assert_eq!(found.len(), 1);
        assert!(found[0].address.is_loopback());
        let inodes = HashSet::from([found[0].inode]);
        assert_eq!(
            crate::server::exec::processes::held(std::process::id(), &inodes),
            inodes
        );
    }

    #[test]
    fn a_unix_listener_of_this_process_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let before = unix_listeners().len();
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let own = rustix::process::geteuid().as_raw();
        let after = unix_listeners();
        assert!(after.len() > before);
        assert!(after.iter().any(|listener| listener.owner == Some(own)));
    }

    #[test]
    fn the_control_groups_of_sockets_are_read() {
        let output = "LISTEN 0 128 127.0.0.1:80 0.0.0.0:* uid:33 ino:41 sk:1 cgroup:/system.slice/nginx.service <->\n\
                      LISTEN 0 128 [::1]:80 [::]:* ino:42 sk:2 cgroup:unreachable:1f\nLISTEN 0 5 *:80 *:* ino:43 sk:3 cgroup:/\n";
        let expected = HashMap::from([(41, "/system.slice/nginx.service".to_owned())]);
        assert_eq!(parse_groups(output), expected);
    }
}
