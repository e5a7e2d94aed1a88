use super::{content, excludes::Matcher, LeaveOut, SourceError};
use crate::protocol::{Entry, Kind, ShortDigest, MAX_ENTRIES};
use rustix::fs::{access, Access};
use std::ffi::OsStr;
use std::fs::{self, FileType, Metadata};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Write for group and others never travels, nor do the set-id bits and the sticky bit.
const KEPT_BITS: u32 = 0o755;
/// Without these the deploy user could not fill a folder, nor delete it later.
const FOLDER_BITS: u32 = 0o700;

/// Everything below `source`, in no particular order; the digests of files are those of empty ones until they are hashed.
pub(super) fn walk(source: &Path, leave_out: &LeaveOut, stop: &AtomicBool) -> Result<Vec<Entry>, SourceError> {
    let matcher = Matcher::new(leave_out)?;
    let mut walk = Walk { source, matcher, stop, entries: Vec::new(), ahead: vec![Vec::new()] };
    while let Some(folder) = walk.ahead.pop() {
        walk.folder(&folder)?;
    }
    Ok(walk.entries)
}

struct Walk<'a> {
    source: &'a Path,
    matcher: Matcher,
    stop: &'a AtomicBool,
    entries: Vec<Entry>,
    /// Folders still to be looked into.
    ahead: Vec<Vec<u8>>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &[u8]) -> Result<(), SourceError> {
        let unreadable = |error| content::unreadable(folder, &error);
        for item in fs::read_dir(self.source.join(OsStr::from_bytes(folder))).map_err(unreadable)? {
            let item = item.map_err(unreadable)?;
            let path = below(folder, item.file_name().as_bytes());
            // of the link itself, where it is one
            let found = item.metadata().map_err(|error| content::unreadable(&path, &error))?;
            if !self.matcher.leaves_out(&path, found.is_dir()) {
                self.add(path, &found)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: Vec<u8>, found: &Metadata) -> Result<(), SourceError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(SourceError::Stopped);
        }
        if self.entries.len() >= MAX_ENTRIES {
            return Err(SourceError::at(b"", format!("has more than {MAX_ENTRIES} entries")));
        }
        let kind = self.kind(&path, found)?;
        if found.is_dir() {
            self.ahead.push(path.clone());
        }
        self.entries.push(Entry { path, kind });
        Ok(())
    }

    fn kind(&self, path: &[u8], found: &Metadata) -> Result<Kind, SourceError> {
        let mode = found.mode() & KEPT_BITS;
        let size = found.len();
        match found.file_type() {
            kind if kind.is_dir() => Ok(Kind::Folder { mode: mode | FOLDER_BITS }),
            kind if kind.is_symlink() => self.link(path),
            kind if kind.is_file() => {
                access(self.source.join(OsStr::from_bytes(path)), Access::READ_OK)
                    .map_err(|error| content::unreadable(path, &error.into()))?;
                Ok(Kind::File { mode, size, digest: ShortDigest::of(b"") })
            }
            kind => Err(SourceError::at(path, format!("is a {}, which cannot be deployed", name_of(kind)))),
        }
    }

    fn link(&self, path: &[u8]) -> Result<Kind, SourceError> {
        let to = fs::read_link(self.source.join(OsStr::from_bytes(path)))
            .map_err(|error| content::unreadable(path, &error))?;
        Ok(Kind::Link { to: to.into_os_string().into_vec() })
    }
}

fn below(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() {
        return name.to_vec();
    }
    [folder, b"/", name].concat()
}

fn name_of(kind: FileType) -> &'static str {
    if kind.is_socket() {
        "socket"
    } else if kind.is_fifo() {
        "FIFO"
    } else {
        "device"
    }
}
