//! Restarts the unit and handles systemd's start limit.

use super::definition;
use super::log::{self, FailedStart, PreviousInvocation};
use super::sockets;
use super::systemd::{self, Unit};
use crate::protocol::{Ending, LogCheck, Notice, Reason, Restart, UnitRef, What};
use crate::server::channel::events::Events;
use crate::server::clock::{now_ms, since_epoch, ticks_since_boot};
use crate::server::exec::process::quick;
use crate::server::exec::shell::{self, Script};
use crate::server::store::journal;
use crate::server::store::layout::Layout;
use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};

/// For units without a timeout of their own.
pub(in crate::server) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);
/// How long the rollback restarts a service whose unit is unknown, as long as nothing serves: systemd may refuse its starts
/// for a while, because the release that failed has used them up.
pub(in crate::server) const NO_UNIT_RETRIES: Duration = Duration::from_secs(300);
/// Time for systemctl itself, in addition to the unit's own timeouts.
pub(in crate::server) const MARGIN: Duration = Duration::from_secs(30);

/// A unit whose main process has run for this long does not crash just when it is restarted.
const STEADY: Duration = Duration::from_secs(10);

/// The state before a restart, by which the new process is recognised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::server) struct BeforeRestart {
    /// The invocation; after the restart it is another one.
    pub(in crate::server) invocation: String,
    /// Automatic restarts. `None`: nothing was restarted.
    pub(super) automatic_restarts: Option<u64>,
    /// The unit was up for a while: what systemd restarts from now on is the new process. One that was crashing may be
    /// restarted once more before the restart reaches it.
    pub(super) steady: bool,
    /// When the restart was requested, in ticks since boot.
    pub(super) at: Option<u64>,
    /// The restart command seems to keep the process.
    pub(super) reload: bool,
    /// The unit's processes.
    pub(super) processes: Vec<u32>,
    /// The sockets that listened, by their inodes.
    pub(super) listening: HashSet<u64>,
}

impl BeforeRestart {
    fn of(unit: &Unit, reload: bool) -> Self {
        let tcp = sockets::listeners();
        let unix = sockets::unix_listeners();
        Self {
            invocation: unit.invocation().to_owned(),
            automatic_restarts: Some(unit.automatic_restarts()),
            steady: unit.is_up() && uptime(unit).is_some_and(|up| up >= STEADY),
            at: ticks_since_boot(),
            reload,
            processes: unit.processes(),
            listening: tcp
                .iter()
                .map(|listener| listener.inode)
                .chain(unix.iter().map(|listener| listener.inode))
                .collect(),
        }
    }

    /// The invocation that the restart ended, if `now` is the current one. `None`: nothing was restarted, or a reload kept
    /// the invocation.
    pub(super) fn previous(&self, now: &str) -> Option<PreviousInvocation<'_>> {
        let same = self.automatic_restarts.is_none() || now == self.invocation;
        (!same).then_some(PreviousInvocation {
            id: &self.invocation,
            processes: &self.processes,
        })
    }
}

/// How long the unit's main process has run.
fn uptime(unit: &Unit) -> Option<Duration> {
    let now = Duration::from_millis(ticks_since_boot()? * 10);
    Some(now.saturating_sub(unit.main_start()?))
}

/// A restart that failed.
pub(in crate::server) struct RestartFailure {
    pub(in crate::server) reason: Reason,
    /// The state before it, by which what runs nevertheless can be verified.
    pub(in crate::server) before: Box<BeforeRestart>,
}

impl RestartFailure {
    /// The state before a restart, and why it failed if it did.
    pub(in crate::server) fn split(
        restarted: Result<BeforeRestart, Self>,
    ) -> (BeforeRestart, Option<Reason>) {
        match restarted {
            Ok(before) => (before, None),
            Err(Self { reason, before }) => (*before, Some(reason)),
        }
    }
}

/// Restarts the service as the plan says.
pub(in crate::server) struct Restarter<'a> {
    pub(in crate::server) layout: &'a Layout,
    /// `None`: there is no unit.
    pub(in crate::server) service: Option<UnitRef<'a>>,
    pub(in crate::server) restart: &'a Restart,
    /// The full names of the units whose effective unit file has changed since they were last started.
    pub(in crate::server) changed: Vec<String>,
}

impl Restarter<'_> {
    /// Restarts once and ignores a failure.
    pub(in crate::server) fn restart_once(&self, events: &mut dyn Events) {
        let unit = self.unit().unwrap_or_default();
        self.reset_failed(&unit);
        if let Err(reason) = self.run(unit.restart_limit(DEFAULT_TIMEOUT) + MARGIN, events) {
            tracing::info!(%reason, "the restart failed");
        }
    }

    /// Restarts. If systemd's start limit refuses it, waits and tries again. `check` says how the log of a failed start is
    /// read.
    pub(in crate::server) fn restart(
        &self,
        check: &LogCheck,
        events: &mut dyn Events,
    ) -> Result<BeforeRestart, RestartFailure> {
        let Some(service) = self.service else {
            return self.restart_without_unit(events);
        };
        if *self.restart == Restart::Nothing {
            return Ok(BeforeRestart::default());
        }
        let unit = self.unit().unwrap_or_default();
        let limit = unit.restart_limit(DEFAULT_TIMEOUT) + MARGIN;
        let interval = unit
            .start_limit()
            .map_or(Duration::ZERO, |(_, interval)| interval);
        let (start, since) = (Instant::now(), since_epoch());
        self.reset_failed(&unit);
        loop {
            let idle = self.idle_unit(limit);
            let before = BeforeRestart::of(&idle, definition::is_reload(self.restart));
            journal::record_start(self.layout, now_ms());
            let tried = start.elapsed();
            let reason = match self.run(limit, events) {
                Ok(()) => return Ok(before),
                Err(reason) => reason,
            };
            let after = self.unit().unwrap_or_default();
            // the last try is the first one after the interval
            let is_last = tried > interval + Duration::from_secs(1);
            if is_last || !self.was_refused(&idle, &after, &reason) {
                let failed = FailedStart {
                    unit: service,
                    previous: before.previous(after.invocation()),
                    since,
                    check,
                };
                let reason = start_limit(&after, interval).unwrap_or(reason);
                let reason = explained(reason, &after, &failed);
                let before = Box::new(before);
                return Err(RestartFailure { reason, before });
            }
            wait_out(interval, start, events);
        }
    }

    fn restart_without_unit(
        &self,
        events: &mut dyn Events,
    ) -> Result<BeforeRestart, RestartFailure> {
        match self.run(DEFAULT_TIMEOUT, events) {
            Ok(()) => Ok(BeforeRestart::default()),
            Err(reason) => Err(RestartFailure {
                reason,
                before: Box::default(),
            }),
        }
    }

    /// Whether the start limit refused the restart.
    fn was_refused(&self, before: &Unit, after: &Unit, reason: &Reason) -> bool {
        after.hit_start_limit()
            || *self.restart == Restart::Systemctl && got_no_invocation(before, after, reason)
    }

    /// The unit's state. If systemd does not report it, the restart is tried anyway.
    fn unit(&self) -> Option<Unit> {
        self.service
            .map(|service| Unit::show(service).unwrap_or_default())
    }

    /// The unit's state once it has no job: systemd may still run an earlier restart that timed out here.
    fn idle_unit(&self, limit: Duration) -> Unit {
        let start = Instant::now();
        loop {
            let unit = self.unit().unwrap_or_default();
            if !unit.has_job() || start.elapsed() > limit {
                return unit;
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    fn run(&self, limit: Duration, events: &mut dyn Events) -> Result<(), Reason> {
        match (self.restart, self.service) {
            (Restart::Systemctl, Some(service)) => systemctl_restart(service, limit),
            (Restart::Nothing, _) | (Restart::Systemctl, None) => Ok(()),
            (Restart::Commands(script), _) => {
                let start = Instant::now();
                let script = Script {
                    text: script,
                    folder: self.layout.target(),
                    environment: &[],
                };
                let stop = || start.elapsed() > limit;
                shell::run(&script, stop, |line| events.emit(What::Output(line)))
            }
        }
    }

    /// Resets systemd's count of starts, if the deploy user has the right to do so.
    fn reset_failed(&self, unit: &Unit) {
        let Some(service) = self.service.filter(|_| *self.restart == Restart::Systemctl) else {
            return;
        };
        if unit.start_limit().is_some() && systemd::may_run("reset-failed", service) {
            if let Err(error) = quick(&mut systemd::privileged("reset-failed", service), MARGIN) {
                tracing::info!(%error, "systemctl reset-failed failed");
            }
        }
    }
}

fn explained(reason: Reason, after: &Unit, failed: &FailedStart<'_>) -> Reason {
    match after.is_up() {
        // its log explains nothing: it did not fail
        true => reason,
        false => log::explain(reason, failed),
    }
}

fn start_limit(after: &Unit, interval: Duration) -> Option<Reason> {
    after.hit_start_limit().then_some(Reason::StartLimit {
        interval,
        log_line: None,
    })
}

/// Whether the start limit refused a failed restart. After a crash `Result` does not show it, because systemd keeps the
/// first result (`service_enter_dead`). But a refused start gets no invocation, unless an automatic restart came between;
/// then the next try shows it. A start that fails for another reason (an assertion, a dependency) gets none either, and
/// waiting does not help: then systemctl reports no failed job of the unit.
fn got_no_invocation(before: &Unit, after: &Unit, reason: &Reason) -> bool {
    let Reason::Command { output, .. } = reason else {
        return false;
    };
    let job_failed = String::from_utf8_lossy(output)
        .lines()
        .any(|line| line.starts_with("Job for ") && line.contains(" failed"));
    let started = after.invocation() != before.invocation()
        && after.automatic_restarts() == before.automatic_restarts();
    job_failed && after.start_limit().is_some() && after.get("ActiveState") == "failed" && !started
}

fn systemctl_restart(unit: UnitRef<'_>, limit: Duration) -> Result<(), Reason> {
    let (ending, output) = quick(&mut systemd::privileged("restart", unit), limit)
        .map_err(|error| systemd::not_run(&error))?;
    match ending {
        Ending::Exit(0) => Ok(()),
        ending => Err(Reason::Command {
            ending,
            line: None,
            output,
            log_line: None,
        }),
    }
}

/// Waits for part of the interval. A refused start does not extend it, so it may be tried again before the end.
fn wait_out(interval: Duration, since: Instant, events: &mut dyn Events) {
    let left = interval.saturating_sub(since.elapsed());
    let pause = (interval / 10).clamp(Duration::from_secs(1), Duration::from_secs(10));
    events.emit(What::Notice(Notice::StartLimitWait {
        up_to: left.max(pause),
        serving: false,
    }));
    thread::sleep(pause);
}

/// How long to wait before the switch, while the old release serves, until two starts are left in the interval: one for
/// the new release, one for the rollback.
pub(in crate::server) fn wait_needed(layout: &Layout, unit: &Unit, resettable: bool) -> Duration {
    let Some((burst, interval)) = unit.start_limit().filter(|_| !resettable) else {
        return Duration::ZERO;
    };
    let now = now_ms();
    let interval_ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
    let mut starts = journal::starts(layout);
    starts.extend(automatic_starts(unit, &starts, now, burst));
    starts.retain(|at| at + interval_ms > now);
    starts.sort_unstable();
    remaining_wait(&starts, burst, now, interval)
}

/// The unit's last start, if deploy-action did not request it: then it was automatic. The restarts that systemd counts
/// may have been automatic too, and came no later.
fn automatic_starts(unit: &Unit, requested: &[u64], now: u64, burst: u64) -> Vec<u64> {
    let up = ticks_since_boot().map(|ticks| Duration::from_millis(ticks * 10));
    let Some(ago) = up
        .zip(unit.main_start())
        .map(|(up, start)| up.saturating_sub(start))
    else {
        return Vec::new();
    };
    let at = now.saturating_sub(u64::try_from(ago.as_millis()).unwrap_or(u64::MAX));
    let is_requested = |request: &u64| at + 1000 >= *request && at <= *request + 5000;
    if requested.iter().any(is_requested) {
        return Vec::new();
    }
    let count = unit.automatic_restarts().clamp(1, burst);
    vec![at; usize::try_from(count).unwrap_or(1)]
}

fn remaining_wait(starts: &[u64], burst: u64, now: u64, interval: Duration) -> Duration {
    let allowed = usize::try_from(burst.saturating_sub(2)).unwrap_or(usize::MAX);
    // systemd's interval begins with its first start and ends as a whole
    match starts.first() {
        Some(first) if starts.len() > allowed => {
            interval.saturating_sub(Duration::from_millis(now.saturating_sub(*first)))
        }
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_start_is_distinguished_from_a_failed_one() {
        let unit = |rest: &str| {
            Unit::parse(&format!(
                "StartLimitBurst=5\nStartLimitIntervalUSec=10s\n{rest}"
            ))
        };
        let before = unit("ActiveState=activating\nResult=exit-code\nInvocationID=a\nNRestarts=4");
        let said = |output: &str| Reason::Command {
            ending: Ending::Exit(1),
            line: None,
            output: output.as_bytes().to_vec(),
            log_line: None,
        };
        let failed = said(
            "Job for a.service failed because the control process exited with error code.\nSee x\n",
        );
        let after = |rest: &str| {
            got_no_invocation(
                &before,
                &unit(&format!("Result=exit-code\n{rest}")),
                &failed,
            )
        };
        assert!(after("ActiveState=failed\nInvocationID=a\nNRestarts=4"));
        assert!(after("ActiveState=failed\nInvocationID=b\nNRestarts=5"));
        assert!(!after("ActiveState=failed\nInvocationID=b\nNRestarts=4"));
        assert!(!after("ActiveState=active\nInvocationID=a\nNRestarts=4"));
        let untried = unit("Result=exit-code\nActiveState=failed\nInvocationID=a\nNRestarts=4");
        for output in [
            "Assertion failed on job for a.service.",
            "A dependency job for a.service failed. See x",
            "",
        ] {
            assert!(
                !got_no_invocation(&before, &untried, &said(output)),
                "{output}"
            );
        }
    }

    #[test]
    fn two_starts_must_be_left() {
        let interval = Duration::from_secs(10);
        assert_eq!(remaining_wait(&[], 5, 20_000, interval), Duration::ZERO);
        assert_eq!(
            remaining_wait(&[12_000, 13_000, 14_000], 5, 20_000, interval),
            Duration::ZERO
        );
        assert_eq!(
            remaining_wait(&[12_000, 13_000, 14_000, 15_000], 5, 20_000, interval),
            Duration::from_secs(2)
        );
        assert_eq!(
            remaining_wait(&[19_000], 1, 20_000, interval),
            Duration::from_secs(9)
        );
    }
}
