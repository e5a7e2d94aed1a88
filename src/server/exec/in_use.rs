//! Finds the folders in which processes work: by their folder, root, program, mapped and open files, and by their arguments.
//! Only of processes that can be seen.
//!
//! The kernel names a file as its process sees it: below a bind mount or in a mount namespace of its own, the same folder has
//! other names. The tables of mounts show where on which device it really is. Nothing is looked up by its name, because a
//! disk that does not respond would block that.

use super::processes::{self, mapped_files, paths_in};
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// What the kernel appends to the name of something that no longer has one.
const DELETED: &str = " (deleted)";

/// The names of those entries of the folder in which a process works.
pub(in crate::server) fn entries_in_use(folder: &Path) -> BTreeSet<String> {
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let own = Mounts::of("self");
    let mut search = Search {
        place: own.place(&real),
        names: BTreeSet::new(),
        folders: [folder.to_owned(), real],
    };
    let own_namespace = namespace_of("self");
    search.mounts(&own);
    let mut others: HashMap<PathBuf, Mounts> = HashMap::new();
    for pid in processes::all() {
        let process = pid.to_string();
        let mounts = match namespace_of(&process) {
            namespace if namespace.is_none() || namespace == own_namespace => &own,
            namespace => others
                .entry(namespace.unwrap_or_default())
                .or_insert_with(|| {
                    let mounts = Mounts::of(&process);
                    search.mounts(&mounts);
                    mounts
                }),
        };
        for path in paths_of(&process) {
            search.path(&path, mounts);
        }
    }
    search.names
}

fn namespace_of(process: &str) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{process}/ns/mnt")).ok()
}

/// All paths that a process works with, as far as they can be seen.
fn paths_of(process: &str) -> BTreeSet<PathBuf> {
    let link = |name: &str| fs::read_link(format!("/proc/{process}/{name}")).ok();
    let mut paths: BTreeSet<PathBuf> = BTreeSet::new();
    paths.extend(["cwd", "root", "exe"].into_iter().filter_map(link));
    let open = fs::read_dir(format!("/proc/{process}/fd"));
    let open = open.into_iter().flatten().flatten();
    paths.extend(open.filter_map(|entry| fs::read_link(entry.path()).ok()));
    let read = |name: &str| fs::read(format!("/proc/{process}/{name}")).unwrap_or_default();
    paths.extend(mapped_files(&read("maps"), usize::MAX));
    paths.extend(paths_in(&read("cmdline")));
    paths
}

/// Where something is, whatever it is called: a device, and a path on it.
type Place = (Vec<u8>, PathBuf);

struct Search {
    place: Option<Place>,
    /// The names of the folder.
    folders: [PathBuf; 2],
    names: BTreeSet<String>,
}

impl Search {
    fn path(&mut self, path: &Path, mounts: &Mounts) {
        for folder in &self.folders {
            self.names.extend(entry_of(folder, path));
        }
        if let Some((folder, path)) = self.place.as_ref().zip(mounts.place(path)) {
            self.names.extend(entry_in(folder, &path));
        }
    }

    /// What is mounted elsewhere is in use too.
    fn mounts(&mut self, mounts: &Mounts) {
        let Some(folder) = &self.place else { return };
        for mount in &mounts.0 {
            let place = (mount.device.clone(), mount.root.clone());
            self.names.extend(entry_in(folder, &place));
        }
    }
}

fn entry_in(folder: &Place, place: &Place) -> Option<String> {
    (folder.0 == place.0).then(|| entry_of(&folder.1, &place.1))?
}

/// The entry of the folder that the path leads to or through.
fn entry_of(folder: &Path, path: &Path) -> Option<String> {
    let name = path.strip_prefix(folder).ok()?.components().next()?;
    let name = name.as_os_str().to_str()?;
    Some(name.strip_suffix(DELETED).unwrap_or(name).to_owned())
}

struct Mount {
    point: PathBuf,
    /// Major and minor number.
    device: Vec<u8>,
    /// The folder on the device.
    root: PathBuf,
}

/// The mounts that a process sees.
struct Mounts(Vec<Mount>);

impl Mounts {
    fn of(process: &str) -> Self {
        Self::parse(&fs::read(format!("/proc/{process}/mountinfo")).unwrap_or_default())
    }

    /// proc(5), /proc/PID/mountinfo: device in column 3, root in 4, mount point in 5.
    fn parse(table: &[u8]) -> Self {
        let row = |line: &[u8]| {
            let mut columns = line.split(|byte| *byte == b' ').skip(2);
            Some(Mount {
                device: columns.next()?.to_owned(),
                root: unescape(columns.next()?),
                point: unescape(columns.next()?),
            })
        };
        let rows = table.split(|byte| *byte == b'\n');
        Self(rows.filter_map(row).collect())
    }

    /// Of several mounts at the same place, the last one is seen.
    fn place(&self, path: &Path) -> Option<Place> {
        let above = self.0.iter().filter(|mount| path.starts_with(&mount.point));
        let mount = above.max_by_key(|mount| mount.point.as_os_str().len())?;
        let rest = path.strip_prefix(&mount.point).ok()?;
        Some((mount.device.clone(), mount.root.join(rest)))
    }
}

/// Space, tab, newline and backslash are written as octal numbers.
fn unescape(text: &[u8]) -> PathBuf {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some((first, after)) = rest.split_first() {
        let octal = rest.get(1..4).and_then(|it| std::str::from_utf8(it).ok());
        let octal = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match octal.filter(|_| *first == b'\\') {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[4..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_place_whatever_it_is_called() {
        let table = b"27 1 254:0 / / rw - ext4 /dev/vda rw\n\
                      30 27 254:0 /opt/a\\040b /srv/bound rw - ext4 /dev/vda rw\n\
                      31 27 254:9 /@data /data rw - btrfs /dev/vdb rw\n\
                      32 27 0:30 / /data/hidden rw - tmpfs none rw\n";
        let mounts = Mounts::parse(table);
        let place = |path: &str| {
            let (device, path) = mounts.place(Path::new(path)).unwrap();
            format!("{} {}", String::from_utf8(device).unwrap(), path.display())
        };
        assert_eq!(place("/opt/a b/1"), "254:0 /opt/a b/1");
        assert_eq!(place("/srv/bound/1"), "254:0 /opt/a b/1");
        assert_eq!(place("/data/x"), "254:9 /@data/x");
        assert_eq!(place("/data/hidden/x"), "0:30 /x");
    }

    #[test]
    fn the_release_of_a_process_is_the_folder_that_it_works_in() {
        let releases = Path::new("/opt/a/releases");
        let of = |path: &str| entry_of(releases, Path::new(path)).unwrap_or_default();
        for (path, name) in [
            ("/opt/a/releases/1/src", "1"),
            ("/opt/a/releases/1 (deleted)", "1"),
            ("/opt/a/releases/1/x (deleted)", "1"),
            ("/opt/a/releases", ""),
            ("/opt/ab/releases/1", ""),
            ("socket:[7]", ""),
        ] {
            assert_eq!(of(path), name, "{path}");
        }
    }
}
