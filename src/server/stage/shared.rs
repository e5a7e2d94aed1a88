//! What outlives releases: it lies in `<target>/shared`, and each release has links to it.

use crate::protocol::{Reason, ReleaseId, SharedPath};
use crate::server::store::durable::{failed, Result};
use crate::server::store::layout::Layout;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

/// What holds a folder's place in git, which knows no empty folders.
const PLACEHOLDER: &str = ".gitkeep";

fn bad(shared: &SharedPath, problem: impl Into<String>) -> Reason {
    Reason::Shared {
        path: shared.path.clone(),
        problem: problem.into(),
    }
}

/// What must be there already is: looked at before anything is uploaded, and changes nothing.
pub(in crate::server) fn check(layout: &Layout, all: &[SharedPath]) -> Result<()> {
    all.iter()
        .try_for_each(|shared| look(layout, shared).map(drop))
}

/// Makes the folders that are missing, and links everything into the release. Nothing is made through a link of the tree.
pub(in crate::server) fn link(
    layout: &Layout,
    release: ReleaseId,
    all: &[SharedPath],
) -> Result<()> {
    let folder = layout.release(release);
    for shared in all {
        if look(layout, shared)? == Found::Nothing {
            let path = layout.shared().join(&shared.path);
            fs::create_dir_all(&path).map_err(failed("make the folder", &path))?;
        }
        make_parents(&folder, shared)?;
        let place = folder.join(&shared.path);
        make_room(&place, shared)?;
        symlink(link_text(layout, shared), &place).map_err(failed("make the link", &place))?;
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Right,
}

/// What lies in `shared/`; links there are the server's own, and are followed.
fn look(layout: &Layout, shared: &SharedPath) -> Result<Found> {
    if !is_below(&shared.path) {
        return Err(bad(shared, "is no path below the release"));
    }
    let path = layout.shared().join(&shared.path);
    match fs::metadata(&path) {
        Ok(found) if found.is_dir() == shared.folder => Ok(Found::Right),
        Ok(_) if shared.folder => Err(bad(shared, "is a file, not a folder")),
        Ok(_) => Err(bad(shared, "is a folder: write it with a / at its end")),
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(bad(shared, format!("cannot be looked at: {error}")))
        }
        Err(_) if path.is_symlink() => Err(bad(shared, "is a link to nothing")),
        Err(_) if shared.folder => Ok(Found::Nothing),
        Err(_) => Err(bad(shared, "is missing")),
    }
}

/// Whether it is in normal form: no name on the wire leaves the release.
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

fn make_parents(folder: &Path, shared: &SharedPath) -> Result<()> {
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
                return Err(bad(
                    shared,
                    format!(
                        "would lie in {}, which is no folder of the tree",
                        parent.display()
                    ),
                ))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir(&path).map_err(failed("make the folder", &path))?;
            }
            Err(error) => return Err(failed("look at", &path)(error)),
        }
    }
    Ok(())
}

/// Where the tree holds the place by an empty folder, that goes; anything else there is not ours to hide.
fn make_room(place: &Path, shared: &SharedPath) -> Result<()> {
    let found = match fs::symlink_metadata(place) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found.map_err(failed("look at", place))?,
    };
    if !(shared.folder && found.is_dir() && only_holds_a_place(place)?) {
        return Err(bad(
            shared,
            "is in the tree too, and would hide what is there",
        ));
    }
    match fs::remove_file(place.join(PLACEHOLDER)) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(failed("remove", &place.join(PLACEHOLDER))(error))
        }
        _ => fs::remove_dir(place).map_err(failed("remove", place)),
    }
}

fn only_holds_a_place(folder: &Path) -> Result<bool> {
    for entry in fs::read_dir(folder).map_err(failed("read", folder))? {
        let entry = entry.map_err(failed("read", folder))?;
        let is_file = entry
            .file_type()
            .map_err(failed("look at", folder))?
            .is_file();
        if !is_file || entry.file_name() != PLACEHOLDER {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Relative, so that the target may be moved; but from a `releases` that is itself a link elsewhere, only an absolute one
/// leads back.
fn link_text(layout: &Layout, shared: &SharedPath) -> PathBuf {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let beside =
        real(&layout.releases()).and_then(|releases| releases.parent().map(Path::to_owned));
    if beside.is_none() || beside != real(layout.target()) {
        return layout.shared().join(&shared.path);
    }
    // out of the release's folders, the release, and `releases`
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
    fn only_names_in_normal_form_are_below_the_release() {
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
