//! The link `current`, and which paths lead through it.

use crate::server::store::layout::Layout;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// As many links the kernel follows: path_resolution(7).
const MAX_LINKS: u32 = 40;

/// The link `current`, as it is written and as it really lies.
pub(in crate::server) struct Current {
    paths: Vec<PathBuf>,
}

impl Current {
    pub(in crate::server) fn of(layout: &Layout) -> Self {
        let real = layout.target().canonicalize();
        let mut paths = vec![layout.current()];
        paths.extend(real.ok().map(|target| target.join("current")));
        Self { paths }
    }

    /// Whether `path` is the target, which it lies in.
    pub(super) fn is_in(&self, path: &Path) -> bool {
        self.paths
            .iter()
            .any(|current| current.parent() == Some(path))
    }

    /// As users know it.
    pub(in crate::server) fn shown(&self) -> String {
        self.paths[0].display().to_string()
    }

    /// The text with this folder in place of `current`.
    pub(in crate::server) fn replaced(&self, text: &str, folder: &Path) -> String {
        let folder = folder.display().to_string();
        let mut text = text.to_owned();
        for path in &self.paths {
            text = with_path_replaced(&text, &path.display().to_string(), &folder);
        }
        text
    }

    fn is(&self, path: &Path) -> bool {
        self.paths.iter().any(|current| current == path)
    }

    /// Whether the path leads through it, as text or by its links.
    pub(super) fn is_on_the_way_of(&self, path: &Path) -> bool {
        let is_below = |current: &PathBuf| path.starts_with(current);
        self.paths.iter().any(is_below) || self.follow(path, &self.paths[0]).is_some()
    }

    /// Where the path leads if `current` leads to this release. Follows it link by link, as the kernel does. `None`: it does
    /// not lead through `current`.
    pub(in crate::server::unit) fn follow(&self, path: &Path, release: &Path) -> Option<PathBuf> {
        let mut links = MAX_LINKS;
        let (mut at, mut rest) = self.walk(PathBuf::from("/"), names(path), &mut links);
        let passed = rest.is_some();
        while let Some(open) = rest {
            (at, rest) = self.walk(release.to_owned(), open, &mut links);
        }
        passed.then_some(at)
    }

    /// The path with this release in place of `current`, which it may lead to by links. Links behind `current` are kept: an
    /// interpreter knows by its own path where its modules are. `None`: it does not lead through `current`.
    pub(in crate::server) fn below(&self, path: &Path, release: &Path) -> Option<PathBuf> {
        let (_, rest) = self.walk(PathBuf::from("/"), names(path), &mut { MAX_LINKS });
        let mut found = release.to_owned();
        found.extend(rest?);
        Some(found)
    }

    /// Follows the path from a folder, link by link and over so many links, to its end or to `current`; then, with what is left
    /// of it.
    fn walk(
        &self,
        mut at: PathBuf,
        mut open: VecDeque<OsString>,
        links: &mut u32,
    ) -> (PathBuf, Option<VecDeque<OsString>>) {
        while let Some(name) = open.pop_front() {
            if name == ".." {
                at.pop();
                continue;
            }
            let next = at.join(&name);
            if self.is(&next) {
                return (next, Some(open));
            }
            match fs::read_link(&next) {
                Ok(to) if *links > 0 => {
                    *links -= 1;
                    if to.is_absolute() {
                        at = PathBuf::from("/");
                    }
                    let mut rest = names(&to);
                    rest.extend(open);
                    open = rest;
                }
                _ => at = next,
            }
        }
        (at, None)
    }
}

/// The text with another path in place of this one, but not of one whose name only begins or ends like it.
pub(in crate::server) fn with_path_replaced(text: &str, path: &str, other: &str) -> String {
    let is_part_of_name =
        |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || "._-".contains(c));
    let (mut replaced, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once(path) {
        let is_other =
            is_part_of_name(before.chars().next_back()) || is_part_of_name(after.chars().next());
        replaced += before;
        replaced += if is_other { path } else { other };
        rest = after;
    }
    replaced + rest
}

fn names(path: &Path) -> VecDeque<OsString> {
    let name = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        _ => None,
    };
    path.components().filter_map(name).collect()
}
