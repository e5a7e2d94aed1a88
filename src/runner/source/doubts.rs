//! What is odd about a source: looked for before the upload, reported, and deployed all the same.

use crate::protocol::{EntryKind, SourceDoubt, SourceDoubtKind, TreeEntry};
use ignore::gitignore::Gitignore;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What decides which oddities matter.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Purpose {
    /// Nothing is restarted: a web server serves the files.
    pub(crate) is_static: bool,
    /// The run was started from someone's computer.
    pub(crate) by_hand: bool,
    /// The release gets an `.env` of its own.
    pub(crate) has_env_file: bool,
}

/// <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>: the first line of a pointer, and its size in practice.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
const SIZE_OF_POINTER: RangeInclusive<u64> = 100..=300;
/// The longest `.gitmodules` that is read.
const LONGEST: u64 = 1 << 16;
/// More links than that are a circle.
const MOST_LINKS: usize = 40;
/// Where programs and libraries are; Python's own environments link there.
const OF_SYSTEM: [&str; 5] = ["/usr/", "/bin/", "/lib/", "/lib64/", "/dev/null"];

/// Whether an entry is odd in one way.
type IsOdd<'a> = &'a dyn Fn(&&TreeEntry) -> bool;

/// Everything that is odd about these entries of a source, in their order.
pub(super) fn doubts(source: &Path, entries: &[TreeEntry], purpose: Purpose) -> Vec<SourceDoubt> {
    let mut links: BTreeMap<&[u8], &[u8]> = BTreeMap::new();
    links.extend(entries.iter().filter_map(link));
    let leads_out = |entry: &&TreeEntry| leads_out(&entry.path, &links);
    let is_owners = |entry: &&TreeEntry| purpose.is_static && is_owners(entry);
    let checkout = checkout(source);
    let modules = checkout.as_deref().map(|root| modules(root, source));
    let modules = modules.unwrap_or_default();
    let is_empty_module =
        |entry: &&TreeEntry| modules.contains(&entry.path) && !has_children(entries, &entry.path);
    let root = checkout.as_deref().filter(|_| purpose.by_hand);
    let is_ignored = |entry: &&TreeEntry| {
        let replaced = purpose.has_env_file && entry.path == b".env";
        is_env(entry)
            && !replaced
            && root.is_some_and(|root| git_ignores(root, source, &entry.path))
    };
    let kinds: [(SourceDoubtKind, IsOdd<'_>); 5] = [
        (SourceDoubtKind::LinksOut, &leads_out),
        (SourceDoubtKind::LargeFiles, &|entry| {
            is_pointer(source, entry)
        }),
        (SourceDoubtKind::Submodules, &is_empty_module),
        (SourceDoubtKind::OwnerOnly, &is_owners),
        (SourceDoubtKind::IgnoredEnv, &is_ignored),
    ];
    let found = kinds.into_iter().map(|(kind, is_odd)| SourceDoubt {
        kind,
        paths: entries
            .iter()
            .filter(|entry| is_odd(entry))
            .map(|entry| entry.path.clone())
            .collect(),
    });
    found.filter(|doubt| !doubt.paths.is_empty()).collect()
}

fn link(entry: &TreeEntry) -> Option<(&[u8], &[u8])> {
    match &entry.kind {
        EntryKind::Link { to } => Some((&entry.path, to)),
        EntryKind::File { .. } | EntryKind::Folder { .. } => None,
    }
}

/// Whether this link leads out of the release, also by way of others. What is shared stands beside the releases.
fn leads_out(path: &[u8], links: &BTreeMap<&[u8], &[u8]>) -> bool {
    if !links.contains_key(path) {
        return false;
    }
    let mut rest: Vec<&[u8]> = path.split(|byte| *byte == b'/').rev().collect();
    let mut at: Vec<&[u8]> = Vec::new();
    let mut followed = 0;
    while let Some(part) = rest.pop() {
        match part {
            b"" | b"." => continue,
            b".." if at.is_empty() => return !leads_to_shared(&rest),
            b".." => {
                at.pop();
                continue;
            }
            _ => at.push(part),
        }
        let Some(to) = links.get(at.join(&b'/').as_slice()) else {
            continue;
        };
        followed += 1;
        if followed > MOST_LINKS {
            return false;
        }
        if to.starts_with(b"/") {
            return !OF_SYSTEM.iter().any(|it| to.starts_with(it.as_bytes()));
        }
        at.pop();
        rest.extend(to.split(|byte| *byte == b'/').rev());
    }
    false
}

/// Whether what follows the first `..` out of the release leads to `shared` in the target.
fn leads_to_shared(rest: &[&[u8]]) -> bool {
    let mut rest = rest
        .iter()
        .rev()
        .filter(|part| ![b"".as_slice(), b"."].contains(*part));
    rest.next() == Some(&b"..".as_slice())
        && rest.next() == Some(&b"shared".as_slice())
        && !rest.any(|part| *part == b"..")
}

/// Whether nobody but the owner may read the file, or enter the folder.
fn is_owners(entry: &TreeEntry) -> bool {
    match entry.kind {
        EntryKind::File { mode, .. } => mode & 0o044 == 0,
        EntryKind::Folder { mode } => mode & 0o011 == 0,
        EntryKind::Link { .. } => false,
    }
}

fn is_pointer(source: &Path, entry: &TreeEntry) -> bool {
    let is_small =
        matches!(&entry.kind, EntryKind::File { size, .. } if SIZE_OF_POINTER.contains(size));
    is_small && {
        let mut begin = Vec::new();
        let file = File::open(source.join(OsStr::from_bytes(&entry.path)));
        let read = file.and_then(|file| file.take(POINTER.len() as u64).read_to_end(&mut begin));
        read.is_ok() && begin == POINTER
    }
}

/// The checkout that the source is, or lies in.
fn checkout(source: &Path) -> Option<PathBuf> {
    let has_git = |folder: &&Path| fs::symlink_metadata(folder.join(".git")).is_ok();
    source.ancestors().find(has_git).map(Path::to_owned)
}

/// The paths of submodules, below the source.
fn modules(root: &Path, source: &Path) -> Vec<Vec<u8>> {
    let mut text = String::new();
    let file = File::open(root.join(".gitmodules"));
    if file
        .and_then(|file| file.take(LONGEST).read_to_string(&mut text))
        .is_err()
    {
        return Vec::new();
    }
    let paths = text.lines().filter_map(|line| {
        let (name, path) = line.split_once('=')?;
        let path = root.join(path.trim().trim_matches('"'));
        let below = path.strip_prefix(source).ok()?;
        (name.trim() == "path").then(|| below.as_os_str().as_bytes().to_vec())
    });
    paths.collect()
}

/// The entries are sorted, so the first one below a folder is near it.
fn has_children(entries: &[TreeEntry], folder: &[u8]) -> bool {
    let below = [folder, b"/"].concat();
    let at = entries.partition_point(|entry| entry.path < below);
    entries
        .get(at)
        .is_some_and(|entry| entry.path.starts_with(&below))
}

/// `.env` and `.env.local`, but not an example.
fn is_env(entry: &TreeEntry) -> bool {
    let name = entry
        .path
        .rsplit(|byte| *byte == b'/')
        .next()
        .unwrap_or_default();
    let examples = [b".example".as_slice(), b".sample", b".template", b".dist"];
    let is_file = matches!(entry.kind, EntryKind::File { .. });
    is_file
        && (name == b".env" || name.starts_with(b".env."))
        && !examples.iter().any(|end| name.ends_with(end))
}

/// Whether the ignore files between the checkout and the file name it.
fn git_ignores(root: &Path, source: &Path, path: &[u8]) -> bool {
    let file = source.join(OsStr::from_bytes(path));
    let folders = file
        .ancestors()
        .skip(1)
        .take_while(|folder| folder.starts_with(root));
    let lists = folders.map(|folder| folder.join(".gitignore"));
    for list in lists.chain([root.join(".git/info/exclude")]) {
        let (list, _) = match list.ends_with("info/exclude") {
            true => exclude_of(root, &list),
            false => Gitignore::new(&list),
        };
        let found = list.matched_path_or_any_parents(&file, false);
        if !found.is_none() {
            return found.is_ignore();
        }
    }
    let (global, _) = Gitignore::global();
    file.strip_prefix(root)
        .is_ok_and(|below| global.matched_path_or_any_parents(below, false).is_ignore())
}

/// Its patterns begin at the checkout, not beside it.
fn exclude_of(root: &Path, list: &Path) -> (Gitignore, Option<ignore::Error>) {
    let mut builder = ignore::gitignore::GitignoreBuilder::new(root);
    let error = builder.add(list);
    builder.build().map_or_else(
        |error| (Gitignore::empty(), Some(error)),
        |list| (list, error),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::source::{UnhashedTree, UploadRules};
    use std::os::unix::fs::{symlink, PermissionsExt};
    use std::sync::atomic::AtomicBool;
    use tempfile::TempDir;

    fn source(files: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        }
        folder
    }

    fn found(source: &Path, purpose: Purpose) -> Vec<String> {
        let rules = UploadRules::default();
        let tree = UnhashedTree::list(source, &rules, &AtomicBool::new(false)).unwrap();
        let all = doubts(source, tree.entries(), purpose);
        all.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_that_lead_out_of_the_release_are_named() {
        let folder = source(&[("a/b/file", "x"), ("z/file", "x")]);
        let link = |to: &str, name: &str| symlink(to, folder.path().join(name)).unwrap();
        for (to, name) in [
            ("a/b", "inside"),
            ("./a/../a/b/file", "inside2"),
            ("b/../../z", "a/inside3"),
            ("missing", "dangling"),
            ("circle2", "circle"),
            ("circle", "circle2"),
            ("/usr/bin/python3", "python"),
            ("../../shared/uploads", "uploads"),
            ("../../../shared/config", "a/config"),
        ] {
            link(to, name);
        }
        assert_eq!(found(folder.path(), Purpose::default()), [""; 0]);
        for (to, name) in [
            ("/etc", "out1"),
            ("..", "out2"),
            ("../../../../etc/passwd", "a/out3"),
            ("out1/passwd", "out4"),
            // by text it is inside, but `d` is higher than it looks
            ("../../z", "a/b/d"),
            ("a/b/d/../../x", "out5"),
            ("../../shared/../../x", "out6"),
        ] {
            link(to, name);
        }
        assert_eq!(found(folder.path(), Purpose::default()), [
            "6 links in the source point outside the release, to other files on the server: a/out3, out1, out2 and 3 more. If the files are \
             part of the app, copy them; otherwise name the link in the input exclude"
        ]);
    }

    #[test]
    fn pointers_of_lfs_and_empty_submodules_are_named() {
        let pointer = format!(
            "{}oid sha256:{}\nsize 12345\n",
            String::from_utf8_lossy(POINTER),
            "a".repeat(64)
        );
        let folder = source(&[
            ("app/logo.png", &pointer),
            ("app/text", &"version https://git-lfs".repeat(5)),
            ("app/full/file", "x"),
            (".gitmodules", "[submodule \"a\"]\n\tpath = app/lib\n\turl = x\n[submodule \"b\"]\n  path=app/full\n[submodule \"c\"]\n\tpath = other\n"),
        ]);
        fs::create_dir_all(folder.path().join("app/lib")).unwrap();
        fs::create_dir_all(folder.path().join("app/empty")).unwrap();
        fs::create_dir(folder.path().join(".git")).unwrap();
        let expected = [
            "1 file in the source is a pointer of Git LFS, without the content: logo.png. Give actions/checkout `lfs: true`, or run `git \
             lfs pull`",
            "1 submodule in the source is empty: lib. Give actions/checkout `submodules: true`, or run `git submodule update --init`",
        ];
        assert_eq!(
            found(&folder.path().join("app"), Purpose::default()),
            expected
        );
    }

    #[test]
    fn files_that_a_web_server_cannot_read_are_named_only_for_a_static_site() {
        let folder = source(&[("index.html", "x"), ("css/a.css", "x"), ("by-group", "x")]);
        let mode = |name: &str, mode| {
            let permissions = fs::Permissions::from_mode(mode);
            fs::set_permissions(folder.path().join(name), permissions).unwrap();
        };
        let site = Purpose {
            is_static: true,
            ..Purpose::default()
        };
        mode("css", 0o755);
        mode("by-group", 0o640);
        assert_eq!(found(folder.path(), site), [""; 0]);
        mode("index.html", 0o600);
        mode("css", 0o700);
        assert_eq!(found(folder.path(), Purpose::default()), [""; 0]);
        let found = found(folder.path(), site).concat();
        assert!(
            found.starts_with("2 files of this static site can be read only by the deploy user"),
            "{found}"
        );
        assert!(found.contains("css, index.html"), "{found}");
    }

    #[test]
    fn an_env_file_that_git_ignores_is_named_by_hand() {
        let files = [
            ("app/.env", "x"),
            ("app/.env.local", "x"),
            ("app/.env.example", "x"),
            ("app/web/.env", "x"),
            ("app/web/.gitignore", "!.env\n"),
            (".gitignore", ".env*\n"),
        ];
        let folder = source(&files);
        let app = folder.path().join("app");
        let by_hand = Purpose {
            by_hand: true,
            ..Purpose::default()
        };
        assert_eq!(found(&app, by_hand), [""; 0], "no checkout");
        fs::create_dir(folder.path().join(".git")).unwrap();
        assert_eq!(found(&app, Purpose::default()), [""; 0], "in a job");
        let all = found(&app, by_hand).concat();
        assert!(
            all.starts_with("2 files that git ignores are uploaded: .env, .env.local. "),
            "{all}"
        );
        let own = Purpose {
            has_env_file: true,
            ..by_hand
        };
        let all = found(&app, own).concat();
        assert!(
            all.starts_with("1 file that git ignores is uploaded: .env.local. "),
            "{all}"
        );
    }
}
