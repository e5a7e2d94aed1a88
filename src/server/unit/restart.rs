//! Restarts the unit, and copes with systemd's start limit.

use super::log::{self, FailedStart, PreviousInvocation};
use super::port_owner;
use super::systemd::{self, Unit};
use crate::protocol::{Ending, LogCheck, Notice, Reason, Restart, What};
use crate::server::channel::events::Events;
use crate::server::clock::{now_ms, since_epoch, ticks_since_boot};
use crate::server::exec::process::quick;
use crate::server::exec::shell::{self, Script};
use crate::server::store::journal;
use crate::server::store::layout::Layout;
use std::thread;
use std::time::{Duration, Instant};

/// For units without a time-out of their own.
pub(in crate::server) const LONGEST: Duration = Duration::from_secs(300);
/// systemctl itself, on top of the unit's own time-outs.
pub(in crate::server) const MARGIN: Duration = Duration::from_secs(30);

/// What was so before a restart, to tell the new process by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::server) struct Started {
    /// The invocation before; the new one is another.
    pub(in crate::server) invocation: String,
    /// Automatic restarts before; more of them are crashes.
    pub(in crate::server) automatic_restarts: Option<u64>,
    /// When, in ticks since boot.
    pub(in crate::server) at: Option<u64>,
    /// The restart is a reload: the same invocation is right.
    pub(in crate::server) reload: bool,
    /// The unit's processes before.
    pub(in crate::server) processes: Vec<u32>,
}

impl Started {
    fn now(before: &Unit, reload: bool) -> Self {
        let mut processes = port_owner::processes_of(before.get("ControlGroup"));
        processes.extend(before.main_pid().filter(|pid| !processes.contains(pid)));
        Self {
            invocation: before.invocation().to_owned(),
            automatic_restarts: Some(before.automatic_restarts()),
            at: ticks_since_boot(),
            reload,
            processes,
        }
    }

    /// Where the unit is `after` a restart that failed what it was before: how it is verified. A reload may have reached it.
    fn untouched(&self, after: &Unit) -> Option<Box<Self>> {
        let same = !self.reload && after.invocation() == self.invocation;
        same.then(|| {
            Box::new(Self {
                reload: true,
                ..self.clone()
            })
        })
    }

    /// The start that the restart has ended, where `now` is the unit's invocation; `None`: there was no restart, or the
    /// same one goes on, as it may after a reload.
    pub(super) fn ended(&self, now: &str) -> Option<PreviousInvocation<'_>> {
        let goes_on = self.automatic_restarts.is_none() || self.reload && now == self.invocation;
        (!goes_on).then_some(PreviousInvocation {
            id: &self.invocation,
            processes: &self.processes,
        })
    }
}

/// A restart that failed.
pub(in crate::server) struct Unstarted {
    pub(in crate::server) reason: Reason,
    /// The process from before it goes on, as if it had been left alone.
    pub(in crate::server) goes_on: Option<Box<Started>>,
}

/// How to restart what.
pub(in crate::server) struct Service<'a> {
    pub(in crate::server) layout: &'a Layout,
    /// `None`: no unit is looked at.
    pub(in crate::server) service: Option<&'a str>,
    pub(in crate::server) restart: &'a Restart,
}

impl Service<'_> {
    /// Restarts once, whatever comes of it.
    pub(in crate::server) fn restart_once(&self, events: &mut dyn Events) {
        let unit = self.unit().unwrap_or_default();
        self.reset_failed(&unit);
        if let Err(reason) = self.run(unit.restart_limit(LONGEST) + MARGIN, events) {
            tracing::debug!(?reason, "the restart failed");
        }
    }

    /// Restarts; where systemd's start limit refuses, waits it out and tries again. By `check` the log of a start that
    /// failed is read.
    pub(in crate::server) fn restart(
        &self,
        check: &LogCheck,
        events: &mut dyn Events,
    ) -> Result<Started, Unstarted> {
        let Some(service) = self.service else {
            let done = self.run(LONGEST, events);
            return done
                .map(|()| Started::default())
                .map_err(|reason| Unstarted {
                    reason,
                    goes_on: None,
                });
        };
        if *self.restart == Restart::Nothing {
            return Ok(Started::default());
        }
        let unit = self.unit().unwrap_or_default();
        let limit = unit.restart_limit(LONGEST) + MARGIN;
        let interval = unit
            .start_limit()
            .map_or(Duration::ZERO, |(_, interval)| interval);
        let (start, since) = (Instant::now(), since_epoch());
        self.reset_failed(&unit);
        loop {
            let before = self.idle_unit(limit);
            let started = Started::now(&before, self.is_reload());
            journal::record_start(self.layout, now_ms());
            let tried = start.elapsed();
            let refusal = match self.run(limit, events) {
                Ok(()) => return Ok(started),
                Err(reason) => reason,
            };
            let after = self.unit().unwrap_or_default();
            let told = after.hit_start_limit();
            let refused = told
                || *self.restart == Restart::Systemctl && was_refused(&before, &after, &refusal);
            // the last try is one that was made when the interval was over
            if !refused || tried > interval + Duration::from_secs(1) {
                let reason = if told {
                    Reason::StartLimit {
                        interval,
                        said: None,
                    }
                } else {
                    refusal
                };
                if after.is_up() {
                    // it has failed at nothing that its log could tell
                    return Err(Unstarted {
                        reason,
                        goes_on: started.untouched(&after),
                    });
                }
                let failed = FailedStart {
                    service,
                    previous: started.ended(after.invocation()),
                    since,
                    check,
                };
                return Err(Unstarted {
                    reason: log::explain(reason, &failed),
                    goes_on: None,
                });
            }
            wait_out(interval, start, events);
        }
    }

    /// As systemd tells; where it does not, a restart is tried all the same.
    fn unit(&self) -> Option<Unit> {
        self.service
            .map(|service| Unit::show(service).unwrap_or_default())
    }

    /// The unit without a job under way: an earlier restart that was given up goes on in systemd.
    fn idle_unit(&self, limit: Duration) -> Unit {
        let start = Instant::now();
        loop {
            let unit = self.unit().unwrap_or_default();
            if !unit.is_busy() || start.elapsed() > limit {
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

    /// A unit that failed counts its starts until this; only where the right is given.
    fn reset_failed(&self, unit: &Unit) {
        let Some(service) = self.service.filter(|_| *self.restart == Restart::Systemctl) else {
            return;
        };
        if unit.start_limit().is_some() && systemd::may("reset-failed", service) {
            if let Err(error) = quick(&mut systemd::privileged("reset-failed", service), MARGIN) {
                tracing::debug!(%error, "reset-failed");
            }
        }
    }

    fn is_reload(&self) -> bool {
        const RELOADS: [&str; 3] = ["reload", "reload-or-restart", "try-reload-or-restart"];
        matches!(self.restart, Restart::Commands(script) if script.split(|c: char| c.is_whitespace() || c == '/').any(|word| RELOADS.contains(&word)))
    }
}

/// Whether a restart that failed was refused by the start limit. `Result` does not tell after a crash, for systemd keeps
/// the first result (`service_enter_dead`): but what was refused got no invocation. An automatic restart in between may
/// have got one; then another try will tell. What systemd did not try for another reason - an assertion, a dependency that
/// failed - got none either, and will not by waiting: there systemctl speaks of no job of the unit that failed.
fn was_refused(before: &Unit, after: &Unit, refusal: &Reason) -> bool {
    let Reason::Command { output, .. } = refusal else {
        return false;
    };
    let job_failed = String::from_utf8_lossy(output)
        .lines()
        .any(|line| line.starts_with("Job for ") && line.contains(" failed"));
    let started = after.invocation() != before.invocation()
        && after.automatic_restarts() == before.automatic_restarts();
    job_failed && after.start_limit().is_some() && after.get("ActiveState") == "failed" && !started
}

fn systemctl_restart(service: &str, limit: Duration) -> Result<(), Reason> {
    let (ending, output) = quick(&mut systemd::privileged("restart", service), limit)
        .map_err(|error| Reason::Unreadable(format!("systemctl: {error}")))?;
    match ending {
        Ending::Exit(0) => Ok(()),
        ending => Err(Reason::Command {
            ending,
            line: None,
            output,
            said: None,
        }),
    }
}

/// A refused start does not lengthen the interval, so that it may be tried again before its end.
fn wait_out(interval: Duration, since: Instant, events: &mut dyn Events) {
    let left = interval.saturating_sub(since.elapsed());
    let pause = (interval / 10).clamp(Duration::from_secs(1), Duration::from_secs(10));
    events.emit(What::Notice(Notice::StartLimitWait {
        up_to: left.max(pause),
        serving: false,
    }));
    thread::sleep(pause);
}

/// How long to wait before the switch, while the old release serves, so that two starts are left in the interval: one
/// for the new release, one for the way back.
pub(in crate::server) fn wait_needed(layout: &Layout, unit: &Unit, resettable: bool) -> Duration {
    let Some((burst, interval)) = unit.start_limit().filter(|_| !resettable) else {
        return Duration::ZERO;
    };
    let now = now_ms();
    let interval_ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
    let mut starts = journal::starts(layout);
    starts.extend(own_starts(unit, &starts, now, burst));
    starts.retain(|at| at + interval_ms > now);
    starts.sort_unstable();
    left_to_wait(&starts, burst, now, interval)
}

/// The unit's last start, if nobody of us asked for it: then it was automatic, and so may have been those that systemd
/// counts as restarts, at the latest at the same time.
fn own_starts(unit: &Unit, asked: &[u64], now: u64, burst: u64) -> Vec<u64> {
    let up = ticks_since_boot().map(|ticks| Duration::from_millis(ticks * 10));
    let Some(ago) = up
        .zip(unit.main_start())
        .map(|(up, start)| up.saturating_sub(start))
    else {
        return Vec::new();
    };
    let at = now.saturating_sub(u64::try_from(ago.as_millis()).unwrap_or(u64::MAX));
    let is_ours = |asked: &u64| at + 1000 >= *asked && at <= *asked + 5000;
    if asked.iter().any(is_ours) {
        return Vec::new();
    }
    let count = unit.automatic_restarts().clamp(1, burst);
    vec![at; usize::try_from(count).unwrap_or(1)]
}

fn left_to_wait(starts: &[u64], burst: u64, now: u64, interval: Duration) -> Duration {
    let allowed = usize::try_from(burst.saturating_sub(2)).unwrap_or(usize::MAX);
    // systemd counts from the first start of a window, which ends as a whole
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
    fn a_refused_start_is_told_from_one_that_failed() {
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
            said: None,
        };
        let failed = said(
            "Job for a.service failed because the control process exited with error code.\nSee x\n",
        );
        let after = |rest: &str| {
            was_refused(
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
            assert!(!was_refused(&before, &untried, &said(output)), "{output}");
        }
    }

    #[test]
    fn two_starts_must_be_left() {
        let interval = Duration::from_secs(10);
        assert_eq!(left_to_wait(&[], 5, 20_000, interval), Duration::ZERO);
        assert_eq!(
            left_to_wait(&[12_000, 13_000, 14_000], 5, 20_000, interval),
            Duration::ZERO
        );
        assert_eq!(
            left_to_wait(&[12_000, 13_000, 14_000, 15_000], 5, 20_000, interval),
            Duration::from_secs(2)
        );
        assert_eq!(
            left_to_wait(&[19_000], 1, 20_000, interval),
            Duration::from_secs(9)
        );
    }
}
