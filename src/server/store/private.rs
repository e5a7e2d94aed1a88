//! `.deploy` is the deploy user's alone: it holds lines of logs and commands, and a lock that any reader could take.

use super::layout::Layout;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// For the user only.
const OWN: u32 = 0o700;
/// The umask takes away what others may not.
const SHARED: u32 = 0o777;

/// Creates the folders that everything else needs.
///
/// # Errors
/// With the folder that cannot be created.
pub(in crate::server) fn create_folders(layout: &Layout) -> Result<(), (PathBuf, io::Error)> {
    let own = layout.own_folders().map(|folder| (folder, OWN));
    for (folder, mode) in [(layout.releases(), SHARED)].into_iter().chain(own) {
        let created = DirBuilder::new().recursive(true).mode(mode).create(&folder);
        created.map_err(|error| (folder, error))?;
    }
    Ok(())
}

/// Takes from other users what versions before 1.6 let them read. Those may have been there again since the last time.
pub(in crate::server) fn close(layout: &Layout) {
    for folder in layout.own_folders() {
        close_one(&folder);
        // what is in the trash has the modes of a release
        let files = fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| {
                folder != layout.trash() && entry.file_type().is_ok_and(|it| it.is_file())
            });
        files.for_each(|file| close_one(&file.path()));
    }
}

fn close_one(path: &Path) {
    let Ok(found) = fs::metadata(path) else {
        return;
    };
    let mode = found.permissions().mode() & 0o7777;
    if mode & !OWN == 0 {
        return;
    }
    if let Err(error) = fs::set_permissions(path, Permissions::from_mode(mode & OWN)) {
        tracing::info!(%error, path = %path.display(), "other users may read this");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn what_older_versions_left_open_is_closed_but_not_the_releases() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().to_str().unwrap());
        create_folders(&layout).unwrap();
        let own = layout.deploy_folder();
        let trash = layout.trash().join("1/file");
        fs::create_dir(trash.parent().unwrap()).unwrap();
        let files =
            ["lock", "bin/server-part", "verdicts/1", "records/1.state"].map(|file| own.join(file));
        let modes = [0o664, 0o755, 0o644, 0o400];
        for (file, mode) in files
            .iter()
            .chain([&trash])
            .zip(modes.into_iter().chain([0o644]))
        {
            fs::write(file, "x").unwrap();
            fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
        }
        for folder in layout.own_folders() {
            assert_eq!(mode(&folder), 0o700, "{folder:?}");
            fs::set_permissions(folder, Permissions::from_mode(0o2755)).unwrap();
        }
        for _ in 0..2 {
            close(&layout);
            for folder in layout.own_folders() {
                assert_eq!(mode(&folder), 0o700, "{folder:?}");
            }
            let closed = files.each_ref().map(|file| mode(file));
            assert_eq!(closed, [0o600, 0o700, 0o600, 0o400]);
            assert_eq!(mode(&trash), 0o644);
            assert_eq!(mode(&layout.releases()) & 0o500, 0o500);
        }
    }
}
