//! What keeps a unit file of a release from going live.

use crate::protocol::{ReleaseId, UnitFile};
use crate::text::excerpt::excerpt;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A unit file of a release that systemd would not get, or that a rollback could not restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitFileProblem {
    /// Below the release.
    pub path: String,
    /// What is wrong.
    pub error: UnitFileError,
    /// Whether systemd's file may be a link through `current`.
    pub link: bool,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnitFileError {
    /// systemd has no such file.
    Absent,
    /// It is neither a link through `current` nor a copy that the deploy user may renew.
    Fixed,
    /// It is a link to another file system than systemd's.
    OtherFileSystem,
    /// It is a link, and this release has no such file. It is the one that goes live, or the one to roll back to.
    LackedBy(ReleaseId),
}

impl fmt::Display for UnitFileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on the server ", excerpt(UnitFile::place(&self.path)))?;
        let path = excerpt(&self.path);
        match &self.error {
            UnitFileError::Absent => f.write_str("does not exist"),
            UnitFileError::Fixed => write!(
                f,
                "is neither a link to current/{path} nor a copy that the deploy user may renew"
            ),
            UnitFileError::OtherFileSystem => {
                f.write_str("is a link to another file system, which systemd cannot read at boot")
            }
            UnitFileError::LackedBy(release) => write!(
                f,
                "is a link to current/{path}, which release {release} does not have"
            ),
        }
    }
}
