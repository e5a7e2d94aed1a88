use super::{content, SourceError};
use crate::protocol::{Entry, Kind};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;

/// More disks and CPUs than that have not been seen to help.
const THREADS: usize = 8;
/// Fewer entries are not worth a thread.
const WORTH_A_THREAD: usize = 200;

/// Fills in the digests of all files, several at once: before that nothing can be sent. The first problem counts.
pub(super) fn hash(source: &Path, entries: &mut [Entry], stop: &AtomicBool) -> Result<(), SourceError> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    let share = entries.len().div_ceil(threads).max(WORTH_A_THREAD);
    thread::scope(|scope| {
        let hash = |share| move || hash_each(source, share, stop);
        let all: Vec<_> = entries.chunks_mut(share).map(|share| scope.spawn(hash(share))).collect();
        all.into_iter().try_for_each(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

fn hash_each(source: &Path, entries: &mut [Entry], stop: &AtomicBool) -> Result<(), SourceError> {
    for Entry { path, kind } in entries {
        if let Kind::File { size, digest, .. } = kind {
            *digest = content::hash(source, path, *size, stop)?;
        }
    }
    Ok(())
}
