//! Whether what is shared, excluded and installed fits the source. What does not would fail after the upload.

use super::excludes::Excludes;
use super::source::Source;
use crate::protocol::{Install, SharedPath};
use crate::settings::problem::{invalid, Invalid};
use crate::text::Prose;
use ignore::gitignore::Gitignore;
use std::fs;
use std::path::Path;

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
        let what = if found == *path {
            Prose::of(
                "`{}` is in the source too, where the link to it would be",
                [path],
            )
        } else if found.starts_with(path.as_str()) {
            Prose::of(
                "`{}` is in the source too, where the link to `{}` would be",
                [&found, path],
            )
        } else {
            Prose::of(
                "`{}` would be below `{}`, which is a file in the source",
                [path, &found],
            )
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
        if !self.is_uploaded(path, is_folder) {
            return None;
        }
        match is_folder && shared.folder {
            true => self.content(path),
            false => Some(path.clone()),
        }
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

    /// The first file below the folder that would be uploaded and is no placeholder. The server creates the folders
    /// themselves.
    fn content(&self, folder: &str) -> Option<String> {
        let entries = fs::read_dir(self.root.join(folder));
        let entries = entries.into_iter().flatten().flatten();
        let named = entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some((name, entry.file_type().ok()?))
        });
        let mut named: Vec<_> = named.collect();
        named.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        named.into_iter().find_map(|(name, kind)| {
            let path = format!("{folder}/{name}");
            match kind.is_dir() {
                _ if !self.is_uploaded(&path, kind.is_dir()) => None,
                true => self.content(&path),
                false if kind.is_file() && SharedPath::is_placeholder(&name) => None,
                false => Some(path),
            }
        })
    }
}
