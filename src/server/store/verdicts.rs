//! Verdicts: what each transaction decided, stored durably.

use super::durable::{self, failed};
use super::layout::Layout;
use crate::protocol::{Operation, Reason, TransactionId, Verdict};
use crate::server::limits::Limits;
use std::fs::{self, File, TryLockError};
use std::thread;
use std::time::Duration;

/// How many verdicts and event files are kept.
const KEPT: usize = 50;
const TICK: Duration = Duration::from_millis(5);

/// Writes the verdict. This is what commits a release.
pub(in crate::server) fn put(layout: &Layout, verdict: &Verdict) -> Result<(), Reason> {
    let path = layout.verdict(&verdict.transaction);
    let bytes = serde_json::to_vec_pretty(verdict)
        .map_err(|error| failed(Operation::Write, &path)(error.into()))?;
    durable::write(&path, &bytes)
}

/// Removes what [`put`] may have written before it failed.
pub(in crate::server) fn withdraw(layout: &Layout, verdict: &Verdict) {
    if let Err(reason) = durable::remove(&layout.verdict(&verdict.transaction)) {
        tracing::info!(%reason, "a verdict cannot be withdrawn");
    }
}

/// Locks the decision whether a transaction is cancelled or begins. Held until the returned file is closed.
pub(in crate::server) fn lock_decision(layout: &Layout, limits: &Limits) -> Result<File, Reason> {
    let path = layout.deploy_folder().join("verdicts");
    let folder = File::open(&path).map_err(failed(Operation::Open, &path))?;
    loop {
        match folder.try_lock() {
            Ok(()) => return Ok(folder),
            Err(TryLockError::WouldBlock) => limits.check()?,
            Err(TryLockError::Error(error)) => return Err(failed(Operation::Lock, &path)(error)),
        }
        thread::sleep(TICK);
    }
}

/// The verdict of the transaction; `None` while it has none.
pub(in crate::server) fn get(layout: &Layout, transaction: &TransactionId) -> Option<Verdict> {
    serde_json::from_slice(&fs::read(layout.verdict(transaction)).ok()?).ok()
}

/// The verdict that no run has received yet.
pub(in crate::server) fn unreported(layout: &Layout) -> Option<Verdict> {
    let transaction = fs::read_link(layout.unreported())
        .ok()?
        .to_str()?
        .to_owned()
        .try_into()
        .ok()?;
    get(layout, &transaction)
}

/// Records that a run has received this verdict.
pub(in crate::server) fn mark_reported(layout: &Layout, transaction: &TransactionId) {
    if unreported(layout).is_none_or(|verdict| verdict.transaction != *transaction) {
        return;
    }
    if let Err(reason) = durable::remove(&layout.unreported()) {
        tracing::info!(%reason, "the next run will report the verdict again");
    }
}

/// Deletes all but the newest verdicts and event files.
pub(super) fn prune(layout: &Layout) {
    for folder in ["verdicts", "events"] {
        let files = fs::read_dir(layout.deploy_folder().join(folder))
            .into_iter()
            .flatten()
            .flatten();
        let mut files: Vec<_> = files
            .filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path())))
            .collect();
        files.sort_unstable();
        for (_, path) in files.iter().rev().skip(KEPT) {
            if let Err(error) = fs::remove_file(path) {
                tracing::info!(%error, "an old file cannot be deleted");
            }
        }
    }
}
