//! Brings the old release back: restarts it and watches until it serves. Nothing better is left, so only time ends that.

use crate::protocol::{HealthAnswer, Reason, Warning, What};
use crate::server::channel::events::Events;
use crate::server::store::layout::Layout;
use crate::server::store::pending::Old;
use crate::server::unit::log;
use crate::server::unit::restart::{BeforeRestart, RestartFailure, Restarter, NO_UNIT_RETRIES};
use crate::server::unit::systemd::Unit;
use crate::server::unit::verify::{verify, Purpose, Subject, Unhealthy};
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
    /// The state before the new release was started, if this process started it.
    pub(super) before_new: Option<&'a BeforeRestart>,
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
    /// # Errors
    /// It does not serve, and its health timeout is over.
    pub(super) fn run(&self, events: &mut dyn Events) -> Result<(), Reason> {
        let retries = match self.restarter.service {
            Some(_) => self.old.verification.timeout,
            None => self.old.verification.timeout.max(NO_UNIT_RETRIES),
        };
        let start = Instant::now();
        let [mut pause, longest] = PAUSES;
        let mut first = None;
        loop {
            let failed = match self.try_once(events) {
                Ok(()) => {
                    if let Some(reason) = first {
                        let doubt = Warning::RollbackDoubt(Box::new(reason));
                        events.emit(What::Warning(doubt));
                    }
                    return Ok(());
                }
                Err(failed) => failed,
            };
            first.get_or_insert_with(|| failed.reason.clone());
            let again = failed.down || self.restarter.service.is_none() && is_unserved(&failed);
            if !again || start.elapsed() + pause >= retries {
                return Err(failed.reason);
            }
            thread::sleep(pause);
            pause = (2 * pause).min(longest);
        }
    }

    fn try_once(&self, events: &mut dyn Events) -> Result<(), Unhealthy> {
        let verification = log::without_gate(&self.old.verification);
        let failed_invocation = self.failed_invocation();
        let restarted = self.restarter.restart(&verification.log, events);
        let (before, failed) = RestartFailure::split(restarted);
        let watched = self.restarter.service.is_some() || verification.health.is_some();
        if let Some(reason) = failed.clone().filter(|_| !watched) {
            return Err(Unhealthy { reason, down: true });
        }
        let glimpse = failed.is_some() && self.restarter.service.is_none();
        let subject = Subject {
            layout: self.layout,
            purpose: Purpose::RollBack,
            release: &self.old.release,
            sha: self.old.commit.as_deref(),
            service: self.restarter.service,
            verification: &verification,
            timeout: if glimpse {
                GLIMPSE.min(verification.timeout)
            } else {
                verification.timeout
            },
            before: &before,
            failed_invocation: failed_invocation.as_deref(),
            baseline: &log::Baseline::default(),
        };
        match (verify(&subject, events), failed) {
            (Ok(()), Some(reason)) if !self.is_untouched(&before) => {
                let doubt = Warning::RollbackDoubt(Box::new(reason));
                events.emit(What::Warning(doubt));
                Ok(())
            }
            // why it does not run is why it could not be started
            (Err(unhealthy), Some(reason)) => Err(Unhealthy {
                reason,
                ..unhealthy
            }),
            (verified, _) => verified,
        }
    }

    /// The unit's invocation, if the new release has run in it.
    fn failed_invocation(&self) -> Option<String> {
        let unit = Unit::show(self.restarter.service?).ok()?;
        let before_new = self.before_new?;
        (unit.invocation() != before_new.invocation).then(|| unit.invocation().to_owned())
    }

    /// Whether the old release's process has run all the time.
    fn is_untouched(&self, before: &BeforeRestart) -> bool {
        self.before_new
            .is_some_and(|before_new| before_new.invocation == before.invocation)
    }
}
