//! What the check found that must be fixed first.

use super::{
    LinkState, RollbackTargetError, SharedError, SmokeTestProblem, SystemdError, UnitFileProblem,
};
use crate::protocol::as_text::{self, from_text};
use crate::protocol::{ReleaseId, Scope};
use crate::text::amounts::size;
use crate::text::excerpt::{excerpt, last_line};
use serde::{Deserialize, Serialize};

/// What the check found that must be fixed first, on the server or in the inputs. Nothing was changed. Its texts are the
/// server's and untrusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Finding {
    /// The target cannot be created or written.
    #[error("{} on the server cannot be created or written by {}: {}", excerpt(.path), excerpt(.user), excerpt(.error))]
    Target {
        /// Folder.
        path: String,
        /// The deploy user.
        user: String,
        /// What the system reports.
        error: String,
    },
    /// `current` or `previous` is not a link to a release.
    #[error("{} on the server is not a link to a release, but {found}", excerpt(.name))]
    Link {
        /// `current` or `previous`.
        name: String,
        /// What it is instead.
        #[serde(with = "as_text")]
        found: LinkState,
    },
    /// No systemd, or not one that can be used.
    #[error("systemd on the server cannot be used: {0}")]
    NoSystemd(#[serde(with = "as_text")] SystemdError),
    /// The unit is not found, masked, or broken: its `LoadState`.
    #[error("unit {} on the server is {}", excerpt(.service), excerpt(.state))]
    Unit {
        /// As configured.
        service: String,
        /// In systemd's terms.
        state: String,
    },
    /// `sudo -n systemctl restart <service>` is not allowed.
    #[error("{} may not run sudo -n systemctl restart {} on the server{}", excerpt(.user), excerpt(.service), in_parentheses(.output))]
    Sudo {
        /// As configured.
        service: String,
        /// The deploy user.
        user: String,
        /// What sudo printed.
        #[serde(default)]
        output: Vec<u8>,
    },
    /// logind kills the user's processes at logout, and the user does not linger.
    #[error("logind on the server kills the processes of {} at logout", excerpt(.user))]
    KillUserProcesses {
        /// The deploy user.
        user: String,
    },
    /// A program that install needs.
    #[error("{} is not on the server (searched: {})", excerpt(.program), excerpt(.path))]
    Missing {
        /// Its name.
        program: String,
        /// The folders that were searched.
        path: String,
    },
    /// Less than `min-free` would be left on the disk.
    #[error("{}", no_space(*.needed, *.free, *.min_free, *.inodes))]
    #[serde(rename = "Room")]
    NoSpace {
        /// Bytes that the release needs, as far as it is known.
        needed: u64,
        /// Bytes that are free.
        free: u64,
        /// Bytes that must stay free.
        min_free: u64,
        /// Inodes that are free, if there are too few.
        inodes: Option<u64>,
    },
    /// The unit does not run what `current` leads to, so a deployment would change nothing.
    #[error("unit {} on the server starts {}, which does not lead to {}/current", excerpt(.service), excerpt(.starts), excerpt(.target))]
    UnitElsewhere {
        /// As configured.
        service: String,
        /// The program that it starts.
        starts: String,
        /// As configured.
        target: String,
    },
    /// The restart command only reloads, and nothing shows which release the unit runs then.
    #[error("the restart command only reloads {}, and {} cannot see which release it runs then", excerpt(.service), excerpt(.user))]
    ReloadUnseen {
        /// As configured.
        service: String,
        /// The deploy user.
        user: String,
    },
    /// What is named in `shared` exists only in a release, where it would be left behind.
    #[error("{}", joined(.0))]
    SharedInRelease(
        #[serde(deserialize_with = "crate::protocol::bounded::list")] Vec<SharedInRelease>,
    ),
    /// A path of the input `shared` is missing on the server, or cannot be used as it is.
    #[error("shared/{} on the server {error}", excerpt(.path))]
    Shared {
        /// As configured.
        path: String,
        /// Why.
        #[serde(with = "as_text")]
        error: SharedError,
    },
    /// The rollback target does not exist or was never healthy.
    #[error("cannot roll back: {}{error}", before_colon(.wanted))]
    RollbackTarget {
        /// As given; empty: the previous good release.
        wanted: String,
        /// Why not.
        #[serde(with = "as_text")]
        error: RollbackTargetError,
    },
    /// Files cannot be locked there.
    #[error("files on the server cannot be locked: {error}")]
    NoLocks {
        /// Why.
        #[serde(with = "as_text")]
        error: LockError,
    },
    /// The unit's user is another one than the deploy user, and cannot use what it needs.
    #[error("{0}")]
    AppAccess(AppAccess),
    /// A timer, socket or path of the service that a deployment does not start.
    #[error("unit {} on the server is {}: it must be active", excerpt(.service), excerpt(.state))]
    NotActive {
        /// As configured.
        service: String,
        /// In systemd's terms.
        state: String,
    },
    /// `sudo -n systemctl stop <service>` or `start <service>` is not allowed, without which a changed socket cannot be
    /// restarted.
    #[error("{} may not run sudo -n systemctl {} {} on the server, as a change of {} needs{}", excerpt(.user), excerpt(.verb), excerpt(.service), excerpt(.socket), in_parentheses(.output))]
    SudoAround {
        /// `stop` or `start`.
        verb: String,
        /// As configured.
        service: String,
        /// The socket that starts it, as configured.
        socket: String,
        /// The deploy user.
        user: String,
        /// What sudo printed.
        #[serde(default)]
        output: Vec<u8>,
    },
    /// The deploy user's own systemd ends with the user's last login.
    #[error("units of {0} end at logout on the server, because {0} does not linger", excerpt(.user))]
    NoLinger {
        /// The deploy user.
        user: String,
    },
    /// The deploy user's own systemd cannot be asked.
    #[error("the systemd of {} on the server (systemctl --user) cannot be used: {error}", excerpt(.user))]
    NoOwnSystemd {
        /// The deploy user.
        user: String,
        /// Why not.
        #[serde(with = "as_text")]
        error: SystemdError,
    },
    /// The unit is one of the other systemd.
    #[error("unit {} on the server is {}", excerpt(.service), of_systemd(*.found, .user))]
    OtherScope {
        /// As configured.
        service: String,
        /// The deploy user.
        user: String,
        /// Where it is.
        found: Scope,
    },
    /// A unit file of the release cannot go live, or not be rolled back.
    #[error("{0}")]
    UnitFile(UnitFileProblem),
    /// `sudo -n systemctl daemon-reload` is not allowed, and the release has unit files.
    #[error("{} may not run sudo -n systemctl daemon-reload on the server{}", excerpt(.user), in_parentheses(.output))]
    DaemonReload {
        /// The deploy user.
        user: String,
        /// What sudo printed.
        output: Vec<u8>,
    },
    /// The unit's program cannot be started beside the live one.
    #[error("{0}")]
    SmokeTest(SmokeTestProblem),
}

/// Which systemd has a unit, and which one has not.
fn of_systemd(scope: Scope, user: &str) -> String {
    let user = excerpt(user);
    match scope {
        Scope::User => format!("a unit of {user} (systemctl --user), not of the system"),
        Scope::System => format!("a unit of the system, not of {user} (systemctl --user)"),
    }
}

/// What the unit's user cannot use of what the deploy user creates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the unit runs as {} on the server, which cannot {}", excerpt(.user), cannot(.reads, .writes))]
pub struct AppAccess {
    /// The unit's user.
    pub user: String,
    /// Its main group; empty if there is no group that would help.
    pub group: String,
    /// What it cannot read: `.env`, or files in `shared`.
    pub reads: Vec<String>,
    /// The folders in `shared` that it cannot write.
    pub writes: Vec<String>,
    /// What would help.
    pub fixes: Vec<AccessFix>,
}

impl AppAccess {
    /// Whether it can use everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.reads.is_empty() && self.writes.is_empty()
    }
}

/// A change of group and mode. All paths are below the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessFix {
    /// The folder hands the group down to what is created in it.
    HandDown(String),
    /// The same with the folder `shared`, which does not exist yet.
    CreateShared,
    /// The group may write the folder.
    Write(String),
    /// The group may read the file.
    Read(String),
}

fn cannot(reads: &[String], writes: &[String]) -> String {
    let list = |verb: &str, paths: &[String], place: &str| {
        let paths: Vec<String> = paths.iter().map(excerpt).collect();
        (!paths.is_empty()).then(|| format!("{verb} {}{place}", paths.join(", ")))
    };
    let all = [list("read", reads, ""), list("write", writes, " in shared")];
    all.into_iter().flatten().collect::<Vec<_>>().join(" or ")
}

fn joined(all: &[SharedInRelease]) -> String {
    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
    all.join("; ")
}

/// Something that must be moved to `shared`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}{} is named in shared, but only release {release} has it", excerpt(.path), if *.folder { "/" } else { "" })]
pub struct SharedInRelease {
    /// Below the release, and below `shared`.
    pub path: String,
    /// A folder.
    pub folder: bool,
    /// Its release.
    pub release: ReleaseId,
    /// The text of the link that replaces it there.
    pub link: String,
    /// Names that are moved with it: what SQLite keeps beside a database.
    #[serde(deserialize_with = "crate::protocol::bounded::list")]
    pub siblings: Vec<String>,
    /// The folders around it that `shared` does not have, from the outermost; an empty name is `shared` itself.
    #[serde(deserialize_with = "crate::protocol::bounded::list")]
    pub missing: Vec<String>,
    /// `shared` has an empty file or folder of this name.
    pub in_the_way: bool,
}

/// What was asked for, if anything was.
pub(super) fn before_colon(wanted: &str) -> String {
    match wanted.is_empty() {
        true => String::new(),
        false => format!("{}: ", excerpt(wanted)),
    }
}

fn no_space(needed: u64, free: u64, min_free: u64, inodes: Option<u64>) -> String {
    match inodes {
        Some(inodes) => format!("the target's disk can hold only {inodes} more files"),
        None => format!(
            "the release needs {} and {} must stay free, but the target's disk has {}",
            size(needed),
            size(min_free),
            size(free)
        ),
    }
}

/// Why files cannot be locked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum LockError {
    /// Its locks are not those of this server.
    #[error("the folder is on NFS")]
    Nfs,
    /// What the system reports.
    #[error("{}", excerpt(.0))]
    Other(String),
}
from_text!(LockError: Nfs);

fn in_parentheses(output: &[u8]) -> String {
    match last_line(output) {
        line if line.is_empty() => line,
        line => format!(" ({line})"),
    }
}
