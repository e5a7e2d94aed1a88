//! The manifest: the entries of the tree that is deployed.

use super::{Digest, ShortDigest};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// The most entries a tree may have.
pub const MAX_ENTRIES: usize = 1_000_000;
const MAX_PATH: usize = 4095;
const MAX_NAME: usize = 255;

/// One entry of the tree that is deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeEntry {
    /// Relative to the release's folder; names are bytes, as on Linux, joined by `/`.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    /// A folder.
    Folder {
        /// Permission bits on the server.
        mode: u32,
    },
    /// A regular file.
    File {
        /// Permission bits on the server.
        mode: u32,
        /// Length in bytes.
        size: u64,
        /// Of the content.
        digest: ShortDigest,
    },
    /// A symbolic link, kept as it is.
    Link {
        /// Its text.
        to: Vec<u8>,
    },
}

/// Why a manifest is rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ManifestError {
    /// A path that could leave the release's folder, or is not a path.
    #[error("entry {0} has a path that is not allowed")]
    Path(usize),
    /// Paths must be sorted and unique.
    #[error("entry {0} is out of order")]
    Order(usize),
    /// The parent of an entry is not a folder of the manifest.
    #[error("entry {0} is not in a folder of the tree")]
    Parent(usize),
    /// Bits beyond owner's rwx and the others' rx, or a folder its owner could not use.
    #[error("entry {0} has a mode that is not allowed")]
    Mode(usize),
    /// A link with an unusable text.
    #[error("entry {0} is a link to nothing")]
    Link(usize),
    /// More than [`MAX_ENTRIES`].
    #[error("the tree has more than {MAX_ENTRIES} entries")]
    Entries,
}

/// Checks that creating `entries` in order changes nothing outside the release's folder.
///
/// # Errors
/// The first entry that breaks a rule, by its index.
pub fn validate(entries: &[TreeEntry]) -> Result<(), ManifestError> {
    if entries.len() > MAX_ENTRIES {
        return Err(ManifestError::Entries);
    }
    let mut folders: HashSet<&[u8]> = HashSet::new();
    let mut last: Option<&[u8]> = None;
    for (i, entry) in entries.iter().enumerate() {
        let path = entry.path.as_slice();
        if !path_is_safe(path) {
            return Err(ManifestError::Path(i));
        }
        if last.is_some_and(|last| last >= path) {
            return Err(ManifestError::Order(i));
        }
        if parent(path).is_some_and(|parent| !folders.contains(parent)) {
            return Err(ManifestError::Parent(i));
        }
        kind_is_safe(&entry.kind, i)?;
        if matches!(entry.kind, EntryKind::Folder { .. }) {
            folders.insert(path);
        }
        last = Some(path);
    }
    Ok(())
}

fn kind_is_safe(kind: &EntryKind, i: usize) -> Result<(), ManifestError> {
    match kind {
        EntryKind::Folder { mode } if mode & !0o755 != 0 || mode & 0o700 != 0o700 => {
            Err(ManifestError::Mode(i))
        }
        EntryKind::File { mode, .. } if mode & !0o755 != 0 => Err(ManifestError::Mode(i)),
        EntryKind::Link { to } if to.is_empty() || to.len() > MAX_PATH || to.contains(&0) => {
            Err(ManifestError::Link(i))
        }
        _ => Ok(()),
    }
}

fn path_is_safe(path: &[u8]) -> bool {
    path.len() <= MAX_PATH && path.split(|b| *b == b'/').all(name_is_safe)
}

fn name_is_safe(name: &[u8]) -> bool {
    !name.is_empty()
        && name != b"."
        && name != b".."
        && name.len() <= MAX_NAME
        && !name.contains(&0)
}

fn parent(path: &[u8]) -> Option<&[u8]> {
    path.iter().rposition(|b| *b == b'/').map(|at| &path[..at])
}

/// The digest of a whole tree: of its entries, in order, each with the whole digest of its content. `digests` has one
/// per entry; those of folders and links are ignored.
#[must_use]
pub fn root_of(entries: &[TreeEntry], digests: &[Digest]) -> Digest {
    use sha2::Digest as _;
    let mut hasher = sha2::Sha256::new();
    for (entry, digest) in entries.iter().zip(digests) {
        let content = matches!(entry.kind, EntryKind::File { .. }).then_some(digest);
        // plain data: cannot fail to be encoded
        let bytes = postcard::to_stdvec(&(entry, content)).unwrap_or_default();
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(&bytes);
    }
    Digest::from_hasher(hasher)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> TreeEntry {
        TreeEntry {
            path: path.into(),
            kind: EntryKind::File {
                mode: 0o644,
                size: 0,
                digest: ShortDigest::of(b""),
            },
        }
    }

    fn folder(path: &str) -> TreeEntry {
        TreeEntry {
            path: path.into(),
            kind: EntryKind::Folder { mode: 0o755 },
        }
    }

    fn link(path: &str) -> TreeEntry {
        TreeEntry {
            path: path.into(),
            kind: EntryKind::Link {
                to: b"/etc".to_vec(),
            },
        }
    }

    #[test]
    fn an_ordinary_tree_is_fine() {
        assert_eq!(
            validate(&[
                file("-rf"),
                file(" \n"),
                folder("a"),
                file("a/b"),
                link("z")
            ]),
            Err(ManifestError::Order(1))
        );
        assert_eq!(
            validate(&[
                file(" \n"),
                file("-rf"),
                folder("a"),
                file("a/b"),
                link("z")
            ]),
            Ok(())
        );
    }

    #[test]
    fn no_path_leaves_the_release() {
        for path in [
            "",
            "/etc/passwd",
            "..",
            "../x",
            "a/../b",
            "./a",
            "a//b",
            "a/",
            "a\0b",
            &"n".repeat(256),
        ] {
            let entries = [folder("a"), file(path)];
            assert!(validate(&entries[1..]).is_err(), "{path:?}");
        }
    }

    #[test]
    fn nothing_is_built_through_a_link_or_a_file() {
        assert_eq!(
            validate(&[link("a"), file("a/passwd")]),
            Err(ManifestError::Parent(1))
        );
        assert_eq!(
            validate(&[file("a"), file("a/b")]),
            Err(ManifestError::Parent(1))
        );
        assert_eq!(validate(&[file("a/b")]), Err(ManifestError::Parent(0)));
    }

    #[test]
    fn a_name_comes_once() {
        assert_eq!(
            validate(&[file("a"), link("a")]),
            Err(ManifestError::Order(1))
        );
    }

    #[test]
    fn nobody_else_may_write_and_no_set_id_bits_travel() {
        for mode in [0o4755, 0o664, 0o777, 0o2755, 0o10644] {
            let entry = TreeEntry {
                path: b"a".to_vec(),
                kind: EntryKind::File {
                    mode,
                    size: 0,
                    digest: ShortDigest::of(b""),
                },
            };
            assert_eq!(validate(&[entry]), Err(ManifestError::Mode(0)), "{mode:o}");
        }
    }

    #[test]
    fn the_root_changes_with_every_detail() {
        let root = |entry: TreeEntry, content: &[u8]| root_of(&[entry], &[Digest::of(content)]);
        let base = root(file("a"), b"x");
        assert_ne!(base, root(file("b"), b"x"));
        assert_ne!(base, root(link("a"), b"x"));
        assert_ne!(base, root_of(&[], &[]));
        assert_eq!(base, root(file("a"), b"x"));
        // also where the short digest is the same
        assert_ne!(base, root(file("a"), b"y"));
        assert_eq!(
            root(link("a"), b"x"),
            root(link("a"), b"y"),
            "a link has no content"
        );
    }
}
