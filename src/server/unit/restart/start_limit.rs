//! systemd's start limit: whether it refused a start, how long to wait for it, and how to avoid it.

use crate::protocol::{Notice, Reason, UnitRef, What};
use crate::server::channel::events::Events;
use crate::server::clock::{now_ms, ticks_since_boot};
use crate::server::store::journal;
use crate::server::store::layout::Layout;
use crate::server::unit::systemd::Unit;
use std::thread;
use std::time::{Duration, Instant};

/// The start limit as the reason of a failure, if it is.
pub(super) fn start_limit(after: &Unit, interval: Duration) -> Option<Reason> {
    after.hit_start_limit().then_some(Reason::StartLimit {
        interval,
        log_line: None,
    })
}

/// Whether the start limit refused a failed restart. After a crash `Result` does not show it, because systemd keeps the
/// first result (`service_enter_dead`). But a refused start gets no invocation, unless an automatic restart came between;
/// then the next try shows it. A start that fails for another reason (an assertion, a dependency) gets none either, and
/// waiting does not help: then systemctl reports no failed job of the unit.
pub(super) fn got_no_invocation(before: &Unit, after: &Unit, reason: &Reason) -> bool {
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

/// Waits for part of the interval. A refused start does not extend it, so it may be tried again before the end.
pub(super) fn wait_out(interval: Duration, since: Instant, events: &mut dyn Events) {
    let left = interval.saturating_sub(since.elapsed());
    let pause = (interval / 10).clamp(Duration::from_secs(1), Duration::from_secs(10));
    events.emit(What::Notice(Notice::StartLimitWait {
        up_to: left.max(pause),
        serving: false,
    }));
    thread::sleep(pause);
}

/// How long a release that crashes may be started again and again before the rollback restarts the old one.
const REACTION: Duration = Duration::from_secs(2);

/// How long to wait before the switch, while the old release serves, until two starts are left in the interval: one for
/// the new release, one for the rollback. Behind a socket unit also those that systemd makes meanwhile: with the last one
/// the socket unit ends too, and connections are refused.
pub(in crate::server) fn wait_needed(
    layout: &Layout,
    name: UnitRef<'_>,
    unit: &Unit,
    resettable: bool,
) -> Duration {
    let Some((burst, interval)) = unit.start_limit().filter(|_| !resettable) else {
        return Duration::ZERO;
    };
    let now = now_ms();
    let interval_ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
    let mut starts = journal::starts(layout, Some(name.name));
    starts.extend(automatic_starts(unit, &starts, now, burst));
    starts.retain(|at| at + interval_ms > now);
    starts.sort_unstable();
    remaining_wait(&starts, burst.saturating_sub(needed(unit)), now, interval)
}

/// The starts that must be left for the new release and the rollback.
fn needed(unit: &Unit) -> u64 {
    let own = 2;
    let Some(pause) = unit
        .restart_pause()
        .filter(|_| unit.socket_units().next().is_some())
    else {
        return own;
    };
    let automatic = REACTION.as_millis().div_ceil(pause.as_millis().max(1));
    own.saturating_add(u64::try_from(automatic).unwrap_or(u64::MAX))
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

fn remaining_wait(starts: &[u64], allowed: u64, now: u64, interval: Duration) -> Duration {
    let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
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
    use crate::protocol::Ending;

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
        assert_eq!(remaining_wait(&[], 3, 20_000, interval), Duration::ZERO);
        assert_eq!(
            remaining_wait(&[12_000, 13_000, 14_000], 3, 20_000, interval),
            Duration::ZERO
        );
        assert_eq!(
            remaining_wait(&[12_000, 13_000, 14_000, 15_000], 3, 20_000, interval),
            Duration::from_secs(2)
        );
        assert_eq!(
            remaining_wait(&[19_000], 0, 20_000, interval),
            Duration::from_secs(9)
        );
    }

    #[test]
    fn behind_a_socket_unit_the_automatic_restarts_before_the_rollback_count_too() {
        let needed = |text: &str| needed(&Unit::parse(text));
        let socket = |restart: &str| needed(&format!("TriggeredBy=web.socket\n{restart}"));
        assert_eq!(socket("Restart=always\nRestartUSec=1s"), 4);
        assert_eq!(socket("Restart=always\nRestartUSec=10s"), 3);
        assert_eq!(socket("Restart=always\nRestartUSec=100ms"), 22);
        assert_eq!(socket("Restart=no\nRestartUSec=1s"), 2);
        assert_eq!(needed("Restart=always\nRestartUSec=1s"), 2);
        assert_eq!(
            needed("Restart=always\nRestartUSec=1s\nTriggeredBy=web.timer"),
            2
        );
    }
}
