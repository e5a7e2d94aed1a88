//! The private folder of one connection.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The first choice for the folder. The path of a socket may have 107 bytes, and ssh needs 60 of them inside the
/// folder.
const SHORT: &str = "/tmp";
const TRIES: usize = 8;
/// A file in the folder, locked while its process runs.
const ALIVE: &str = "alive";

/// A folder that only this user can access, with a short path. It is deleted when dropped, or by the next run if this
/// process is killed.
#[derive(Debug)]
pub(super) struct PrivateFolder {
    path: PathBuf,
    /// Holds the lock.
    _alive: File,
}

impl PrivateFolder {
    /// Creates it in /tmp, or else in the folder that `TMPDIR` names.
    ///
    /// # Errors
    /// If neither works.
    pub(super) fn create() -> io::Result<Self> {
        Self::create_in(Path::new(SHORT)).or_else(|error| {
            let other = std::env::temp_dir();
            if plain(&other) {
                Self::create_in(&other)
            } else {
                Err(error)
            }
        })
    }

    fn create_in(parent: &Path) -> io::Result<Self> {
        sweep(parent);
        let mut random = [0; 4];
        for _ in 0..TRIES {
            getrandom::fill(&mut random)?;
            let path = parent.join(format!("da{:08x}", u32::from_le_bytes(random)));
            // fails if the name exists already
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => {
                    made?;
                    let (unlocked, alive) =
                        (path.join("coming"), File::create_new(path.join("coming"))?);
                    alive.lock()?;
                    // only now, so that no other run finds it unlocked
                    fs::rename(unlocked, path.join(ALIVE))?;
                    return Ok(Self {
                        path,
                        _alive: alive,
                    });
                }
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Deletes the folders of runs that were killed. They hold no key, but would accumulate on a self-hosted runner.
fn sweep(parent: &Path) {
    let is_own = |path: &PathBuf| {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.strip_prefix("da"));
        let named =
            name.is_some_and(|hex| hex.len() == 8 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let user = rustix::process::geteuid().as_raw();
        named && fs::symlink_metadata(path).is_ok_and(|found| found.is_dir() && found.uid() == user)
    };
    let is_abandoned =
        |path: &PathBuf| File::open(path.join(ALIVE)).is_ok_and(|file| file.try_lock().is_ok());
    let found = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    for path in found.filter(is_own).filter(is_abandoned) {
        if let Err(error) = fs::remove_dir_all(&path) {
            tracing::info!(folder = %path.display(), %error, "cannot delete the folder of a killed run");
        }
    }
}

/// Whether the path needs no quoting in ssh's configuration.
fn plain(path: &Path) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    path.is_absolute() && path.to_str().is_some_and(|path| path.bytes().all(plain))
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::info!(folder = %self.path.display(), %error, "cannot delete the private folder");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_is_private_and_deleted_with_its_content() {
        let folder = PrivateFolder::create().unwrap();
        let path = folder.path().to_owned();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
        assert!(path.as_os_str().len() < 20);
        fs::write(path.join("x"), "").unwrap();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn the_folder_of_a_killed_run_is_deleted_and_that_of_a_running_one_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let living = PrivateFolder::create_in(parent.path()).unwrap();
        let killed = parent.path().join("da0123abcd");
        let others = ["da0123abcx", "da0123abce", "data"].map(|name| parent.path().join(name));
        for path in others.iter().chain([&killed]) {
            fs::create_dir(path).unwrap();
        }
        fs::write(killed.join(ALIVE), "").unwrap();
        let _second = PrivateFolder::create_in(parent.path()).unwrap();
        assert!(!killed.exists() && living.path().exists());
        assert!(others.iter().all(|path| path.exists()));
    }

    #[test]
    fn a_path_that_would_need_quoting_is_not_used() {
        assert!(plain(Path::new("/var/tmp/x-1")));
        for path in ["/a b", "/a%h", "/a\"b", "relative", "/${HOME}"] {
            assert!(!plain(Path::new(path)), "{path}");
        }
    }
}
