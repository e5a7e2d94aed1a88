//! A tree that is deployed.

use deploy_action::protocol::chunks::cut;
use deploy_action::protocol::{
    root_of, Digest, EntryKind, KnownFile, ShortDigest, ToServer, TreeEntry,
};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Smaller than the wire allows, so that files have several pieces.
const PIECE: usize = 5000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Folder,
    File(u32, Vec<u8>),
    Link(Vec<u8>),
}

/// The first line of its file `name` tells which it is, that of `behaviour` what the stub's unit does with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct App {
    pub(crate) name: String,
    nodes: BTreeMap<Vec<u8>, Node>,
}

impl App {
    pub(crate) fn new(name: &str, behaviour: &str) -> Self {
        Self::empty(name)
            .with("name", Node::File(0o644, format!("{name}\n").into_bytes()))
            .with(
                "behaviour",
                Node::File(0o644, format!("{behaviour}\n").into_bytes()),
            )
            .with("src", Node::Folder)
            .with(
                "src/main.py",
                Node::File(0o644, b"the same in every release\n".repeat(900)),
            )
            .with("src/empty", Node::File(0o600, Vec::new()))
            .with("src/run", Node::File(0o755, b"#!/bin/sh\n".to_vec()))
            .with("src/link", Node::Link(b"../elsewhere".to_vec()))
    }

    pub(crate) fn empty(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            nodes: BTreeMap::new(),
        }
    }

    pub(crate) fn good(name: &str) -> Self {
        Self::new(name, "healthy")
    }

    pub(crate) fn with(mut self, path: impl AsRef<[u8]>, node: Node) -> Self {
        self.nodes.insert(path.as_ref().to_vec(), node);
        self
    }

    /// Files that are not empty: those whose contents travel.
    pub(crate) fn contents(&self) -> u32 {
        let full = |node: &&Node| matches!(node, Node::File(_, content) if !content.is_empty());
        u32::try_from(self.nodes.values().filter(full).count()).unwrap()
    }

    pub(crate) fn entries(&self) -> Vec<TreeEntry> {
        let kind = |node: &Node| match node {
            Node::Folder => EntryKind::Folder { mode: 0o755 },
            Node::File(mode, content) => EntryKind::File {
                mode: *mode,
                size: content.len() as u64,
                digest: ShortDigest::of(content),
            },
            Node::Link(to) => EntryKind::Link { to: to.clone() },
        };
        self.nodes
            .iter()
            .map(|(path, node)| TreeEntry {
                path: path.clone(),
                kind: kind(node),
            })
            .collect()
    }

    /// The digest of the whole.
    pub(crate) fn root(&self) -> Digest {
        let digest = |node: &Node| match node {
            Node::File(_, content) => Digest::of(content),
            Node::Folder | Node::Link(_) => Digest::of(b""),
        };
        root_of(
            &self.entries(),
            &self.nodes.values().map(digest).collect::<Vec<_>>(),
        )
    }

    /// The content of an entry, of which the server knows some chunks.
    pub(crate) fn changes(&self, known: &KnownFile) -> Vec<ToServer> {
        let entry = known.entry;
        let Some(Node::File(_, content)) = self.nodes.values().nth(entry as usize) else {
            panic!("{known:?}")
        };
        let piece = |chunk: deploy_action::protocol::chunks::Chunk| match known
            .chunks
            .iter()
            .position(|known| *known == chunk.digest())
        {
            Some(first) => ToServer::Known {
                entry,
                first: u32::try_from(first).unwrap(),
                count: 1,
            },
            None => ToServer::Content {
                entry,
                bytes: chunk.bytes,
            },
        };
        cut(content.as_slice(), content.len() as u64)
            .map(|chunk| piece(chunk.unwrap()))
            .collect()
    }

    /// The contents of the entries `range`, in pieces.
    pub(crate) fn pieces(&self, range: std::ops::Range<u32>) -> Vec<ToServer> {
        let mut all = Vec::new();
        for (index, node) in (0..).zip(self.nodes.values()) {
            if let (true, Node::File(_, content)) = (range.contains(&index), node) {
                all.extend(content.chunks(PIECE).map(|bytes| ToServer::Content {
                    entry: index,
                    bytes: bytes.to_vec(),
                }));
            }
        }
        all
    }

    /// Writes it as another tool, or a hand, would have.
    pub(crate) fn write(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        for (path, node) in &self.nodes {
            let path = folder.join(OsStr::from_bytes(path));
            match node {
                Node::Folder => fs::create_dir(path).unwrap(),
                Node::File(mode, content) => {
                    fs::write(&path, content).unwrap();
                    fs::set_permissions(path, fs::Permissions::from_mode(*mode)).unwrap();
                }
                Node::Link(to) => std::os::unix::fs::symlink(OsStr::from_bytes(to), path).unwrap(),
            }
        }
    }

    /// What in `folder` is not as it was sent; what install added is fine.
    pub(crate) fn differences(&self, folder: &Path) -> Vec<String> {
        let differs = |(path, node): (&Vec<u8>, &Node)| {
            let path = folder.join(OsStr::from_bytes(path));
            (!is_as_sent(&path, node)).then(|| path.display().to_string())
        };
        self.nodes.iter().filter_map(differs).collect()
    }
}

fn is_as_sent(path: &Path, node: &Node) -> bool {
    let Ok(found) = fs::symlink_metadata(path) else {
        return false;
    };
    let mode = found.permissions().mode() & 0o7777;
    match node {
        // a setgid folder hands its group down
        Node::Folder => found.is_dir() && mode & 0o5777 == 0o755,
        Node::File(meant, content) => {
            found.is_file() && mode == *meant && fs::read(path).unwrap() == *content
        }
        Node::Link(to) => {
            found.is_symlink()
                && fs::read_link(path).unwrap().as_os_str().as_bytes() == to.as_slice()
        }
    }
}
