//! Brings the old release back: restarts it and watches until it serves. Nothing better is left, so only time ends that.

use crate::protocol::{Failure, HealthAnswer, Reason, Step, Warning, What};
use crate::server::channel::events::{Events, OfUnit};
use crate::server::store::layout::Layout;
use crate::server::store::pending::Old;
use crate::server::unit::known_unit::{KnownUnit, Purpose};
use crate::server::unit::log;
use crate::server::unit::restart::{RestartFailure, Restarter, NO_UNIT_RETRIES};
use crate::server::unit::systemd::Unit;
use crate::server::unit::verify::{verify, Subject, Unhealthy};
use std::thread;
use std::time::{Duration, Instant};

/// Between two restarts, at first and at most.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];
/// How long a service without a unit is watched after a restart command that failed.
const GLIMPSE: Duration = Duration::from_secs(10);

/// The rollback to the release that `current` leads to again.
pub(super) struct Rollback<'a> {
    pub(super) layout: &'a Layout,
    pub(super) restarter: Restarter<'a>,
    pub(super) old: &'a Old,
    /// The units, and their state before the new release was started.
    pub(super) before_new: &'a [KnownUnit<'a>],
    /// Whether that state is known: this process started the new release.
    pub(super) is_known: bool,
}

/// Whether another restart may help a service without a unit: nothing answers at all.
fn is_unserved(failed: &Unhealthy) -> bool {
    match &failed.reason {
        Reason::Command { .. } => true,
        Reason::Unhealthy { last, .. } => **last == HealthAnswer::Refused,
        _ => false,
    }
}

impl Rollback<'_> {
    /// Restarts the old release, again if nothing starts it otherwise, until it is healthy.
    ///
    /// Returns when it served again, if that was measured.
    ///
    /// # Errors
    /// It does not serve, and its health timeout is over.
    pub(super) fn run(&self, events: &mut dyn Events) -> Result<Option<Instant>, Failure> {
        let has_units = !self.before_new.is_empty();
        let retries = match has_units {
            true => self.old.verification.timeout,
            false => self.old.verification.timeout.max(NO_UNIT_RETRIES),
        };
        let start = Instant::now();
        let [mut pause, longest] = PAUSES;
        let mut units = self.units();
        let mut first: Option<Unhealthy> = None;
        loop {
            let failed = match self.try_once(&mut units, events) {
                Ok(served) => {
                    if let Some(Unhealthy { reason, unit, .. }) = first {
                        doubt(reason, unit.as_deref(), events);
                    }
                    return Ok(served);
                }
                Err(failed) => failed,
            };
            let again = failed.down || !has_units && is_unserved(&failed);
            if !again || start.elapsed() + pause >= retries {
                return Err(Failure {
                    step: Step::RollBack,
                    reason: failed.reason,
                    unit: failed.unit,
                });
            }
            first.get_or_insert(failed);
            thread::sleep(pause);
            pause = (2 * pause).min(longest);
            self.leave_alone(&mut units);
        }
    }

    fn try_once(
        &self,
        units: &mut [KnownUnit<'_>],
        events: &mut dyn Events,
    ) -> Result<Option<Instant>, Unhealthy> {
        let verification = log::without_gate(&self.old.verification);
        let (purpose, check) = (Purpose::RollBack, &verification.log);
        let failed = self.restarter.restart(units, purpose, check, events).err();
        let has_units = !units.is_empty();
        if let Some(RestartFailure { reason, unit }) = &failed {
            if !has_units && !verification.asks() {
                return Err(Unhealthy {
                    reason: reason.clone(),
                    down: true,
                    unit: unit.clone(),
                });
            }
        }
        let subject = Subject {
            layout: self.layout,
            purpose,
            release: &self.old.release,
            sha: self.old.commit.as_deref(),
            units,
            verification: &verification,
            timeout: match failed.is_some() && !has_units {
                true => GLIMPSE.min(verification.timeout),
                false => verification.timeout,
            },
        };
        match (verify(&subject, events), failed) {
            (Ok(served), Some(failed)) => {
                Ok(self.served_all_the_same(served, failed, units, events))
            }
            // why it does not run is why it could not be started
            (Err(unhealthy), Some(RestartFailure { reason, unit })) => Err(Unhealthy {
                reason,
                unit,
                ..unhealthy
            }),
            (verified, None) => verified,
        }
    }

    /// When it served although a restart failed: from the beginning on if the first unit was not touched.
    fn served_all_the_same(
        &self,
        served: Option<Instant>,
        failed: RestartFailure,
        units: &[KnownUnit<'_>],
        events: &mut dyn Events,
    ) -> Option<Instant> {
        if !self.is_untouched(&failed, units) {
            doubt(failed.reason, failed.unit.as_deref(), events);
            return served;
        }
        let is_first = |first: &KnownUnit<'_>| first.label == failed.unit.as_deref();
        let is_first = units.first().is_some_and(is_first);
        let began = self.restarter.began.get().filter(|_| is_first);
        began.map(|began| began.at).or(served)
    }

    /// The units, with the invocations in which the new release has run.
    fn units(&self) -> Vec<KnownUnit<'_>> {
        let mut units = KnownUnit::all(self.before_new.iter().map(|unit| unit.name));
        for (unit, before_new) in units.iter_mut().zip(self.before_new) {
            let shown = Unit::show(unit.name).ok().filter(|_| self.is_known);
            let now = shown.map(|shown| shown.invocation().to_owned());
            unit.failed_invocation = now.filter(|now| *now != before_new.before.invocation);
        }
        units
    }

    /// Of several units, only those that are down are restarted again: the others serve.
    fn leave_alone(&self, units: &mut [KnownUnit<'_>]) {
        for unit in units.iter_mut().filter(|unit| unit.label.is_some()) {
            let shown = Unit::show(unit.name).unwrap_or_default();
            let is_of_failed = unit.failed_invocation.as_deref() == Some(shown.invocation());
            unit.is_done = shown.is_up() && !is_of_failed;
        }
    }

    /// Whether the old release's process has run all the time in the unit that could not be restarted.
    fn is_untouched(&self, failed: &RestartFailure, units: &[KnownUnit<'_>]) -> bool {
        let is_failed =
            |unit: &KnownUnit<'_>| failed.unit.is_none() || failed.unit.as_deref() == unit.label;
        let is_same = |(unit, before_new): (&KnownUnit<'_>, &KnownUnit<'_>)| {
            !is_failed(unit) || unit.before.invocation == before_new.before.invocation
        };
        self.is_known && units.iter().zip(self.before_new).all(is_same)
    }
}

/// It serves, but not without trouble.
fn doubt(reason: Reason, unit: Option<&str>, events: &mut dyn Events) {
    let doubt = Warning::RollbackDoubt(Box::new(reason));
    OfUnit { unit, events }.emit(What::Warning(doubt));
}
