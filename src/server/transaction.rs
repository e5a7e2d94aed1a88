//! The transaction: switch, restart, verify, then commit or roll back. It needs no runner, and allocates nothing that
//! the way back depends on.

use super::clock::now;
use crate::protocol::{
    Failure, Outcome, Reason, ReleaseId, Restart, Step, UnitName, Verdict, Verification, What,
};
use crate::server::channel::events::Events;
use crate::server::store::durable::{self, Result};
use crate::server::store::journal;
use crate::server::store::layout::Layout;
use crate::server::store::links::{self, Link};
use crate::server::store::pending::{Old, Pending};
use crate::server::store::records::{self, State};
use crate::server::store::verdicts;
use crate::server::unit::diagnostics;
use crate::server::unit::log;
use crate::server::unit::restart::{Service, Started, Unstarted};
use crate::server::unit::verify::{verify, Subject};

/// One transaction, from the pending record to the verdict.
pub(super) struct Transaction<'a> {
    pub(super) layout: &'a Layout,
    pub(super) pending: &'a Pending,
    pub(super) events: &'a mut dyn Events,
    /// The step that was told last.
    told: Option<Step>,
    /// Past the point of no return.
    begun: bool,
    /// A link could not be put back: the next run is to try again.
    unfinished: bool,
    /// The process that a restart which failed has left alone.
    left_alone: Option<Box<Started>>,
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
            told: None,
            begun: true,
            unfinished: false,
            left_alone: None,
        }
    }

    /// Runs it to its end.
    pub(super) fn run(&mut self) -> Verdict {
        if let Err(reason) = self.pending.begin(self.layout) {
            // a pending record that is not durable may be there all the same
            self.begun = false;
            return self.undone(Failure {
                step: Step::Switch,
                reason,
            });
        }
        let (release, deadline) = (self.pending.release, self.pending.deadline);
        let previous = self.pending.old.as_ref().map(|old| old.release);
        self.events.emit(What::PointOfNoReturn {
            release,
            previous,
            deadline,
        });
        if let Err(reason) = self.switch() {
            let failure = Failure {
                step: Step::Switch,
                reason,
            };
            // the rename may be done, and only not be durable
            let switched = links::live(self.layout) == Some(release);
            return if switched {
                self.roll_back(failure)
            } else {
                self.undone(failure)
            };
        }
        match self.go_live() {
            Ok(verdict) => verdict,
            Err(failure) => {
                self.events.emit(What::Diagnostics(diagnostics::look(
                    self.layout,
                    self.pending,
                )));
                self.roll_back(failure)
            }
        }
    }

    fn step(&mut self, step: Step) {
        if self.told.replace(step) != Some(step) {
            self.events.emit(What::Step(step));
        }
    }

    fn switch(&mut self) -> Result<()> {
        self.step(Step::Switch);
        let found = Link::read(self.layout, &self.layout.current());
        if found.release() != self.pending.old.as_ref().map(|old| old.release) {
            return Err(Reason::Interference(format!(
                "current is not what it was at the start: {found:?}"
            )));
        }
        durable::rename(&self.layout.switch_link(), &self.layout.current())
    }

    fn go_live(&mut self) -> std::result::Result<Verdict, Failure> {
        let commit = self.pending.origin.commit.clone();
        self.bring_up(
            self.pending.release,
            &self.pending.verification,
            commit.as_deref(),
            [Step::Restart, Step::Verify],
        )?;
        self.step(Step::Commit);
        self.commit().map_err(|reason| Failure {
            step: Step::Commit,
            reason,
        })
    }

    /// Restarts and verifies `release`, which `current` points to.
    fn bring_up(
        &mut self,
        release: ReleaseId,
        verification: &Verification,
        sha: Option<&str>,
        [restart, watch]: [Step; 2],
    ) -> std::result::Result<(), Failure> {
        if self.pending.restart != Restart::Nothing {
            self.step(restart);
        }
        let service = Service {
            layout: self.layout,
            service: self.pending.service.as_ref().map(UnitName::as_str),
            restart: &self.pending.restart,
        };
        let started = match service.restart(&verification.log, self.events) {
            Ok(started) => started,
            Err(Unstarted { reason, goes_on }) => self.still_alone(goes_on).ok_or(Failure {
                step: restart,
                reason,
            })?,
        };
        self.step(watch);
        let folder = self.layout.release(release);
        let service = self.pending.service.as_ref().map(UnitName::as_str);
        let subject = Subject {
            release,
            folder,
            sha,
            service,
            verification,
            started: &started,
        };
        verify(&subject, self.events).map_err(|reason| Failure {
            step: watch,
            reason,
        })
    }

    /// Whether no restart has reached the old release's process, neither for the new release nor for the way back: then
    /// it only has to be verified.
    fn still_alone(&mut self, goes_on: Option<Box<Started>>) -> Option<Started> {
        let before = std::mem::replace(&mut self.left_alone, goes_on);
        let now = self.left_alone.as_deref()?;
        (before?.invocation == now.invocation).then(|| now.clone())
    }

    fn commit(&mut self) -> Result<Verdict> {
        if links::live(self.layout) != Some(self.pending.release) {
            return Err(Reason::Interference(
                "current was changed by someone else".to_owned(),
            ));
        }
        let verification = Some(self.pending.verification.clone());
        records::mark(self.layout, self.pending.release, State::Good, verification)?;
        if let Some(old) = self.pending.old.as_ref().filter(|old| old.good) {
            durable::link(&self.layout.previous(), &Layout::link_text(old.release))?;
        } else if self.pending.previous == Some(self.pending.release) {
            // to what is live itself there is no way back
            durable::remove(&self.layout.previous())?;
        }
        let verdict = self.verdict(self.pending.success, None, None);
        // a verdict that is not durable may be there all the same, and must not outlive the way back
        verdicts::put(self.layout, &verdict)
            .inspect_err(|_| verdicts::withdraw(self.layout, &verdict))?;
        self.close(&verdict);
        Ok(verdict)
    }

    /// Puts the old release back and verifies it too.
    pub(super) fn roll_back(&mut self, failure: Failure) -> Verdict {
        self.step(Step::RollBack);
        self.mark_failed();
        let (outcome, rollback) = match &self.pending.old {
            None => (Outcome::Failed, self.remove_first().err()),
            Some(old) => match self.put_back(old) {
                Ok(()) => (Outcome::RolledBack, None),
                Err(failure) if old.good => (Outcome::RollbackFailed, Some(failure)),
                Err(failure) => (Outcome::Failed, Some(failure)),
            },
        };
        let verdict = self.verdict(outcome, Some(failure), rollback);
        self.conclude(&verdict);
        verdict
    }

    /// But not what was good once: that it can't be gone back to now may be for what is around it, and it must neither
    /// be lost to retention nor be out of reach when that is mended.
    fn mark_failed(&self) {
        if self.pending.success == Outcome::Restored {
            return;
        }
        if let Err(reason) = records::mark(self.layout, self.pending.release, State::Failed, None) {
            tracing::warn!(?reason, "the release is not marked as failed");
        }
    }

    /// Whatever became of the links' durability: where `current` leads to the old release, that is what is to run.
    fn put_back(&mut self, old: &Old) -> std::result::Result<(), Failure> {
        let links = self
            .put_links_back(old)
            .map_err(|reason| self.not_put_back(reason));
        if links::live(self.layout) == Some(old.release) {
            let verification = log::lenient(&old.verification);
            self.bring_up(
                old.release,
                &verification,
                old.commit.as_deref(),
                [Step::RollBack, Step::RollBack],
            )?;
        }
        links
    }

    fn put_links_back(&self, old: &Old) -> Result<()> {
        let current = self.put_current_back(old);
        current.and(self.restore_previous())
    }

    fn put_current_back(&self, old: &Old) -> Result<()> {
        match links::live(self.layout) {
            Some(live) if live == old.release => return Ok(()),
            Some(live) if live != self.pending.release => {
                return Err(Reason::Interference(format!(
                    "current was changed to {live} by someone else"
                )))
            }
            _ => {}
        }
        let folder = self.layout.release(old.release);
        if !folder.is_dir() {
            return Err(Reason::Interference(format!(
                "{} was removed by someone else",
                folder.display()
            )));
        }
        if !self.layout.rollback_link().is_symlink() {
            durable::link(
                &self.layout.rollback_link(),
                &Layout::link_text(old.release),
            )?;
        }
        durable::rename(&self.layout.rollback_link(), &self.layout.current())
    }

    /// What the disk did not let us do, the next run tries again.
    fn not_put_back(&mut self, reason: Reason) -> Failure {
        self.unfinished |= matches!(reason, Reason::Io { .. });
        Failure {
            step: Step::RollBack,
            reason,
        }
    }

    /// A commit that was cut short may have moved it.
    fn restore_previous(&self) -> Result<()> {
        if Link::read(self.layout, &self.layout.previous()).release() == self.pending.previous {
            return Ok(());
        }
        match self.pending.previous {
            Some(previous) => durable::link(&self.layout.previous(), &Layout::link_text(previous)),
            None => durable::remove(&self.layout.previous()),
        }
    }

    /// There is nothing to go back to: no `current`, and one more restart, so that the failed process is gone.
    fn remove_first(&mut self) -> std::result::Result<(), Failure> {
        let is_live = links::live(self.layout) == Some(self.pending.release);
        let removed = if is_live {
            durable::remove(&self.layout.current())
        } else {
            Ok(())
        };
        let service = Service {
            layout: self.layout,
            service: self.pending.service.as_ref().map(UnitName::as_str),
            restart: &self.pending.restart,
        };
        // it can't start without a release, and that it can't is no news
        service.restart_once(self.events);
        removed.map_err(|reason| self.not_put_back(reason))
    }

    /// Nothing was switched: the server runs what it ran.
    pub(super) fn undone(&mut self, failure: Failure) -> Verdict {
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
        Verdict {
            transaction: self.pending.transaction.clone(),
            outcome,
            release: Some(self.pending.release),
            previous: self.pending.old.as_ref().map(|old| old.release),
            live: links::live(self.layout),
            failure,
            rollback,
            switched: self.begun,
            at: now(),
        }
    }

    /// Writes the verdict and ends the transaction; where the disk does not let us, the next run does it again.
    fn conclude(&self, verdict: &Verdict) {
        if self.unfinished {
            return tracing::warn!("the transaction stays pending");
        }
        match verdicts::put(self.layout, verdict) {
            Ok(()) => self.close(verdict),
            Err(reason) => tracing::warn!(?reason, "the verdict is not durable"),
        }
    }

    fn close(&self, verdict: &Verdict) {
        if let Err(reason) = Pending::clear(self.layout) {
            tracing::warn!(?reason, "the transaction stays pending");
        }
        tracing::info!(
            outcome = verdict.outcome.word(),
            "the transaction has ended"
        );
    }

    /// The attempt's line, after the verdict was told.
    pub(super) fn record(&self, verdict: &Verdict, recovered: bool) {
        journal::add(self.layout, verdict, &self.pending.origin, recovered);
    }
}
