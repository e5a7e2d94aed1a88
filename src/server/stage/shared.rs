//! Shared files: they outlive releases. They are stored in `<target>/shared`, and each release has links to them.

use super::app_access::AppUsers;
use crate::protocol::{
    Finding, Operation, Reason, ReleaseId, SharedError, SharedInRelease, SharedPath,
};
use crate::server::exec::user::user;
use crate::server::store::durable::failed;
use crate::server::store::layout::Layout;
use crate::server::store::links;
use crate::server::store::records::{self, State};
use crate::server::store::written;
use rustix::fs::{access, Access};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{symlink, MetadataExt};
use std::path::{Component, Path, PathBuf};

fn bad(shared: &SharedPath, error: SharedError) -> Reason {
    Reason::Shared {
        path: shared.path.clone(),
        error,
    }
}

/// What must be fixed before the upload: data that exists only in a release, and everything that cannot be linked.
/// Changes nothing.
pub(in crate::server) fn check(layout: &Layout, all: &[SharedPath]) -> Vec<Finding> {
    let left = left_in_release(layout, all);
    let is_left = |shared: &&SharedPath| left.iter().any(|found| found.path == shared.path);
    let unusable = all
        .iter()
        .filter(|shared| !is_left(shared))
        .filter_map(|shared| {
            let path = shared.path.clone();
            unusable(layout, shared).map(|error| Finding::Shared { path, error })
        });
    let unusable: Vec<Finding> = unusable.collect();
    let left = (!left.is_empty()).then_some(Finding::SharedInRelease(left));
    left.into_iter().chain(unusable).collect()
}

/// Why a path cannot be linked into a release.
fn unusable(layout: &Layout, shared: &SharedPath) -> Option<SharedError> {
    match inspect(layout, shared) {
        Ok(Existing::Usable) => None,
        Ok(Existing::Missing) => not_creatable(layout, shared),
        Err(error) => Some(error),
    }
}

/// Whether the deploy user may not create the folder. What holds for the whole target is a finding of its own.
fn not_creatable(layout: &Layout, shared: &SharedPath) -> Option<SharedError> {
    let kept = layout.shared().join(&shared.path);
    let around = kept.ancestors().skip(1).find(|it| it.exists());
    let around = around.filter(|around| around.starts_with(layout.shared()))?;
    let allowed = access(around, Access::WRITE_OK | Access::EXEC_OK);
    allowed.err().map(|error| SharedError::NotWritable {
        user: user(),
        folder: around.display().to_string(),
        error: io::Error::from(error).to_string(),
    })
}

/// What exists only in a release: its users would miss it in the next one.
fn left_in_release(layout: &Layout, all: &[SharedPath]) -> Vec<SharedInRelease> {
    let below = all.iter().filter(|shared| is_below(&shared.path));
    let found = below.filter_map(|shared| match shared.folder {
        true => folder_in_release(layout, shared),
        false => file_in_release(layout, shared),
    });
    found.collect()
}

/// In the live release, or else in the newest good one that has it. An empty one in `shared` may have been created for it.
fn file_in_release(layout: &Layout, shared: &SharedPath) -> Option<SharedInRelease> {
    let there = layout.shared().join(&shared.path);
    let existing = fs::symlink_metadata(there).ok();
    let has_none = existing.is_some();
    if existing.is_some_and(|found| !found.is_file() || found.len() > 0) {
        return None;
    }
    let is_file = |path: PathBuf| fs::symlink_metadata(path).is_ok_and(|found| found.is_file());
    let is_good =
        |id: &ReleaseId| records::get(layout, id).is_some_and(|it| it.state == State::Good);
    let releases = records::present(layout).into_iter().rev().filter(is_good);
    let mut releases = links::live(layout).into_iter().chain(releases);
    let path = |id: &ReleaseId| layout.release(id).join(&shared.path);
    let has = |id: &ReleaseId| is_file(path(id));
    let has_content = |id: &ReleaseId| fs::metadata(path(id)).is_ok_and(|found| found.len() > 0);
    let release = match has_none {
        true => links::live(layout).filter(|live| has(live) && has_content(live))?,
        false => releases.find(has)?,
    };
    let sibling = |end: &&str| {
        let path = format!("{}{end}", shared.path);
        is_file(layout.release(&release).join(&path)).then_some(path)
    };
    let siblings = written::SIBLINGS.iter().filter_map(sibling).collect();
    Some(in_release(layout, shared, (release, siblings, has_none)))
}

/// Folders are created in `shared`, and empty ones may have been.
fn folder_in_release(layout: &Layout, shared: &SharedPath) -> Option<SharedInRelease> {
    let release = links::live(layout)?;
    let folder = layout.release(&release).join(&shared.path);
    let there = layout.shared().join(&shared.path);
    let is_folder = fs::symlink_metadata(&folder).is_ok_and(|found| found.is_dir());
    let has_none = there.is_dir() && !written::holds_files(&there);
    let is_left = is_folder && (has_none || fs::symlink_metadata(&there).is_err());
    (is_left && !written::is_ignored(Path::new(&shared.path)) && written::holds_files(&folder))
        .then(|| in_release(layout, shared, (release, Vec::new(), has_none)))
}

fn in_release(
    layout: &Layout,
    shared: &SharedPath,
    (release, siblings, in_the_way): (ReleaseId, Vec<String>, bool),
) -> SharedInRelease {
    let around = Path::new(&shared.path).ancestors().skip(1);
    let is_missing = |path: &&Path| !layout.shared().join(path).exists();
    let mut missing: Vec<String> = around
        .filter(is_missing)
        .map(|path| path.display().to_string())
        .collect();
    missing.reverse();
    SharedInRelease {
        path: shared.path.clone(),
        folder: shared.folder,
        release,
        link: link_text(layout, shared).display().to_string(),
        siblings,
        missing,
        in_the_way,
    }
}

/// Creates missing folders and links everything into the release. Never creates anything through a link of the tree.
pub(super) fn link(
    layout: &Layout,
    folder: &Path,
    all: &[SharedPath],
    users: &AppUsers,
) -> Result<(), Reason> {
    for shared in all {
        let kept = layout.shared().join(&shared.path);
        let path = folder.join(&shared.path);
        let existing = inspect(layout, shared).map_err(|error| bad(shared, error))?;
        if existing == Existing::Missing {
            users.create_shared(&kept, mode_of(&path))?;
        } else if shared.folder {
            users.open_shared(layout, &kept)?;
        }
        create_parents(folder, shared)?;
        move_skeleton(&path, &kept, shared, users)?;
        symlink(link_text(layout, shared), &path).map_err(failed(Operation::CreateLink, &path))?;
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Existing {
    Missing,
    Usable,
}

/// What exists in `shared/`. Links there belong to the server and are followed.
fn inspect(layout: &Layout, shared: &SharedPath) -> Result<Existing, SharedError> {
    if !is_below(&shared.path) {
        return Err(SharedError::NotBelow);
    }
    let path = layout.shared().join(&shared.path);
    match fs::metadata(&path) {
        Ok(found) if found.is_dir() == shared.folder => Ok(Existing::Usable),
        Ok(_) if shared.folder => Err(SharedError::IsFile),
        Ok(_) => Err(SharedError::IsFolder),
        Err(error) if error.kind() != ErrorKind::NotFound => {
            let error = error.to_string();
            Err(SharedError::Inaccessible { error })
        }
        Err(_) if path.is_symlink() => Err(SharedError::DeadLink),
        Err(_) if shared.folder => Ok(Existing::Missing),
        Err(_) => Err(SharedError::Missing),
    }
}

/// Whether the path is in normal form, so it cannot leave the release.
fn is_below(path: &str) -> bool {
    let mut names = Path::new(path).components();
    names.clone().next().is_some()
        && names.all(|name| matches!(name, Component::Normal(_)))
        && Path::new(path)
            .components()
            .collect::<PathBuf>()
            .as_os_str()
            == path
        && !path.contains('\0')
}

fn create_parents(folder: &Path, shared: &SharedPath) -> Result<(), Reason> {
    let parents: Vec<&Path> = Path::new(&shared.path)
        .ancestors()
        .skip(1)
        .filter(|it| *it != Path::new(""))
        .collect();
    for parent in parents.into_iter().rev() {
        let path = folder.join(parent);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => {
                let parent = parent.display().to_string();
                return Err(bad(shared, SharedError::Parent(parent)));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir(&path).map_err(failed(Operation::CreateFolder, &path))?;
            }
            Err(error) => return Err(failed(Operation::Inspect, &path)(error)),
        }
    }
    Ok(())
}

/// Creates the folders of the tree in `kept` and removes them where the link will be, if they hold nothing but placeholders.
/// Anything else there must not be hidden.
fn move_skeleton(
    path: &Path,
    kept: &Path,
    shared: &SharedPath,
    users: &AppUsers,
) -> Result<(), Reason> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found.map_err(failed(Operation::Inspect, path))?,
    };
    if !(shared.folder && found.is_dir()) {
        return Err(bad(shared, SharedError::InTree));
    }
    let mut folders = Vec::new();
    if let Some(content) = content(path, Path::new(""), &mut folders)? {
        let content = Path::new(&shared.path).join(content);
        let content = content.display().to_string();
        return Err(bad(shared, SharedError::Hides(content)));
    }
    for folder in folders {
        let to = kept.join(&folder);
        if !to.is_dir() {
            users.create_shared(&to, mode_of(&path.join(&folder)))?;
        }
    }
    fs::remove_dir_all(path).map_err(failed(Operation::Delete, path))
}

/// The first file below `folder` of `root` that is no placeholder, by its name. Collects the folders, parents first.
fn content(
    root: &Path,
    folder: &Path,
    folders: &mut Vec<PathBuf>,
) -> Result<Option<PathBuf>, Reason> {
    let path = root.join(folder);
    let read = failed(Operation::Read, &path);
    let entries: io::Result<Vec<fs::DirEntry>> = fs::read_dir(&path).and_then(Iterator::collect);
    let mut entries = entries.map_err(read)?;
    entries.sort_unstable_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type();
        let kind = kind.map_err(failed(Operation::Inspect, &entry.path()))?;
        let inside = folder.join(entry.file_name());
        if kind.is_dir() {
            folders.push(inside.clone());
            if let Some(found) = content(root, &inside, folders)? {
                return Ok(Some(found));
            }
        } else if !kind.is_file()
            || !SharedPath::is_placeholder(&entry.file_name().to_string_lossy())
        {
            return Ok(Some(inside));
        }
    }
    Ok(None)
}

/// The mode of a folder of the tree, for the one that takes its place.
fn mode_of(folder: &Path) -> u32 {
    let found = fs::symlink_metadata(folder)
        .ok()
        .filter(fs::Metadata::is_dir);
    found.map_or(0o755, |found| found.mode() & 0o777)
}

/// Relative, so the target can be moved; absolute if `releases` is itself a link to elsewhere, because a relative one
/// would not lead back.
fn link_text(layout: &Layout, shared: &SharedPath) -> PathBuf {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let beside =
        real(&layout.releases()).and_then(|releases| releases.parent().map(Path::to_owned));
    if beside.is_none() || beside != real(layout.target()) {
        return layout.shared().join(&shared.path);
    }
    // up from the folders in the release, the release and `releases`
    let depth = Path::new(&shared.path).components().count() + 1;
    let mut text: PathBuf = std::iter::repeat_n("..", depth).collect();
    text.push("shared");
    text.push(&shared.path);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_in_normal_form_are_below_the_release() {
        for path in ["a", "a/b", ".env", "a b/ü"] {
            assert!(is_below(path), "{path:?}");
        }
        for path in [
            "", ".", "..", "/", "/a", "a/..", "../a", "a//b", "a/", "./a", "a/./b", "a\0b",
        ] {
            assert!(!is_below(path), "{path:?}");
        }
    }
}
