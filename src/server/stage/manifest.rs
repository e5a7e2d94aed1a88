//! Receives the manifest: the entries of the tree that is uploaded.

use crate::protocol::{validate, BadUpload, Plan, Reason, ToServer, TreeEntry, MAX_ENTRIES};
use crate::server::channel::inbox::Inbox;
use crate::server::limits::Limits;

/// The entries that the runner half announced, checked.
pub(in crate::server) fn receive(
    plan: &Plan,
    inbox: &Inbox,
    limits: &Limits,
) -> Result<Vec<TreeEntry>, Reason> {
    let count = plan.entries as usize;
    if count > MAX_ENTRIES {
        return Err(Reason::Upload(BadUpload::TooManyEntries(plan.entries)));
    }
    let mut entries = Vec::new();
    while entries.len() < count {
        limits.check()?;
        match inbox.next(limits)? {
            ToServer::Entries(more) => entries.extend(more),
            _ => return Err(Reason::Upload(BadUpload::ManifestIncomplete)),
        }
    }
    validate(&entries).map_err(|error| Reason::Upload(BadUpload::Manifest(error)))?;
    if entries.len() != count {
        return Err(Reason::Upload(BadUpload::ManifestTooLong));
    }
    Ok(entries)
}
