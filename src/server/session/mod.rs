//! One login: takes the plan and the tree, prepares the release, hands the sealed instruction to the transaction's own
//! process, and follows it for as long as somebody is there to be told.

//!
//! Knows all wings of the server part.

mod check;
pub(super) mod finish;
mod follow;
mod rollback_target;

use crate::protocol::{
    Entry, Failure, IoKind, Notice, Origin, Outcome, Plan, Reason, ReleaseId, Restart, Step, Task,
    Unready, Verdict, Verification, Warning, What,
};
use crate::server::channel::events::Events;
use crate::server::channel::inbox::Inbox;
use crate::server::channel::outbox::Outbox;
use crate::server::clock::now;
use crate::server::limits::Limits;
use crate::server::recover::recover;
use crate::server::stage::env_file;
use crate::server::stage::install::{self, Shell};
use crate::server::stage::shared;
use crate::server::stage::{self, Stage};
use crate::server::store::durable;
use crate::server::store::journal;
use crate::server::store::layout::Layout;
use crate::server::store::links;
use crate::server::store::lock;
use crate::server::store::pending::{Old, Pending};
use crate::server::store::records::{self, State};
use crate::server::store::retention::{self, After};
use crate::server::store::verdicts;
use crate::server::unit::restart;
use crate::server::unit::systemd::Unit;
use check::Before;
use std::fs::File;
use std::thread;
use std::time::Duration;

/// Serves one runner half.
pub(in crate::server) struct Session<'a> {
    layout: Layout,
    plan: &'a Plan,
    /// How many of the transaction's own events the runner half knows.
    heard: u32,
    inbox: &'a Inbox,
    limits: Limits,
    outbox: &'a mut Outbox,
    step: Step,
    release: Option<ReleaseId>,
    before: Before,
}

impl<'a> Session<'a> {
    pub(in crate::server) fn new(
        plan: &'a Plan,
        heard: u32,
        inbox: &'a Inbox,
        outbox: &'a mut Outbox,
    ) -> Self {
        let layout = Layout::new(plan.target.as_str());
        let limits = Limits::new(inbox.gone(), plan.stage_limit);
        Self {
            layout,
            plan,
            heard,
            inbox,
            limits,
            outbox,
            step: Step::Lock,
            release: None,
            before: Before::default(),
        }
    }

    /// Runs it; the last event is told. The same transaction twice is the same transaction: where it has ended, or is at
    /// work, that is what there is to tell.
    pub(in crate::server) fn run(&mut self) {
        loop {
            if self.end_again() || self.rejoin() {
                return;
            }
            match self.take_lock() {
                Ok(Some(lock)) => return self.run_alone(lock),
                // an earlier login has handed it over meanwhile
                Ok(None) => {}
                Err(reason) => return self.end(self.verdict(reason)),
            }
        }
    }

    fn run_alone(&mut self, lock: File) {
        match self.prepare() {
            Ok(Some(pending)) => self.hand_over(&pending, lock),
            Ok(None) => {}
            Err(reason) => {
                let full = is_full(&reason);
                self.give_up(reason);
                // a run that staged nothing leaves everything as it found it, but for what takes up the room it lacks
                if self.step >= Step::Upload || full {
                    let after = if full {
                        After::FullDisk
                    } else {
                        After::Failure
                    };
                    retention::run(&self.layout, self.plan.retention, after);
                }
                drop(lock);
            }
        }
    }

    fn begin(&mut self, step: Step) {
        self.step = step;
        self.outbox.emit(What::Step(step));
    }

    fn end(&mut self, verdict: Verdict) {
        self.outbox.emit(What::Ended(Box::new(verdict)));
    }

    /// Whether it was this very transaction, and has ended.
    fn end_again(&mut self) -> bool {
        let Some(verdict) = verdicts::get(&self.layout, &self.plan.transaction) else {
            return false;
        };
        follow::tell_again(
            &self.layout,
            &verdict,
            self.heard,
            &self.limits,
            self.outbox,
        );
        true
    }

    fn rejoin(&mut self) -> bool {
        let Self {
            layout,
            plan,
            heard,
            limits,
            outbox,
            ..
        } = self;
        follow::rejoin(layout, &plan.transaction, heard, limits, outbox)
    }

    /// `None`: this very transaction has it, past the point of no return.
    fn take_lock(&mut self) -> Result<Option<File>, Reason> {
        self.begin(Step::Lock);
        check::make_folders(&self.layout)?;
        let Self {
            layout,
            plan,
            limits,
            outbox,
            ..
        } = self;
        let lock = lock::take(layout, plan, limits, |holder| {
            outbox.emit(What::Waiting(holder))
        })?;
        if lock.is_some() {
            lock::sign(layout, plan);
        }
        Ok(lock)
    }

    /// Everything before the point of no return; `None`: it was done before, and its end is told.
    fn prepare(&mut self) -> Result<Option<Pending>, Reason> {
        if self.end_what_is_pending()? {
            return Ok(None);
        }
        for (path, error) in journal::leftovers(&self.layout) {
            self.outbox
                .emit(What::Warning(Warning::Leftover { path, error }));
        }
        self.begin(Step::Check);
        let entries = stage::manifest(self.plan, self.inbox, &self.limits)?;
        self.before = check::check(&self.layout, self.plan, &entries, self.outbox)?;
        let pending = match &self.plan.task {
            Task::Deploy => self.new_release(&entries)?,
            Task::RollBack { to } => self.earlier_release(to.as_deref())?,
        };
        self.wait_for_starts()?;
        self.limits.check()?;
        self.decide(&pending)?;
        Ok(Some(pending))
    }

    /// Prepares the instruction, unless somebody has given us up. Whoever is about to sees it, or is seen.
    fn decide(&self, pending: &Pending) -> Result<(), Reason> {
        let _deciding = verdicts::deciding(&self.layout, &self.limits)?;
        if verdicts::get(&self.layout, &self.plan.transaction).is_some() {
            return Err(Reason::Cancelled);
        }
        pending.prepare(&self.layout)
    }

    /// Brings the tree into a release of its own.
    fn new_release(&mut self, entries: &[Entry]) -> Result<Pending, Reason> {
        shared::check(&self.layout, &self.plan.staging.shared)?;
        let release = self.stage(entries)?;
        self.begin(Step::Seal);
        self.seal(release)?;
        let good = self.judge_current()?;
        let goal = Goal {
            release,
            success: Outcome::Deployed,
            verification: self.plan.verification.clone(),
        };
        Ok(self.instruction(goal, good))
    }

    /// Finds the release that is meant; it is there already, complete.
    fn earlier_release(&mut self, to: Option<&str>) -> Result<Pending, Reason> {
        if (self.plan.entries, self.plan.root) != Plan::no_tree() {
            return Err(Reason::Upload("a tree comes with a rollback".to_owned()));
        }
        // what is taken over with it may be what is meant
        let good = self.judge_current()?;
        let release = rollback_target::find(&self.layout, to, &self.before)?;
        self.release = Some(release);
        self.check_programs(release)?;
        let (verification, _) = self.known_of(release);
        Ok(self.instruction(
            Goal {
                release,
                success: Outcome::Restored,
                verification,
            },
            good,
        ))
    }

    fn judge_current(&mut self) -> Result<bool, Reason> {
        check::judge_current(&self.layout, self.plan, &self.before, self.outbox)
    }

    /// Whether it was this very transaction.
    fn end_what_is_pending(&mut self) -> Result<bool, Reason> {
        self.step = Step::Recover;
        let ended = recover(&self.layout, self.outbox)?.or_else(|| follow::untold(&self.layout));
        if self.end_again() {
            return Ok(true);
        }
        let Some(verdict) = ended else {
            return Ok(false);
        };
        let failure = verdict.rollback.clone().or_else(|| verdict.failure.clone());
        let transaction = verdict.transaction.clone();
        self.outbox.emit(What::Recovered(Box::new(verdict)));
        verdicts::told(&self.layout, &transaction);
        match failure {
            // the disk still does not let us: nothing may be begun over it
            Some(failure) if Pending::read(&self.layout)?.is_some() => Err(failure.reason),
            _ => Ok(false),
        }
    }

    fn stage(&mut self, entries: &[Entry]) -> Result<ReleaseId, Reason> {
        self.begin(Step::Upload);
        let Self {
            layout,
            plan,
            inbox,
            limits,
            outbox,
            ..
        } = self;
        let staged = Stage {
            layout,
            plan,
            inbox,
            limits,
            outbox,
        }
        .run(entries)?;
        let release = staged.release;
        self.release = Some(release);
        self.outbox.emit(What::Staged(staged));
        self.furnish(release)?;
        self.begin(Step::Install);
        let shell = Shell::new(
            self.layout.release(release),
            &self.plan.staging.env,
            &self.limits,
        );
        shell.install(&self.plan.staging.install, self.outbox)?;
        if let Some(script) = &self.plan.staging.before_switch {
            self.begin(Step::BeforeSwitch);
            shell.run(script, self.outbox)?;
        }
        Ok(release)
    }

    /// What belongs into the release, and does not come with its tree.
    fn furnish(&self, release: ReleaseId) -> Result<(), Reason> {
        if let Some(content) = &self.plan.staging.env_file {
            env_file::write(&self.layout.release(release), content)?;
        }
        shared::link(&self.layout, release, &self.plan.staging.shared)
    }

    fn seal(&mut self, release: ReleaseId) -> Result<(), Reason> {
        self.check_programs(release)?;
        durable::sync_file_system(&self.layout.release(release))?;
        records::mark(
            &self.layout,
            release,
            State::Complete,
            Some(self.plan.verification.clone()),
        )
    }

    fn check_programs(&self, release: ReleaseId) -> Result<(), Reason> {
        self.before.unit.as_ref().map_or(Ok(()), |unit| {
            install::check_programs(&self.layout, release, unit)
        })
    }

    /// While the old release serves, until systemd would allow both the new one and the way back to start.
    fn wait_for_starts(&mut self) -> Result<(), Reason> {
        let Some(unit) = &self.before.unit else {
            return Ok(());
        };
        let wait = restart::wait_needed(&self.layout, unit, self.before.resettable);
        if wait.is_zero() {
            return Ok(());
        }
        self.outbox.emit(What::Notice(Notice::StartLimitWait {
            up_to: wait,
            serving: true,
        }));
        let start = std::time::Instant::now();
        while start.elapsed() < wait {
            self.limits.check()?;
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn instruction(&self, goal: Goal, good: bool) -> Pending {
        let plan = self.plan;
        let old = self.before.current.map(|old| self.old(old, good));
        let back = old
            .as_ref()
            .map_or(&goal.verification, |old| &old.verification);
        Pending {
            format: Pending::FORMAT,
            deadline: deadline(&plan.restart, [&goal.verification, back], &self.before),
            transaction: plan.transaction.clone(),
            release: goal.release,
            success: goal.success,
            old,
            previous: self.before.previous,
            service: plan.service.clone(),
            restart: plan.restart.clone(),
            verification: goal.verification,
            retention: plan.retention,
            origin: self.origin(),
        }
    }

    fn old(&self, release: ReleaseId, good: bool) -> Old {
        let (verification, origin) = self.known_of(release);
        Old {
            release,
            good,
            verification,
            commit: origin.commit,
        }
    }

    /// How a release that is there is verified, and of what it was made.
    fn known_of(&self, release: ReleaseId) -> (Verification, Origin) {
        let record = records::get(&self.layout, release);
        let origin = record
            .as_ref()
            .map(|record| record.origin.clone())
            .unwrap_or_default();
        let own = record.and_then(|record| record.verification);
        (
            own.unwrap_or_else(|| check::without_match(&self.plan.verification)),
            origin,
        )
    }

    /// Who does it, and with what: the commit that a rollback is run from says nothing about what goes live.
    fn origin(&self) -> Origin {
        let own = self.plan.origin.clone();
        match self.plan.task {
            Task::Deploy => own,
            Task::RollBack { .. } => {
                let of = self
                    .release
                    .map(|release| self.known_of(release).1)
                    .unwrap_or_default();
                Origin {
                    commit: of.commit,
                    reference: of.reference,
                    ..own
                }
            }
        }
    }

    fn hand_over(&mut self, pending: &Pending, lock: File) {
        if let Err(reason) =
            follow::hand_over(&self.layout, pending, lock, &self.limits, self.outbox)
        {
            self.step = Step::Switch;
            self.give_up(reason);
        }
    }

    /// It failed, and the server runs what it ran.
    fn give_up(&mut self, reason: Reason) {
        let verdict = self.verdict(reason);
        if self.step >= Step::Upload && verdict.outcome == Outcome::Failed {
            self.keep(&verdict);
        }
        journal::add(&self.layout, &verdict, &self.origin(), false);
        self.end(verdict);
    }

    /// For a runner half that the word does not reach: it comes back, and what failed is not to be done twice.
    fn keep(&self, verdict: &Verdict) {
        if let Err(reason) = verdicts::put(&self.layout, verdict) {
            tracing::debug!(?reason, "a failure would be tried again");
        }
    }

    fn verdict(&self, reason: Reason) -> Verdict {
        let outcome = match &reason {
            Reason::NotReady(_) => Outcome::NotReady,
            Reason::Busy(_) => Outcome::Busy,
            Reason::Cancelled => Outcome::Cancelled,
            _ => Outcome::Failed,
        };
        Verdict {
            transaction: self.plan.transaction.clone(),
            outcome,
            release: self.release,
            previous: self.before.current,
            live: links::live(&self.layout),
            failure: Some(Failure {
                step: self.step,
                reason,
            }),
            rollback: None,
            switched: false,
            at: now(),
        }
    }
}

/// Room is what was lacking.
fn is_full(reason: &Reason) -> bool {
    match reason {
        Reason::Io { kind, .. } => *kind == IoKind::Full,
        Reason::NotReady(found) => found.iter().any(|it| matches!(it, Unready::Room { .. })),
        _ => false,
    }
}

/// What is to go live.
struct Goal {
    release: ReleaseId,
    success: Outcome,
    verification: Verification,
}

/// By when the transaction has ended: stopping, starting, becoming healthy and staying so, and waiting out systemd's
/// start limit where it can't be lifted; once for the release that goes live, once for the way back with its own settings.
fn deadline(restart: &Restart, both: [&Verification; 2], before: &Before) -> Duration {
    let unit = before.unit.as_ref();
    let restart = match restart {
        Restart::Nothing => Duration::ZERO,
        _ => {
            unit.map_or(restart::LONGEST, |unit| {
                unit.restart_limit(restart::LONGEST)
            }) + restart::MARGIN
        }
    };
    let limit = unit
        .and_then(Unit::start_limit)
        .filter(|_| !before.resettable);
    let limit = limit.map_or(Duration::ZERO, |(_, interval)| interval);
    let watch = |verification: &Verification| verification.timeout + verification.settle;
    2 * (restart + limit) + both.into_iter().map(watch).sum::<Duration>()
}
