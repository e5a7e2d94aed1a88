//! The transaction: switch, restart, verify, then commit or roll back. It needs no runner, and the rollback needs no disk
//! space.

use super::clock::{now, now_ms, Moment};
use super::rollback::Rollback;
use crate::protocol::{
    Failure, Interference, Interruption, Made, Notice, Outcome, Reason, Restart, Scope, Step,
    Verdict, Warning, What,
};
use crate::server::channel::events::Events;
use crate::server::store::durable;
use crate::server::store::journal;
use crate::server::store::layout::Layout;
use crate::server::store::links::{self, Link};
use crate::server::store::pending::{Old, Pending};
use crate::server::store::records::{self, State};
use crate::server::store::verdicts;
use crate::server::unit::diagnostics;
use crate::server::unit::files::transaction::UnitFiles;
use crate::server::unit::going_down::{going_down, GoingDown};
use crate::server::unit::known_unit::{KnownUnit, Purpose};
use crate::server::unit::log::Baseline;
use crate::server::unit::restart::{RestartFailure, Restarter};
use crate::server::unit::verify::{verify, Subject};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

/// One transaction, from the pending record to the verdict.
pub(super) struct Transaction<'a> {
    layout: &'a Layout,
    pending: &'a Pending,
    events: &'a mut dyn Events,
    /// The step that was reported last.
    reported: Option<Step>,
    /// Whether the point of no return is past.
    begun: bool,
    /// A link could not be restored: the next run must try again.
    unfinished: bool,
    /// What is known of the units: what the old release logs, and the state before the new one was started.
    units: Vec<KnownUnit<'a>>,
    /// Whether the new release may have been started by this process.
    started: bool,
    /// When the first restart began.
    restarted: Rc<Cell<Option<Moment>>>,
    /// When what is live in the end served, if that was measured.
    served: Option<Instant>,
    /// The full names of the units whose effective unit file has changed.
    changed: Vec<String>,
    unit_files: UnitFiles<'a>,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(
        layout: &'a Layout,
        pending: &'a Pending,
        events: &'a mut dyn Events,
    ) -> Self {
        Self {
            layout,
            pending,
            events,
            reported: None,
            begun: true,
            unfinished: false,
            units: KnownUnit::all(pending.unit_names()),
            started: false,
            restarted: Rc::default(),
            served: None,
            changed: Vec::new(),
            unit_files: UnitFiles::of(layout, pending),
        }
    }

    /// Runs the transaction to its end.
    ///
    /// # Errors
    /// If systemd is going down: nothing is decided then.
    pub(super) fn run(&mut self) -> Result<Verdict, GoingDown> {
        self.read_old_log();
        if let Err(reason) = self.begin() {
            // the pending record may exist anyway, without being durable
            self.begun = false;
            return Ok(self.fail_unswitched(Failure {
                step: Step::Switch,
                reason,
                unit: None,
            }));
        }
        let (release, deadline) = (self.pending.release.clone(), self.pending.deadline);
        let previous = self.pending.old.as_ref().map(|old| old.release.clone());
        self.events.emit(What::PointOfNoReturn {
            release,
            previous,
            deadline,
            commit: self.pending.origin.commit.clone(),
            made: self.made(),
        });
        if let Err(reason) = self.switch() {
            let failure = Failure {
                step: Step::Switch,
                reason,
                unit: None,
            };
            // the rename may have happened without being durable
            let switched = links::live(self.layout).as_ref() == Some(&self.pending.release);
            return if switched {
                self.roll_back(failure)
            } else {
                Ok(self.fail_unswitched(failure))
            };
        }
        match self.go_live() {
            Ok(verdict) => Ok(verdict),
            Err(failure) => {
                self.unless_going_down()?;
                diagnostics::report(self.layout, self.pending, &failure, self.events);
                self.roll_back(failure)
            }
        }
    }

    /// The point of no return.
    fn begin(&mut self) -> Result<(), Reason> {
        self.unit_files.prepare()?;
        self.pending.begin(self.layout)
    }

    /// Stops before a failure has consequences if systemd is going down: it stops the unit then, and refuses to start it.
    /// The transaction stays pending.
    pub(super) fn unless_going_down(&mut self) -> Result<(), GoingDown> {
        let Some(scope) = going_down(self.pending.scope) else {
            return Ok(());
        };
        self.events.emit(What::Notice(match scope {
            Scope::System => Notice::GoingDown,
            Scope::User => Notice::OwnSystemdDown,
        }));
        Err(GoingDown(scope))
    }

    /// Reads it while the old release serves. A rollback needs no comparison, because no crash message fails it.
    fn read_old_log(&mut self) {
        if self.pending.old.is_none() {
            return;
        }
        let check = &self.pending.verification.log;
        for unit in &mut self.units {
            unit.baseline = Baseline::collect(self.layout, unit.name, check);
        }
    }

    /// What the release was made from that was live.
    fn made(&self) -> Made {
        let old = self.pending.old.as_ref();
        let commit = old.and_then(|old| old.commit.clone());
        let made = old.map(|old| records::made(self.layout, &old.release));
        Made {
            commit,
            ..made.unwrap_or_default()
        }
    }

    /// Begins a step and reports it.
    pub(super) fn step(&mut self, step: Step) {
        if self.reported.replace(step) != Some(step) {
            self.events.emit(What::Step(step));
        }
    }

    fn switch(&mut self) -> Result<(), Reason> {
        self.step(Step::Switch);
        let found = Link::read(self.layout, &self.layout.current());
        if found.release() != self.pending.old.as_ref().map(|old| &old.release) {
            return Err(interference(found));
        }
        durable::rename(&self.layout.switch_link(), &self.layout.current())
    }

    fn go_live(&mut self) -> Result<Verdict, Failure> {
        let verification = &self.pending.verification;
        if self.pending.restart != Restart::Nothing {
            self.step(Step::Restart);
        }
        self.changed = self.unit_files.go_live().map_err(|reason| Failure {
            step: Step::Restart,
            reason,
            unit: None,
        })?;
        self.started = true;
        let (restarter, check) = (self.restarter(), &verification.log);
        let restarted = restarter.restart(&mut self.units, Purpose::GoLive, check, self.events);
        restarted.map_err(|RestartFailure { reason, unit }| Failure {
            step: Step::Restart,
            reason,
            unit,
        })?;
        self.step(Step::Verify);
        let subject = Subject {
            layout: self.layout,
            purpose: Purpose::GoLive,
            release: &self.pending.release,
            sha: self.pending.origin.commit.as_deref(),
            units: &self.units,
            verification,
            timeout: verification.timeout,
        };
        self.served = verify(&subject, self.events).map_err(|failed| Failure {
            step: Step::Verify,
            reason: failed.reason,
            unit: failed.unit,
        })?;
        self.step(Step::Commit);
        self.commit().map_err(|reason| Failure {
            step: Step::Commit,
            reason,
            unit: None,
        })
    }

    fn restarter(&self) -> Restarter<'a> {
        Restarter {
            layout: self.layout,
            restart: &self.pending.restart,
            changed: self.changed.clone(),
            began: Rc::clone(&self.restarted),
        }
    }

    fn commit(&mut self) -> Result<Verdict, Reason> {
        let found = Link::read(self.layout, &self.layout.current());
        if found.release() != Some(&self.pending.release) {
            return Err(interference(found));
        }
        let verification = Some(self.pending.verification.clone());
        records::mark(
            self.layout,
            &self.pending.release,
            State::Good,
            verification,
        )?;
        if let Some(old) = self.pending.old.as_ref().filter(|old| old.good) {
            durable::link(&self.layout.previous(), &Layout::link_text(&old.release))?;
        } else if self.pending.previous.as_ref() == Some(&self.pending.release) {
            // `previous` must not lead to the live release
            durable::remove(&self.layout.previous())?;
        }
        let verdict = self.verdict(self.pending.success, None, None);
        // the verdict may exist anyway, without being durable, and must not survive the rollback
        verdicts::put(self.layout, &verdict)
            .inspect_err(|_| verdicts::withdraw(self.layout, &verdict))?;
        self.close(&verdict);
        Ok(verdict)
    }

    /// Restores the old release and verifies it too.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub(super) fn roll_back(&mut self, failure: Failure) -> Result<Verdict, GoingDown> {
        self.step(Step::RollBack);
        self.mark_failed();
        let (outcome, rollback) = match &self.pending.old {
            None => (Outcome::Failed, self.remove_first().err()),
            Some(old) => match self.restore(old) {
                Ok(()) => (Outcome::RolledBack, None),
                Err(failure) => {
                    self.unless_going_down()?;
                    let failed = if old.good {
                        Outcome::RollbackFailed
                    } else {
                        Outcome::Failed
                    };
                    (failed, Some(failure))
                }
            },
        };
        let verdict = self.verdict(outcome, Some(failure), rollback);
        self.conclude(&verdict);
        Ok(verdict)
    }

    /// Marks the release as failed, unless it was good once: then its environment may be the cause, and it must stay a
    /// rollback target.
    fn mark_failed(&self) {
        if self.pending.success == Outcome::Restored {
            return;
        }
        if let Err(reason) = records::mark(self.layout, &self.pending.release, State::Failed, None)
        {
            tracing::warn!(%reason, "the release cannot be marked as failed");
        }
    }

    /// Restarts the old release if `current` leads to it, even if the links may not be durable.
    fn restore(&mut self, old: &Old) -> Result<(), Failure> {
        let links = self
            .restore_links(old)
            .map_err(|reason| self.not_restored(reason));
        let mut files = Ok(());
        if links::live(self.layout).as_ref() == Some(&old.release) {
            files = self.restore_unit_files();
            self.leave_new_units();
            let rollback = Rollback {
                layout: self.layout,
                restarter: self.restarter(),
                old,
                before_new: &self.units,
                is_known: self.started,
            };
            self.served = rollback.run(self.events)?;
        }
        links.and(files)
    }

    /// A failure is a warning too: nothing is better than to restart the old release all the same.
    ///
    /// # Errors
    /// If the disk failed, so that the next run must try again.
    fn restore_unit_files(&mut self) -> Result<(), Failure> {
        let (changed, failed) = self.unit_files.restore();
        self.changed = changed;
        for warning in self.unit_files.staying() {
            self.events.emit(What::Warning(warning));
        }
        let Some(reason) = failed else { return Ok(()) };
        let warning = Warning::UnitFilesNotRestored(Box::new(reason.clone()));
        self.events.emit(What::Warning(warning));
        match reason {
            Reason::Io { .. } => Err(self.not_restored(reason)),
            _ => Ok(()),
        }
    }

    /// The old release has no units that came with the failed one: if their files stay, they are restarted once to end its
    /// processes, but nothing depends on them.
    fn leave_new_units(&mut self) {
        let is_new = |unit: &KnownUnit<'_>| {
            let mut new = self.pending.new_units.iter();
            new.any(|name| name.as_str() == unit.name.name)
        };
        let (new, known) = std::mem::take(&mut self.units)
            .into_iter()
            .partition(is_new);
        self.units = known;
        if self.pending.restart == Restart::Systemctl && self.pending.scope == Scope::System {
            self.restarter().restart_once(&new, self.events);
        }
    }

    fn restore_links(&self, old: &Old) -> Result<(), Reason> {
        let current = self.restore_current(old);
        current.and(self.restore_previous())
    }

    fn restore_current(&self, old: &Old) -> Result<(), Reason> {
        match links::live(self.layout) {
            Some(live) if live == old.release => return Ok(()),
            Some(live) if live != self.pending.release => {
                return Err(Reason::Interference(Interference::Current(live)));
            }
            _ => {}
        }
        let folder = self.layout.release(&old.release);
        if !folder.is_dir() {
            let path = folder.display().to_string();
            return Err(Reason::Interference(Interference::ReleaseDeleted(path)));
        }
        if !self.layout.rollback_link().is_symlink() {
            // also if someone has deleted `.deploy`
            return durable::link(&self.layout.current(), &Layout::link_text(&old.release));
        }
        durable::rename(&self.layout.rollback_link(), &self.layout.current())
    }

    /// A failure of the disk leaves the transaction pending: the next run tries again.
    fn not_restored(&mut self, reason: Reason) -> Failure {
        self.unfinished |= matches!(reason, Reason::Io { .. });
        Failure {
            step: Step::RollBack,
            reason,
            unit: None,
        }
    }

    /// Restores `previous`, which an interrupted commit may have changed.
    fn restore_previous(&self) -> Result<(), Reason> {
        if Link::read(self.layout, &self.layout.previous()).release()
            == self.pending.previous.as_ref()
        {
            return Ok(());
        }
        match &self.pending.previous {
            Some(previous) => durable::link(&self.layout.previous(), &Layout::link_text(previous)),
            None => durable::remove(&self.layout.previous()),
        }
    }

    /// Removes `current`, because there is no release to roll back to, and restarts once more to end the failed process.
    fn remove_first(&mut self) -> Result<(), Failure> {
        let is_live = links::live(self.layout).as_ref() == Some(&self.pending.release);
        let removed = if is_live {
            durable::remove(&self.layout.current())
        } else {
            Ok(())
        };
        // without a release it cannot start, which is expected
        self.restarter().restart_once(&self.units, self.events);
        // only now: systemd restarts no unit whose file is gone
        let files = self.restore_unit_files();
        removed
            .map_err(|reason| self.not_restored(reason))
            .and(files)
    }

    /// Ends a transaction that switched nothing.
    pub(super) fn fail_unswitched(&mut self, failure: Failure) -> Verdict {
        let verdict = self.verdict(Outcome::Failed, Some(failure), None);
        self.conclude(&verdict);
        verdict
    }

    fn verdict(
        &self,
        outcome: Outcome,
        failure: Option<Failure>,
        rollback: Option<Failure>,
    ) -> Verdict {
        let interruption = self.interruption(outcome, failure.as_ref());
        Verdict {
            transaction: self.pending.transaction.clone(),
            outcome,
            release: Some(self.pending.release.clone()),
            previous: self.pending.old.as_ref().map(|old| old.release.clone()),
            live: links::live(self.layout),
            failure,
            rollback,
            switched: self.begun,
            before_switch: self.pending.leaves_changes(outcome),
            interruption,
            at: now(),
        }
    }

    /// How long users were not served. It is unknown if an earlier process began the restart, or if they still are not.
    fn interruption(&self, outcome: Outcome, failure: Option<&Failure>) -> Option<Interruption> {
        let is_of_earlier = failure.is_some_and(|failure| failure.step == Step::Recover);
        let is_unswitched = || links::live(self.layout).as_ref() != Some(&self.pending.release);
        match self.restarted.get() {
            _ if self.pending.restart == Restart::Nothing => Some(Interruption::none(now_ms())),
            None if outcome == Outcome::Failed && is_unswitched() => {
                Some(Interruption::none(now_ms()))
            }
            Some(began) if !is_of_earlier => {
                let is_served = outcome.is_success() || outcome == Outcome::RolledBack;
                let served = self.served.filter(|_| is_served)?;
                let took = served.saturating_duration_since(began.at);
                Some(Interruption::of(began.ms, took))
            }
            _ => None,
        }
    }

    /// Writes the verdict and ends the transaction. If the disk prevents that, the next run does it.
    fn conclude(&self, verdict: &Verdict) {
        if self.unfinished {
            return tracing::warn!("the transaction stays pending");
        }
        match verdicts::put(self.layout, verdict) {
            Ok(()) => self.close(verdict),
            Err(reason) => tracing::warn!(%reason, "the verdict cannot be stored"),
        }
    }

    fn close(&self, verdict: &Verdict) {
        self.unit_files.clean_up();
        if let Err(reason) = Pending::clear(self.layout) {
            tracing::warn!(%reason, "the transaction stays pending");
        }
        tracing::info!(
            outcome = verdict.outcome.word(),
            "the transaction has ended"
        );
    }

    /// Adds the attempt to the journal, after its verdict was reported.
    pub(super) fn record(&self, verdict: &Verdict, recovered: bool) {
        journal::add(self.layout, verdict, &self.pending.origin, recovered);
    }
}

/// `current` is not what the transaction has made it.
fn interference(found: Link) -> Reason {
    Reason::Interference(match found {
        Link::To { release, .. } => Interference::Current(release),
        Link::Absent => Interference::CurrentDeleted,
        Link::Other(found) => Interference::CurrentReplaced(found),
    })
}
