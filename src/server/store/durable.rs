//! Changes to names and small files that survive a power loss: syncs the data, then renames, then syncs the folder.

use crate::protocol::{IoKind, Operation, Reason};
use rustix::io::Errno;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{symlink, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Turns a system error into a reason: `fs::read(path).map_err(failed(Operation::Read, path))`.
pub(in crate::server) fn failed(
    operation: Operation,
    path: &Path,
) -> impl FnOnce(io::Error) -> Reason {
    let path = path.display().to_string();
    move |error| Reason::Io {
        operation,
        path,
        kind: kind_of(&error),
        error: error.to_string(),
    }
}

fn kind_of(error: &io::Error) -> IoKind {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOSPC | Errno::DQUOT) => IoKind::Full,
        Some(Errno::ROFS) => IoKind::ReadOnly,
        Some(Errno::ACCESS | Errno::PERM) => IoKind::Denied,
        _ => IoKind::Other,
    }
}

/// Readable by the deploy user only.
const PRIVATE: u32 = 0o600;

/// How every file of deploy-action's own is opened: one that this creates is private.
pub(in crate::server) fn private() -> OpenOptions {
    let mut options = File::options();
    options.mode(PRIVATE);
    options
}

/// Replaces the content of a file that a power loss may damage.
pub(super) fn write_briefly(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = private();
    let mut file = options.write(true).create(true).truncate(true).open(path)?;
    file.write_all(bytes)
}

/// Replaces the file's content as a whole.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Reason> {
    let beside = beside(path);
    write_synced(&beside, bytes).map_err(failed(Operation::Write, &beside))?;
    rename(&beside, path)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // private: it may hold what the plan keeps secret
    let mut options = private();
    let mut file = options.write(true).create(true).truncate(true).open(path)?;
    // what a crash of an older version left may be readable by everyone
    file.set_permissions(Permissions::from_mode(PRIVATE))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A temporary name in the same folder. What a crash leaves there is overwritten.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    path.with_file_name(name)
}

/// Creates the link, or replaces it with one rename.
pub(in crate::server) fn link(path: &Path, to: &Path) -> Result<(), Reason> {
    let beside = beside(path);
    remove_if_there(&beside)?;
    symlink(to, &beside).map_err(failed(Operation::CreateLink, &beside))?;
    rename(&beside, path)
}

/// Renames, and syncs the folders of both names.
pub(in crate::server) fn rename(from: &Path, to: &Path) -> Result<(), Reason> {
    fs::rename(from, to).map_err(failed(Operation::Rename, to))?;
    sync_folder_of(to)?;
    if from.parent() == to.parent() {
        return Ok(());
    }
    sync_folder_of(from)
}

/// Removes a file or link, and syncs its folder; fine if there is none.
pub(in crate::server) fn remove(path: &Path) -> Result<(), Reason> {
    remove_if_there(path)?;
    sync_folder_of(path)
}

fn remove_if_there(path: &Path) -> Result<(), Reason> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed(Operation::Delete, path)(error))
        }
        _ => Ok(()),
    }
}

fn sync_folder_of(path: &Path) -> Result<(), Reason> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(failed(Operation::SyncFolder, folder))
}

/// Makes everything on the file system of `path` durable.
pub(in crate::server) fn sync_file_system(path: &Path) -> Result<(), Reason> {
    let sync = || rustix::fs::syncfs(File::open(path)?).map_err(io::Error::from);
    sync().map_err(failed(Operation::SyncRelease, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_private_also_over_what_an_older_version_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pending");
        for leftover in [path.clone(), beside(&path)] {
            fs::write(&leftover, "left by a crash").unwrap();
            fs::set_permissions(&leftover, Permissions::from_mode(0o644)).unwrap();
        }
        write(&path, b"secret").unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(
            (fs::read(&path).unwrap(), mode & 0o777),
            (b"secret".to_vec(), PRIVATE)
        );
    }
}
