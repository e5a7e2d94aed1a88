//! The sealed instruction. Written beside as `next`; once it bears the name `pending`, durably, there is no return: the
//! server ends what it says, whoever is there to see it.

use super::durable::{self, failed, Result};
use super::layout::Layout;
use crate::protocol::{
    Origin, Outcome, Reason, ReleaseId, Restart, Retention, TransactionId, UnitName, Verification,
};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::time::Duration;

/// What a transaction is to do, and what it needs to undo it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::server) struct Pending {
    /// Of this file.
    pub(in crate::server) format: u32,
    pub(in crate::server) transaction: TransactionId,
    /// The release that goes live.
    pub(in crate::server) release: ReleaseId,
    /// What it comes to where all goes well. Absent in what versions before the rollback command left.
    #[serde(default = "deployed")]
    pub(in crate::server) success: Outcome,
    /// What was live; `None`: the first deployment.
    pub(in crate::server) old: Option<Old>,
    /// What `previous` pointed to.
    pub(in crate::server) previous: Option<ReleaseId>,
    pub(in crate::server) service: Option<UnitName>,
    pub(in crate::server) restart: Restart,
    pub(in crate::server) verification: Verification,
    pub(in crate::server) retention: Retention,
    pub(in crate::server) origin: Origin,
    /// The transaction's own deadline, from its start.
    pub(in crate::server) deadline: Duration,
}

fn deployed() -> Outcome {
    Outcome::Deployed
}

/// The release to go back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::server) struct Old {
    pub(in crate::server) release: ReleaseId,
    /// Once healthy, or taken over.
    pub(in crate::server) good: bool,
    /// How it is verified.
    pub(in crate::server) verification: Verification,
    pub(in crate::server) commit: Option<String>,
}

impl Pending {
    /// The format that this version writes, and the only one it understands.
    pub(in crate::server) const FORMAT: u32 = 1;

    /// Prepares the instruction; nothing is decided by it.
    pub(in crate::server) fn prepare(&self, layout: &Layout) -> Result<()> {
        let path = layout.next();
        let bytes = serde_json::to_vec_pretty(self)
            .map_err(|error| failed("write", &path)(error.into()))?;
        durable::write(&path, &bytes)
    }

    /// What [`prepare`](Self::prepare) left.
    pub(in crate::server) fn prepared(layout: &Layout) -> Result<Self> {
        let path = layout.next();
        let bytes = fs::read(&path).map_err(failed("read", &path))?;
        serde_json::from_slice(&bytes).map_err(|error| failed("read", &path)(error.into()))
    }

    /// The point of no return. Both links are there before it, so that what follows is renames, which allocate nothing.
    pub(in crate::server) fn begin(&self, layout: &Layout) -> Result<()> {
        durable::link(&layout.switch_link(), &Layout::link_text(self.release))?;
        match &self.old {
            Some(old) => durable::link(&layout.rollback_link(), &Layout::link_text(old.release))?,
            None => durable::remove(&layout.rollback_link())?,
        }
        durable::link(
            &layout.untold(),
            std::path::Path::new(&self.transaction.to_string()),
        )?;
        durable::rename(&layout.next(), &layout.pending())
    }

    /// The transaction that nobody has ended, if there is one.
    pub(in crate::server) fn read(layout: &Layout) -> Result<Option<Self>> {
        let path = layout.pending();
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.map_err(failed("read", &path))?,
        };
        let not_understood = |error: String| Reason::Io {
            operation: "understand the pending transaction in".to_owned(),
            path: path.display().to_string(),
            error,
            kind: crate::protocol::IoKind::Other,
        };
        let pending: Self =
            serde_json::from_slice(&bytes).map_err(|error| not_understood(error.to_string()))?;
        if pending.format != Self::FORMAT {
            return Err(not_understood(format!(
                "its format {} is another version's",
                pending.format
            )));
        }
        Ok(Some(pending))
    }

    /// Whether this very transaction is past the point of no return and has not ended.
    pub(in crate::server) fn is_of(layout: &Layout, transaction: &TransactionId) -> bool {
        matches!(Self::read(layout), Ok(Some(pending)) if pending.transaction == *transaction)
    }

    /// The end: nothing is pending any more.
    pub(in crate::server) fn clear(layout: &Layout) -> Result<()> {
        durable::remove(&layout.pending())?;
        durable::remove(&layout.switch_link())?;
        durable::remove(&layout.rollback_link())
    }

    /// What is left of a beginning that was cut short before the point of no return. It would be replaced anyway, so
    /// that it stays is no failure.
    pub(in crate::server) fn sweep(layout: &Layout) {
        for path in [layout.next(), layout.switch_link(), layout.rollback_link()] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::debug!(%error, path = %path.display(), "a left-over stays");
                }
                _ => {}
            }
        }
    }
}
