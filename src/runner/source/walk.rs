//! The walk through the source: names, kinds, modes and sizes.

use super::content;
use super::error::SourceError;
use super::excludes::{LeaveOut, Matcher};
use crate::protocol::{Entry, FileKind, Kind, ShortDigest, SourceProblem, MAX_ENTRIES};
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

/// Write for group and others never travels, nor do the set-id bits and the sticky bit.
const KEPT_BITS: u32 = 0o755;
/// Without these the deploy user could not fill a folder, nor delete it later.
const FOLDER_BITS: u32 = 0o700;

/// Everything below `source`, in no particular order; the digests of files are those of empty ones until they are hashed.
pub(super) fn walk(
    source: &Path,
    leave_out: &LeaveOut,
    stop: &AtomicBool,
) -> Result<Vec<Entry>, SourceError> {
    let matcher = Matcher::new(leave_out)?;
    let (user, unhashed) = (geteuid().as_raw(), ShortDigest::of(b""));
    let mut walk = Walk {
        source,
        matcher,
        stop,
        user,
        unhashed,
        entries: Vec::new(),
        ahead: vec![Vec::new()],
    };
    while let Some(folder) = walk.ahead.pop() {
        walk.folder(&folder)?;
    }
    Ok(walk.entries)
}

struct Walk<'a> {
    source: &'a Path,
    matcher: Matcher,
    stop: &'a AtomicBool,
    /// Who reads.
    user: u32,
    unhashed: ShortDigest,
    entries: Vec<Entry>,
    /// Folders still to be looked into.
    ahead: Vec<Vec<u8>>,
}

/// Something in an open folder: the kernel need not look for the folder again.
#[derive(Clone, Copy)]
struct Item<'a> {
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
                self.item(
                    Item {
                        folder: opened.as_fd(),
                        name,
                    },
                    below(folder, name.to_bytes()),
                )?;
            }
        }
        Ok(())
    }

    /// The source itself may be a link, nothing below it.
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

    fn item(&mut self, item: Item<'_>, path: Vec<u8>) -> Result<(), SourceError> {
        // of the link itself, where it is one
        let found = statat(item.folder, item.name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| unreadable(&path, error))?;
        let folder = FileType::from_raw_mode(found.st_mode).is_dir();
        if self.matcher.leaves_out(&path, folder) {
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
        let kind = self.kind(item, &path, &found)?;
        if folder {
            self.ahead.push(path.clone());
        }
        self.entries.push(Entry { path, kind });
        Ok(())
    }

    fn kind(&self, item: Item<'_>, path: &[u8], found: &Stat) -> Result<Kind, SourceError> {
        let mode = found.st_mode & KEPT_BITS;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Directory => Ok(Kind::Folder {
                mode: mode | FOLDER_BITS,
            }),
            FileType::Symlink => {
                let to = readlinkat(item.folder, item.name, Vec::new())
                    .map_err(|error| unreadable(path, error))?;
                Ok(Kind::Link {
                    to: to.into_bytes(),
                })
            }
            FileType::RegularFile => {
                self.readable(item, found)
                    .map_err(|error| unreadable(path, error))?;
                Ok(Kind::File {
                    mode,
                    size: found.st_size.unsigned_abs(),
                    digest: self.unhashed,
                })
            }
            kind => Err(SourceError::at(path, SourceProblem::Kind(kind_of(kind)))),
        }
    }

    /// Asks the kernel only where the bits do not tell; hashing has the last word.
    fn readable(&self, item: Item<'_>, found: &Stat) -> Result<(), Errno> {
        let own =
            found.st_uid == self.user && Mode::from_raw_mode(found.st_mode).contains(Mode::RUSR);
        if own {
            return Ok(());
        }
        accessat(item.folder, item.name, Access::READ_OK, AtFlags::empty())
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
