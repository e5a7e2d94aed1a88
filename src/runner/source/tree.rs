//! The tree to deploy: first listed, then hashed, and read again when it is sent.

use super::content::Content;
use super::doubts::{doubts, Purpose};
use super::error::SourceError;
use super::excludes::UploadRules;
use super::{hashing, walk};
use crate::protocol::{
    root_of, validate, Digest, EntryKind, SourceDoubt, SourceProblem, TreeEntry,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// A tree whose entries are known and can be deployed. Its files have not been read yet.
#[derive(Debug, Clone)]
pub struct UnhashedTree {
    source: PathBuf,
    entries: Vec<TreeEntry>,
}

impl UnhashedTree {
    /// Lists everything below `source` that is not excluded. Links are never followed.
    ///
    /// # Errors
    /// The first entry that cannot be deployed: a socket, device or FIFO, or something unreadable. Also if there are no
    /// files, and [`SourceError::Stopped`] soon after `stop` becomes true.
    pub fn list(
        source: &Path,
        upload_rules: &UploadRules,
        stop: &AtomicBool,
    ) -> Result<Self, SourceError> {
        let mut entries = walk::walk(source, upload_rules, stop)?;
        entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        if !entries
            .iter()
            .any(|entry| !matches!(entry.kind, EntryKind::Folder { .. }))
        {
            return Err(SourceError::at(b"", SourceProblem::NoFiles));
        }
        validate(&entries).map_err(|error| SourceError::at(b"", SourceProblem::Manifest(error)))?;
        Ok(Self {
            source: source.to_owned(),
            entries,
        })
    }

    /// The tree of a run that uploads nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            source: PathBuf::new(),
            entries: Vec::new(),
        }
    }

    /// What is odd about it.
    pub(crate) fn doubts(&self, purpose: Purpose) -> Vec<SourceDoubt> {
        doubts(&self.source, &self.entries, purpose)
    }

    /// In the order of the manifest, without digests.
    #[must_use]
    pub fn entries(&self) -> &[TreeEntry] {
        &self.entries
    }

    /// The size of all files, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.entries.iter().filter_map(size_of).sum()
    }

    /// Reads and hashes all files.
    ///
    /// # Errors
    /// The first file that changes while it is read, or cannot be read; [`SourceError::Stopped`] soon after `stop`
    /// becomes true.
    pub fn hash(self, stop: &AtomicBool) -> Result<Tree, SourceError> {
        let Self {
            source,
            mut entries,
        } = self;
        let digests = hashing::hash(&source, &mut entries, stop)?;
        let root = root_of(&entries, &digests);
        Ok(Tree {
            source,
            entries,
            root,
        })
    }
}

/// A tree as it was when it was hashed.
#[derive(Debug, Clone)]
pub struct Tree {
    source: PathBuf,
    entries: Vec<TreeEntry>,
    root: Digest,
}

impl Tree {
    /// In the order of the manifest.
    #[must_use]
    pub fn entries(&self) -> &[TreeEntry] {
        &self.entries
    }

    /// The digest of the whole tree.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.root
    }

    /// The size of all files, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.entries.iter().filter_map(size_of).sum()
    }

    /// The number of files, without folders and links.
    #[must_use]
    pub fn files(&self) -> u32 {
        u32::try_from(self.entries.iter().filter_map(size_of).count()).unwrap_or(u32::MAX)
    }

    /// The content of the file at `index`; `None` if it is empty or not a file.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn content(&self, index: u32) -> Result<Option<Content<'_>>, SourceError> {
        match self.entries.get(index as usize) {
            Some(TreeEntry {
                path,
                kind: EntryKind::File { size, digest, .. },
            }) if *size > 0 => Content::open(&self.source, path, *size, *digest).map(Some),
            _ => Ok(None),
        }
    }
}

/// The size of a file; `None` for folders and links.
pub(crate) fn size_of(entry: &TreeEntry) -> Option<u64> {
    match entry.kind {
        EntryKind::File { size, .. } => Some(size),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
