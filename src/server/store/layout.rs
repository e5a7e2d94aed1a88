//! The paths of everything below the target.

use crate::protocol::{ReleaseId, Step, TransactionId};
use std::path::{Path, PathBuf};

/// The paths below one target.
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

    pub(in crate::server) fn release(&self, id: &ReleaseId) -> PathBuf {
        self.releases().join(id.to_string())
    }

    /// The text of `current` and `previous` as deploy-action writes them: relative, so the target can be moved.
    pub(in crate::server) fn link_text(id: &ReleaseId) -> PathBuf {
        Path::new("releases").join(id.to_string())
    }

    pub(in crate::server) fn current(&self) -> PathBuf {
        self.target.join("current")
    }

    pub(in crate::server) fn previous(&self) -> PathBuf {
        self.target.join("previous")
    }

    /// Files that outlive releases.
    pub(in crate::server) fn shared(&self) -> PathBuf {
        self.target.join("shared")
    }

    /// The folder of deploy-action's own files.
    pub(in crate::server) fn deploy_folder(&self) -> PathBuf {
        self.target.join(".deploy")
    }

    /// What a smoke test gets in place of the live service's runtime folders; gone after it.
    pub(in crate::server) fn smoke_test(&self) -> PathBuf {
        self.deploy_folder().join("smoke-test")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.deploy_folder().join("lock")
    }

    /// Who holds the lock. Only for messages.
    pub(super) fn holder(&self) -> PathBuf {
        self.deploy_folder().join("holder")
    }

    /// The sealed instruction before the point of no return.
    pub(super) fn prepared(&self) -> PathBuf {
        self.deploy_folder().join("next")
    }

    /// The sealed instruction after the point of no return.
    pub(super) fn pending(&self) -> PathBuf {
        self.deploy_folder().join("pending")
    }

    /// A sealed instruction that cannot be read.
    pub(super) fn damaged(&self) -> PathBuf {
        self.deploy_folder().join("pending.damaged")
    }

    /// The prepared link to the new release: the switch is one rename of it.
    pub(in crate::server) fn switch_link(&self) -> PathBuf {
        self.deploy_folder().join("switch")
    }

    /// The prepared link to the old release: the rollback is one rename of it.
    pub(in crate::server) fn rollback_link(&self) -> PathBuf {
        self.deploy_folder().join("rollback")
    }

    pub(in crate::server) fn events(&self, transaction: &TransactionId) -> PathBuf {
        self.deploy_folder()
            .join("events")
            .join(transaction.to_string())
    }

    pub(super) fn verdict(&self, transaction: &TransactionId) -> PathBuf {
        self.deploy_folder()
            .join("verdicts")
            .join(transaction.to_string())
    }

    /// A link that names the transaction whose verdict no run has received yet.
    pub(super) fn unreported(&self) -> PathBuf {
        self.deploy_folder().join("untold")
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.deploy_folder().join("journal")
    }

    pub(super) fn records(&self) -> PathBuf {
        self.deploy_folder().join("records")
    }

    /// The state of a release after its install.
    pub(super) fn state(&self, id: &ReleaseId) -> PathBuf {
        self.records().join(format!("{id}.state"))
    }

    /// What was listed of the data that was written into a release.
    pub(super) fn written(&self, id: &ReleaseId) -> PathBuf {
        self.records().join(format!("{id}.data"))
    }

    /// The tickets of those who wait for the lock.
    pub(super) fn queue(&self) -> PathBuf {
        self.deploy_folder().join("queue")
    }

    /// The whole output of a step's commands for a release, if it was too long to be sent.
    pub(in crate::server) fn output(&self, id: &ReleaseId, step: Step) -> PathBuf {
        self.records().join(format!("{id}.{}", step.id()))
    }

    pub(super) fn trash(&self) -> PathBuf {
        self.deploy_folder().join("trash")
    }

    /// Where a release waits for its deletion if `releases` is on another file system than `trash`. No version takes a name
    /// that starts with a dot for a release.
    pub(super) fn trash_beside(&self, id: &ReleaseId) -> PathBuf {
        self.releases().join(format!("{}{id}", Self::TRASH))
    }

    pub(super) const TRASH: &'static str = ".deleting-";

    /// The folders of deploy-action's own, `.deploy` first.
    pub(super) fn own_folders(&self) -> [PathBuf; 7] {
        let own = self.deploy_folder();
        [
            own.clone(),
            own.join("bin"),
            own.join("events"),
            own.join("verdicts"),
            own.join("records"),
            self.trash(),
            self.queue(),
        ]
    }
}
