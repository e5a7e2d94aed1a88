//! The chunks that the server has of a missing file: from an earlier version, or from an interrupted upload. The runner
//! half names those that fit and sends only the others. The complete file is hashed like any other.

use crate::protocol::chunks::{cut, ChunkDigest};
use crate::protocol::Reason;
use crate::server::limits::Limits;
use rustix::fs::OFlags;
use std::fs::File;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How many chunks are cut or read between two checks of the limits.
pub(super) const BETWEEN_CHECKS: usize = 64;

/// The chunks of some files, as if they were one.
pub(super) struct KnownChunks {
    files: Vec<PathBuf>,
    locations: Vec<ChunkLocation>,
    digests: Vec<ChunkDigest>,
}

/// Opens a regular file and returns its size. Links are not followed, and pipes, which could block, are not opened.
pub(super) fn open(path: &Path) -> Option<(File, u64)> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::options()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .ok()?;
    let found = file.metadata().ok()?;
    found.is_file().then_some((file, found.len()))
}

/// Where a chunk is stored.
#[derive(Clone, Copy)]
struct ChunkLocation {
    /// Index of the file.
    file: usize,
    offset: u64,
    length: usize,
}

impl KnownChunks {
    /// The chunks of `files`, for a file of `size` bytes; `None` if there are none, or more than `max`. Files that cannot be
    /// read are skipped.
    pub(super) fn of(
        files: Vec<PathBuf>,
        size: u64,
        max: usize,
        limits: &Limits,
    ) -> Result<Option<Self>, Reason> {
        let mut known = Self {
            files,
            locations: Vec::new(),
            digests: Vec::new(),
        };
        for index in 0..known.files.len() {
            let Some((file, _)) = open(&known.files[index]) else {
                continue;
            };
            for chunk in cut(file, size).map_while(Result::ok) {
                if known.locations.len() == max {
                    return Ok(None);
                }
                if known.locations.len().is_multiple_of(BETWEEN_CHECKS) {
                    limits.check()?;
                }
                known.digests.push(chunk.digest());
                known.locations.push(ChunkLocation {
                    file: index,
                    offset: chunk.offset,
                    length: chunk.bytes.len(),
                });
            }
        }
        Ok((!known.locations.is_empty()).then_some(known))
    }

    /// Their digests for the runner half. They are sent once, so a second call returns none.
    pub(super) fn take_digests(&mut self) -> Vec<ChunkDigest> {
        std::mem::take(&mut self.digests)
    }

    /// The number of chunks.
    pub(super) fn count(&self) -> usize {
        self.locations.len()
    }

    /// Opens the files for reading.
    pub(super) fn open(self) -> OpenChunks {
        let file = |path: &PathBuf| open(path).map(|(file, _)| file);
        OpenChunks {
            files: self.files.iter().map(file).collect(),
            locations: self.locations,
        }
    }
}

/// Chunks that can be read.
pub(super) struct OpenChunks {
    files: Vec<Option<File>>,
    locations: Vec<ChunkLocation>,
}

impl OpenChunks {
    /// The bytes of the chunk at `index`; `None` if there is no such chunk. If the file has changed since, they are wrong,
    /// which the digest of the complete file shows.
    pub(super) fn read(&self, index: usize) -> Option<Vec<u8>> {
        let location = self.locations.get(index)?;
        let mut bytes = vec![0; location.length];
        if let Some(file) = &self.files[location.file] {
            // bytes that cannot be read stay 0
            let _unread = file.read_exact_at(&mut bytes, location.offset);
        }
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::sync::atomic::AtomicBool;
    use std::sync::Arc;
    use std::time::Duration;

    fn limits() -> Limits {
        Limits::new(Arc::new(AtomicBool::new(false)), Duration::MAX)
    }

    /// Two files, and beside them a link and a missing one.
    fn files(folder: &Path) -> [PathBuf; 4] {
        let [one, two, link, missing] = ["1", "2", "link", "missing"].map(|name| folder.join(name));
        fs::write(&one, vec![b'1'; 3000]).unwrap();
        fs::write(&two, vec![b'2'; 5000]).unwrap();
        std::os::unix::fs::symlink(&one, &link).unwrap();
        [one, link, missing, two]
    }

    fn known(files: &[PathBuf], max: usize) -> Option<KnownChunks> {
        KnownChunks::of(files.to_vec(), 8000, max, &limits()).unwrap()
    }

    #[test]
    fn chunks_of_several_files_are_numbered_through() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let mut chunks = known(&files, 100).unwrap();
        let count = chunks.count();
        assert_eq!(
            (chunks.take_digests().len(), chunks.take_digests().len()),
            (count, 0)
        );
        assert!(known(&files, count).is_some());
        assert!(known(&files, count - 1).is_none(), "too many");
    }

    #[test]
    fn chunks_are_read_from_where_they_are_stored() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        let chunks = known(&files, 100).unwrap();
        let count = chunks.count();
        let open = chunks.open();
        let all: Vec<u8> = (0..count)
            .flat_map(|index| open.read(index).unwrap())
            .collect();
        assert_eq!(all, [vec![b'1'; 3000], vec![b'2'; 5000]].concat());
        assert!(open.read(count).is_none());
        fs::write(&files[3], "short").unwrap();
        assert!(
            open.read(count - 1).unwrap().iter().all(|byte| *byte == 0),
            "the digest of the complete file will show it"
        );
    }

    #[test]
    fn a_link_is_not_followed_and_a_pipe_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let [_, link, ..] = files(folder.path());
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success());
        assert!(known(&[link, pipe], 100).is_none());
    }
}
