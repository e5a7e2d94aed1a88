//! The private folder of one run.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Where a folder is tried first: the path of a socket may be 107 bytes long, of which ssh needs 60 below ours.
const SHORT: &str = "/tmp";
const TRIES: usize = 8;
/// In the folder: locked for as long as its run lives.
const ALIVE: &str = "alive";

/// A folder for our eyes only, with a short path; removed when dropped, or by the next run if this one is killed.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Holds the lock.
    _alive: File,
}

impl Folder {
    /// # Errors
    /// If neither /tmp nor the folder that `TMPDIR` names can hold it.
    pub(super) fn make() -> io::Result<Self> {
        Self::make_in(Path::new(SHORT)).or_else(|error| {
            let other = std::env::temp_dir();
            if plain(&other) {
                Self::make_in(&other)
            } else {
                Err(error)
            }
        })
    }

    fn make_in(parent: &Path) -> io::Result<Self> {
        sweep(parent);
        let mut random = [0; 4];
        for _ in 0..TRIES {
            getrandom::fill(&mut random)?;
            let path = parent.join(format!("da{:08x}", u32::from_le_bytes(random)));
            // fails where something of that name exists already, whoever made it
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => {
                    made?;
                    let (coming, alive) =
                        (path.join("coming"), File::create_new(path.join("coming"))?);
                    alive.lock()?;
                    // only now, so that nobody finds it unlocked
                    fs::rename(coming, path.join(ALIVE))?;
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

/// Removes what killed runs of ours left: there is no key in it, but on a machine that stays it would pile up.
fn sweep(parent: &Path) {
    let ours = |path: &PathBuf| {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.strip_prefix("da"));
        let named =
            name.is_some_and(|hex| hex.len() == 8 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let user = rustix::process::geteuid().as_raw();
        named && fs::symlink_metadata(path).is_ok_and(|found| found.is_dir() && found.uid() == user)
    };
    let dead =
        |path: &PathBuf| File::open(path.join(ALIVE)).is_ok_and(|file| file.try_lock().is_ok());
    let found = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    for path in found.filter(ours).filter(dead) {
        if let Err(error) = fs::remove_dir_all(&path) {
            tracing::debug!(folder = %path.display(), %error, "a killed run's folder stays behind");
        }
    }
}

/// Whether ssh's configuration takes the path as it is, without quoting.
fn plain(path: &Path) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    path.is_absolute() && path.to_str().is_some_and(|path| path.bytes().all(plain))
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::debug!(folder = %self.path.display(), %error, "a folder of ours stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_is_ours_alone_and_goes_with_all_that_is_in_it() {
        let folder = Folder::make().unwrap();
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
    fn what_a_killed_run_left_is_removed_and_what_a_living_one_has_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let living = Folder::make_in(parent.path()).unwrap();
        let killed = parent.path().join("da0123abcd");
        let others = ["da0123abcx", "da0123abce", "data"].map(|name| parent.path().join(name));
        for path in others.iter().chain([&killed]) {
            fs::create_dir(path).unwrap();
        }
        fs::write(killed.join(ALIVE), "").unwrap();
        let _second = Folder::make_in(parent.path()).unwrap();
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
