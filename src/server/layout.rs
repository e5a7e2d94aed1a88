use crate::protocol::{ReleaseId, TransactionId};
use std::path::{Path, PathBuf};

/// Where everything lies below the target.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    target: PathBuf,
}

impl Layout {
    pub(super) fn new(target: &str) -> Self {
        Self {
            target: PathBuf::from(target),
        }
    }

    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    pub(super) fn releases(&self) -> PathBuf {
        self.target.join("releases")
    }

    pub(super) fn release(&self, id: ReleaseId) -> PathBuf {
        self.releases().join(id.to_string())
    }

    /// What `current` and `previous` say when we write them: relative, so that the target may be moved.
    pub(super) fn link_text(id: ReleaseId) -> PathBuf {
        Path::new("releases").join(id.to_string())
    }

    pub(super) fn current(&self) -> PathBuf {
        self.target.join("current")
    }

    pub(super) fn previous(&self) -> PathBuf {
        self.target.join("previous")
    }

    /// What outlives releases.
    pub(super) fn shared(&self) -> PathBuf {
        self.target.join("shared")
    }

    /// The folder of everything that is ours.
    pub(super) fn own(&self) -> PathBuf {
        self.target.join(".deploy")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.own().join("lock")
    }

    /// Who holds the lock: informative only.
    pub(super) fn holder(&self) -> PathBuf {
        self.own().join("holder")
    }

    /// The sealed instruction before it counts.
    pub(super) fn next(&self) -> PathBuf {
        self.own().join("next")
    }

    /// The sealed instruction from the point of no return on.
    pub(super) fn pending(&self) -> PathBuf {
        self.own().join("pending")
    }

    /// Ready-made link to the new release: the switch is one rename of it.
    pub(super) fn switch_link(&self) -> PathBuf {
        self.own().join("switch")
    }

    /// Ready-made link to the old release: the way back is one rename of it.
    pub(super) fn rollback_link(&self) -> PathBuf {
        self.own().join("rollback")
    }

    pub(super) fn events(&self, transaction: &TransactionId) -> PathBuf {
        self.own().join("events").join(transaction.to_string())
    }

    pub(super) fn verdict(&self, transaction: &TransactionId) -> PathBuf {
        self.own().join("verdicts").join(transaction.to_string())
    }

    /// A link that names the transaction whose end no run has seen.
    pub(super) fn untold(&self) -> PathBuf {
        self.own().join("untold")
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.own().join("journal")
    }

    pub(super) fn records(&self) -> PathBuf {
        self.own().join("records")
    }

    pub(super) fn trash(&self) -> PathBuf {
        self.own().join("trash")
    }

    /// The folders that must exist before anything else is done.
    pub(super) fn folders(&self) -> [PathBuf; 7] {
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
