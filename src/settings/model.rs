//! Everything that a run needs to know.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use super::commands::{Command, InstallPlan, Restart};
use super::env::{Env, EnvFile};
use super::excludes::Excludes;
use super::health::Health;
use super::host::{HostName, Port, UserName};
use super::issue::Issue;
use super::jump::Jump;
use super::key::Secret;
use super::known_hosts::KnownHosts;
use super::log::LogCheck;
use super::release::ReleaseChoice;
use super::retention::Retention;
use super::service::{Service, UnitName};
use super::shared::Shared;
use super::source::Source;
use super::target::Target;

/// What surrounds the inputs: facts about the process, none of which acts as an input.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `GITHUB_WORKSPACE`.
    pub workspace: Option<PathBuf>,
    /// `GITHUB_REPOSITORY`, `owner/name`.
    pub repository: Option<String>,
    /// Whether `SSH_AUTH_SOCK` names an agent.
    pub agent: bool,
    /// Whether GitHub's runner runs us.
    pub on_actions: bool,
    /// Where relative paths begin.
    pub current_dir: PathBuf,
}

/// Everything that a run needs to know; every value is valid, and they fit together.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What to do.
    pub command: Command,
    /// The release that a rollback goes to; `None`: the previous good one.
    pub release: Option<ReleaseChoice>,
    /// Where.
    pub server: Server,
    /// What runs the app. To know which unit to look at, ask [`Settings::unit`].
    pub service: Service,
    /// The folder on the server.
    pub target: Target,
    /// The folder on the runner; `None` where the command sends nothing.
    pub source: Option<Source>,
    /// What is not uploaded, the source's `.deployignore` included.
    pub excludes: Excludes,
    /// What outlives releases.
    pub shared: Shared,
    /// Content of the release's `.env`.
    pub env_file: Option<EnvFile>,
    /// What makes the new release ready to run.
    pub install: InstallPlan,
    /// Variables for install, hooks and restart.
    pub env: Env,
    /// Shell commands that run in the installed release before it goes live.
    pub before_switch: Option<String>,
    /// How the service is restarted.
    pub restart: Restart,
    /// When a release counts as healthy.
    pub health: Health,
    /// What the log of the new start may hold.
    pub log_check: LogCheck,
    /// Which releases stay.
    pub retention: Retention,
    /// How many bytes must stay free on the server's disk.
    pub min_free: u64,
    /// How long another deployment of the same target is waited for.
    pub wait_lock: Duration,
    /// How long the whole run may take until the point of no return.
    pub timeout: Duration,
    /// The issue that tells of a failed deployment.
    pub issue: Issue,
}

/// A server and the way in.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its name or address.
    pub host: HostName,
    /// Its SSH port.
    pub port: Port,
    /// Who logs in.
    pub user: UserName,
    /// The private key; `None`: the agent of `SSH_AUTH_SOCK` holds one.
    pub key: Option<Secret>,
    /// The key's passphrase; there is none without a key that needs it.
    pub passphrase: Option<Secret>,
    /// By what it is recognised.
    pub known_hosts: KnownHosts,
    /// The server on the way.
    pub jump: Option<Jump>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How often connecting is tried, at least once.
    pub connect_attempts: u32,
}

impl Surroundings {
    /// Those of this process.
    pub fn from_env() -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        Self {
            workspace: set("GITHUB_WORKSPACE").map(PathBuf::from),
            repository: set("GITHUB_REPOSITORY").and_then(|name| name.into_string().ok()),
            agent: set("SSH_AUTH_SOCK").is_some(),
            on_actions: set("GITHUB_ACTIONS").is_some_and(|value| value == "true"),
            current_dir: env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
        }
    }
}

impl Settings {
    /// The unit that is looked at: none without systemd, and none where nothing is restarted.
    pub fn unit(&self) -> Option<&UnitName> {
        self.service
            .unit()
            .filter(|_| self.restart != Restart::None)
    }
}
