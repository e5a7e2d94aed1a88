//! One deployment to one server: how to log in, what to upload, and the plan.

use super::source::{Purpose, Tree, UnhashedTree, UploadRules};
use crate::protocol::{Install, Part, Plan, Planned, Restart, TreeEntry};
use crate::settings::{Server, Source};
use std::path::PathBuf;
use std::time::Duration;

/// Everything that one deployment to one server needs.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// Where, and how to log in.
    pub server: Server,
    /// The caller's `SSH_AUTH_SOCK`; used only if the server has no key.
    pub auth_sock: Option<PathBuf>,
    /// The folder to upload; `None` if nothing is uploaded.
    pub source: Option<Source>,
    /// Which parts of it are not uploaded.
    pub upload_rules: UploadRules,
    /// What the server part must do, without the tree.
    pub plan: Plan,
}

impl Deployment {
    /// Time limit for everything before the point of no return.
    pub(super) fn timeout(&self) -> Duration {
        self.plan.stage_limit
    }

    /// The plan with this tree.
    pub(super) fn plan(&self, tree: &Tree) -> Plan {
        Plan {
            entries: count(tree.entries()),
            root: tree.root(),
            ..self.plan.clone()
        }
    }

    /// What the source is for.
    pub(super) fn purpose(&self) -> Purpose {
        let plan = &self.plan;
        Purpose {
            is_static: plan.restart == Restart::Nothing && plan.staging.install != Install::Uv,
            by_hand: plan.origin.run.is_none(),
            has_env_file: plan.staging.env_file.is_some(),
        }
    }

    pub(super) fn planned(&self, part: Part, tree: &UnhashedTree) -> Planned {
        Planned {
            part,
            task: self.plan.task.clone(),
            host: self.server.host.to_string(),
            port: self.server.port.get(),
            user: self.server.user.to_string(),
            target: self.plan.target.to_string(),
            service: self.plan.units.first().map(|unit| unit.name.to_owned()),
            others: self.plan.units.others(),
            scope: self.plan.units.scope,
            unit_files: !self.plan.units.files.is_empty(),
            restart: self.plan.restart.clone(),
            health: self
                .plan
                .verification
                .health
                .as_ref()
                .map(|it| it.url.clone()),
            shared: {
                let shared = self.plan.staging.shared.iter();
                shared.map(|it| it.path.clone()).collect()
            },
            commit: self.plan.origin.commit.clone(),
            changed: self.plan.origin.changed,
            actor: self.plan.origin.actor.clone(),
            entries: count(tree.entries()),
            bytes: tree.bytes(),
            timeout: self.timeout(),
        }
    }
}

/// The manifest's own limit is far below `u32`'s.
fn count(entries: &[TreeEntry]) -> u32 {
    u32::try_from(entries.len()).unwrap_or(u32::MAX)
}
