//! Walks through a release, bounded in time, and gathers what was written into it.

use super::ignored::{is_database, is_ignored_file, is_ignored_folder, is_installed, SIBLINGS};
use crate::protocol::{WrittenItem, WrittenKind};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::{self, DirEntry, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Folders in folders; a person makes fewer.
const MAX_DEPTH: usize = 100;
/// So many files beside deployed ones are named one by one, the largest.
const MOST_SINGLE: usize = 5;
/// What was met.
pub(super) enum Seen<'a> {
    File(&'a Metadata),
    /// A folder that cannot be read.
    Unreadable,
}

/// Whether something was written by the application. The path is that below the release.
type IsWritten<'a> = dyn FnMut(&Path, &Seen<'_>) -> bool + 'a;

pub(super) struct Walk {
    root: PathBuf,
    until: Instant,
    over: bool,
    /// Folders that install commands make, for later.
    installed: Vec<PathBuf>,
    items: Vec<WrittenItem>,
}

/// Which files count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// But folders that install commands make are kept for later.
    Deployed,
    Installed,
    /// In a folder that nobody misses otherwise.
    Databases,
}

/// What a folder holds.
#[derive(Default)]
struct Content {
    /// Something that was deployed.
    deployed: bool,
    files: u64,
    size: u64,
    items: Vec<WrittenItem>,
}

impl Walk {
    pub(super) fn new(root: PathBuf, limit: Duration) -> Self {
        Self {
            root,
            until: Instant::now() + limit,
            over: false,
            installed: Vec::new(),
            items: Vec::new(),
        }
    }

    /// All but what install commands usually make.
    pub(super) fn deployed(&mut self, is_written: &mut IsWritten<'_>) {
        let found = self.folder(PathBuf::new(), 0, Mode::Deployed, is_written);
        self.items.extend(found.items);
    }

    /// What install commands usually make.
    pub(super) fn installed(&mut self, is_written: &mut IsWritten<'_>) {
        for folder in std::mem::take(&mut self.installed) {
            let found = self.folder(folder, 0, Mode::Installed, is_written);
            self.items.extend(found.items);
        }
    }

    fn has_time(&mut self) -> bool {
        self.over |= Instant::now() > self.until;
        !self.over
    }

    /// Whether time was up.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// What was found, and whether it may not be all.
    pub(super) fn finish(self) -> (Vec<WrittenItem>, bool) {
        (self.items, self.over)
    }

    fn folder(
        &mut self,
        below: PathBuf,
        depth: usize,
        mode: Mode,
        is_written: &mut IsWritten<'_>,
    ) -> Content {
        let mut content = Content::default();
        let Ok(entries) = fs::read_dir(self.root.join(&below)) else {
            return match mode {
                Mode::Databases => Content::default(),
                _ => Content::unreadable(&below, is_written),
            };
        };
        let (mut folders, mut files) = (Vec::new(), BTreeMap::new());
        for entry in entries.flatten().take_while(|_| self.has_time()) {
            let name = entry.file_name().to_string_lossy().into_owned();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push((below.join(entry.file_name()), name)),
                Ok(kind) if kind.is_file() && counts(mode, &name, &entry) => {
                    let size = written_size(&entry, &below, is_written);
                    content.deployed |= size.is_none();
                    files.extend(size.filter(|size| *size > 0).map(|size| (name, size)));
                }
                _ => {}
            }
        }
        self.add_files(&mut content, &below, files);
        for (path, name) in folders {
            let inside = match is_ignored_folder(&name) {
                true => Mode::Databases,
                false => mode,
            };
            if inside == Mode::Deployed && is_installed(&name) {
                self.installed.push(path);
                content.deployed = true;
            } else if depth < MAX_DEPTH {
                let inner = self.folder(path, depth + 1, inside, is_written);
                content.add(inner);
            } else {
                self.over = true;
            }
        }
        // the rest of it is no data
        content.deployed |= mode == Mode::Databases && content.files > 0;
        content.folded(&below)
    }

    fn add_files(&self, content: &mut Content, below: &Path, files: BTreeMap<String, u64>) {
        let mut whole: BTreeMap<String, u64> = BTreeMap::new();
        for (name, size) in files {
            *whole.entry(self.database_of(below, &name)).or_default() += size;
        }
        content.files = whole.len() as u64;
        content.size = whole.values().sum();
        let mut whole: Vec<(String, u64)> = whole.into_iter().collect();
        whole.sort_by_key(|(_, size)| Reverse(*size));
        let rest = whole.split_off(whole.len().min(MOST_SINGLE));
        let one = |(name, size): (String, u64)| item(&below.join(name), WrittenKind::File, size);
        content.items.extend(whole.into_iter().map(one));
        if !rest.is_empty() {
            let among = WrittenKind::Among(rest.len() as u64);
            let size = rest.iter().map(|(_, size)| size).sum();
            content.items.push(item(below, among, size));
        }
    }

    /// The database that a file belongs to, or the file itself.
    fn database_of(&self, below: &Path, name: &str) -> String {
        let base = SIBLINGS
            .iter()
            .find_map(|sibling| name.strip_suffix(sibling));
        let is_database = |base: &&str| self.root.join(below).join(base).is_file();
        base.filter(is_database).unwrap_or(name).to_owned()
    }
}

impl Content {
    fn unreadable(below: &Path, is_written: &mut IsWritten<'_>) -> Self {
        let is_new = is_written(below, &Seen::Unreadable);
        let items = is_new.then(|| item(below, WrittenKind::Unreadable, 0));
        Self {
            deployed: true,
            items: items.into_iter().collect(),
            ..Self::default()
        }
    }

    fn add(&mut self, inner: Self) {
        self.deployed |= inner.deployed;
        self.files += inner.files;
        self.size += inner.size;
        self.items.extend(inner.items);
    }

    /// A folder in which nothing was deployed is one item.
    fn folded(mut self, below: &Path) -> Self {
        if !self.deployed && self.files > 0 && !below.as_os_str().is_empty() {
            self.items = vec![item(below, WrittenKind::Folder(self.files), self.size)];
        }
        self
    }
}

fn counts(mode: Mode, name: &str, entry: &DirEntry) -> bool {
    (mode != Mode::Databases || is_database(name)) && !is_ignored_file(name, &entry.path())
}

fn item(path: &Path, kind: WrittenKind, size: u64) -> WrittenItem {
    let path = path.to_string_lossy().into_owned();
    WrittenItem { path, kind, size }
}

/// `None`: it was deployed. An empty file carries nothing.
fn written_size(entry: &DirEntry, below: &Path, is_written: &mut IsWritten<'_>) -> Option<u64> {
    let found = entry.metadata().ok()?;
    let path = below.join(entry.file_name());
    is_written(&path, &Seen::File(&found)).then_some(found.len())
}
