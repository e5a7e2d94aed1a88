//! What one deployment to one server needs, and the plan that is made of it.

use super::source::{LeaveOut, Tree, Walked};
use super::ssh::{Jump, KeyText};
use crate::protocol::{
    Entry, Hidden, Install, Origin, Part, Plan, Planned, Restart, Retention, Shared, Task,
    TransactionId, Verification,
};
use std::path::PathBuf;
use std::time::Duration;

/// Everything that one deployment to one server needs. All texts are checked: none holds what ssh's configuration or a
/// shell could take for its own.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// Name or address, IPv6 without brackets.
    pub host: String,
    /// TCP port of sshd.
    pub port: u16,
    /// Login name.
    pub user: String,
    /// The private key; `None`: the agent behind `auth_sock` has it.
    pub key: Option<KeyText>,
    /// What opens `key`, where it is encrypted.
    pub passphrase: Option<KeyText>,
    /// The server on the way, where there is one; the same key and `known_hosts` hold for it.
    pub jump: Option<Jump>,
    /// How often the first connection is tried, at least once.
    pub connect_attempts: u32,
    /// The caller's `SSH_AUTH_SOCK`; looked at only where there is no `key`.
    pub auth_sock: Option<PathBuf>,
    /// Lines as in `known_hosts`.
    pub known_hosts: String,
    /// For the TCP connection and ssh's first words; the login has ten seconds more.
    pub connect_timeout: Duration,
    /// For everything before the point of no return.
    pub timeout: Duration,
    /// Folder on the runner.
    pub source: PathBuf,
    /// What of it stays behind.
    pub leave_out: LeaveOut,
    /// What the server is to do.
    pub plan: PlanSeed,
}

/// A [`Plan`] without what only the walk through the source can tell; the fields mean the same.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is documented in the plan")]
pub struct PlanSeed {
    pub task: Task,
    pub target: String,
    pub service: Option<String>,
    pub shared: Vec<Shared>,
    pub env_file: Option<Hidden>,
    pub env: Vec<(String, Hidden)>,
    pub install: Install,
    pub before_switch: Option<String>,
    pub min_free: u64,
    pub restart: Restart,
    pub verification: Verification,
    pub retention: Retention,
    pub lock_wait: Duration,
    pub stage_limit: Duration,
    pub origin: Origin,
}

impl PlanSeed {
    /// A rollback makes no release, and so needs nothing of what goes into one.
    fn fitting(self) -> Self {
        match self.task {
            Task::Deploy => self,
            Task::RollBack { .. } => Self {
                shared: Vec::new(),
                env_file: None,
                env: Vec::new(),
                install: Install::Nothing,
                before_switch: None,
                min_free: 0,
                ..self
            },
        }
    }
}

impl Deployment {
    pub(super) fn plan(&self, transaction: &TransactionId, tree: &Tree) -> Plan {
        let seed = self.plan.clone().fitting();
        Plan {
            transaction: transaction.clone(),
            task: seed.task,
            target: seed.target,
            service: seed.service,
            shared: seed.shared,
            env_file: seed.env_file,
            env: seed.env,
            install: seed.install,
            before_switch: seed.before_switch,
            min_free: seed.min_free,
            restart: seed.restart,
            verification: seed.verification,
            retention: seed.retention,
            lock_wait: seed.lock_wait,
            stage_limit: seed.stage_limit,
            origin: seed.origin,
            entries: count(tree.entries()),
            root: tree.root(),
        }
    }

    pub(super) fn planned(&self, part: Part, walked: &Walked) -> Planned {
        Planned {
            part,
            task: self.plan.task.clone(),
            host: self.host.clone(),
            port: self.port,
            user: self.user.clone(),
            target: self.plan.target.clone(),
            service: self.plan.service.clone(),
            commit: self.plan.origin.commit.clone(),
            entries: count(walked.entries()),
            bytes: walked.bytes(),
            timeout: self.timeout,
        }
    }
}

/// The manifest's own limit is far below `u32`'s.
fn count(entries: &[Entry]) -> u32 {
    u32::try_from(entries.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollback_carries_nothing_that_makes_a_release() {
        let mut deployment = crate::runner::testing::deployment("/nowhere".as_ref());
        deployment.plan.task = Task::RollBack {
            to: Some("abc".to_owned()),
        };
        deployment.plan.install = Install::Uv;
        deployment.plan.env = vec![("A".to_owned(), Hidden::from("b".to_owned()))];
        deployment.plan.before_switch = Some("migrate".to_owned());
        let plan = deployment.plan(
            &crate::runner::testing::transaction(),
            &Walked::nothing()
                .hash(&std::sync::atomic::AtomicBool::new(false))
                .unwrap(),
        );
        assert_eq!(
            (plan.task, plan.entries, plan.install),
            (deployment.plan.task, 0, Install::Nothing)
        );
        assert!(plan.env.is_empty() && plan.before_switch.is_none());
    }
}
