//! A unit of the service, and what is known of it from before its restart.

use super::log::{Baseline, PreviousInvocation};
use super::sockets;
use super::systemd::Unit;
use crate::protocol::UnitRef;
use crate::server::clock::ticks_since_boot;
use std::collections::HashSet;
use std::time::Duration;

/// A unit whose main process has run for this long does not crash just when it is restarted.
const STEADY: Duration = Duration::from_secs(10);

/// Why units are restarted and verified, which decides how strictly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Purpose {
    /// A release goes live: a crash fails it.
    GoLive,
    /// The old release is back: nothing better is left, so only time fails it.
    RollBack,
}

/// A unit, and what is known of it.
#[derive(Debug, Clone)]
pub(in crate::server) struct KnownUnit<'a> {
    pub(in crate::server) name: UnitRef<'a>,
    /// As it is called beside others; `None`: it is the only one.
    pub(in crate::server) label: Option<&'a str>,
    pub(in crate::server) before: BeforeRestart,
    /// The invocation of the release that failed, if this is the rollback.
    pub(in crate::server) failed_invocation: Option<String>,
    /// What the release before logs too.
    pub(in crate::server) baseline: Baseline,
    /// It runs the release already: a restart by systemctl leaves it alone.
    pub(in crate::server) is_done: bool,
}

impl<'a> KnownUnit<'a> {
    /// All units of the service. Nothing else is known of them yet.
    pub(in crate::server) fn all(names: impl Iterator<Item = UnitRef<'a>>) -> Vec<Self> {
        let unit = |name| Self {
            name,
            label: None,
            before: BeforeRestart::default(),
            failed_invocation: None,
            baseline: Baseline::default(),
            is_done: false,
        };
        let mut all: Vec<Self> = names.map(unit).collect();
        if all.len() > 1 {
            for unit in &mut all {
                unit.label = Some(unit.name.name);
            }
        }
        all
    }
}

/// The state before a restart, by which the new process is recognised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::server) struct BeforeRestart {
    /// The invocation; after the restart it is another one.
    pub(in crate::server) invocation: String,
    /// Automatic restarts. `None`: it was not restarted.
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
    pub(super) fn of(unit: &Unit, reload: bool) -> Self {
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

    /// Of a unit that is not restarted.
    pub(super) fn of_untouched(unit: &Unit) -> Self {
        Self {
            invocation: unit.invocation().to_owned(),
            ..Self::default()
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
