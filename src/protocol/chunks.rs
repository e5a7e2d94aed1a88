//! Cuts contents into chunks at places that depend on the bytes (FastCDC). An edit changes only the chunks it touches, even
//! if the others move. Both halves cut in the same way, so only the new chunks of a changed file are sent.

use super::Digest;
use fastcdc::v2020::StreamCDC;
use serde::{Deserialize, Serialize};
use std::io::{self, BufReader, Read};

/// A shorter file is sent as a whole.
pub const WORTH_CUTTING: u64 = 2048;
/// Limits of the average, in bytes.
const SHORTEST: u64 = 512;
const LONGEST: u64 = 1 << 20;
const BUFFER: usize = 128 << 10;

/// Identifies a chunk within one file. If two chunks have the same digest, the file does not get its own digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChunkDigest([u8; 8]);

/// A part of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Where it begins, in bytes.
    pub offset: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Chunk {
    /// Its digest.
    #[must_use]
    pub fn digest(&self) -> ChunkDigest {
        let Digest(whole) = Digest::of(&self.bytes);
        ChunkDigest(std::array::from_fn(|i| whole[i]))
    }
}

/// The chunks of `content`, comparable with those of a file of `size` bytes.
///
/// # Errors
/// Those of reading.
pub fn cut(content: impl Read, size: u64) -> impl Iterator<Item = io::Result<Chunk>> {
    let average = average(size);
    StreamCDC::new(
        BufReader::with_capacity(BUFFER, content),
        average / 4,
        average,
        average * 4,
    )
    .map(|chunk| {
        let chunk = chunk.map_err(io::Error::from)?;
        Ok(Chunk {
            offset: chunk.offset,
            bytes: chunk.data,
        })
    })
}

/// About how many chunks `bytes` are cut into, for a file of `size` bytes.
#[must_use]
pub fn about(bytes: u64, size: u64) -> u64 {
    bytes / average(size) as u64
}

/// The average at which an edit costs least: the digests of all chunks plus one new chunk.
fn average(size: u64) -> usize {
    let best = size
        .saturating_mul(8)
        .isqrt()
        .clamp(SHORTEST, LONGEST)
        .next_power_of_two();
    usize::try_from(best).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    /// Bytes without a pattern, the same in every run.
    fn noise(count: u32) -> Vec<u8> {
        (0..count)
            .flat_map(|i| Digest::of(&i.to_le_bytes()).0)
            .collect()
    }

    fn chunks(content: &[u8], size: u64) -> Vec<Chunk> {
        cut(content, size).map(Result::unwrap).collect()
    }

    #[test]
    fn an_edit_changes_only_the_chunks_it_touches() {
        for length in [12_000, 1_000_000] {
            let old = noise(length / 32);
            let size = old.len() as u64;
            let known: HashSet<_> = chunks(&old, size).iter().map(Chunk::digest).collect();
            let edited = [
                &old[..old.len() / 2],
                b"a line more\n",
                &old[old.len() / 2..],
            ]
            .concat();
            let new: usize = chunks(&edited, size)
                .iter()
                .filter(|it| !known.contains(&it.digest()))
                .map(|it| it.bytes.len())
                .sum();
            assert!(new > 0 && new < 8 * average(size), "{new} of {length}");
            assert!(
                known.len() * 8 < old.len() / 40,
                "{} digests for {length}",
                known.len()
            );
        }
    }

    #[test]
    fn the_average_stays_within_what_the_crate_can_do_and_memory_can_hold() {
        let sizes = [
            0,
            WORTH_CUTTING,
            12_000,
            1 << 20,
            100 << 20,
            10 << 30,
            u64::MAX,
        ];
        assert_eq!(
            sizes.map(average),
            [512, 512, 512, 4096, 32 << 10, 512 << 10, 1 << 20]
        );
    }

    #[test]
    fn a_reader_that_fails_is_an_error() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("no more"))
            }
        }
        let mut all = cut(Fails, 10_000);
        assert_eq!(all.next().unwrap().unwrap_err().to_string(), "no more");
    }

    proptest! {
        #[test]
        fn the_chunks_are_the_content(content in proptest::collection::vec(any::<u8>(), 0..9000), size in 0_u64..100_000) {
            let all = chunks(&content, size);
            let mut offset = 0;
            for chunk in &all {
                prop_assert_eq!(chunk.offset, offset);
                prop_assert!(!chunk.bytes.is_empty());
                offset += chunk.bytes.len() as u64;
            }
            prop_assert_eq!(all.into_iter().flat_map(|chunk| chunk.bytes).collect::<Vec<_>>(), content);
        }
    }
}
