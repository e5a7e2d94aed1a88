//! Walks through the source and collects names, kinds, modes and sizes.

use super::content;
use super::error::SourceError;
use super::excludes::{Matcher, UploadRules};
use crate::protocol::{EntryKind, FileKind, ShortDigest, SourceProblem, TreeEntry, MAX_ENTRIES};
use rustix::fs::{
    accessat, open, readlinkat, statat, Access, AtFlags, Dir, FileType, Mode, OFlags, Stat,
};
use rustix::io::Errno;
use rustix::process::geteuid;
use std::ffi::{CStr, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Write permission for group and others is removed, and so are the set-id bits and the sticky bit.
const KEPT_BITS: u32 = 0o755;
/// Without these the deploy user could neither write into a folder nor delete it later.
const FOLDER_BITS: u32 = 0o700;

/// All entries below `source`, in no particular order. Until files are hashed, their digests are those of empty files.
pub(super) fn walk(
    source: &Path,
    upload_rules: &UploadRules,
    stop: &AtomicBool,
) -> Result<Vec<TreeEntry>, SourceError> {
    let matcher = Matcher::new(upload_rules)?;
    let (user, unhashed) = (geteuid().as_raw(), ShortDigest::of(b""));
    let mut walk = Walk {
        source,
        matcher,
        stop,
        user,
        unhashed,
        entries: Vec::new(),
        pending: vec![Vec::new()],
    };
    while let Some(folder) = walk.pending.pop() {
        walk.folder(&folder)?;
    }
    Ok(walk.entries)
}

struct Walk<'a> {
    source: &'a Path,
    matcher: Matcher,
    stop: &'a AtomicBool,
    /// The current user.
    user: u32,
    unhashed: ShortDigest,
    entries: Vec<TreeEntry>,
    /// Folders that were not read yet.
    pending: Vec<Vec<u8>>,
}

/// An entry of an open folder, so that the kernel need not resolve the path again.
#[derive(Clone, Copy)]
struct FolderEntry<'a> {
    folder: BorrowedFd<'a>,
    name: &'a CStr,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &[u8]) -> Result<(), SourceError> {
        let problem = |error| unreadable(folder, error);
        let opened = self.open(folder).map_err(problem)?;
        for found in Dir::read_from(&opened).map_err(problem)? {
            let found = found.map_err(problem)?;
            let name = found.file_name();
            if name != c"." && name != c".." {
                self.entry(
                    FolderEntry {
                        folder: opened.as_fd(),
                        name,
                    },
                    below(folder, name.to_bytes()),
                )?;
            }
        }
        Ok(())
    }

    /// The source itself may be a link, but no folder below it.
    fn open(&self, folder: &[u8]) -> Result<OwnedFd, Errno> {
        let links = if folder.is_empty() {
            OFlags::empty()
        } else {
            OFlags::NOFOLLOW
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | links;
        open(
            self.source.join(OsStr::from_bytes(folder)),
            flags,
            Mode::empty(),
        )
    }

    fn entry(&mut self, entry: FolderEntry<'_>, path: Vec<u8>) -> Result<(), SourceError> {
        // a link itself, not its target
        let found = statat(entry.folder, entry.name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| unreadable(&path, error))?;
        let folder = FileType::from_raw_mode(found.st_mode).is_dir();
        if self.matcher.excludes(&path, folder) {
            return Ok(());
        }
        if self.stop.load(Ordering::Relaxed) {
            return Err(SourceError::Stopped);
        }
        if self.entries.len() >= MAX_ENTRIES {
            let limit = MAX_ENTRIES as u64;
            return Err(SourceError::at(
                b"",
                SourceProblem::TooManyEntries { limit },
            ));
        }
        let kind = self.kind(entry, &path, &found)?;
        if folder {
            self.pending.push(path.clone());
        }
        self.entries.push(TreeEntry { path, kind });
        Ok(())
    }

    fn kind(
        &self,
        entry: FolderEntry<'_>,
        path: &[u8],
        found: &Stat,
    ) -> Result<EntryKind, SourceError> {
        let mode = found.st_mode & KEPT_BITS;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory => Ok(EntryKind::Folder {
                mode: mode | FOLDER_BITS,
            }),
            FileType::Symlink => {
                let to = readlinkat(entry.folder, entry.name, Vec::new())
                    .map_err(|error| unreadable(path, error))?;
                Ok(EntryKind::Link {
                    to: to.into_bytes(),
                })
            }
            FileType::RegularFile => {
                self.check_readable(entry, found)
                    .map_err(|error| unreadable(path, error))?;
                Ok(EntryKind::File {
                    mode,
                    size: found.st_size.unsigned_abs(),
                    digest: self.unhashed,
                })
            }
            kind => Err(SourceError::at(path, SourceProblem::Kind(kind_of(kind)))),
        }
    }

    /// Asks the kernel only if the mode is not sufficient. Hashing finds what this misses.
    fn check_readable(&self, entry: FolderEntry<'_>, found: &Stat) -> Result<(), Errno> {
        let own =
            found.st_uid == self.user && Mode::from_raw_mode(found.st_mode).contains(Mode::RUSR);
        if own {
            return Ok(());
        }
        accessat(entry.folder, entry.name, Access::READ_OK, AtFlags::empty())
    }
}

fn unreadable(path: &[u8], error: Errno) -> SourceError {
    content::unreadable(path, &error.into())
}

fn below(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() {
        return name.to_vec();
    }
    [folder, b"/", name].concat()
}

fn kind_of(kind: FileType) -> FileKind {
    match kind {
        FileType::Socket => FileKind::Socket,
        FileType::Fifo => FileKind::Fifo,
        _ => FileKind::Device,
    }
}
