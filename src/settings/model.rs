//! Everything that a run needs to know.

use super::problem::{invalid, Invalid};
use super::ssh::{HostName, Jump, KnownHosts, Port, UserName};
use super::staging::{Excludes, Source};
use super::values::{Issue, Service};
use crate::protocol::{
    Restart, Retention, Scope, Secret, Staging, Target, UnitName, Units, Verification,
};
use crate::text::Prose;
use std::env;
use std::path::PathBuf;
use std::time::Duration;

/// The context of the inputs: facts about the process, none of which acts as an input.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// `GITHUB_WORKSPACE`.
    pub workspace: Option<PathBuf>,
    /// `GITHUB_REPOSITORY`, `owner/name`.
    pub repository: Option<String>,
    /// Whether `SSH_AUTH_SOCK` names an agent.
    pub agent: bool,
    /// Whether GitHub's runner runs the process.
    pub on_actions: bool,
    /// Where relative paths begin.
    pub current_dir: PathBuf,
    /// The commit that the run is about, as GitHub says: what is deployed if the source is in no checkout.
    pub commit: Option<String>,
    /// Its branch or tag.
    pub reference: Option<String>,
    /// git's configuration files of the person, the one that counts most first.
    pub git_configs: Vec<PathBuf>,
}

/// The commit that is deployed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commit {
    /// The full hash.
    pub hash: String,
    /// Its branch or tag, if it is known.
    pub reference: Option<String>,
    /// Whether tracked files in the source were modified.
    pub changed: bool,
    /// Where the checkout was cloned from. It may hold a password.
    pub remote: Option<String>,
}

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Deploy the source.
    Deploy,
    /// Roll back to a release on the server.
    Rollback,
    /// List the releases on the server.
    Releases,
}

/// Everything that a run needs to know. Every value is valid, and they fit together.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What to do.
    pub command: Command,
    /// The release to roll back to, an id or the beginning of a commit hash; `None`: the previous good one.
    pub release: Option<String>,
    /// Where.
    pub server: Server,
    /// What runs the app. For the units to check, ask [`Settings::units`].
    pub service: Service,
    /// Which systemd runs its units.
    pub scope: Scope,
    /// Which files of the source are unit files: paths and patterns.
    pub unit_files: Vec<String>,
    /// The folder on the server.
    pub target: Target,
    /// The folder on the runner; `None` if the command uploads nothing.
    pub source: Option<Source>,
    /// The commit that the source is, if it is known; for a command that uploads nothing, the one that the run is about.
    pub commit: Option<Commit>,
    /// The person's name as git knows it; `None` in GitHub Actions.
    pub person: Option<String>,
    /// What is not uploaded, including the source's `.deployignore`.
    pub excludes: Excludes,
    /// How a new release is prepared.
    pub staging: Staging,
    /// How the service is restarted.
    pub restart: Restart,
    /// When a release counts as healthy.
    pub verification: Verification,
    /// Which releases are kept.
    pub retention: Retention,
    /// How long to wait for another deployment of the same target.
    pub wait_lock: Duration,
    /// Time limit for everything before the point of no return.
    pub timeout: Duration,
    /// The issue about a failed deployment.
    pub issue: Issue,
}

/// A server and how to log in.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its name or address.
    pub host: HostName,
    /// Its SSH port.
    pub port: Port,
    /// The user to log in as.
    pub user: UserName,
    /// The private key; `None`: the agent of `SSH_AUTH_SOCK` holds one.
    pub key: Option<Secret>,
    /// The key's passphrase; `None` if the key needs none.
    pub passphrase: Option<Secret>,
    /// The lines that identify it.
    pub known_hosts: KnownHosts,
    /// The server through which it is reached; the same key and `known_hosts` apply to it.
    pub jump: Option<Jump>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How often the first connection is tried, at least once.
    pub connect_attempts: u32,
}

impl Surroundings {
    /// Those of this process.
    pub fn from_env() -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        let text = |name| set(name).and_then(|value| value.into_string().ok());
        let home = set("HOME").map(PathBuf::from);
        let xdg = set("XDG_CONFIG_HOME").map(PathBuf::from);
        let xdg = xdg.or_else(|| Some(home.as_ref()?.join(".config")));
        let global = home.map(|home| home.join(".gitconfig"));
        let global = global
            .into_iter()
            .chain(xdg.map(|xdg| xdg.join("git/config")));
        Self {
            workspace: set("GITHUB_WORKSPACE").map(PathBuf::from),
            repository: text("GITHUB_REPOSITORY"),
            agent: set("SSH_AUTH_SOCK").is_some(),
            on_actions: set("GITHUB_ACTIONS").is_some_and(|value| value == "true"),
            current_dir: env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            // only the event tells them of every run
            commit: None,
            reference: None,
            git_configs: match set("GIT_CONFIG_GLOBAL") {
                Some(file) => vec![file.into()],
                None => global.collect(),
            },
        }
    }
}

impl Command {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Deploy, Self::Rollback, Self::Releases];

    pub(super) fn parse(text: &str) -> Result<Self, Invalid> {
        let all = "Write `deploy`, `rollback` or `releases`, or leave it out";
        match Self::ALL.into_iter().find(|command| command.word() == text) {
            Some(command) => Ok(command),
            None => {
                let meant = Self::nearest(text).map(Self::word);
                let fix = meant.map_or(all.into(), |word| Prose::of("Did you mean `{}`?", [&word]));
                invalid("there is no such command", fix)
            }
        }
    }

    /// The command whose word is nearest, if one is near enough to be meant.
    pub(super) fn nearest(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        Self::ALL
            .map(|command| (strsim::jaro_winkler(command.word(), &text), command))
            .into_iter()
            .filter(|(score, _)| *score > 0.85)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, command)| command)
    }

    /// As it is written in the input.
    pub fn word(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Rollback => "rollback",
            Self::Releases => "releases",
        }
    }
}

impl Settings {
    /// The units to check: none without systemd, and none if nothing is restarted.
    pub fn units(&self) -> Units {
        let names = match self.restart {
            Restart::Nothing => &[],
            _ => self.service.units(),
        };
        Units {
            names: names.to_vec(),
            scope: self.scope,
            files: self.unit_files.clone(),
        }
    }

    /// The first of these units.
    pub fn unit(&self) -> Option<&UnitName> {
        self.service
            .unit()
            .filter(|_| self.restart != Restart::Nothing)
    }
}
