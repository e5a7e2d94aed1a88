//! What was listed of a release's data, and by which transaction: only what an earlier run has listed may be deleted.

use crate::protocol::{ReleaseId, TransactionId, WrittenData, WrittenItem};
use crate::server::store::durable;
use crate::server::store::layout::Layout;
use crate::server::store::records;
use serde::{Deserialize, Serialize};
use std::fs;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// `None`: retention has found it, and the next run lists it.
    listed_by: Option<TransactionId>,
    data: WrittenData,
}

fn get(layout: &Layout, id: &ReleaseId) -> Option<Mark> {
    serde_json::from_slice(&fs::read(layout.written(id)).ok()?).ok()
}

/// Records that a transaction lists this, or that the next one has to.
pub(in crate::server) fn list(layout: &Layout, data: WrittenData, by: Option<&TransactionId>) {
    let path = layout.written(&data.release);
    let mark = Mark {
        listed_by: by.cloned(),
        data,
    };
    let written = serde_json::to_vec(&mark).map(|bytes| durable::write(&path, &bytes));
    if let Ok(Err(reason)) = written {
        tracing::info!(%reason, "what was listed cannot be recorded");
    }
}

/// Whether a run before `transaction` has listed all of this: what has grown since is listed once more.
pub(in crate::server) fn is_listed(
    layout: &Layout,
    data: &WrittenData,
    transaction: &TransactionId,
) -> bool {
    get(layout, &data.release).is_some_and(|mark| {
        let known = &mark.data;
        let holds = |item: &WrittenItem| {
            let mut all = known.items.iter();
            all.any(|it| it.covers(item))
        };
        let earlier = mark.listed_by.is_some_and(|by| by != *transaction);
        earlier && data.more <= known.more && data.items.iter().all(holds)
    })
}

/// What no run has listed yet.
pub(in crate::server) fn unlisted(layout: &Layout) -> Vec<WrittenData> {
    let marks = all(layout);
    let unlisted = marks.into_iter().filter(|mark| mark.listed_by.is_none());
    unlisted.map(|mark| mark.data).collect()
}

/// What this transaction has listed.
pub(in crate::server) fn listed_by(
    layout: &Layout,
    transaction: &TransactionId,
) -> Vec<WrittenData> {
    let by = |mark: &Mark| mark.listed_by.as_ref() == Some(transaction);
    let marks = all(layout).into_iter().filter(by);
    marks.map(|mark| mark.data).collect()
}

fn all(layout: &Layout) -> Vec<Mark> {
    let present = records::present(layout).into_iter();
    present.filter_map(|id| get(layout, &id)).collect()
}
