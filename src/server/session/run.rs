//! Runs a session: everything before the point of no return, then the hand-over to the transaction's process.

use super::check;
use super::client::Client;
use super::data;
use super::follow;
use super::initial_state::InitialState;
use super::instruction::{self, Goal, InstructionBuilder};
use super::units::CheckedUnit;
use crate::protocol::{
    Attempt, BadUpload, Failure, Finding, Interruption, IoKind, LiveRelease, Notice, Outcome, Plan,
    Reason, ReleaseId, Step, Task, TreeEntry, Verdict, Warning, What,
};
use crate::server::channel::current_step::CurrentStep;
use crate::server::channel::events::Events;
use crate::server::channel::inbox::Inbox;
use crate::server::clock::{now, now_ms};
use crate::server::recover::recover;
use crate::server::smoke_test;
use crate::server::stage::{manifest, Stager};
use crate::server::store::journal;
use crate::server::store::links;
use crate::server::store::listing::{self, Extent};
use crate::server::store::lock;
use crate::server::store::pending::Pending;
use crate::server::store::records;
use crate::server::store::retention::{self, After};
use crate::server::store::rollback_target::{self, Target};
use crate::server::store::verdicts;
use crate::server::unit::files::{self, ready};
use crate::server::unit::going_down::{going_down, GoingDown};
use crate::server::unit::{hidden, restart};
use std::fs::File;
use std::thread;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(100);

/// Deploys or rolls back for one login.
pub(super) struct Session<'a> {
    client: Client<'a>,
    plan: &'a Plan,
    inbox: &'a Inbox,
    progress: CurrentStep,
    before: InitialState<'a>,
}

impl<'a> Session<'a> {
    pub(super) fn new(client: Client<'a>, plan: &'a Plan, inbox: &'a Inbox) -> Self {
        Self {
            client,
            plan,
            inbox,
            progress: CurrentStep {
                step: Step::Lock,
                release: None,
                unit: None,
                before_switch: false,
            },
            before: InitialState::default(),
        }
    }

    /// Runs the session and reports its end. If the transaction runs or has ended already, only its events are reported.
    pub(super) fn run(&mut self) {
        loop {
            if self.report_again() || follow::rejoin(&mut self.client) {
                return;
            }
            match self.take_lock() {
                Ok(Some(lock)) => return self.run_with_lock(lock),
                // an earlier login has handed the transaction over
                Ok(None) => {}
                Err(reason) => {
                    if matches!(reason, Reason::Busy(_)) {
                        self.tell_live();
                    }
                    return self.end(self.verdict(reason));
                }
            }
        }
    }

    fn run_with_lock(&mut self, lock: File) {
        match self.prepare() {
            Ok(Some(pending)) => self.hand_over(&pending, lock),
            Ok(None) => {}
            Err(reason) => {
                let full = is_disk_full(&reason);
                self.fail(reason);
                // a run that staged nothing deletes nothing, unless the disk is full
                if self.progress.step >= Step::Upload || full {
                    let after = if full {
                        After::FullDisk
                    } else {
                        After::Failure
                    };
                    let Plan {
                        units,
                        verification,
                        ..
                    } = self.plan;
                    let hidden = || hidden::starts(units, verification.health.as_ref());
                    retention::run(
                        self.client.layout,
                        self.plan.retention,
                        (self.client.transaction, after),
                        hidden,
                    );
                }
                drop(lock);
            }
        }
    }

    fn begin(&mut self, step: Step) {
        self.progress.begin(step, self.client.outbox);
    }

    fn end(&mut self, verdict: Verdict) {
        self.client.outbox.emit(What::Ended(Box::new(verdict)));
    }

    /// Whether this transaction has ended already; then its end is reported again.
    fn report_again(&mut self) -> bool {
        let Some(verdict) = verdicts::get(self.client.layout, self.client.transaction) else {
            return false;
        };
        follow::report_again(&mut self.client, &verdict);
        true
    }

    /// `None`: this transaction holds it already and is past the point of no return.
    fn take_lock(&mut self) -> Result<Option<File>, Reason> {
        self.begin(Step::Lock);
        let Client {
            layout,
            limits,
            outbox,
            ..
        } = &mut self.client;
        check::create_folders(layout)
            .map_err(|reason| check::and_others(reason, layout, self.plan, *outbox))?;
        let lock = lock::take(layout, self.plan, limits, |holder| {
            outbox.emit(What::Waiting(holder))
        })?;
        if lock.is_some() {
            lock::record_holder(layout, self.plan);
        }
        Ok(lock)
    }

    /// Everything before the point of no return. `None`: the transaction had ended already, and its end was reported.
    fn prepare(&mut self) -> Result<Option<Pending>, Reason> {
        if self.end_pending()? {
            return Ok(None);
        }
        smoke_test::end_left_overs(self.client.layout, self.client.outbox);
        for (path, error) in journal::leftovers(self.client.layout) {
            self.client
                .outbox
                .emit(What::Warning(Warning::Leftover { path, error }));
        }
        data::tell_kept(&mut self.client);
        self.begin(Step::Check);
        self.tell_live();
        let entries = manifest::receive(self.plan, self.inbox, self.client.limits)?;
        self.before = check::check(self.client.layout, self.plan, &entries, self.client.outbox)?;
        let long = instruction::long_deadline(self.client.layout, self.plan, &self.before);
        if let Some(warning) = long {
            self.client.outbox.emit(What::Warning(warning));
        }
        let pending = match &self.plan.task {
            Task::Deploy => self.new_release(&entries)?,
            Task::RollBack { to } => match self.earlier_release(to.as_deref())? {
                Some(pending) => pending,
                None => return Ok(None),
            },
        };
        data::warn(&mut self.client, self.plan, self.before.current.as_ref());
        self.wait_for_starts()?;
        self.client.limits.check()?;
        if let Some(scope) = going_down(self.plan.units.scope) {
            return Err(GoingDown(scope).into());
        }
        self.write_instruction(&pending)?;
        Ok(Some(pending))
    }

    /// Tells which release is live.
    fn tell_live(&mut self) {
        let layout = self.client.layout;
        if let Some(release) = links::live(layout) {
            let made = records::made(layout, &release);
            let live = LiveRelease { release, made };
            self.client.outbox.emit(What::Live(Box::new(live)));
        }
    }

    /// Writes the instruction, unless another login has cancelled the transaction. The lock on the decision excludes both
    /// at once.
    fn write_instruction(&self, pending: &Pending) -> Result<(), Reason> {
        let _lock = verdicts::lock_decision(self.client.layout, self.client.limits)?;
        if verdicts::get(self.client.layout, self.client.transaction).is_some() {
            return Err(Reason::Cancelled);
        }
        pending.prepare(self.client.layout)
    }

    /// Stages a new release.
    fn new_release(&mut self, entries: &[TreeEntry]) -> Result<Pending, Reason> {
        let release = Stager {
            layout: self.client.layout,
            plan: self.plan,
            inbox: self.inbox,
            limits: self.client.limits,
            outbox: self.client.outbox,
            progress: &mut self.progress,
            app_users: &self.before.app_users,
        }
        .run(entries)?;
        let is_current_good = self.assess_current()?;
        let goal = Goal {
            release,
            success: Outcome::Deployed,
            verification: self.plan.verification.clone(),
            before_switch: self.progress.before_switch,
        };
        Ok(self.instruction(goal, is_current_good))
    }

    /// Finds the release to roll back to. `None`: it is live already, and that was reported.
    fn earlier_release(&mut self, to: Option<&str>) -> Result<Option<Pending>, Reason> {
        if (self.plan.entries, self.plan.root) != Plan::no_tree() {
            return Err(Reason::Upload(BadUpload::TreeWithRollback));
        }
        // first: this may take over the very release
        let is_current_good = self.assess_current()?;
        let layout = self.client.layout;
        let target = rollback_target::find(layout, to);
        if !matches!(target, Ok(Target::Earlier(_))) {
            // the answer to what the user has to ask next
            let listing = listing::list(layout, Extent::Brief);
            self.client.outbox.emit(What::Releases(Box::new(listing)));
        }
        let release = match target? {
            Target::Earlier(release) => release,
            Target::Live(release) => {
                self.end_with_live(release);
                return Ok(None);
            }
        };
        self.progress.release = Some(release.clone());
        let (verification, _) = instruction::recorded(layout, self.plan, &release);
        let (units, current) = (&self.plan.units, self.before.current.as_ref());
        let findings = ready::check_earlier(layout, units, &release, current);
        if !findings.is_empty() {
            return Err(Reason::NotReady(findings));
        }
        let outbox = &mut *self.client.outbox;
        files::check::check(layout, self.plan, &release, &verification, outbox)
            .map_err(|failed| self.progress.of(failed))?;
        let goal = Goal {
            before_switch: records::before_switch_since(layout, &release),
            release,
            success: Outcome::Restored,
            verification,
        };
        Ok(Some(self.instruction(goal, is_current_good)))
    }

    /// Nothing is switched or restarted: the release is live, and all that is asked is whether it is healthy.
    fn end_with_live(&mut self, release: ReleaseId) {
        self.progress.release = Some(release.clone());
        self.begin(Step::Verify);
        let layout = self.client.layout;
        let (verification, origin) = instruction::recorded(layout, self.plan, &release);
        let commit = origin.commit.as_deref();
        let looked = check::look(layout, &verification, &self.before, (&release, commit));
        let attempt = looked.map(|(unit, attempt)| {
            self.progress.unit = unit.map(str::to_owned);
            self.client.outbox.emit(What::Attempt(attempt.clone()));
            attempt
        });
        let is_healthy = |it: &Attempt| it.answer.is_healthy();
        let verdict = match attempt.filter(|attempt| !is_healthy(attempt)) {
            Some(attempt) => self.verdict(Reason::Unhealthy {
                last: Box::new(attempt.answer),
                attempts: attempt.number,
                waited: attempt.took,
                log_line: None,
            }),
            None => Verdict {
                transaction: self.client.transaction.clone(),
                outcome: Outcome::Restored,
                release: Some(release.clone()),
                previous: None,
                live: Some(release.clone()),
                failure: None,
                rollback: None,
                switched: false,
                before_switch: false,
                interruption: Some(Interruption::none(now_ms())),
                at: now(),
            },
        };
        let origin = instruction::origin(layout, self.plan, Some(&release));
        journal::add(layout, &verdict, &origin, false);
        self.end(verdict);
    }

    fn assess_current(&mut self) -> Result<bool, Reason> {
        check::assess_current(
            self.client.layout,
            self.plan,
            &self.before,
            self.client.outbox,
        )
    }

    fn instruction(&self, goal: Goal, is_current_good: bool) -> Pending {
        let builder = InstructionBuilder {
            layout: self.client.layout,
            plan: self.plan,
            before: &self.before,
            is_current_good,
        };
        builder.build(goal)
    }

    /// Ends a pending transaction and reports it. Returns whether it was this one.
    fn end_pending(&mut self) -> Result<bool, Reason> {
        self.progress.step = Step::Recover;
        let layout = self.client.layout;
        let ended =
            recover(layout, self.client.outbox)?.or_else(|| follow::unreported_verdict(layout));
        if self.report_again() {
            return Ok(true);
        }
        let Some(verdict) = ended else {
            return Ok(false);
        };
        if verdict.transaction == *self.client.transaction {
            // the disk could not take it
            follow::report_again(&mut self.client, &verdict);
            return Ok(true);
        }
        let failure = verdict.rollback.clone().or_else(|| verdict.failure.clone());
        let transaction = verdict.transaction.clone();
        self.client.outbox.emit(What::Recovered(Box::new(verdict)));
        verdicts::mark_reported(layout, &transaction);
        match failure {
            // it could not be ended, so no other may begin
            Some(failure) if Pending::read(layout)?.is_some() => Err(failure.reason),
            _ => Ok(false),
        }
    }

    /// Waits, while the old release serves, until systemd would allow starts of the new release and of the rollback.
    fn wait_for_starts(&mut self) -> Result<(), Reason> {
        let layout = self.client.layout;
        let needed =
            |it: &CheckedUnit<'_>| restart::wait_needed(layout, it.name, &it.unit, it.resettable);
        let wait = self.before.units.iter().map(needed).max();
        let wait = wait.unwrap_or_default();
        if wait.is_zero() {
            return Ok(());
        }
        self.client
            .outbox
            .emit(What::Notice(Notice::StartLimitWait {
                up_to: wait,
                serving: true,
            }));
        let start = Instant::now();
        while start.elapsed() < wait {
            self.client.limits.check()?;
            thread::sleep(TICK);
        }
        Ok(())
    }

    fn hand_over(&mut self, pending: &Pending, lock: File) {
        if let Err(reason) = follow::hand_over(&mut self.client, pending, lock) {
            self.progress.step = Step::Switch;
            self.fail(reason);
        }
    }

    /// Records and reports a failure. Nothing was switched.
    fn fail(&mut self, reason: Reason) {
        let verdict = self.verdict(reason);
        // a runner half that does not receive it reconnects, and must not repeat what has failed
        if self.progress.step >= Step::Upload && verdict.outcome == Outcome::Failed {
            if let Err(reason) = verdicts::put(self.client.layout, &verdict) {
                tracing::info!(
                    %reason,
                    "cannot store the verdict: a reconnect will try again"
                );
            }
        }
        let layout = self.client.layout;
        let origin = instruction::origin(layout, self.plan, self.progress.release.as_ref());
        journal::add(layout, &verdict, &origin, false);
        self.end(verdict);
    }

    /// Whether an error of the disk shows, before anything is done, what must be fixed on the server.
    fn is_found_by_check(&self, kind: IoKind) -> bool {
        matches!(self.progress.step, Step::Lock | Step::Check) && kind != IoKind::Other
    }

    fn verdict(&self, reason: Reason) -> Verdict {
        let outcome = match &reason {
            // the unit files of the release are at fault
            Reason::NotReady(_) if self.progress.step > Step::Check => Outcome::Failed,
            Reason::NotReady(_) | Reason::NoSuchRelease { .. } => Outcome::NotReady,
            // the release to roll back to lacks what the unit needs
            Reason::Program { .. } | Reason::RejectedUnitFiles(_)
                if self.progress.step == Step::Check =>
            {
                Outcome::NotReady
            }
            Reason::Io { kind, .. } if self.is_found_by_check(*kind) => Outcome::NotReady,
            Reason::Busy(_) => Outcome::Busy,
            Reason::Cancelled => Outcome::Cancelled,
            _ => Outcome::Failed,
        };
        Verdict {
            transaction: self.client.transaction.clone(),
            outcome,
            release: self.progress.release.clone(),
            previous: self.before.current.clone(),
            live: links::live(self.client.layout),
            failure: Some(Failure {
                step: self.progress.step,
                reason,
                unit: self.progress.unit.clone(),
            }),
            rollback: None,
            switched: false,
            before_switch: self.progress.before_switch,
            interruption: (self.progress.step < Step::Switch).then(|| Interruption::none(now_ms())),
            at: now(),
        }
    }
}

fn is_disk_full(reason: &Reason) -> bool {
    match reason {
        Reason::Io { kind, .. } => *kind == IoKind::Full,
        Reason::NotReady(found) => found.iter().any(|it| matches!(it, Finding::NoSpace { .. })),
        _ => false,
    }
}
