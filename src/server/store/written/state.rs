//! The state of a release after its install, in a file of its own: a sorted array of hashes, one for each file.

use super::walk::Seen;
use crate::server::store::durable;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The start of the file, with the version of its format.
const MAGIC: &[u8; 7] = b"state-1";
const KEY: usize = 8;

/// Files and their states.
pub(super) struct Keys {
    /// Sorted.
    keys: Vec<u64>,
    /// The folders that install commands make are among them.
    pub(super) with_installed: bool,
}

/// Stands for a file as it is, or for a folder that cannot be read.
pub(super) fn key(path: &Path, seen: &Seen<'_>) -> u64 {
    let state = |found: &Metadata| {
        [
            found.size(),
            found.mtime().cast_unsigned(),
            found.mtime_nsec().cast_unsigned(),
        ]
    };
    let state = match seen {
        Seen::File(found) => state(found),
        Seen::Unreadable => [u64::MAX; 3],
    };
    let numbers = state.iter().flat_map(|number| number.to_le_bytes());
    let bytes = path
        .as_os_str()
        .as_bytes()
        .iter()
        .copied()
        .chain([0])
        .chain(numbers);
    // FNV-1a, 64 bits: the same in every version
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Keys {
    pub(super) fn has(&self, key: u64) -> bool {
        self.keys.binary_search(&key).is_ok()
    }

    /// A power loss may leave a part of it, which is none.
    pub(super) fn write(path: &Path, mut keys: Vec<u64>, with_installed: bool) -> io::Result<()> {
        keys.sort_unstable();
        let mut bytes = MAGIC.to_vec();
        bytes.push(u8::from(with_installed));
        bytes.extend((keys.len() as u64).to_le_bytes());
        bytes.extend(keys.iter().flat_map(|key| key.to_le_bytes()));
        durable::write_briefly(path, &bytes)
    }

    /// `None` if it was not recorded, or in another format.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let bytes = fs::read(path).ok()?;
        let rest = bytes.strip_prefix(MAGIC)?;
        let (with_installed, rest) = rest.split_first()?;
        let (count, keys) = rest.split_at_checked(KEY)?;
        let number = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).ok();
        let keys: Vec<u64> = keys.chunks(KEY).map(number).collect::<Option<_>>()?;
        (number(count)? == keys.len() as u64).then_some(Self {
            keys,
            with_installed: *with_installed == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_only_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.state");
        Keys::write(&path, vec![7, 3, u64::MAX], true).unwrap();
        let keys = Keys::read(&path).unwrap();
        assert!(keys.with_installed && keys.has(3) && keys.has(u64::MAX) && !keys.has(4));
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(Keys::read(&path).is_none(), "{length}");
        }
        fs::write(&path, vec![0; whole.len()]).unwrap();
        assert!(Keys::read(&path).is_none());
    }
}
