//! The digests of all files, computed in several threads.

use super::content;
use super::error::SourceError;
use crate::protocol::{Digest, Entry, Kind};
use rustix::process::nice;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::thread;

/// More disks and CPUs than that have not been seen to help.
const THREADS: usize = 8;
/// Fewer entries are not worth a thread.
const WORTH_A_THREAD: usize = 200;

/// As `nice` counts.
const LESS_URGENT: i32 = 10;

/// Fills in the digests of all files, several at once: before that nothing can be sent. Gives them whole, one for each
/// entry. The first problem counts.
pub(super) fn hash(
    source: &Path,
    entries: &mut [Entry],
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
    entries: &mut [Entry],
    digests: &mut [Digest],
    stop: &AtomicBool,
) -> Result<(), SourceError> {
    let_the_login_go_first();
    for (Entry { path, kind }, whole) in entries.iter_mut().zip(digests) {
        if let Kind::File { size, digest, .. } = kind {
            *whole = content::hash(source, path, *size, stop)?;
            *digest = (*whole).into();
        }
    }
    Ok(())
}

/// Of this thread alone. The login takes longer, and is not to wait for a CPU.
fn let_the_login_go_first() {
    if let Err(error) = nice(LESS_URGENT) {
        tracing::debug!(%error, "hashing is as urgent as the login");
    }
}
