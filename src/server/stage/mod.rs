//! Stages a release in its final path: upload, `.env` and shared files, install, before-switch commands, smoke
//! test, seal.
//!
//! Knows `exec`, `store`, `channel`, `unit` and `smoke_test`.

pub(super) mod app_access;
pub(super) mod disk_space;
mod env_file;
mod files;
mod install;
mod known_chunks;
pub(super) mod manifest;
mod modes;
mod new_file;
mod receive;
pub(super) mod shared;
mod sources;
mod tree_upload;

use crate::protocol::{Plan, Reason, ReleaseId, Step, TreeEntry, What};
use crate::server::channel::current_step::CurrentStep;
use crate::server::channel::events::Events;
use crate::server::channel::inbox::Inbox;
use crate::server::channel::outbox::Outbox;
use crate::server::limits::Limits;
use crate::server::smoke_test::{self, Trial};
use crate::server::store::durable;
use crate::server::store::layout::Layout;
use crate::server::store::records::{self, State};
use crate::server::store::written;
use crate::server::unit::files::{check, staged::Staged};
use app_access::AppUsers;
use install::Shell;
use tree_upload::TreeUpload;

/// Stages one release.
pub(super) struct Stager<'a> {
    pub(super) layout: &'a Layout,
    pub(super) plan: &'a Plan,
    pub(super) inbox: &'a Inbox,
    pub(super) limits: &'a Limits,
    pub(super) outbox: &'a mut Outbox,
    pub(super) progress: &'a mut CurrentStep,
    pub(super) app_users: &'a AppUsers,
}

impl Stager<'_> {
    /// Stages the tree with these entries and seals it.
    pub(super) fn run(&mut self, entries: &[TreeEntry]) -> Result<ReleaseId, Reason> {
        self.begin(Step::Upload);
        let release = self.upload(entries)?;
        let app_users = self.app_users(&release)?;
        self.add_env_and_shared_files(&release, &app_users)?;
        self.run_commands(&release)?;
        self.smoke_test(&release)?;
        self.begin(Step::Seal);
        self.seal(&release)?;
        Ok(release)
    }

    fn begin(&mut self, step: Step) {
        self.progress.begin(step, self.outbox);
    }

    fn upload(&mut self, entries: &[TreeEntry]) -> Result<ReleaseId, Reason> {
        let staged = TreeUpload {
            layout: self.layout,
            plan: self.plan,
            inbox: self.inbox,
            limits: self.limits,
            outbox: self.outbox,
        }
        .run(entries)?;
        let release = staged.release.clone();
        self.progress.release = Some(release.clone());
        self.outbox.emit(What::Staged(staged));
        Ok(release)
    }

    /// The users that the units will run as. Those that the release's own unit files name are not checked yet.
    fn app_users(&mut self, release: &ReleaseId) -> Result<AppUsers, Reason> {
        let Plan { units, staging, .. } = self.plan;
        if units.files.is_empty() {
            return Ok(self.app_users.clone());
        }
        let staged = Staged::of(self.layout, release, units);
        let app_users = AppUsers::of(units.all(), self.layout, staging, Some(&staged));
        if app_users != *self.app_users {
            let found = app_users.check(self.layout, staging, self.outbox);
            found.map_or(Ok(()), |found| Err(Reason::NotReady(vec![found])))?;
        }
        Ok(app_users)
    }

    /// Adds what belongs to the release but does not come with its tree.
    fn add_env_and_shared_files(
        &self,
        release: &ReleaseId,
        app_users: &AppUsers,
    ) -> Result<(), Reason> {
        if let Some(content) = &self.plan.staging.env_file {
            env_file::write(&self.layout.release(release), content, app_users)?;
        }
        let folder = self.layout.release(release);
        shared::link(self.layout, &folder, &self.plan.staging.shared, app_users)
    }

    fn run_commands(&mut self, release: &ReleaseId) -> Result<(), Reason> {
        self.begin(Step::Install);
        let shell = Shell::new(self.layout, release, &self.plan.staging.env, self.limits);
        shell.install(&self.plan.staging.install, self.outbox)?;
        if let Some(script) = &self.plan.staging.before_switch {
            self.begin(Step::BeforeSwitch);
            records::mark_before_switch(self.layout, release)?;
            self.progress.before_switch = true;
            shell.run(script, Step::BeforeSwitch, self.outbox)?;
        }
        Ok(())
    }

    /// Starts the release beside the live one.
    fn smoke_test(&mut self, release: &ReleaseId) -> Result<(), Reason> {
        let Some(tried) = &self.plan.staging.smoke_test else {
            return Ok(());
        };
        self.begin(Step::SmokeTest);
        let trial = Trial {
            layout: self.layout,
            plan: self.plan,
            release,
            limits: self.limits,
        };
        smoke_test::run(&trial, tried, self.outbox)
    }

    /// Makes the release durable, then records it as complete.
    fn seal(&mut self, release: &ReleaseId) -> Result<(), Reason> {
        let Plan { verification, .. } = self.plan;
        check::check(self.layout, self.plan, release, verification, self.outbox)
            .map_err(|failed| self.progress.of(failed))?;
        written::record_state(self.layout, release);
        durable::sync_file_system(&self.layout.release(release))?;
        let verification = Some(verification.clone());
        records::mark(self.layout, release, State::Complete, verification)
    }
}
