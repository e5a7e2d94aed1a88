//! The tree that is to be deployed: walked, then hashed, and read again when its contents are sent.

use super::content::Content;
use super::error::SourceError;
use super::excludes::LeaveOut;
use super::{hashing, walk};
use crate::protocol::{root_of, validate, Digest, Entry, Kind, SourceProblem};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// The names and kinds of a tree, all of which can be deployed; its contents have not been read.
#[derive(Debug, Clone)]
pub struct Walked {
    source: PathBuf,
    entries: Vec<Entry>,
}

impl Walked {
    /// Walks all that is below `source` and not left out. Links are kept as they are, never followed.
    ///
    /// # Errors
    /// The first thing that can't be deployed: a socket, a device, a FIFO, something unreadable, or nothing at all;
    /// [`SourceError::Stopped`] soon after `stop` became true.
    pub fn walk(
        source: &Path,
        leave_out: &LeaveOut,
        stop: &AtomicBool,
    ) -> Result<Self, SourceError> {
        let mut entries = walk::walk(source, leave_out, stop)?;
        entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        if !entries
            .iter()
            .any(|entry| !matches!(entry.kind, Kind::Folder { .. }))
        {
            return Err(SourceError::at(b"", SourceProblem::NoFiles));
        }
        validate(&entries).map_err(|error| SourceError::at(b"", SourceProblem::Manifest(error)))?;
        Ok(Self {
            source: source.to_owned(),
            entries,
        })
    }

    /// What a rollback sends.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            source: PathBuf::new(),
            entries: Vec::new(),
        }
    }

    /// In the order of the manifest, without digests.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.entries.iter().filter_map(size_of).sum()
    }

    /// Reads all contents.
    ///
    /// # Errors
    /// The first file that changes meanwhile or can't be read; [`SourceError::Stopped`] soon after `stop` became true.
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

/// A tree as it was when it was read.
#[derive(Debug, Clone)]
pub struct Tree {
    source: PathBuf,
    entries: Vec<Entry>,
    root: Digest,
}

impl Tree {
    /// In the order of the manifest.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The digest of the whole tree.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.root
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.entries.iter().filter_map(size_of).sum()
    }

    /// Files, without folders and links.
    #[must_use]
    pub fn files(&self) -> u32 {
        u32::try_from(self.entries.iter().filter_map(size_of).count()).unwrap_or(u32::MAX)
    }

    /// The file at `index`, to be read once more; `None` where there is no file, or an empty one.
    ///
    /// # Errors
    /// If it can't be opened any more.
    pub fn content(&self, index: u32) -> Result<Option<Content<'_>>, SourceError> {
        match self.entries.get(index as usize) {
            Some(Entry {
                path,
                kind: Kind::File { size, digest, .. },
            }) if *size > 0 => Content::open(&self.source, path, *size, *digest).map(Some),
            _ => Ok(None),
        }
    }
}

/// The size of a file, `None` for what is no file.
pub(crate) fn size_of(entry: &Entry) -> Option<u64> {
    match entry.kind {
        Kind::File { size, .. } => Some(size),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
