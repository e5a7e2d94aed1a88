use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Where a folder is tried first: the path of a socket may be 107 bytes long, of which ssh needs 60 below ours.
const SHORT: &str = "/tmp";
const TRIES: usize = 8;

/// A folder for our eyes only, with a short path; removed when dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

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
        let mut random = [0; 4];
        for _ in 0..TRIES {
            getrandom::fill(&mut random)?;
            let path = parent.join(format!("da{:08x}", u32::from_le_bytes(random)));
            // fails where something of that name exists already, whoever made it
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made.map(|()| Self(path)),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

/// Whether ssh's configuration takes the path as it is, without quoting.
fn plain(path: &Path) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    path.is_absolute() && path.to_str().is_some_and(|path| path.bytes().all(plain))
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::debug!(folder = %self.0.display(), %error, "a folder of ours stays behind");
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
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(path.as_os_str().len() < 20);
        fs::write(path.join("x"), "").unwrap();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn a_path_that_would_need_quoting_is_not_used() {
        assert!(plain(Path::new("/var/tmp/x-1")));
        for path in ["/a b", "/a%h", "/a\"b", "relative", "/${HOME}"] {
            assert!(!plain(Path::new(path)), "{path}");
        }
    }
}
