//! Receives the manifest: the entries of the tree that is uploaded.

use super::receive::broken;
use crate::protocol::{validate, Entry, Plan, Reason, ToServer, MAX_ENTRIES};
use crate::server::channel::inbox::Inbox;
use crate::server::limits::Limits;

/// The entries that the runner half announced, checked.
pub(in crate::server) fn receive(
    plan: &Plan,
    inbox: &Inbox,
    limits: &Limits,
) -> Result<Vec<Entry>, Reason> {
    let count = plan.entries as usize;
    if count > MAX_ENTRIES {
        return Err(broken(format!("{count} entries are too many")));
    }
    let mut entries = Vec::new();
    while entries.len() < count {
        limits.check()?;
        match inbox.next(limits)? {
            ToServer::Entries(more) => entries.extend(more),
            _ => return Err(broken("the manifest is not complete")),
        }
    }
    validate(&entries).map_err(|error| broken(error.to_string()))?;
    if entries.len() != count {
        return Err(broken("the manifest is longer than was announced"));
    }
    Ok(entries)
}
