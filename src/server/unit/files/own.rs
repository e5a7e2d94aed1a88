//! The unit files of the deploy user's own systemd. All that a transaction needs to put them there and to take them back
//! is beside each before the point of no return, so that only names change after it:
//!
//! - `.NAME.new` is what the release has,
//! - `.NAME.old` is what was there before, or
//! - `.NAME.none` says that there was nothing.
//!
//! systemd takes none of them for a unit file. A file that does not change has none of them.

use super::place::Place;
use crate::protocol::{Operation, Reason};
use crate::server::store::durable::{self, failed};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::{Path, PathBuf};

const BESIDE: [&str; 3] = [NEW, OLD, NONE];
const NEW: &str = "new";
const OLD: &str = "old";
const NONE: &str = "none";

/// Writes what is needed beside each file. `all`: each with the file of the release.
pub(super) fn prepare(all: &[(Place, PathBuf)]) -> Result<(), Reason> {
    for (place, release) in all {
        let file = &place.file;
        clean_up(file);
        prepare_one(file, release).map_err(failed(Operation::Write, file))?;
    }
    match all.first().and_then(|(place, _)| place.file.parent()) {
        Some(folder) => durable::sync_file_system(folder),
        None => Ok(()),
    }
}

fn prepare_one(file: &Path, release: &Path) -> io::Result<()> {
    let content = fs::read(release)?;
    let found = file.symlink_metadata();
    if found.as_ref().is_ok_and(fs::Metadata::is_file) && fs::read(file)? == content {
        return Ok(());
    }
    fs::create_dir_all(file.parent().unwrap_or(file))?;
    let old = beside(file, OLD);
    match found {
        Ok(found) if found.is_symlink() => symlink(fs::read_link(file)?, old)?,
        Ok(_) => drop(fs::copy(file, old)?),
        Err(_) => symlink(NONE, beside(file, NONE))?,
    }
    let new = beside(file, NEW);
    fs::write(&new, content)?;
    fs::set_permissions(new, Permissions::from_mode(0o644))
}

/// Puts the release's file there.
pub(super) fn put(file: &Path) -> Result<(), Reason> {
    let new = beside(file, NEW);
    match new.symlink_metadata() {
        Ok(_) => durable::rename(&new, file),
        Err(_) => Ok(()),
    }
}

/// Whether there was no such file before.
pub(super) fn is_new(file: &Path) -> bool {
    beside(file, NONE).symlink_metadata().is_ok()
}

/// Puts there what was there before, and may be done again.
pub(super) fn restore(file: &Path) -> Result<(), Reason> {
    let old = beside(file, OLD);
    if old.symlink_metadata().is_ok() {
        return durable::rename(&old, file);
    }
    match is_new(file) {
        true => durable::remove(file),
        false => Ok(()),
    }
}

/// Removes what is beside it. Best effort: the next transaction replaces it.
pub(super) fn clean_up(file: &Path) {
    for kind in BESIDE {
        // an error is most often that there is none
        drop(fs::remove_file(beside(file, kind)));
    }
}

fn beside(file: &Path, kind: &str) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!(".{name}.{kind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of the release, and its place.
    fn sample(folder: &Path) -> (Place, PathBuf) {
        let release = folder.join("released");
        fs::write(&release, "new").unwrap();
        let file = folder.join("user/a.service");
        let source = PathBuf::new();
        (Place { file, source }, release)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_there_comes_back_however_often_it_is_restored() {
        let folder = tempfile::tempdir().unwrap();
        let one = sample(folder.path());
        let file = one.0.file.clone();
        let own = file.parent().unwrap().to_owned();
        fs::create_dir(&own).unwrap();
        for before in [None, Some("by hand"), Some("")] {
            drop(fs::remove_file(&file));
            if let Some(text) = before {
                fs::write(&file, text).unwrap();
            }
            prepare(std::slice::from_ref(&one)).unwrap();
            assert_eq!(fs::read_to_string(&file).ok().as_deref(), before);
            for _ in 0..2 {
                put(&file).unwrap();
                restore(&file).unwrap();
                assert_eq!(fs::read_to_string(&file).ok().as_deref(), before);
            }
            clean_up(&file);
            let left: &[&str] = if before.is_some() {
                &["a.service"]
            } else {
                &[]
            };
            assert_eq!(names(&own), left);
        }
    }

    #[test]
    fn a_damaged_file_is_replaced_by_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let one = sample(folder.path());
        let file = one.0.file.clone();
        fs::create_dir(file.parent().unwrap()).unwrap();
        symlink("/by/hand", &file).unwrap();
        prepare(std::slice::from_ref(&one)).unwrap();
        put(&file).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o644
        );
        fs::write(&file, "").unwrap();
        restore(&file).unwrap();
        assert_eq!(fs::read_link(&file).unwrap(), Path::new("/by/hand"));
    }

    #[test]
    fn a_file_that_does_not_change_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let one = sample(folder.path());
        let file = one.0.file.clone();
        fs::create_dir(file.parent().unwrap()).unwrap();
        fs::write(&file, "new").unwrap();
        prepare(std::slice::from_ref(&one)).unwrap();
        assert_eq!(names(file.parent().unwrap()), ["a.service"]);
        put(&file).unwrap();
        restore(&file).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    }
}
