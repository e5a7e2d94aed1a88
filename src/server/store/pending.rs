//! The sealed instruction of a transaction. It is written as `next`. The point of no return is its durable rename to
//! `pending`: from then on the server carries it out, with or without a connection.

use super::durable::{self, failed};
use super::layout::Layout;
use crate::protocol::{
    IoKind, Operation, Origin, Outcome, Reason, ReleaseId, Restart, Retention, Scope,
    TransactionId, UnitName, UnitRef, Units, Verification,
};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What a transaction must do, and what it needs to undo it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::server) struct Pending {
    /// Format of this file.
    pub(in crate::server) format: u32,
    pub(in crate::server) transaction: TransactionId,
    /// The release that goes live.
    pub(in crate::server) release: ReleaseId,
    /// The outcome if all goes well. Absent in files of versions without the rollback command.
    #[serde(default = "deployed")]
    pub(in crate::server) success: Outcome,
    /// The release that was live; `None`: the first deployment.
    pub(in crate::server) old: Option<Old>,
    /// The release that `previous` led to.
    pub(in crate::server) previous: Option<ReleaseId>,
    /// The first unit; `None`: no unit is checked.
    pub(in crate::server) service: Option<UnitName>,
    /// The units after it. Versions before 1.8 know one unit only.
    #[serde(default)]
    pub(in crate::server) others: Vec<UnitName>,
    #[serde(default)]
    pub(in crate::server) scope: Scope,
    /// As in [`Units`].
    #[serde(default)]
    pub(in crate::server) files: Vec<String>,
    /// Units that systemd did not know before: the old release has none of them.
    #[serde(default)]
    pub(in crate::server) new_units: Vec<UnitName>,
    pub(in crate::server) restart: Restart,
    pub(in crate::server) verification: Verification,
    /// Commands of `before-switch` were run for the newer of both releases, or for one between them.
    #[serde(default)]
    pub(in crate::server) before_switch: bool,
    pub(in crate::server) retention: Retention,
    pub(in crate::server) origin: Origin,
    /// Time limit of the transaction, from its start.
    pub(in crate::server) deadline: Duration,
}

fn deployed() -> Outcome {
    Outcome::Deployed
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// The release to roll back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::server) struct Old {
    pub(in crate::server) release: ReleaseId,
    /// Whether it is good: once committed as healthy, or taken over.
    pub(in crate::server) good: bool,
    /// How a rollback to it is verified.
    pub(in crate::server) verification: Verification,
    pub(in crate::server) commit: Option<String>,
}

fn unreadable(layout: &Layout, error: String) -> Reason {
    Reason::Io {
        operation: Operation::ParsePending,
        path: layout.pending().display().to_string(),
        error,
        kind: IoKind::Other,
    }
}

impl Pending {
    /// The newest format that this version understands.
    const FORMAT: u32 = 4;

    /// The same for these units.
    pub(in crate::server) fn with_units(self, units: &Units) -> Self {
        let (service, others) = match units.names.split_first() {
            Some((first, others)) => (Some(first.clone()), others.to_vec()),
            None => (None, Vec::new()),
        };
        let format = if others.is_empty() && units.scope == Scope::System && units.files.is_empty()
        {
            self.format
        } else {
            self.format.max(4)
        };
        Self {
            format,
            service,
            others,
            scope: units.scope,
            files: units.files.clone(),
            ..self
        }
    }

    /// The units.
    pub(in crate::server) fn units(&self) -> Units {
        let names = self.service.iter().chain(&self.others);
        Units {
            names: names.cloned().collect(),
            scope: self.scope,
            files: self.files.clone(),
        }
    }

    /// The same, as systemd is asked about them.
    pub(in crate::server) fn unit_names(&self) -> impl Iterator<Item = UnitRef<'_>> {
        let scope = self.scope;
        self.service
            .iter()
            .chain(&self.others)
            .map(move |name| UnitRef {
                name: name.as_str(),
                scope,
            })
    }

    /// Writes the instruction. It has no effect yet.
    pub(in crate::server) fn prepare(&self, layout: &Layout) -> Result<(), Reason> {
        let path = layout.prepared();
        let bytes = serde_json::to_vec_pretty(self)
            .map_err(|error| failed(Operation::Write, &path)(error.into()))?;
        durable::write(&path, &bytes)
    }

    /// Reads what [`prepare`](Self::prepare) wrote.
    pub(in crate::server) fn prepared(layout: &Layout) -> Result<Self, Reason> {
        let path = layout.prepared();
        let bytes = fs::read(&path).map_err(failed(Operation::Read, &path))?;
        serde_json::from_slice(&bytes).map_err(|error| failed(Operation::Read, &path)(error.into()))
    }

    /// The point of no return. Both links are created before it: what follows are renames, which need no disk space.
    pub(in crate::server) fn begin(&self, layout: &Layout) -> Result<(), Reason> {
        durable::link(&layout.switch_link(), &Layout::link_text(&self.release))?;
        match &self.old {
            Some(old) => durable::link(&layout.rollback_link(), &Layout::link_text(&old.release))?,
            None => durable::remove(&layout.rollback_link())?,
        }
        durable::link(
            &layout.unreported(),
            std::path::Path::new(&self.transaction.to_string()),
        )?;
        durable::rename(&layout.prepared(), &layout.pending())
    }

    /// The transaction that has not ended, if any.
    pub(in crate::server) fn read(layout: &Layout) -> Result<Option<Self>, Reason> {
        Self::parse(layout)?.map_err(|error| unreadable(layout, error))
    }

    /// The same; but what cannot be read of any version is moved away, and the path where it is now is returned beside it.
    /// The caller holds the lock.
    pub(in crate::server) fn read_or_set_aside(
        layout: &Layout,
    ) -> Result<(Option<Self>, Option<PathBuf>), Reason> {
        match Self::parse(layout)? {
            Ok(pending) => Ok((pending, None)),
            Err(error) => {
                tracing::warn!(%error, "the pending transaction is damaged");
                let damaged = layout.damaged();
                durable::rename(&layout.pending(), &damaged)?;
                Ok((None, Some(damaged)))
            }
        }
    }

    /// The inner error: it is damaged.
    fn parse(layout: &Layout) -> Result<Result<Option<Self>, String>, Reason> {
        let path = layout.pending();
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(None)),
            read => read.map_err(failed(Operation::Read, &path))?,
        };
        // what is known of a newer version's file is its format
        if let Ok(Format { format }) = serde_json::from_slice(&bytes) {
            if format > Self::FORMAT {
                let error = format!("format {format} is that of another version");
                return Err(unreadable(layout, error));
            }
        }
        let pending = serde_json::from_slice(&bytes);
        Ok(pending.map(Some).map_err(|error| error.to_string()))
    }

    /// Whether the transaction was begun, but what it had to do cannot be read.
    pub(in crate::server) fn is_damaged(layout: &Layout, transaction: &TransactionId) -> bool {
        matches!(Self::parse(layout), Ok(Err(_)))
            && fs::read_link(layout.unreported())
                .is_ok_and(|last| last.as_os_str() == transaction.to_string().as_str())
    }

    /// Whether an older release lives with what `before-switch` changed, if the transaction ends so.
    pub(in crate::server) fn leaves_changes(&self, outcome: Outcome) -> bool {
        let ends_older = match self.success {
            Outcome::Restored => outcome == Outcome::Restored,
            _ => outcome != self.success,
        };
        self.before_switch && ends_older
    }

    /// Whether the transaction is past the point of no return and has not ended.
    pub(in crate::server) fn is_of(layout: &Layout, transaction: &TransactionId) -> bool {
        matches!(Self::read(layout), Ok(Some(pending)) if pending.transaction == *transaction)
    }

    /// Ends the transaction: nothing is pending any more.
    pub(in crate::server) fn clear(layout: &Layout) -> Result<(), Reason> {
        durable::remove(&layout.pending())?;
        durable::remove(&layout.switch_link())?;
        durable::remove(&layout.rollback_link())
    }

    /// Deletes what an interruption before the point of no return left. Best effort: it would be replaced anyway.
    pub(in crate::server) fn clean_up(layout: &Layout) {
        for path in [
            layout.prepared(),
            layout.switch_link(),
            layout.rollback_link(),
        ] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::info!(%error, path = %path.display(), "a leftover file cannot be deleted");
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Option<Pending>, Reason> {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().to_str().unwrap());
        fs::create_dir(layout.deploy_folder()).unwrap();
        fs::write(layout.pending(), json).unwrap();
        Pending::read(&layout)
    }

    /// As 1.0.0 to 1.3.0 write it.
    fn numbered() -> String {
        let id = "0".repeat(32);
        format!(
            r#"{{"format":1,"transaction":"{id}","release":1762147999,
            "old":{{"release":1762147685,"good":true,"verification":{VERIFICATION},"commit":null}},
            "previous":1762147000,"service":"diting","restart":"Systemctl","verification":{VERIFICATION},
            "retention":{{"count":3,"age":null}},
            "origin":{{"commit":null,"reference":null,"actor":null,"run":null,"tool":"1.0.0"}},
            "deadline":{{"secs":60,"nanos":0}}}}"#
        )
    }

    const VERIFICATION: &str = r#"{"health":null,"timeout":{"secs":1,"nanos":0},
        "interval":{"secs":1,"nanos":0},"settle":{"secs":1,"nanos":0}}"#;

    #[test]
    fn a_transaction_of_an_older_version_can_be_read() {
        let pending = read(&numbered()).unwrap().unwrap();
        assert_eq!(pending.release.to_string(), "1762147999");
        assert_eq!(pending.old.unwrap().release.to_string(), "1762147685");
    }

    #[test]
    fn a_transaction_may_name_what_others_created() {
        let named = numbered()
            .replace("\"format\":1", "\"format\":3")
            .replace("1762147685", "\"v1.4.2\"");
        let pending = read(&named).unwrap().unwrap();
        assert_eq!(pending.old.as_ref().unwrap().release.to_string(), "v1.4.2");
        let again = serde_json::to_string(&pending).unwrap();
        assert_eq!(read(&again).unwrap(), Some(pending));
    }

    #[test]
    fn a_transaction_of_a_newer_version_is_refused_whatever_else_is_in_it() {
        let Err(Reason::Io { error, .. }) = read(r#"{"format":5,"release":{}}"#) else {
            panic!();
        };
        assert_eq!(error, "format 5 is that of another version");
    }

    #[test]
    fn what_no_version_has_written_is_damaged_and_set_aside() {
        let whole = numbered();
        let half = &whole[..whole.len() / 2];
        for junk in ["", "\0\0\0\0", "{}", "nonsense", r#"{"format":1}"#, half] {
            let folder = tempfile::tempdir().unwrap();
            let layout = Layout::new(folder.path().to_str().unwrap());
            fs::create_dir(layout.deploy_folder()).unwrap();
            fs::write(layout.pending(), junk).unwrap();
            assert!(Pending::read(&layout).is_err(), "{junk}");
            let (none, aside) = Pending::read_or_set_aside(&layout).unwrap();
            assert_eq!((none, &aside), (None, &Some(layout.damaged())), "{junk}");
            assert_eq!(fs::read_to_string(aside.unwrap()).unwrap(), junk);
            assert_eq!(Pending::read(&layout).unwrap(), None);
        }
    }
}
