//! Computes the digests of all files, in several threads.

use super::content;
use super::error::SourceError;
use crate::protocol::{Digest, EntryKind, TreeEntry};
use rustix::process::nice;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;

/// More threads did not help in measurements.
const THREADS: usize = 8;
/// Fewer entries are not worth a thread.
const WORTH_A_THREAD: usize = 200;

/// Added to the nice value of the threads.
const NICE: i32 = 10;

/// Fills in the short digests of all files, and returns the full ones, one per entry. Nothing can be sent before.
///
/// # Errors
/// The first problem.
pub(super) fn hash(
    source: &Path,
    entries: &mut [TreeEntry],
    stop: &AtomicBool,
) -> Result<Vec<Digest>, SourceError> {
    let threads = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(THREADS);
    let share = entries.len().div_ceil(threads).max(WORTH_A_THREAD);
    let mut digests = vec![Digest::of(b""); entries.len()];
    thread::scope(|scope| {
        let hash = |(share, digests)| move || hash_each(source, share, digests, stop);
        let shares = entries.chunks_mut(share).zip(digests.chunks_mut(share));
        let all: Vec<_> = shares.map(|share| scope.spawn(hash(share))).collect();
        all.into_iter().try_for_each(|one| {
            one.join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })?;
    Ok(digests)
}

fn hash_each(
    source: &Path,
    entries: &mut [TreeEntry],
    digests: &mut [Digest],
    stop: &AtomicBool,
) -> Result<(), SourceError> {
    lower_priority();
    for (TreeEntry { path, kind }, whole) in entries.iter_mut().zip(digests) {
        if let EntryKind::File { size, digest, .. } = kind {
            *whole = content::hash(source, path, *size, stop)?;
            *digest = (*whole).into();
        }
    }
    Ok(())
}

/// Lowers the priority of this thread. The login takes longer than hashing and must not wait for a CPU.
fn lower_priority() {
    if let Err(error) = nice(NICE) {
        tracing::info!(%error, "cannot lower the priority of hashing");
    }
}
