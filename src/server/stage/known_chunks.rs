//! What the server has of a file that it lacks: the chunks of an earlier version, or of what an upload that was cut short
//! left. The runner half names those that it wants, so that only the others travel; the whole is hashed like any other.

use crate::protocol::chunks::{cut, ChunkDigest};
use crate::protocol::Reason;
use crate::server::limits::Limits;
use rustix::fs::OFlags;
use std::fs::File;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Chunks that are cut or read before somebody looks whether to go on.
pub(in crate::server) const BETWEEN_CHECKS: usize = 64;

/// The chunks of some files, as if they were one.
pub(in crate::server) struct KnownChunks {
    files: Vec<PathBuf>,
    places: Vec<Place>,
    digests: Vec<ChunkDigest>,
}

/// A regular file and its size: never through a link, never a pipe that would block.
pub(in crate::server) fn open(path: &Path) -> Option<(File, u64)> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = File::options()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .ok()?;
    let found = file.metadata().ok()?;
    found.is_file().then_some((file, found.len()))
}

/// Where a chunk lies.
#[derive(Clone, Copy)]
struct Place {
    /// Index in the files.
    file: usize,
    offset: u64,
    length: usize,
}

impl KnownChunks {
    /// Those of `files`, for a file that is to be `size` bytes long; `None` where there are none, or more than `most`. What
    /// can't be read is as good as not there.
    pub(in crate::server) fn of(
        files: Vec<PathBuf>,
        size: u64,
        most: usize,
        limits: &Limits,
    ) -> Result<Option<Self>, Reason> {
        let mut known = Self {
            files,
            places: Vec::new(),
            digests: Vec::new(),
        };
        for index in 0..known.files.len() {
            let Some((file, _)) = open(&known.files[index]) else {
                continue;
            };
            for chunk in cut(file, size).map_while(Result::ok) {
                if known.places.len() == most {
                    return Ok(None);
                }
                if known.places.len().is_multiple_of(BETWEEN_CHECKS) {
                    limits.check()?;
                }
                known.digests.push(chunk.digest());
                known.places.push(Place {
                    file: index,
                    offset: chunk.offset,
                    length: chunk.bytes.len(),
                });
            }
        }
        Ok((!known.places.is_empty()).then_some(known))
    }

    /// To be told to the runner half, once.
    pub(in crate::server) fn take_digests(&mut self) -> Vec<ChunkDigest> {
        std::mem::take(&mut self.digests)
    }

    /// How many there are.
    pub(in crate::server) fn count(&self) -> usize {
        self.places.len()
    }

    pub(in crate::server) fn open(self) -> Open {
        let file = |path: &PathBuf| open(path).map(|(file, _)| file);
        Open {
            files: self.files.iter().map(file).collect(),
            places: self.places,
        }
    }
}

/// Chunks that can be read.
pub(in crate::server) struct Open {
    files: Vec<Option<File>>,
    places: Vec<Place>,
}

impl Open {
    /// The bytes of the chunk at `index`, where it is still as long as it was: whether it is the same, the whole tells.
    /// `None` where there is no such chunk.
    pub(in crate::server) fn read(&self, index: usize) -> Option<Vec<u8>> {
        let place = self.places.get(index)?;
        let mut bytes = vec![0; place.length];
        if let Some(file) = &self.files[place.file] {
            // what can't be read stays 0, and is found out
            let _unread = file.read_exact_at(&mut bytes, place.offset);
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

    #[test]
    fn chunks_of_several_files_are_numbered_through_and_read_from_where_they_lie() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = [b'1', b'2'].map(|byte| folder.path().join(char::from(byte).to_string()));
        fs::write(&one, vec![b'1'; 3000]).unwrap();
        fs::write(&two, vec![b'2'; 5000]).unwrap();
        std::os::unix::fs::symlink(&one, folder.path().join("link")).unwrap();
        let limits = Limits::new(Arc::new(AtomicBool::new(false)), Duration::MAX);
        let link = folder.path().join("link");
        let files = vec![
            one,
            link.clone(),
            folder.path().join("missing"),
            two.clone(),
        ];
        let mut known = KnownChunks::of(files.clone(), 8000, 100, &limits)
            .unwrap()
            .unwrap();
        let count = known.count();
        assert_eq!(
            (known.take_digests().len(), known.take_digests().len()),
            (count, 0)
        );
        assert!(KnownChunks::of(files.clone(), 8000, count, &limits)
            .unwrap()
            .is_some());
        assert!(
            KnownChunks::of(files, 8000, count - 1, &limits)
                .unwrap()
                .is_none(),
            "too many"
        );
        let open = known.open();
        let all: Vec<u8> = (0..count)
            .flat_map(|index| open.read(index).unwrap())
            .collect();
        assert_eq!(all, [vec![b'1'; 3000], vec![b'2'; 5000]].concat());
        assert!(open.read(count).is_none());
        fs::write(two, "short").unwrap();
        assert!(
            open.read(count - 1).unwrap().iter().all(|byte| *byte == 0),
            "found out by the digest of the whole"
        );
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success());
        let neither = KnownChunks::of(vec![link, pipe], 8000, 100, &limits).unwrap();
        assert!(
            neither.is_none(),
            "a link is not followed, a pipe not waited for"
        );
    }
}
