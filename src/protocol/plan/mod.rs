//! The plan: everything that the server part must know, complete when it is sent.

mod health;
mod names;
mod secret;
mod unit_files;
mod units;

pub use health::{BodyPattern, Health, HealthUrl, LogCheck, LogLevel, Verification};
pub use names::{Target, UnitName};
pub use secret::Secret;
pub use unit_files::{UnitFile, UnitPatterns};
pub use units::{Scope, UnitKind, UnitRef, Units};

use super::{root_of, Digest, TransactionId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Everything that the server part must know. The server part asks for nothing later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Two plans with the same id are the same transaction.
    pub transaction: TransactionId,
    /// What to do.
    pub task: Task,
    /// The folder on the server.
    pub target: Target,
    /// The systemd units.
    pub units: Units,
    /// How a new release is prepared; empty for a rollback.
    pub staging: Staging,
    /// How the service is restarted.
    pub restart: Restart,
    /// When the release counts as healthy.
    pub verification: Verification,
    /// Which good releases are kept.
    pub retention: Retention,
    /// How long to wait for a held lock.
    pub lock_wait: Duration,
    /// Time limit for everything before the point of no return, from the server part's start.
    pub stage_limit: Duration,
    /// Who deploys what.
    pub origin: Origin,
    /// Number of entries in the manifest that follows.
    pub entries: u32,
    /// [`root_of`] these entries.
    pub root: Digest,
}

/// What the stop and the start of one unit add to the times of the inputs, at most.
const PER_UNIT: Duration = Duration::from_secs(15 * 60);
/// The same for restart commands without a unit, whose limits are the server part's own.
const WITHOUT_UNIT: Duration = Duration::from_secs(1290);

impl Plan {
    /// How long the runner half watches a transaction, at most. The server part names its own deadline, which is bounded by
    /// this, because a server may be wrong or hostile: three times the limits of the inputs, for the new release and two
    /// attempts of the rollback, and what the unit may need.
    #[must_use]
    pub fn watch_limit(&self) -> Duration {
        let Verification {
            timeout, settle, ..
        } = &self.verification;
        let units = u32::try_from(self.units.names.len()).unwrap_or(u32::MAX);
        let own = match &self.restart {
            Restart::Commands(_) if units == 0 => WITHOUT_UNIT,
            _ => PER_UNIT.saturating_mul(units.max(1)),
        };
        timeout
            .saturating_add(*settle)
            .saturating_mul(3)
            .saturating_add(own)
    }

    /// The number of entries and the root of a run that uploads nothing.
    #[must_use]
    pub fn no_tree() -> (u32, Digest) {
        (0, root_of(&[], &[]))
    }
}

/// What to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// Deploy the tree that follows.
    #[default]
    Deploy,
    /// Roll back to a release on the server; no tree is sent.
    RollBack {
        /// An id or the beginning of a commit hash; `None`: the previous good release.
        to: Option<String>,
    },
}

/// How a new release is prepared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staging {
    /// What lives in `<target>/shared` and is linked into the release.
    pub shared: Vec<SharedPath>,
    /// Content of the release's `.env`.
    pub env_file: Option<Secret>,
    /// Variables for install and before-switch.
    pub env: Vec<(String, Secret)>,
    /// What installs the release before it is sealed.
    pub install: Install,
    /// The user's shell commands, run in the installed release before it is sealed.
    pub before_switch: Option<String>,
    /// How it is tried before it goes live; `None`: not at all.
    pub smoke_test: Option<SmokeTest>,
    /// Bytes that must stay free on the target's disk after the upload.
    pub min_free: u64,
}

/// A path that outlives releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedPath {
    /// Relative to the release's folder and to `<target>/shared`, in normal form, joined by `/`.
    pub path: String,
    /// A folder, created if missing; a file must exist.
    pub folder: bool,
}

impl SharedPath {
    /// Whether a file of this name only keeps a folder in git, which does not store empty ones.
    #[must_use]
    pub fn is_placeholder(name: &str) -> bool {
        matches!(name, ".keep" | ".gitkeep" | ".gitignore")
    }
}

/// What installs a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Install {
    /// Nothing.
    #[default]
    Nothing,
    /// `uv sync --frozen`.
    Uv,
    /// Shell commands, run by `sh -eu`.
    Commands(String),
}

/// What is started beside the live release to try a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SmokeTest {
    /// What the service's first unit starts, on a port of the loopback.
    Auto,
    /// The user's shell commands, run by `sh -eu`.
    Commands(String),
}

/// How the service is restarted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Restart {
    /// Nothing is restarted (static files), and no unit is checked.
    Nothing,
    /// `sudo -n systemctl restart <service>`.
    Systemctl,
    /// The user's shell commands, run by `sh -eu`.
    Commands(String),
}

/// Which good releases are kept: those among the newest `count` that are not older than `age`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// At least 1; `None`: any number.
    pub count: Option<u32>,
    /// `None`: any age.
    pub age: Option<Duration>,
}

/// Who deploys what: recorded with the release, never acted on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Full commit hash.
    pub commit: Option<String>,
    /// Branch or tag of that commit, as in `GITHUB_REF`; only its name if the run of another workflow started this one.
    pub reference: Option<String>,
    /// The person: a login on GitHub; by hand the name that git writes into commits, or else the local user.
    pub actor: Option<String>,
    /// Link to the run.
    pub run: Option<String>,
    /// Version of deploy-action.
    pub tool: String,
    /// Tracked files in the source differed from the commit. Absent in what versions before 1.4 wrote.
    #[serde(default)]
    pub changed: bool,
}

#[cfg(test)]
mod tests {
    use super::Origin;

    #[test]
    fn an_origin_of_an_older_version_is_read() {
        let of_1_3_0 = r#"{"commit":"3f2a1bc","reference":"refs/heads/main","actor":"alice","run":null,"tool":"1.3.0"}"#;
        let origin: Origin = serde_json::from_str(of_1_3_0).unwrap();
        let expected = Origin {
            commit: Some("3f2a1bc".to_owned()),
            reference: Some("refs/heads/main".to_owned()),
            actor: Some("alice".to_owned()),
            run: None,
            tool: "1.3.0".to_owned(),
            changed: false,
        };
        assert_eq!(origin, expected);
    }
}
