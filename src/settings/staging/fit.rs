//! Whether what is shared, excluded, installed and named as a unit file fits the source. What does not would fail after the upload.

use super::excludes::Excludes;
use super::source::Source;
use crate::protocol::{Install, SharedPath, UnitFile, UnitPatterns};
use crate::settings::problem::{invalid, Invalid};
use crate::text::excerpt::excerpt;
use crate::text::Prose;
use ignore::gitignore::Gitignore;
use std::collections::BTreeMap;
use std::fs::{self, FileType};
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
    let Some(tree) = Tree::of(source, excludes, install) else {
        return Ok(());
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

/// More unit files than that are a pattern that matches too much.
const MOST_UNIT_FILES: usize = 100;
/// So many names stand in a sentence.
const NAMED: usize = 3;

/// Everything that is wrong with the files that these patterns match: each must match a file that is uploaded, and all of
/// them must be unit files with names of their own.
pub(in crate::settings) fn unit_files(
    source: &Source,
    excludes: &Excludes,
    install: &Install,
    patterns: &[String],
) -> Vec<Invalid> {
    let tree = Tree::of(source, excludes, install);
    let (Some(tree), Ok(globs)) = (tree, UnitPatterns::new(patterns)) else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for (at, pattern) in patterns.iter().enumerate() {
        let mut found = tree.below(pattern);
        found.retain(|(path, _)| globs.fitting(path).any(|it| it == at));
        if found.is_empty() {
            let what = Prose::of("`{}` matches no file that is uploaded", [&excerpt(pattern)]);
            let fix =
                "Write paths from the source's folder; what `exclude` leaves out does not count";
            problems.push(Invalid::new(what, fix));
        }
        let mut wrong = Vec::new();
        for (path, kind) in found {
            match unit_file(&path).filter(|_| kind.is_file()) {
                Some(file) => {
                    files.insert(path, file.name);
                }
                None => wrong.push(path),
            }
        }
        if !wrong.is_empty() {
            let what = Prose::of("`{}` matches what is no unit file: ", [&excerpt(pattern)]);
            let fix = "Match only plain files as `web.service` and drop-ins as `web.service.d/port.conf`, no links, in paths of \
                       letters, digits and `._@:+,/-`";
            problems.push(Invalid::new(what.and(named(&wrong)), fix));
        }
    }
    if files.len() > MOST_UNIT_FILES {
        let what = Prose::of("match more than {} files", [&MOST_UNIT_FILES]);
        problems.push(Invalid::new(what, "Match only those of this service"));
    }
    problems.extend(same_names(&files));
    problems
}

/// The unit file at this path, if a line for sudo can name it.
fn unit_file(path: &str) -> Option<UnitFile> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._@:+,/-".contains(&byte);
    UnitFile::at(path).filter(|_| path.bytes().all(allowed))
}

/// Some of these paths, which are at least one, and how many more there are.
fn named(paths: &[String]) -> Prose {
    let mut text = Prose::default();
    for (at, path) in paths.iter().take(NAMED).enumerate() {
        let comma = if at == 0 { "`{}`" } else { ", `{}`" };
        text = text.and(Prose::of(comma, [&excerpt(path)]));
    }
    match paths.len().saturating_sub(NAMED) {
        0 => text,
        more => text.and(Prose::of(" and {} more", [&more])),
    }
}

/// systemd has one file of each name. `files` are paths with their names.
fn same_names(files: &BTreeMap<String, String>) -> Vec<Invalid> {
    let mut by_name: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (path, name) in files {
        by_name.entry(name).or_default().push(path.clone());
    }
    by_name.retain(|_, paths| paths.len() > 1);
    let problem = |(name, paths): (&str, Vec<String>)| {
        let what = Prose::of(
            "match several files that systemd would call `{}`: ",
            [&name],
        );
        Invalid::new(what.and(named(&paths)), "Match only one of them")
    };
    by_name.into_iter().map(problem).collect()
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

impl<'a> Tree<'a> {
    fn of(source: &'a Source, excludes: &Excludes, install: &Install) -> Option<Self> {
        Some(Self {
            root: source.path(),
            patterns: matcher(excludes)?,
            venv: *install == Install::Uv,
        })
    }

    /// What is uploaded where a pattern may match, without folders, sorted.
    fn below(&self, pattern: &str) -> Vec<(String, FileType)> {
        let is_glob = |part: &&str| part.contains(['*', '?', '[', '{', '\\']);
        let parts: Vec<&str> = pattern.split('/').collect();
        let plain = parts.iter().take_while(|part| !is_glob(part)).count();
        let folders = plain.min(parts.len() - 1);
        // a link to a folder is uploaded as a link
        let are_folders =
            (1..=folders).all(|end| self.is_folder(&parts[..end].join("/")) == Some(true));
        // only these match a `/`
        let depth = match pattern.contains(['[', '{']) || pattern.contains("**") {
            true => usize::MAX,
            false => parts.len() - folders,
        };
        let mut found = Vec::new();
        if are_folders {
            self.collect(&parts[..folders].join("/"), depth, &mut found);
        }
        found
    }

    fn collect(&self, folder: &str, depth: usize, found: &mut Vec<(String, FileType)>) {
        for (name, kind) in self.entries(folder) {
            let path = match folder {
                "" => name,
                _ => format!("{folder}/{name}"),
            };
            match kind.is_dir() {
                _ if !self.is_uploaded(&path, kind.is_dir()) => {}
                true if depth > 1 => self.collect(&path, depth - 1, found),
                true => {}
                false => found.push((path, kind)),
            }
        }
    }

    /// What is in a folder, sorted by name.
    fn entries(&self, folder: &str) -> Vec<(String, FileType)> {
        let entries = fs::read_dir(self.root.join(folder));
        let entries = entries.into_iter().flatten().flatten();
        let named = entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some((name, entry.file_type().ok()?))
        });
        let mut named: Vec<_> = named.collect();
        named.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        named
    }

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
        self.entries(folder).into_iter().find_map(|(name, kind)| {
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
