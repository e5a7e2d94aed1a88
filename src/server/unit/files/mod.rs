//! The unit files of releases: which they are, where systemd has them, what the check finds, and how a transaction gives
//! them to systemd and takes them back.

mod accounts;
mod analyze;
pub(in crate::server) mod check;
mod effective;
pub(in crate::server) mod lines;
mod own;
mod place;
pub(in crate::server) mod ready;
mod settings;
pub(in crate::server) mod specifiers;
pub(in crate::server) mod staged;
pub(in crate::server) mod transaction;
pub(in crate::server) mod words;

use crate::protocol::{EntryKind, ReleaseId, TreeEntry, UnitFile, UnitPatterns};
use crate::server::store::layout::Layout;
use std::fs;
use std::io;
use std::path::Path;

/// How deep `**` is followed.
const DEEPEST: usize = 32;
/// Of a unit file, in bytes.
const MAX_TEXT: u64 = 1 << 20;

/// The unit files among the entries of a tree.
pub(in crate::server) fn of_tree(entries: &[TreeEntry], patterns: &[String]) -> Vec<UnitFile> {
    let Ok(globs) = UnitPatterns::new(patterns) else {
        return Vec::new();
    };
    let files = entries
        .iter()
        .filter(|entry| matches!(entry.kind, EntryKind::File { .. }));
    let paths = files.filter_map(|entry| std::str::from_utf8(&entry.path).ok());
    paths.filter_map(|path| globs.unit_file(path)).collect()
}

/// The unit files in a release, sorted: regular files that no link is on the way to.
pub(in crate::server) fn of_release(
    layout: &Layout,
    release: &ReleaseId,
    patterns: &[String],
) -> Vec<UnitFile> {
    let Ok(globs) = UnitPatterns::new(patterns) else {
        return Vec::new();
    };
    let mut walk = Walk {
        root: &layout.release(release),
        reaches: patterns.iter().map(|it| Reach::of(it)).collect(),
        globs,
        found: Vec::new(),
    };
    if !patterns.is_empty() {
        walk.folder("");
    }
    walk.found.sort();
    walk.found
}

/// Where the files are that fit a pattern.
struct Reach<'a> {
    /// The folder that they are all in, with a `/` behind it unless it is the release itself.
    within: &'a str,
    /// How many folders they can be in.
    depth: usize,
}

impl<'a> Reach<'a> {
    fn of(pattern: &'a str) -> Self {
        let plain = pattern
            .find(['*', '?', '[', '{', '\\'])
            .unwrap_or(pattern.len());
        let end = pattern[..plain].rfind('/').map_or(0, |at| at + 1);
        let depth = match pattern.contains("**") {
            true => DEEPEST,
            false => pattern.matches('/').count(),
        };
        Self {
            within: &pattern[..end],
            depth,
        }
    }

    fn includes(&self, folder: &str) -> bool {
        let on_the_way = self.within.starts_with(folder) || folder.starts_with(self.within);
        on_the_way && folder.matches('/').count() <= self.depth
    }
}

struct Walk<'a> {
    root: &'a Path,
    globs: UnitPatterns,
    reaches: Vec<Reach<'a>>,
    found: Vec<UnitFile>,
}

impl Walk<'_> {
    /// `folder`: below the release, with a `/` behind it unless it is the release itself.
    fn folder(&mut self, folder: &str) {
        for entry in fs::read_dir(self.root.join(folder))
            .into_iter()
            .flatten()
            .flatten()
        {
            let (Ok(kind), Some(name)) = (
                entry.file_type(),
                entry.file_name().to_str().map(str::to_owned),
            ) else {
                continue;
            };
            let path = format!("{folder}{name}");
            if kind.is_file() {
                self.found.extend(self.globs.unit_file(&path));
            } else if kind.is_dir() {
                let below = format!("{path}/");
                if self.reaches.iter().any(|reach| reach.includes(&below)) {
                    self.folder(&below);
                }
            }
        }
    }
}

/// The full name of a unit that the input `service` may shorten.
pub(in crate::server) fn full_name(name: &str) -> String {
    const TYPES: [&str; 6] = [
        ".service", ".timer", ".socket", ".path", ".target", ".slice",
    ];
    match TYPES.iter().any(|kind| name.ends_with(kind)) {
        true => name.to_owned(),
        false => format!("{name}.service"),
    }
}

/// Whether the file says what this unit is: its own, or that of its template. `unit`: its full name.
pub(in crate::server) fn is_of(file: &UnitFile, unit: &str) -> bool {
    let (of, kind) = file.unit().rsplit_once('.').unwrap_or_default();
    let Some(stem) = unit
        .strip_suffix(kind)
        .and_then(|unit| unit.strip_suffix('.'))
    else {
        return false;
    };
    let is_instance = of.ends_with('@') && stem.starts_with(of);
    // a drop-in for all whose names start so: systemd.unit(5)
    let is_prefix = of.ends_with('-') && file.is_drop_in() && stem.starts_with(of);
    stem == of || is_instance || is_prefix
}

/// The text of a unit file; bytes that are no UTF-8 become marks.
fn read(path: &Path) -> Option<String> {
    try_read(path).ok()
}

fn try_read(path: &Path) -> io::Result<String> {
    use std::io::Read;
    let mut text = Vec::new();
    let file = fs::File::open(path)?;
    file.take(MAX_TEXT).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod name_tests {
    use super::*;

    fn names(files: &[UnitFile]) -> Vec<&str> {
        files.iter().map(|file| file.path.as_str()).collect()
    }

    #[test]
    fn only_regular_files_in_the_release_are_unit_files() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().to_str().unwrap());
        let id: ReleaseId = "1762147685".parse().unwrap();
        let release = layout.release(&id);
        for path in [
            "a.service",
            "deploy/a.service",
            "deploy/a.service.d/env.conf",
            "deploy/sub/b.timer",
            "other/c.service",
        ] {
            fs::create_dir_all(release.join(path).parent().unwrap()).unwrap();
            fs::write(release.join(path), "").unwrap();
        }
        let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, release.join(at)).unwrap();
        link("/etc/shadow", "deploy/shadow.service");
        link("a.service", "deploy/same.service");
        link("/etc/systemd", "etc");
        let found = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(|it| (*it).to_owned()).collect();
            let found = of_release(&layout, &id, &patterns);
            names(&found).join(" ")
        };
        assert_eq!(found(&["deploy/*"]), "deploy/a.service");
        assert_eq!(found(&["*.service"]), "a.service");
        assert_eq!(
            found(&["deploy/*.d/*.conf", "other/c.service"]),
            "deploy/a.service.d/env.conf other/c.service"
        );
        assert_eq!(
            found(&["deploy/{a,sub/b}.*"]),
            "deploy/a.service deploy/sub/b.timer"
        );
        assert_eq!(found(&["**/*.timer"]), "deploy/sub/b.timer");
        assert_eq!(found(&["etc/**", "[", "*"]), "");
        assert_eq!(found(&[]), "");
    }

    #[test]
    fn a_file_is_of_its_unit_its_instances_and_all_that_its_folder_names() {
        let is = |path: &str, unit: &str| is_of(&UnitFile::at(path).unwrap(), unit);
        assert!(is("d/a.service", "a.service") && is("d/a.service.d/x.conf", "a.service"));
        assert!(is("w@.service", "w@1.service") && is("w@.service.d/x.conf", "w@1.service"));
        assert!(is("w-.service.d/x.conf", "w-1.service"));
        assert!(!is("w-.service", "w-1.service"));
        for other in [
            "a.timer",
            "aa.service",
            "b.service",
            "a@1.service",
            "a.service.service",
        ] {
            assert!(!is("d/a.service", other), "{other}");
        }
        assert_eq!(
            ["a", "a.timer", "w@1", "app.v2"].map(full_name),
            ["a.service", "a.timer", "w@1.service", "app.v2.service"]
        );
    }
}
