use super::{Digest, TransactionId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Everything the server part must know: sealed when it is sent, nothing is asked later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The same one twice is the same transaction.
    pub transaction: TransactionId,
    /// What to do.
    pub task: Task,
    /// Absolute folder on the server, in normal form.
    pub target: String,
    /// The systemd unit, exactly as written; `None`: no unit is looked at.
    pub service: Option<String>,
    /// What lives in `<target>/shared` and is linked into the release.
    pub shared: Vec<Shared>,
    /// Content of the release's `.env`.
    pub env_file: Option<Hidden>,
    /// For install and hooks.
    pub env: Vec<(String, Hidden)>,
    /// What is run in the release before it is sealed.
    pub install: Install,
    /// Shell commands of the user's in the installed release, before it is sealed and switched.
    pub before_switch: Option<String>,
    /// Bytes that must stay free on the target's disk after the upload.
    pub min_free: u64,
    /// How the service is restarted.
    pub restart: Restart,
    /// When the release counts as healthy.
    pub verification: Verification,
    /// Which good releases stay.
    pub retention: Retention,
    /// How long a held lock is waited for.
    pub lock_wait: Duration,
    /// For everything before the point of no return, from the server part's start.
    pub stage_limit: Duration,
    /// Who deploys what.
    pub origin: Origin,
    /// Number of entries in the manifest that follows.
    pub entries: u32,
    /// [`super::root_of`] them.
    pub root: Digest,
}

/// What to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// Bring the tree live.
    #[default]
    Deploy,
    /// Bring a release live that is there; no tree is sent.
    RollBack {
        /// An id or the beginning of a commit hash; `None`: the previous good one.
        to: Option<String>,
    },
}

/// A path that outlives releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// Relative to the release's folder and to `<target>/shared`, in normal form, joined by `/`.
    pub path: String,
    /// A folder, made where it is missing; a file must be there.
    pub folder: bool,
}

/// A text that `Debug` does not show.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden(String);

impl Hidden {
    /// The text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What the log of the new start may hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogCheck {
    /// How serious a crash word is.
    pub level: LogLevel,
    /// A regular expression that stands for the crash words; `None`: those that are known.
    pub pattern: Option<String>,
}

/// How serious a crash word in the log is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogLevel {
    /// The release fails; error words warn.
    Fail,
    /// A warning.
    Warn,
    /// Not looked at. Also what records of before this check mean.
    #[default]
    Off,
}

/// What is run in the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Install {
    /// Nothing.
    Nothing,
    /// `uv sync --frozen`.
    Uv,
    /// Shell commands, several lines allowed.
    Commands(String),
}

/// How the service is restarted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Restart {
    /// Nothing is restarted (static files).
    Nothing,
    /// `sudo -n systemctl restart <service>`.
    Systemctl,
    /// Shell commands of the user's.
    Commands(String),
}

/// When a release counts as healthy. Kept in the release's record, for a later way back to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// What is asked over HTTP; `None`: only the unit is looked at.
    pub health: Option<Health>,
    /// How long the release may take to become healthy.
    pub timeout: Duration,
    /// Between two questions.
    pub interval: Duration,
    /// How long it must then stay healthy.
    pub settle: Duration,
    /// What the log may hold meanwhile.
    #[serde(default)]
    pub log: LogCheck,
}

/// The question over HTTP, asked on the server, and the answers that are right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whom to ask.
    pub url: HealthUrl,
    /// Status codes that are right.
    pub statuses: Vec<u16>,
    /// A regular expression that the body must match; `{release}` and `{sha}` stand for those of the release.
    pub pattern: Option<String>,
}

/// A health URL, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthUrl {
    /// https rather than http.
    pub tls: bool,
    /// Name or address, IPv6 without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path and query, beginning with `/`.
    pub path: String,
}

/// Which good releases stay: those among the newest `count` that are also not older than `age`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// At most so many, at least 1.
    pub count: Option<u32>,
    /// None older than this.
    pub age: Option<Duration>,
}

/// Who deploys what: recorded with the release, never acted on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Full commit hash.
    pub commit: Option<String>,
    /// Branch or tag, as in `GITHUB_REF`.
    pub reference: Option<String>,
    /// Who.
    pub actor: Option<String>,
    /// Link to the run.
    pub run: Option<String>,
    /// Version of this tool.
    pub tool: String,
}
