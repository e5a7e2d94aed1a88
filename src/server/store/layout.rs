use crate::protocol::{ReleaseId, TransactionId};
use std::path::{Path, PathBuf};

/// Where everything lies below the target.
#[derive(Debug, Clone)]
pub(in crate::server) struct Layout {
    target: PathBuf,
}

impl Layout {
    pub(in crate::server) fn new(target: &str) -> Self {
        Self {
            target: PathBuf::from(target),
        }
    }

    pub(in crate::server) fn target(&self) -> &Path {
        &self.target
    }

    pub(in crate::server) fn releases(&self) -> PathBuf {
        self.target.join("releases")
    }

    pub(in crate::server) fn release(&self, id: ReleaseId) -> PathBuf {
        self.releases().join(id.to_string())
    }

    /// What `current` and `previous` say when we write them: relative, so that the target may be moved.
    pub(in crate::server) fn link_text(id: ReleaseId) -> PathBuf {
        Path::new("releases").join(id.to_string())
    }

    pub(in crate::server) fn current(&self) -> PathBuf {
        self.target.join("current")
    }

    pub(in crate::server) fn previous(&self) -> PathBuf {
        self.target.join("previous")
    }

    /// What outlives releases.
    pub(in crate::server) fn shared(&self) -> PathBuf {
        self.target.join("shared")
    }

    /// The folder of everything that is ours.
    pub(in crate::server) fn own(&self) -> PathBuf {
        self.target.join(".deploy")
    }

    pub(in crate::server) fn lock(&self) -> PathBuf {
        self.own().join("lock")
    }

    /// Who holds the lock: informative only.
    pub(in crate::server) fn holder(&self) -> PathBuf {
        self.own().join("holder")
    }

    /// The sealed instruction before it counts.
    pub(in crate::server) fn next(&self) -> PathBuf {
        self.own().join("next")
    }

    /// The sealed instruction from the point of no return on.
    pub(in crate::server) fn pending(&self) -> PathBuf {
        self.own().join("pending")
    }

    /// Ready-made link to the new release: the switch is one rename of it.
    pub(in crate::server) fn switch_link(&self) -> PathBuf {
        self.own().join("switch")
    }

    /// Ready-made link to the old release: the way back is one rename of it.
    pub(in crate::server) fn rollback_link(&self) -> PathBuf {
        self.own().join("rollback")
    }

    pub(in crate::server) fn events(&self, transaction: &TransactionId) -> PathBuf {
        self.own().join("events").join(transaction.to_string())
    }

    pub(in crate::server) fn verdict(&self, transaction: &TransactionId) -> PathBuf {
        self.own().join("verdicts").join(transaction.to_string())
    }

    /// A link that names the transaction whose end no run has seen.
    pub(in crate::server) fn untold(&self) -> PathBuf {
        self.own().join("untold")
    }

    pub(in crate::server) fn journal(&self) -> PathBuf {
        self.own().join("journal")
    }

    pub(in crate::server) fn records(&self) -> PathBuf {
        self.own().join("records")
    }

    pub(in crate::server) fn trash(&self) -> PathBuf {
        self.own().join("trash")
    }

    /// The folders that must exist before anything else is done.
    pub(in crate::server) fn folders(&self) -> [PathBuf; 7] {
        let own = self.own();
        [
            self.releases(),
            own.clone(),
            own.join("bin"),
            own.join("events"),
            own.join("verdicts"),
            own.join("records"),
            own.join("trash"),
        ]
    }
}
