//! Verdicts: what each transaction decided, durable.

use super::durable::{self, failed};
use super::layout::Layout;
use crate::protocol::{Reason, TransactionId, Verdict};
use crate::server::limits::Limits;
use std::fs::{self, File, TryLockError};
use std::thread;
use std::time::Duration;

/// How many are kept.
const KEPT: usize = 50;
const TICK: Duration = Duration::from_millis(5);

/// Writes the verdict. For a committed release this is the act that commits it.
pub(in crate::server) fn put(layout: &Layout, verdict: &Verdict) -> Result<(), Reason> {
    let path = layout.verdict(&verdict.transaction);
    let bytes =
        serde_json::to_vec_pretty(verdict).map_err(|error| failed("write", &path)(error.into()))?;
    durable::write(&path, &bytes)
}

/// Takes back what [`put`] may have written before it failed.
pub(in crate::server) fn withdraw(layout: &Layout, verdict: &Verdict) {
    if let Err(reason) = durable::remove(&layout.verdict(&verdict.transaction)) {
        tracing::debug!(?reason, "a verdict can't be taken back");
    }
}

/// As long as this is held, nobody else gives a transaction up, or takes it beyond being given up.
pub(in crate::server) fn deciding(layout: &Layout, limits: &Limits) -> Result<File, Reason> {
    let path = layout.own().join("verdicts");
    let folder = File::open(&path).map_err(failed("open", &path))?;
    loop {
        match folder.try_lock() {
            Ok(()) => return Ok(folder),
            Err(TryLockError::WouldBlock) => limits.check()?,
            Err(TryLockError::Error(error)) => return Err(failed("lock", &path)(error)),
        }
        thread::sleep(TICK);
    }
}

pub(in crate::server) fn get(layout: &Layout, transaction: &TransactionId) -> Option<Verdict> {
    serde_json::from_slice(&fs::read(layout.verdict(transaction)).ok()?).ok()
}

/// The verdict that no run has seen, if there is one.
pub(in crate::server) fn untold(layout: &Layout) -> Option<Verdict> {
    let transaction = fs::read_link(layout.untold())
        .ok()?
        .to_str()?
        .to_owned()
        .try_into()
        .ok()?;
    get(layout, &transaction)
}

/// A run has seen this one.
pub(in crate::server) fn told(layout: &Layout, transaction: &TransactionId) {
    if untold(layout).is_none_or(|verdict| verdict.transaction != *transaction) {
        return;
    }
    if let Err(reason) = durable::remove(&layout.untold()) {
        tracing::debug!(?reason, "a verdict will be told again");
    }
}

/// Keeps the newest verdicts and events.
pub(in crate::server) fn prune(layout: &Layout) {
    for folder in ["verdicts", "events"] {
        let files = fs::read_dir(layout.own().join(folder))
            .into_iter()
            .flatten()
            .flatten();
        let mut files: Vec<_> = files
            .filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path())))
            .collect();
        files.sort();
        for (_, path) in files.iter().rev().skip(KEPT) {
            if let Err(error) = fs::remove_file(path) {
                tracing::debug!(%error, "an old file stays");
            }
        }
    }
}
