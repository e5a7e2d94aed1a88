//! Restarts the units and handles systemd's start limit.

mod order;
mod sockets;
mod start_limit;
mod systemctl;

use self::order::{order, Command};
use self::start_limit::{got_no_invocation, start_limit, wait_out};
use self::systemctl::{ignore, reset_failed, run_systemctl, MARGIN};
use super::definition;
use super::known_unit::{BeforeRestart, KnownUnit, Purpose};
use super::log::{self, FailedStart};
use super::systemd::Unit;
use crate::protocol::{LogCheck, Reason, Restart, UnitKind, UnitRef, What};
use crate::server::channel::events::Events;
use crate::server::clock::{now_ms, since_epoch, Moment};
use crate::server::exec::shell::{self, Script};
use crate::server::store::journal;
use crate::server::store::layout::Layout;
use std::cell::Cell;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

pub(in crate::server) use self::start_limit::wait_needed;

/// For units without a timeout of their own.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);
/// For sockets: systemd's default for a stop and a start.
const SOCKET_TIMEOUT: Duration = Duration::from_secs(180);
/// How long the rollback restarts a service whose unit is unknown, as long as nothing serves: systemd may refuse its starts
/// for a while, because the release that failed has used them up.
pub(in crate::server) const NO_UNIT_RETRIES: Duration = Duration::from_secs(300);

/// How long a restart of the unit may take, at most.
pub(in crate::server) fn time_limit(name: UnitRef<'_>, unit: &Unit) -> Duration {
    MARGIN
        + match name.kind() {
            UnitKind::Service => unit.restart_limit(DEFAULT_TIMEOUT),
            UnitKind::Socket => SOCKET_TIMEOUT,
            // nothing runs
            UnitKind::Timer | UnitKind::Path => Duration::ZERO,
        }
}

/// The same without a unit.
pub(in crate::server) const LIMIT_WITHOUT_UNIT: Duration = DEFAULT_TIMEOUT.saturating_add(MARGIN);

/// A restart that failed.
#[derive(Debug, Clone)]
pub(in crate::server) struct RestartFailure {
    pub(in crate::server) reason: Reason,
    /// The unit that failed, if the service has several and it is known.
    pub(in crate::server) unit: Option<String>,
}

/// Restarts the units as the plan says.
pub(in crate::server) struct Restarter<'a> {
    pub(in crate::server) layout: &'a Layout,
    pub(in crate::server) restart: &'a Restart,
    /// The full names of the units whose effective unit file has changed since they were last started.
    pub(in crate::server) changed: Vec<String>,
    /// When the first restart began, of the release that fails too.
    pub(in crate::server) began: Rc<Cell<Option<Moment>>>,
}

/// How a restart is tried.
struct Try<'a> {
    limit: Duration,
    /// The units were stopped before: their state before that is known.
    is_stopped: bool,
    /// How the log of a failed start is read.
    check: &'a LogCheck,
}

impl Restarter<'_> {
    /// Restarts the services once and ignores failures.
    pub(in crate::server) fn restart_once(&self, units: &[KnownUnit<'_>], events: &mut dyn Events) {
        let mut sum = Duration::ZERO;
        for KnownUnit { name, label, .. } in units {
            let unit = shown(*name);
            let limit = time_limit(*name, &unit);
            sum += limit;
            let is_restarted = label.is_none() || name.kind() == UnitKind::Service;
            if *self.restart == Restart::Systemctl && is_restarted {
                reset_failed(*name, &unit);
                ignore(run_systemctl("restart", *name, limit));
            }
        }
        let limit = match units {
            [] => LIMIT_WITHOUT_UNIT,
            _ => sum,
        };
        ignore(self.run_commands(limit, events));
    }

    /// Restarts, and records the state before. If systemd's start limit refuses it, waits and tries again. In a rollback the
    /// failure of one unit does not keep the others from being restarted. `check` says how the log of a failed start is read.
    ///
    /// # Errors
    /// The first failure.
    pub(in crate::server) fn restart(
        &self,
        units: &mut [KnownUnit<'_>],
        purpose: Purpose,
        check: &LogCheck,
        events: &mut dyn Events,
    ) -> Result<(), RestartFailure> {
        match self.restart {
            Restart::Commands(_) if !units.is_empty() => self.by_commands(units, check, events),
            Restart::Commands(_) => {
                let failed = |reason| RestartFailure { reason, unit: None };
                self.run_commands(LIMIT_WITHOUT_UNIT, events)
                    .map_err(failed)
            }
            Restart::Systemctl => self.by_systemctl(units, purpose, check, events),
            Restart::Nothing => Ok(()),
        }
    }

    fn by_commands(
        &self,
        units: &mut [KnownUnit<'_>],
        check: &LogCheck,
        events: &mut dyn Events,
    ) -> Result<(), RestartFailure> {
        let limit = units.iter().map(|it| time_limit(it.name, &shown(it.name)));
        let how = Try {
            limit: limit.sum(),
            is_stopped: false,
            check,
        };
        let mut run = |events: &mut dyn Events| self.run_commands(how.limit, events);
        self.attempt(units, &how, &mut run, events)
    }

    fn by_systemctl(
        &self,
        units: &mut [KnownUnit<'_>],
        purpose: Purpose,
        check: &LogCheck,
        events: &mut dyn Events,
    ) -> Result<(), RestartFailure> {
        let all: Vec<Unit> = units.iter().map(|unit| shown(unit.name)).collect();
        for (unit, shown) in units.iter_mut().zip(&all) {
            unit.before = BeforeRestart::of_untouched(shown);
        }
        let commands = order(units, &all, &self.changed);
        // first of all: a socket that is started again starts its service at once
        for command in commands.iter().filter(|it| it.verb != "stop") {
            reset_failed(units[command.at].name, &all[command.at]);
        }
        if purpose == Purpose::RollBack {
            self.recover_sockets(units, &all, Instant::now(), events);
        }
        let mut first = Ok(());
        for command in commands {
            let shown = &all[command.at];
            first = first.and(self.command(command, units, shown, check, events));
            if first.is_err() && purpose == Purpose::GoLive {
                break;
            }
        }
        first
    }

    /// Runs one command of systemctl for a unit in this state.
    fn command(
        &self,
        Command { verb, at, notice }: Command,
        units: &mut [KnownUnit<'_>],
        shown: &Unit,
        check: &LogCheck,
        events: &mut dyn Events,
    ) -> Result<(), RestartFailure> {
        if let Some(notice) = notice {
            events.emit(What::Notice(notice));
        }
        let unit = &mut units[at..=at];
        let (name, label) = (unit[0].name, unit[0].label);
        let limit = time_limit(name, shown);
        let mut run = |_: &mut dyn Events| self.run_systemctl(verb, name, limit);
        let done = if verb == "stop" {
            unit[0].before = BeforeRestart::of(&idle_unit(name, limit), false);
            let failed = |reason| RestartFailure { reason, unit: None };
            run(events).map_err(failed)
        } else {
            let how = Try {
                limit,
                is_stopped: verb == "start",
                check,
            };
            self.attempt(unit, &how, &mut run, events)
        };
        done.map_err(|failure| RestartFailure {
            unit: label.map(str::to_owned),
            ..failure
        })
    }

    /// Restarts these units, again if systemd's start limit refused one of them.
    fn attempt(
        &self,
        units: &mut [KnownUnit<'_>],
        how: &Try<'_>,
        run: &mut dyn FnMut(&mut dyn Events) -> Result<(), Reason>,
        events: &mut dyn Events,
    ) -> Result<(), RestartFailure> {
        let (start, since) = (Instant::now(), since_epoch());
        loop {
            let mut idle = Vec::new();
            for unit in units.iter_mut() {
                idle.push(idle_unit(unit.name, how.limit));
                self.record_before(unit, idle.last(), how);
            }
            let tried = start.elapsed();
            let reason = match run(events) {
                Ok(()) => return Ok(()),
                Err(reason) => reason,
            };
            let after: Vec<Unit> = units.iter().map(|unit| shown(unit.name)).collect();
            let mut all = 0..units.len();
            let refused = all.find(|at| self.was_refused(&idle[*at], &after[*at], &reason));
            let interval = refused.and_then(|at| after[at].start_limit());
            let interval = interval.map(|(_, interval)| interval).unwrap_or_default();
            // the last try is the first one after the interval
            if refused.is_some() && tried <= interval + Duration::from_secs(1) {
                wait_out(interval, start, events);
                self.recover_sockets(units, &after, start + interval, events);
                continue;
            }
            let down = || after.iter().position(|unit| !unit.is_up());
            let Some(at) = refused.or_else(down) else {
                // no log explains it: no unit failed
                return Err(RestartFailure { reason, unit: None });
            };
            let (unit, after) = (&units[at], &after[at]);
            let failed = FailedStart {
                unit: unit.name,
                previous: unit.before.previous(after.invocation()),
                since,
                check: how.check,
            };
            let reason = start_limit(after, interval).unwrap_or(reason);
            return Err(RestartFailure {
                reason: explained(reason, after, &failed),
                unit: unit.label.map(str::to_owned),
            });
        }
    }

    /// Starts socket units again that went down, once systemd allows the starts of their services.
    fn recover_sockets(
        &self,
        units: &[KnownUnit<'_>],
        shown: &[Unit],
        allowed: Instant,
        events: &mut dyn Events,
    ) {
        if *self.restart == Restart::Systemctl {
            for (unit, shown) in units.iter().zip(shown) {
                sockets::recover(unit, shown, allowed, events);
            }
        }
    }

    /// What an own command restarts is unknown: of several units, one that is no service and whose file has not changed may
    /// stay as it is.
    fn record_before(&self, unit: &mut KnownUnit<'_>, now: Option<&Unit>, how: &Try<'_>) {
        let Some(now) = now else { return };
        let may_stay = unit.label.is_some()
            && unit.name.kind() != UnitKind::Service
            && *self.restart != Restart::Systemctl
            && !self.changed.contains(&now.full_name(unit.name.name));
        if may_stay {
            unit.before = BeforeRestart::of_untouched(now);
            return;
        }
        if !how.is_stopped {
            unit.before = BeforeRestart::of(now, definition::is_reload(self.restart));
        }
        journal::record_start(self.layout, now_ms(), unit.label);
    }

    /// Whether the start limit refused the restart.
    fn was_refused(&self, before: &Unit, after: &Unit, reason: &Reason) -> bool {
        after.hit_start_limit()
            || *self.restart == Restart::Systemctl && got_no_invocation(before, after, reason)
    }

    /// Restarts, or stops what is started later.
    fn run_systemctl(&self, verb: &str, unit: UnitRef<'_>, limit: Duration) -> Result<(), Reason> {
        self.begin();
        run_systemctl(verb, unit, limit)
    }

    fn begin(&self) {
        if self.began.get().is_none() {
            self.began.set(Some(Moment::now()));
        }
    }

    /// Runs the user's commands, if that is how the service is restarted.
    fn run_commands(&self, limit: Duration, events: &mut dyn Events) -> Result<(), Reason> {
        let Restart::Commands(script) = self.restart else {
            return Ok(());
        };
        self.begin();
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

/// The unit's state. If systemd does not report it, the restart is tried anyway.
fn shown(unit: UnitRef<'_>) -> Unit {
    Unit::show(unit).unwrap_or_default()
}

/// The unit's state once it has no job: systemd may still run an earlier restart that timed out here.
fn idle_unit(name: UnitRef<'_>, limit: Duration) -> Unit {
    let start = Instant::now();
    loop {
        let unit = shown(name);
        if !unit.has_job() || start.elapsed() > limit {
            return unit;
        }
        thread::sleep(Duration::from_millis(200));
    }
}

fn explained(reason: Reason, after: &Unit, failed: &FailedStart<'_>) -> Reason {
    match after.is_up() {
        // its log explains nothing: it did not fail
        true => reason,
        false => log::explain(reason, failed),
    }
}
