//! A unit while it is watched.

use super::machine::{Check, Machine, Seen};
use crate::protocol::{LogCheck, Reason, UnitKind, UnitState};
use crate::server::clock::{since_epoch, ticks_since_boot};
use crate::server::exec::processes;
use crate::server::unit::evidence::{Evidence, Question};
use crate::server::unit::known_unit::KnownUnit;
use crate::server::unit::log;
use crate::server::unit::systemd::Unit;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// A unit, and what was seen of it.
pub(super) struct Watched<'a> {
    /// `None`: there is no unit.
    pub(super) known: Option<&'a KnownUnit<'a>>,
    pub(super) machine: Machine<'a>,
    /// `None`: it has no processes, and nothing asks it.
    pub(super) question: Option<Question<'a>>,
    pub(super) last_check: Option<Instant>,
    /// What systemd reported last.
    pub(super) unit: Option<Unit>,
    /// Pid and start time of the unit's main process when systemd last reported that it is up, if it is visible.
    pub(super) main_process: Option<(u32, u64)>,
}

impl<'a> Watched<'a> {
    /// As it is called beside others.
    pub(super) fn label(&self) -> Option<&'a str> {
        self.known.and_then(|known| known.label)
    }

    /// Looks at the unit if that is necessary, and at all that is needed to call it healthy if a check is due. A unit that is
    /// not up is not checked.
    pub(super) fn look(&mut self, is_due: bool) -> Seen {
        let unit = self.look_at_unit(is_due);
        if !is_due || !is_up(unit.as_ref()) {
            return Seen {
                unit,
                ..Seen::default()
            };
        }
        self.last_check = Some(Instant::now());
        let check = Check {
            answer: None,
            evidence: self.evidence(None),
        };
        Seen {
            unit,
            check: Some(check),
            ..Seen::default()
        }
    }

    /// The unit's state. `None`: there is no unit, or nothing has happened to it.
    pub(super) fn look_at_unit(&mut self, is_due: bool) -> Option<Result<Unit, Reason>> {
        let known = self
            .known
            .filter(|it| is_due || self.may_have_changed(it))?;
        self.main_process = None;
        let shown = Unit::show(known.name);
        if let Ok(unit) = &shown {
            if unit.is_up() {
                let pid = unit.main_pid();
                self.main_process = pid.and_then(|pid| Some((pid, processes::start_of(pid)?)));
            }
            self.unit = Some(unit.clone());
        }
        Some(shown)
    }

    /// Whether a look at it is cheap: its main process is visible, or it has none.
    pub(super) fn is_quickly_seen(&self) -> bool {
        self.main_process.is_some() || self.known.is_none_or(|known| !self.may_have_changed(known))
    }

    /// Whether the unit's main process has ended, or never was. Asking systemd this often would slow down the release that
    /// is starting: one `systemctl show` takes 10 to 40 ms of processor time, systemd's own included (measured).
    fn may_have_changed(&self, known: &KnownUnit<'_>) -> bool {
        match (self.main_process, &self.unit) {
            (Some((pid, start)), _) => processes::start_of(pid) != Some(start),
            (None, Some(unit)) if unit.is_up() => {
                // others have no process that could end
                known.name.kind() == UnitKind::Service && unit.get("Type") != "oneshot"
            }
            _ => true,
        }
    }

    /// `None` without processes. `from` is the address that answered.
    pub(super) fn evidence(&self, from: Option<IpAddr>) -> Option<Evidence> {
        let (question, unit) = (self.question.as_ref()?, self.unit.as_ref()?);
        Some(question.answer(unit, from))
    }

    /// Whether everything must be checked again.
    pub(super) fn is_due(&self, interval: Duration) -> bool {
        self.last_check.is_none_or(|at| at.elapsed() >= interval)
    }

    /// The same reason, explained by what else can be seen: a process that holds the port, or a line of the log.
    pub(super) fn explained(&self, reason: Reason, start: Instant, check: &LogCheck) -> Reason {
        let Some(known) = self.known else {
            return reason;
        };
        let of_another = matches!(
            reason,
            Reason::NotRunning {
                state: UnitState::OtherRelease(_),
                ..
            }
        );
        if of_another {
            // the log is that of a process which did nothing wrong
            return reason;
        }
        let unit = self.unit.as_ref();
        if let (Reason::Crashed { .. }, Some(question), Some(unit)) =
            (&reason, &self.question, unit)
        {
            if let Some(blocked) = question.blocked(unit) {
                return blocked;
            }
        }
        let failed = log::FailedStart {
            unit: known.name,
            previous: known.before.previous(unit.map_or("", Unit::invocation)),
            since: restarted_at(known, start),
            check,
        };
        log::explain(reason, &failed)
    }

    /// The invocation whose log is checked; `None`: there is no log.
    pub(super) fn invocation(&self, start: Instant) -> Option<log::Invocation<'_>> {
        let known = self.known?;
        if known.label.is_some() && known.name.kind() != UnitKind::Service {
            return None;
        }
        let id = self.machine.invocation().unwrap_or_default();
        let previous = known.before.previous(id);
        Some(log::Invocation {
            unit: known.name,
            id,
            // after a reload the same invocation also holds the log of the release before
            since: previous.is_none().then(|| restarted_at(known, start)),
            previous,
        })
    }
}

/// As far as it was looked at.
pub(super) fn is_up(looked: Option<&Result<Unit, Reason>>) -> bool {
    match looked {
        Some(Ok(unit)) => unit.is_up(),
        Some(Err(_)) => false,
        None => true,
    }
}

/// When the restart was requested, since the epoch: the clock of the log. `start`: when the verification began.
fn restarted_at(known: &KnownUnit<'_>, start: Instant) -> Duration {
    let ago = match known.before.at.zip(ticks_since_boot()) {
        Some((at, now)) => Duration::from_millis(now.saturating_sub(at) * 10),
        None => start.elapsed(),
    };
    since_epoch().saturating_sub(ago)
}
