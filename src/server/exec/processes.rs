//! What the kernel shows of processes. Of another user's process that is its start, its parent, its owner, its arguments
//! and its control group; its folder, its program, its mapped files and its sockets can be seen only of one's own.

use rustix::io::Errno;
use rustix::process::{test_kill_process, Pid};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How many of a process's mapped files are looked at.
const MAX_MAPPED: usize = 5000;

/// The processes of a service: those of its control group and the groups below it, its main process and all descendants
/// of these. `su` and container runtimes move a service's processes to other groups.
pub(in crate::server) fn of_service(control_group: &str, main: Option<u32>) -> Vec<u32> {
    // extended, not collected: that would add a sort of its own for each type to the program
    let mut found: BTreeSet<u32> = BTreeSet::new();
    found.extend(of_group(control_group).into_iter().chain(main));
    if !found.is_empty() {
        add_descendants(&mut found);
    }
    found.into_iter().collect()
}

/// All that these processes have started, and what that has started, but not these.
pub(in crate::server) fn descendants_of(roots: impl IntoIterator<Item = u32>) -> BTreeSet<u32> {
    let mut found: BTreeSet<u32> = BTreeSet::new();
    found.extend(roots);
    let roots = found.clone();
    add_descendants(&mut found);
    found.retain(|pid| !roots.contains(pid));
    found
}

fn add_descendants(found: &mut BTreeSet<u32>) {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for pid in all() {
        if let Some(parent) = parent_of(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut open: Vec<u32> = found.iter().copied().collect();
    while let Some(pid) = open.pop() {
        for child in children.get(&pid).into_iter().flatten() {
            if found.insert(*child) {
                open.push(*child);
            }
        }
    }
}

/// The processes whose parent this one is.
pub(in crate::server) fn children_of(parent: u32) -> BTreeSet<u32> {
    let mut found: BTreeSet<u32> = BTreeSet::new();
    found.extend(
        all()
            .into_iter()
            .filter(|pid| parent_of(*pid) == Some(parent)),
    );
    found
}

/// Whether a process was started with this variable. Those of other users do not show it.
pub(in crate::server) fn has_variable(pid: u32, name: &str, value: &str) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let wanted = format!("{name}={value}");
    environment
        .split(|byte| *byte == 0)
        .any(|variable| variable == wanted.as_bytes())
}

pub(in crate::server) fn of_group(control_group: &str) -> Vec<u32> {
    if control_group.is_empty() {
        return Vec::new();
    }
    let below = |root: &str| PathBuf::from(format!("{root}{control_group}"));
    let roots = [below("/sys/fs/cgroup"), below("/sys/fs/cgroup/systemd")];
    let root = roots
        .into_iter()
        .find(|root| root.join("cgroup.procs").exists());
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = root.into_iter().collect();
    while let Some(group) = open.pop() {
        let pids = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        found.extend(pids.lines().filter_map(|pid| pid.parse::<u32>().ok()));
        let entries = fs::read_dir(&group).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        open.extend(folders.map(|entry| entry.path()));
    }
    found
}

/// Every process.
pub(in crate::server) fn all() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// When a process started, in ticks since boot: field 22 of /proc/PID/stat.
pub(in crate::server) fn start_of(pid: u32) -> Option<u64> {
    stat(pid, 22)
}

fn parent_of(pid: u32) -> Option<u32> {
    stat(pid, 4).and_then(|parent| u32::try_from(parent).ok())
}

/// A field of /proc/PID/stat, counted as proc(5) does. The second one is a name that may hold anything.
fn stat(pid: u32, field: usize) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let rest = stat.rsplit_once(')')?.1;
    rest.split_whitespace().nth(field - 3)?.parse().ok()
}

/// Whether a process runs of which the kernel does not show where it works. Threads of the kernel and processes that have
/// ended, which have no arguments, work nowhere.
pub(in crate::server) fn is_hidden(pid: u32) -> bool {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let exists = raw.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH));
    let arguments = fs::read(format!("/proc/{pid}/cmdline"));
    exists
        && fs::read_link(format!("/proc/{pid}/cwd")).is_err()
        && !arguments.is_ok_and(|arguments| arguments.is_empty())
}

/// The user whose process it is.
pub(in crate::server) fn owner_of(pid: u32) -> Option<u32> {
    fs::metadata(format!("/proc/{pid}"))
        .ok()
        .map(|found| found.uid())
}

pub(in crate::server) fn name_of(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm"))
        .map_or_else(|_| "?".to_owned(), |name| name.trim().to_owned())
}

/// The control group of a process; `/` if it has none of its own.
pub(in crate::server) fn group_of(pid: u32) -> String {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let mut paths = groups.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    paths.find(|group| *group != "/").unwrap_or("/").to_owned()
}

/// Which of the sockets the process holds; none if its descriptors cannot be read.
pub(in crate::server) fn held(pid: u32, sockets: &HashSet<u64>) -> HashSet<u64> {
    let sockets_of = socket_inodes(pid, "socket:[").unwrap_or_default();
    sockets_of.intersection(sockets).copied().collect()
}

fn socket_inodes(pid: u32, prefix: &str) -> Option<HashSet<u64>> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let inode = |link: PathBuf| -> Option<u64> {
        let text = link.to_str()?.strip_prefix(prefix)?;
        text.strip_suffix(']')?.parse().ok()
    };
    let links = descriptors
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok());
    Some(links.filter_map(inode).collect())
}

/// Where a process works, as far as its folder, its program, its arguments and its mapped files show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::server) struct Traces {
    /// Absolute paths.
    pub(in crate::server) paths: BTreeSet<PathBuf>,
    /// More than its arguments can be seen.
    pub(in crate::server) visible: bool,
}

impl Traces {
    pub(in crate::server) fn of(pid: u32) -> Self {
        let link = |name: &str| fs::read_link(format!("/proc/{pid}/{name}")).ok();
        let (folder, program) = (link("cwd"), link("exe"));
        let visible = folder.is_some();
        let mut paths: BTreeSet<PathBuf> = BTreeSet::new();
        paths.extend(folder.into_iter().chain(program));
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        paths.extend(paths_in(&arguments));
        if visible {
            let mapped = fs::read(format!("/proc/{pid}/maps")).unwrap_or_default();
            paths.extend(mapped_files(&mapped, MAX_MAPPED));
        }
        Self { paths, visible }
    }

    /// The entries of `folder`, which may be reached by links, that one of the paths leads through.
    pub(in crate::server) fn entries_of(&self, folder: &Path) -> BTreeSet<String> {
        let mut names = self.entries_by_text(folder);
        names.extend(
            folder
                .canonicalize()
                .iter()
                .flat_map(|real| self.entries_by_text(real)),
        );
        names
    }

    fn entries_by_text(&self, folder: &Path) -> BTreeSet<String> {
        let entry = |path: &PathBuf| {
            let first = path.strip_prefix(folder).ok()?.components().next()?;
            // of a folder that no longer exists, the kernel says so
            let name = first.as_os_str().to_str()?;
            Some(name.trim_end_matches(" (deleted)").to_owned())
        };
        self.paths.iter().filter_map(entry).collect()
    }
}

/// The absolute paths in arguments, as in `--config=/etc/app.toml` and `cd /srv/app && exec ./run`.
pub(in crate::server) fn paths_in(text: &[u8]) -> Vec<PathBuf> {
    let ends = |byte: &u8| {
        byte.is_ascii_whitespace()
            || byte.is_ascii_control()
            || b"\"'`=:;,|&<>(){}[]$".contains(byte)
    };
    let words = text.split(ends).filter(|word| word.starts_with(b"/"));
    words
        .map(|word| PathBuf::from(OsStr::from_bytes(word)))
        .collect()
}

/// The files in /proc/PID/maps: the sixth column, from the first `/` on.
pub(super) fn mapped_files(maps: &[u8], most: usize) -> BTreeSet<PathBuf> {
    let file = |line: &[u8]| {
        let at = line.iter().position(|byte| *byte == b'/')?;
        Some(PathBuf::from(std::ffi::OsString::from_vec(
            line[at..].to_vec(),
        )))
    };
    let lines = maps.split(|byte| *byte == b'\n').take(most);
    let mut files = BTreeSet::new();
    files.extend(lines.filter_map(file));
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_of_ones_own_shows_where_it_works() {
        let own = std::process::id();
        let traces = Traces::of(own);
        assert!(traces.visible);
        assert!(traces.paths.contains(&std::env::current_exe().unwrap()));
        assert!(traces.paths.contains(&std::env::current_dir().unwrap()));
        assert!(all().contains(&own));
        assert_eq!(owner_of(own), Some(rustix::process::geteuid().as_raw()));
        let uptime = crate::server::clock::ticks_since_boot().unwrap();
        assert!(start_of(own).unwrap() <= uptime + 1);
        assert!(parent_of(own).is_some());
    }

    #[test]
    fn arguments_and_maps_are_searched_for_paths() {
        let texts = |paths: Vec<PathBuf>| -> Vec<String> {
            paths
                .iter()
                .map(|path| path.display().to_string())
                .collect()
        };
        let arguments = b"/bin/sh\0-c\0cd /srv/a/current&&exec ./x --root=/srv/b:/srv/c\0../d\0";
        assert_eq!(
            texts(paths_in(arguments)),
            ["/bin/sh", "/srv/a/current", "/srv/b", "/srv/c"]
        );
        let maps = b"7f00-7f01 r-xp 00000000 fe:00 7 /opt/a/releases/1/.venv/x.so\n7f02-7f03 rw-p 00000000 00:00 0 [heap]\n";
        let mapped = mapped_files(maps, 9).into_iter().collect();
        assert_eq!(texts(mapped), ["/opt/a/releases/1/.venv/x.so"]);
    }

    #[test]
    fn the_release_of_a_process_is_the_folder_that_it_works_in() {
        let traces = |paths: &[&str]| Traces {
            paths: paths.iter().map(PathBuf::from).collect(),
            visible: true,
        };
        let releases = Path::new("/opt/a/releases");
        let of = |paths: &[&str]| Vec::from_iter(traces(paths).entries_of(releases));
        assert_eq!(of(&["/", "/opt/a/releases/1/src"]), ["1"]);
        assert_eq!(of(&["/opt/a/releases/1 (deleted)"]), ["1"]);
        assert_eq!(
            of(&["/opt/a/releases/1", "/opt/a/releases/2/x"]),
            ["1", "2"]
        );
        let none: [&str; 0] = [];
        for paths in [
            ["/opt/a/releases"],
            ["/opt/ab/releases/1"],
            ["/opt/a/releases-old/1"],
            ["/opt/a"],
        ] {
            assert_eq!(of(&paths), none, "{paths:?}");
        }
    }
}
