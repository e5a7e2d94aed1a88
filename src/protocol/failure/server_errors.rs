//! Why something on the server cannot be used.

use crate::protocol::as_text::{self, from_text};
use crate::protocol::ReleaseId;
use crate::text::excerpt::excerpt;
use serde::{Deserialize, Serialize};

/// What was tried with a file or folder, as it fits after "cannot".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Operation {
    /// Open a file.
    #[error("open")]
    Open,
    /// Read a file, or list a folder.
    #[error("read")]
    Read,
    /// Write a file.
    #[error("write")]
    Write,
    /// Create a file.
    #[error("create")]
    Create,
    /// Create a folder.
    #[error("create the folder")]
    CreateFolder,
    /// Create a symbolic link.
    #[error("create the link")]
    CreateLink,
    /// Set its permission bits.
    #[error("set the mode of")]
    SetMode,
    /// Rename something to this name.
    #[error("rename a file to")]
    Rename,
    /// Delete a file or link.
    #[error("delete")]
    Delete,
    /// Read its metadata.
    #[error("inspect")]
    Inspect,
    /// Read how full its disk is.
    #[error("inspect the disk of")]
    InspectDisk,
    /// Lock a file.
    #[error("lock")]
    Lock,
    /// Make its names durable.
    #[error("sync the folder")]
    SyncFolder,
    /// Make everything in it durable.
    #[error("sync the release")]
    SyncRelease,
    /// Find a program.
    #[error("find")]
    Find,
    /// Start a program.
    #[error("start")]
    Start,
    /// Parse what an earlier run has left there.
    #[error("understand the pending transaction in")]
    ParsePending,
    /// Another version's text.
    #[error("{}", excerpt(.0))]
    Other(String),
}
from_text!(Operation: Open, Read, Write, Create, CreateFolder, CreateLink, SetMode, Rename, Delete, Inspect, InspectDisk,
    Lock, SyncFolder, SyncRelease, Find, Start, ParsePending);

/// Kinds of system errors that have hints of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IoKind {
    /// No space or no inodes left, or a quota is used up.
    Full,
    /// The file system is read-only.
    ReadOnly,
    /// The deploy user lacks the permission.
    Denied,
    /// Any other.
    Other,
}

/// A path that the unit names and the release lacks, or has in a way that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
// not NAME=value: redaction would hide the path of LoadCredential
#[error("{} ({}{}): {error}", excerpt(.path), excerpt(.property), of_unit(.unit.as_deref()))]
pub struct UnitPath {
    /// The line of the unit that names it, such as `EnvironmentFile`.
    pub property: String,
    /// As the unit names it.
    pub path: String,
    /// Why it cannot be used.
    #[serde(with = "as_text")]
    pub error: PathError,
    /// The unit, if the service has several. Versions before 1.8 did not write it.
    #[serde(default)]
    pub unit: Option<String>,
}

fn of_unit(unit: Option<&str>) -> String {
    unit.map_or_else(String::new, |unit| format!(" of {}", excerpt(unit)))
}

/// What is wrong with a unit file of the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}: {}", excerpt(.file), excerpt(.message))]
pub struct RejectedUnitFile {
    /// Below the release, with the number of the line if it is known.
    pub file: String,
    /// What systemd prints, or what is not on the server.
    pub message: String,
}

/// Why a path that a unit names cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum PathError {
    /// It does not exist.
    #[error("it is missing")]
    Missing,
    /// It is a link to something that does not exist.
    #[error("it leads to {}, which is missing", excerpt(.0))]
    DeadLink(String),
    /// A folder, for example.
    #[error("it is not a file")]
    NotFile,
    /// A file, for example.
    #[error("it is not a folder")]
    NotFolder,
    /// It lacks the permission bit.
    #[error("it is not executable")]
    NotExecutable,
    /// The program that its first line names.
    #[error("its interpreter {} is missing or not executable", excerpt(.0))]
    Interpreter(String),
    /// What the system reports, or another version's text.
    #[error("{}", excerpt(.0))]
    Other(String),
}
from_text!(PathError: Missing, NotFile, NotFolder, NotExecutable);

/// Why a path of `shared` cannot be linked into the release. Fits after the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum SharedError {
    /// It could leave the release.
    #[error("is not a path below the release")]
    NotBelow,
    /// A folder was configured, and a file is there.
    #[error("is a file, not a folder")]
    IsFile,
    /// A file was configured, and a folder is there.
    #[error("is a folder; write it with a / at the end")]
    IsFolder,
    /// Nobody but the server's administrator can know what it should lead to.
    #[error("is a link to nothing")]
    DeadLink,
    /// A file must be there before the first deployment.
    #[error("is missing")]
    Missing,
    /// The system does not let the deploy user see it.
    #[error("cannot be inspected: {}", excerpt(.error))]
    Inaccessible {
        /// What the system reports.
        error: String,
    },
    /// A folder that is missing and that the deploy user cannot create.
    #[error("is missing, and {} cannot create it in {}: {}", excerpt(.user), excerpt(.folder), excerpt(.error))]
    NotWritable {
        /// The deploy user.
        user: String,
        /// The nearest folder around it that exists.
        folder: String,
        /// What the system reports.
        error: String,
    },
    /// The tree has something else where its folder would be.
    #[error("would be in {}, which is not a folder of the tree", excerpt(.0))]
    Parent(String),
    /// The tree has something in its place.
    #[error("is in the tree too and would hide what is there")]
    InTree,
    /// The tree has a folder in its place, with this file.
    #[error("is in the tree too and would hide {}, which is there", excerpt(.0))]
    Hides(String),
    /// Another version's text.
    #[error("{}", excerpt(.0))]
    Other(String),
}
from_text!(SharedError: NotBelow, IsFile, IsFolder, DeadLink, Missing, InTree);

/// Why there is no rollback target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum RollbackTargetError {
    /// No release but the current one was ever healthy.
    #[error("there is no good release to roll back to{}", is_current(.current.as_ref()))]
    NoneGood {
        /// The current release.
        current: Option<ReleaseId>,
    },
    /// It is live.
    #[error("{0} is already current")]
    Current(ReleaseId),
    /// It was not healthy.
    #[error("{0} failed when it went live")]
    Failed(ReleaseId),
    /// It was staged only.
    #[error("{0} never went live, so it is unknown whether it works")]
    NeverLive(ReleaseId),
    /// Its upload or install did not finish.
    #[error("{0} is not complete")]
    Incomplete(ReleaseId),
    /// deploy-action did not create it.
    #[error("{0} has no record, so it is unknown whether it works")]
    NoRecord(ReleaseId),
    /// It was deleted, or never existed.
    #[error("{0} is not on the server")]
    NotThere(ReleaseId),
    /// Neither an id nor hexadecimal.
    #[error("this is neither a release id nor the start of a commit hash")]
    NotAnId,
    /// No id and no commit.
    #[error("no release on the server has this id or a commit that starts with it")]
    NoMatch,
    /// Several good releases have such a commit.
    #[error("several releases have such a commit; give an id: {}", ids(.releases, .current.as_ref(), *.more))]
    Ambiguous {
        /// Newest first.
        #[serde(deserialize_with = "crate::protocol::bounded::list")]
        releases: Vec<ReleaseId>,
        /// The current release, if it is one of them.
        current: Option<ReleaseId>,
        /// There are more than `releases`.
        more: bool,
    },
    /// Another version's text.
    #[error("{}", excerpt(.0))]
    Other(String),
}
from_text!(RollbackTargetError: NotAnId, NoMatch);

fn is_current(current: Option<&ReleaseId>) -> String {
    current.map_or_else(String::new, |id| format!("; {id} is current"))
}

fn ids(releases: &[ReleaseId], current: Option<&ReleaseId>, more: bool) -> String {
    let name = |id: &ReleaseId| match Some(id) == current {
        true => format!("{id} (current)"),
        false => id.to_string(),
    };
    let names = releases.iter().map(name);
    let more = more.then(|| "…".to_owned());
    names.chain(more).collect::<Vec<_>>().join(", ")
}

/// What someone else changed during a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Interference {
    /// `current` leads to another release.
    #[error("current now points to {0}")]
    Current(ReleaseId),
    /// `current` no longer exists.
    #[error("current was deleted")]
    CurrentDeleted,
    /// `current` is no longer a link to a release.
    #[error("current is now {0}")]
    CurrentReplaced(LinkState),
    /// The release to roll back to no longer exists.
    #[error("{} was deleted", excerpt(.0))]
    ReleaseDeleted(String),
    /// The unit has another process than the one that was being verified.
    #[error("the unit was restarted while it was verified")]
    Restarted,
    /// The unit was stopped, not by its own process.
    #[error("the unit was stopped while it was verified")]
    Stopped,
    /// The system is being shut down or rebooted.
    #[error("the server is going down")]
    GoingDown,
    /// The deploy user's own systemd is being stopped, or does not run.
    #[error("the systemd of the deploy user on the server (systemctl --user) is not running")]
    OwnSystemdDown,
    /// Another version's text.
    #[error("{}", excerpt(.0))]
    Other(String),
}
from_text!(Interference: CurrentDeleted, Restarted, Stopped, GoingDown, OwnSystemdDown);

/// What `current` or `previous` is, if it is not a link to a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum LinkState {
    /// A folder.
    #[error("a folder")]
    Folder,
    /// A file.
    #[error("a file")]
    File,
    /// A link to something that does not exist.
    #[error("a link to {}, which does not exist", excerpt(.0))]
    Dead(String),
    /// A link to something else than a release.
    #[error("a link to {}, which is not a release", excerpt(.0))]
    Elsewhere(String),
    /// A link to a folder whose name cannot be a release's.
    #[error("a link to {}, whose name cannot be used: a release's name starts with a letter, a digit or _, and has at most \
             {} bytes and no control or invisible characters", excerpt(.0), ReleaseId::MOST_BYTES)]
    UnusableName(String),
    /// Another version's text.
    #[error("{}", excerpt(.0))]
    Other(String),
}
from_text!(LinkState: Folder, File);
