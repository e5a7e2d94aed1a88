//! Which process listens on the health port: a response counts only if it comes from the unit's new process.

use crate::protocol::{Ending, PortHolder, UncheckedListener};
use crate::server::exec::process::{command, quick};
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Who owns the port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PortOwner {
    /// The unit, with a process of its current invocation.
    Unit,
    /// A process that must not respond for the new release.
    Other(PortHolder),
    /// Unknown, or another service such as a proxy.
    NotChecked(UncheckedListener),
}

/// Finds out who listens on `port`, on loopback or on every address. `control_group` is the unit's. A process of it that
/// started before `since` (ticks since boot) is left over; it counts only if its working directory is in the release's
/// `folder`. If several processes listen, one that must not respond decides.
pub(super) fn owner(
    port: u16,
    control_group: &str,
    since: Option<u64>,
    folder: &Path,
) -> PortOwner {
    let sockets = listening(port);
    if sockets.is_empty() {
        return PortOwner::NotChecked(UncheckedListener::None { port });
    }
    let unit = processes_of(control_group);
    let left_over = |pid: &u32| is_left_over(*pid, since, folder);
    let holders: Vec<u32> = unit
        .iter()
        .copied()
        .filter(|pid| !held(*pid, &sockets).is_empty())
        .collect();
    if let Some(pid) = holders.iter().copied().find(left_over) {
        return PortOwner::Other(PortHolder::LeftOver {
            pid,
            name: name(pid),
        });
    }
    let of_unit: HashSet<u64> = holders
        .iter()
        .flat_map(|pid| held(*pid, &sockets))
        .collect();
    let others: HashSet<u64> = sockets.difference(&of_unit).copied().collect();
    if others.is_empty() {
        return PortOwner::Unit;
    }
    if let Some(owner) = by_other_processes(&others, control_group) {
        return owner;
    }
    if !holders.is_empty() {
        return PortOwner::NotChecked(UncheckedListener::AlsoHidden { port });
    }
    match by_socket_group(port, control_group) {
        // the unit owns the socket, but it is unknown which of its processes does
        PortOwner::Unit if unit.iter().any(left_over) => {
            PortOwner::Other(PortHolder::MaybeLeftOver)
        }
        other => other,
    }
}

fn is_left_over(pid: u32, since: Option<u64>, folder: &Path) -> bool {
    // both values are rounded to ticks
    let older = start_of(pid)
        .zip(since)
        .is_some_and(|(started, since)| started + 1 < since);
    older && !works_in(pid, folder)
}

/// Inodes of the sockets that listen on `port`, both families.
fn listening(port: u16) -> HashSet<u64> {
    let table = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let mut inodes = inodes_of(&table("/proc/net/tcp"), port);
    inodes.extend(inodes_of(&table("/proc/net/tcp6"), port));
    inodes
}

/// proc(5), /proc/net/tcp: local address in column 2, state (0A: listening) in 4, inode in 10.
fn inodes_of(table: &str, port: u16) -> HashSet<u64> {
    let row = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (address, local) = columns.get(1)?.rsplit_once(':')?;
        let here = u16::from_str_radix(local, 16).ok()? == port && answers_loopback(address);
        (here && *columns.get(3)? == "0A").then(|| columns.get(9)?.parse().ok())?
    };
    table.lines().skip(1).filter_map(row).collect()
}

/// Whether it is loopback or the wildcard address, in the kernel's format: 32-bit words in native byte order.
fn answers_loopback(address: &str) -> bool {
    let every = address.bytes().all(|digit| digit == b'0');
    // 127.x.y.z, alone or mapped into IPv6; ::1
    let loopback = match address.len() {
        8 => address.ends_with("7F"),
        _ => {
            address == "00000000000000000000000001000000"
                || address.starts_with("0000000000000000FFFF0000") && address.ends_with("7F")
        }
    };
    every || loopback
}

pub(super) fn processes_of(control_group: &str) -> Vec<u32> {
    if control_group.is_empty() {
        return Vec::new();
    }
    let read = |root: &str| fs::read_to_string(format!("{root}{control_group}/cgroup.procs")).ok();
    let list = read("/sys/fs/cgroup").or_else(|| read("/sys/fs/cgroup/systemd"));
    list.unwrap_or_default()
        .lines()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

/// Which of the sockets the process holds; none if its descriptors cannot be read.
fn held(pid: u32, sockets: &HashSet<u64>) -> HashSet<u64> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .flatten();
    let inode = |link: std::path::PathBuf| -> Option<u64> {
        link.to_str()?
            .strip_prefix("socket:[")?
            .strip_suffix(']')?
            .parse()
            .ok()
    };
    let found = descriptors
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter_map(inode);
    found.filter(|inode| sockets.contains(inode)).collect()
}

/// When a process started, in ticks since boot: field 22 of /proc/PID/stat, counted after the closing parenthesis of the
/// name.
pub(super) fn start_of(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(19)?
        .parse()
        .ok()
}

fn works_in(pid: u32, folder: &Path) -> bool {
    fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
}

fn name(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm"))
        .map_or_else(|_| "?".to_owned(), |name| name.trim().to_owned())
}

/// Searches the processes outside the unit whose descriptors the deploy user can read.
fn by_other_processes(sockets: &HashSet<u64>, control_group: &str) -> Option<PortOwner> {
    let pids = fs::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let pid = pids
        .into_iter()
        .find(|pid| !held(*pid, sockets).is_empty())?;
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let group = groups
        .lines()
        .filter_map(|line| line.splitn(3, ':').nth(2))
        .find(|group| *group != "/")
        .unwrap_or("/");
    Some(owner_by_group(group, control_group, Some((pid, name(pid)))))
}

/// Asks ss, which shows the control group of a socket without special rights.
fn by_socket_group(port: u16, control_group: &str) -> PortOwner {
    let mut ss = command("ss");
    ss.args(["-Hltn", "--cgroup", "sport", "=", &format!(":{port}")]);
    let not_checked = || PortOwner::NotChecked(UncheckedListener::Hidden { port });
    let Ok((Ending::Exit(0), output)) = quick(&mut ss, Duration::from_secs(5)) else {
        return not_checked();
    };
    let output = String::from_utf8_lossy(&output).into_owned();
    let groups: Vec<&str> = output
        .lines()
        .filter_map(|line| line.split("cgroup:").nth(1)?.split_whitespace().next())
        .collect();
    let owners = groups.iter().map(|group| match *group {
        // not in systemd's hierarchy
        "/" | "" => not_checked(),
        group if group.starts_with("unreachable") => not_checked(),
        group => owner_by_group(group, control_group, None),
    });
    owners.into_iter().reduce(worse).unwrap_or_else(not_checked)
}

fn worse(one: PortOwner, other: PortOwner) -> PortOwner {
    match (&one, &other) {
        (PortOwner::Other(_), _)
        | (PortOwner::NotChecked(_), PortOwner::Unit | PortOwner::NotChecked(_)) => one,
        (PortOwner::Unit, _) | (PortOwner::NotChecked(_), PortOwner::Other(_)) => other,
    }
}

fn owner_by_group(group: &str, control_group: &str, process: Option<(u32, String)>) -> PortOwner {
    if !control_group.is_empty()
        && (group == control_group || group.starts_with(&format!("{control_group}/")))
    {
        return PortOwner::Unit;
    }
    let in_service = !group.starts_with("/user.slice/")
        && group.split('/').any(|part| part.ends_with(".service"));
    if in_service || group == "/init.scope" {
        return PortOwner::NotChecked(UncheckedListener::OtherService {
            process,
            group: group.to_owned(),
        });
    }
    let group = group.to_owned();
    PortOwner::Other(match process {
        Some((pid, name)) => PortHolder::NoService { pid, name, group },
        None => PortHolder::NoServiceHidden { group },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_sockets_are_found_in_the_kernel_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: \
             0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 41 1 0 100 0 0 10 0\n   1: \
             0100007F:1F40 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 42 1 0 100 0 0 10 0\n   2: \
             0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 43 1 0 100 0 0 10 0\n";
        assert_eq!(inodes_of(table, 8000), HashSet::from([41]));
        assert!([
            "00000000",
            "0100007F",
            &"0".repeat(32),
            "00000000000000000000000001000000"
        ]
        .iter()
        .all(|a| answers_loopback(a)));
        assert!(answers_loopback("0000000000000000FFFF00000100007F"));
        assert!(
            !answers_loopback("0501A8C0") && !answers_loopback("000080FE00000000FF565002BE8A3EFE")
        );
        assert!(inodes_of("", 8000).is_empty());
    }

    #[test]
    fn only_the_units_own_group_counts_as_the_unit() {
        let owner = |group| {
            owner_by_group(
                group,
                "/system.slice/diting.service",
                Some((7, "x".to_owned())),
            )
        };
        assert_eq!(owner("/system.slice/diting.service"), PortOwner::Unit);
        assert_eq!(
            owner("/system.slice/diting.service/worker"),
            PortOwner::Unit
        );
        assert!(matches!(
            owner("/system.slice/nginx.service"),
            PortOwner::NotChecked(_)
        ));
        assert!(matches!(
            owner("/web.slice/nginx.service/worker"),
            PortOwner::NotChecked(_)
        ));
        assert!(matches!(
            owner("/user.slice/user-1000.slice/user@1000.service/app.slice"),
            PortOwner::Other(_)
        ));
        assert!(matches!(
            owner("/user.slice/user-1000.slice/session-1.scope"),
            PortOwner::Other(_)
        ));
        assert!(matches!(owner("/"), PortOwner::Other(_)));
    }

    #[test]
    fn a_listener_of_this_process_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let sockets = listening(port);
        assert_eq!(held(std::process::id(), &sockets), sockets);
        assert!(
            start_of(std::process::id()).unwrap()
                <= crate::server::clock::ticks_since_boot().unwrap() + 1
        );
    }
}
