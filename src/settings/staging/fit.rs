//! Whether what is shared, excluded and installed fits the source. What does not would fail after the upload.

use super::excludes::Excludes;
use super::source::Source;
use crate::protocol::{Install, SharedPath};
use crate::settings::problem::{invalid, Invalid};
use crate::text::Prose;
use ignore::gitignore::Gitignore;
use std::fs;
use std::path::Path;

/// The server removes a folder with nothing but this file, where a link will be.
const PLACEHOLDER: &str = ".gitkeep";

/// `auto` found these in the source, but they would not arrive.
pub(in crate::settings) fn are_uploaded(
    install: &Install,
    excludes: &Excludes,
) -> Result<(), Invalid> {
    let Some(patterns) = matcher(excludes).filter(|_| *install == Install::Uv) else {
        return Ok(());
    };
    let needed = ["uv.lock", "pyproject.toml"];
    let missing = needed
        .iter()
        .find(|name| is_excluded(&patterns, name, false));
    missing.map_or(Ok(()), |name| {
        let what = Prose::of("excludes {}, which `install: auto` needs", [name]);
        invalid(
            what,
            "Upload it, or give `install` your own commands or `none`",
        )
    })
}

/// The link to a shared path can't be where the tree has something else.
pub(in crate::settings) fn has_room(
    source: &Source,
    excludes: &Excludes,
    install: &Install,
    shared: &[SharedPath],
) -> Result<(), Invalid> {
    let Some(patterns) = matcher(excludes) else {
        return Ok(());
    };
    let tree = Tree {
        root: source.path(),
        patterns,
        venv: *install == Install::Uv,
    };
    let taken = shared
        .iter()
        .find_map(|path| Some((&path.path, tree.in_the_way(path)?)));
    taken.map_or(Ok(()), |(path, found)| {
        let what = match found == *path {
            true => Prose::of(
                "`{}` is in the source too, where the link to it would be",
                [path],
            ),
            false => Prose::of(
                "`{}` would be below `{}`, which is a file in the source",
                [path, &found],
            ),
        };
        let fix = Prose::of(
            "Remove `{}` from the source, exclude it, or do not share `{}`",
            [&found, path],
        );
        invalid(what, fix)
    })
}

fn matcher(excludes: &Excludes) -> Option<Gitignore> {
    excludes.matcher(Path::new("/")).ok()
}

fn is_excluded(patterns: &Gitignore, path: &str, folder: bool) -> bool {
    let path = Path::new("/").join(path);
    patterns
        .matched_path_or_any_parents(path, folder)
        .is_ignore()
}

/// What is uploaded.
struct Tree<'a> {
    root: &'a Path,
    patterns: Gitignore,
    /// Whether `.venv` is left out.
    venv: bool,
}

impl Tree<'_> {
    /// What is uploaded to the place of a shared path, or to that of a folder above it.
    fn in_the_way(&self, shared: &SharedPath) -> Option<String> {
        let path = &shared.path;
        let above = path
            .match_indices('/')
            .filter_map(|(end, _)| path.get(..end));
        for folder in above {
            if self.is_folder(folder)? {
                continue;
            }
            return self.is_uploaded(folder, false).then(|| folder.to_owned());
        }
        let is_folder = self.is_folder(path)?;
        let stays = !(is_folder && shared.folder) || self.holds_more_than_placeholder(path);
        (stays && self.is_uploaded(path, is_folder)).then(|| path.clone())
    }

    /// `None`: nothing is there.
    fn is_folder(&self, path: &str) -> Option<bool> {
        fs::symlink_metadata(self.root.join(path))
            .ok()
            .map(|found| found.is_dir())
    }

    fn is_uploaded(&self, path: &str, folder: bool) -> bool {
        let first = path.split('/').next();
        let never =
            path.split('/').any(|name| name == ".git") || self.venv && first == Some(".venv");
        !never && !is_excluded(&self.patterns, path, folder)
    }

    fn holds_more_than_placeholder(&self, folder: &str) -> bool {
        let entries = fs::read_dir(self.root.join(folder))
            .into_iter()
            .flatten()
            .flatten();
        entries
            .filter_map(|entry| {
                Some((
                    entry.file_name().into_string().ok()?,
                    entry.file_type().ok()?,
                ))
            })
            .filter(|(name, kind)| !(name == PLACEHOLDER && kind.is_file()))
            .any(|(name, kind)| self.is_uploaded(&format!("{folder}/{name}"), kind.is_dir()))
    }
}
