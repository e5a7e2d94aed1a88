//! Decides from observations whether a release is healthy. It knows no clock, no process and no systemd: every observation
//! comes with the time since the verification began.

use super::super::evidence::{Belongs, Evidence, Origin};
use super::super::known_unit::{BeforeRestart, Purpose};
use super::super::systemd::Unit;
use crate::protocol::{
    Health, HealthAnswer, Interference, Reason, UncheckedListener, UnitState, Warning,
};
use std::time::Duration;

/// How long the answer may come from another process, or from another release although new processes have started:
/// the old ones may be shutting down.
const SHUTDOWN_TIME: Duration = Duration::from_secs(5);

/// By what the observations are judged.
#[derive(Debug, Clone)]
pub(super) struct Rules<'a> {
    pub(super) purpose: Purpose,
    pub(super) timeout: Duration,
    pub(super) settle: Duration,
    /// The port of the health check, if it is one of this server's; 0 without one.
    pub(super) port: u16,
    pub(super) before: &'a BeforeRestart,
    /// The invocation of the release that failed: it must not run any more.
    pub(super) failed_invocation: Option<&'a str>,
    pub(super) body: BodyShows,
    /// The service has other units too, which the restart must not forget.
    pub(super) has_others: bool,
}

/// What a healthy body shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum BodyShows {
    Nothing,
    /// The commit, which the old release may have too.
    Commit,
    /// The release.
    Release,
}

impl BodyShows {
    pub(in crate::server) fn of(health: &Health) -> Self {
        match &health.pattern {
            Some(pattern) if pattern.names_release() => Self::Release,
            Some(pattern) if pattern.names_commit() => Self::Commit,
            _ => Self::Nothing,
        }
    }
}

/// What was observed at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// The unit, if it was looked at.
    pub(super) unit: Option<Result<Unit, Reason>>,
    /// All that is needed to call it healthy.
    pub(super) check: Option<Check>,
    /// How long ago the answer came.
    pub(super) ago: Duration,
    /// What the request that is not answered counts as if the time is over.
    pub(super) unanswered: Option<HealthAnswer>,
}

/// A complete check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    /// `None`: there is no health check.
    pub(super) answer: Option<HealthAnswer>,
    /// `None`: there is no unit, or the answer is not healthy.
    pub(super) evidence: Option<Evidence>,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    Wait,
    Healthy,
    /// It is not healthy, and `down` means that nothing will start it again.
    Failed {
        reason: Reason,
        down: bool,
    },
}

/// The result of one observation.
enum State {
    Healthy,
    /// Nothing new.
    Unchanged,
    /// Not yet, or no longer.
    Unhealthy(Reason),
}

/// Why it has failed.
struct Verdict {
    reason: Reason,
    /// The unit is down, and systemd does not start it again.
    down: bool,
}

impl From<Reason> for Verdict {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            down: false,
        }
    }
}

pub(super) struct Machine<'a> {
    rules: Rules<'a>,
    attempts: u32,
    last_answer: Option<HealthAnswer>,
    last_reason: Option<Reason>,
    healthy_since: Option<Duration>,
    wrong_since: Option<Duration>,
    /// The first invocation after the restart.
    invocation: Option<String>,
    /// How often systemd had restarted the unit by itself.
    automatic_restarts: Option<u64>,
    is_being_stopped: bool,
    evidence: Option<Evidence>,
    /// A rollback went on in spite of it.
    doubt: Option<Reason>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(rules: Rules<'a>) -> Self {
        let before = rules.before;
        Self {
            // a unit that was crashing may have been restarted once more before our restart reached it
            automatic_restarts: before.automatic_restarts.filter(|_| before.steady),
            rules,
            attempts: 0,
            last_answer: None,
            last_reason: None,
            healthy_since: None,
            wrong_since: None,
            invocation: None,
            is_being_stopped: false,
            evidence: None,
            doubt: None,
        }
    }

    /// Whether it is healthy so far.
    pub(super) fn healthy_since(&self) -> Option<Duration> {
        self.healthy_since
    }

    /// The invocation that is verified, once it runs.
    pub(super) fn invocation(&self) -> Option<&str> {
        self.invocation.as_deref()
    }

    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// What follows from an observation at `at`, the time since the beginning.
    pub(super) fn next(&mut self, at: Duration, seen: Seen) -> Next {
        let unanswered = seen.unanswered.clone();
        let answered = at.saturating_sub(seen.ago);
        match self.observe(at, seen) {
            Ok(State::Healthy) => {
                let since = *self.healthy_since.get_or_insert(answered);
                if at.saturating_sub(since) >= self.rules.settle {
                    return Next::Healthy;
                }
            }
            Ok(State::Unchanged) => {}
            Ok(State::Unhealthy(reason)) => self.unhealthy(reason),
            Err(Verdict { reason, down }) => {
                if self.rules.purpose == Purpose::GoLive || down {
                    return Next::Failed { reason, down };
                }
                self.doubt = Some(reason.clone());
                self.unhealthy(reason);
            }
        }
        if at >= self.rules.timeout && self.healthy_since.is_none() {
            let reason = match self.last_reason.take() {
                Some(reason) if !matches!(reason, Reason::Unhealthy { .. }) => reason,
                _ => self.no_answer_in_time(at, unanswered),
            };
            return Next::Failed {
                reason,
                down: false,
            };
        }
        Next::Wait
    }

    fn unhealthy(&mut self, reason: Reason) {
        self.healthy_since = None;
        self.last_reason = Some(reason);
    }

    fn observe(&mut self, at: Duration, seen: Seen) -> Result<State, Verdict> {
        match seen.unit {
            // a state that cannot be read is not healthy; the next check reads it again
            Some(Err(reason)) => return Ok(State::Unhealthy(reason)),
            Some(Ok(unit)) => {
                if let Some(reason) = self.check_unit(&unit)? {
                    return Ok(State::Unhealthy(reason));
                }
            }
            None => {}
        }
        let Some(Check { answer, evidence }) = seen.check else {
            return Ok(State::Unchanged);
        };
        if let Some(answer) = answer {
            self.attempts += 1;
            let healthy = answer.is_healthy();
            self.last_answer = Some(answer);
            if !healthy {
                return Ok(State::Unhealthy(self.no_answer(at)));
            }
        }
        let wrong = match &evidence {
            Some(evidence) => self.weigh(evidence),
            None if self.is_forgotten() => Some((Reason::NotRestarted, self.rules.timeout)),
            None => None,
        };
        self.evidence = evidence.or_else(|| self.evidence.take());
        self.wait_for(at, wrong)
    }

    /// The time is over, perhaps while a request waits.
    fn no_answer_in_time(&mut self, at: Duration, unanswered: Option<HealthAnswer>) -> Reason {
        if unanswered.is_some() {
            self.attempts += 1;
            self.last_answer = unanswered;
        }
        self.no_answer(at)
    }

    fn no_answer(&self, at: Duration) -> Reason {
        let last = self.last_answer.clone().unwrap_or(HealthAnswer::Refused);
        Reason::Unhealthy {
            last: Box::new(last),
            attempts: self.attempts,
            waited: at,
            log_line: None,
        }
    }

    /// Returns why the unit is not up yet, or fails if it will not be.
    fn check_unit(&mut self, unit: &Unit) -> Result<Option<Reason>, Verdict> {
        if self.was_not_started(unit) {
            return Err(Verdict {
                reason: Reason::NotStarted {
                    condition: unit.get("ConditionResult") == "no",
                },
                down: true,
            });
        }
        self.is_being_stopped |=
            self.invocation.is_some() && unit.is_being_stopped() && unit.has_job();
        self.check_for_crash(unit)?;
        let waiting = Some(Reason::NotRunning {
            state: unit.state(),
            log_line: None,
        });
        match unit.get("ActiveState") {
            _ if unit.is_up() => self.check_invocation(unit),
            "activating" | "deactivating" | "reloading" | "refreshing" => Ok(waiting),
            "failed" | "inactive" if self.was_stopped(unit) => Err(Verdict {
                reason: Reason::Interference(Interference::Stopped),
                down: !unit.has_job(),
            }),
            "failed" => Err(Verdict {
                reason: self.crashed(unit),
                down: !unit.has_job(),
            }),
            "inactive" if !unit.has_job() => Err(Verdict {
                reason: Reason::NotRunning {
                    state: unit.ended_state(),
                    log_line: None,
                },
                down: true,
            }),
            _ => Ok(waiting),
        }
    }

    /// Whether the restart succeeded but started nothing: then the unit's state is that of the process before.
    fn was_not_started(&self, unit: &Unit) -> bool {
        let before = self.rules.before;
        let same = before.automatic_restarts.is_some() && before.invocation == unit.invocation();
        let down = matches!(unit.get("ActiveState"), "inactive" | "failed") && !unit.has_job();
        same && down && !before.reload && self.invocation.is_none()
    }

    fn check_for_crash(&mut self, unit: &Unit) -> Result<(), Verdict> {
        let now = unit.automatic_restarts();
        let baseline = *self.automatic_restarts.get_or_insert(now);
        // newer versions of systemd may count from 0 again after a manual restart
        self.automatic_restarts = Some(baseline.min(now));
        let is_waiting = unit.get("SubState") == "auto-restart";
        if now <= baseline && !is_waiting {
            return Ok(());
        }
        if self.rules.purpose == Purpose::RollBack {
            // systemd starts it again, and counts that start: it is judged by itself
            self.automatic_restarts = Some(now + u64::from(is_waiting));
            self.invocation = None;
        }
        Err(self.crashed(unit).into())
    }

    fn crashed(&self, unit: &Unit) -> Reason {
        if unit.hit_start_limit() && self.invocation.is_none() {
            let limit = unit.start_limit();
            return Reason::StartLimit {
                interval: limit.map(|(_, interval)| interval).unwrap_or_default(),
                log_line: None,
            };
        }
        Reason::Crashed {
            end: unit.process_end(),
            log_line: None,
        }
    }

    /// Whether someone stopped the unit that was running: a process that ends by itself is started again, or it ends
    /// without a job of systemd.
    fn was_stopped(&self, unit: &Unit) -> bool {
        self.invocation.is_some() && (self.is_being_stopped || unit.ended_by_a_stop())
    }

    fn check_invocation(&mut self, unit: &Unit) -> Result<Option<Reason>, Verdict> {
        let now = unit.invocation();
        match &self.invocation {
            Some(first) if first != now => {
                self.invocation = Some(now.to_owned());
                self.healthy_since = None;
                if unit.socket_units().next().is_some() {
                    // a connection that waits starts it at once, which counts as no automatic restart
                    return Err(self.crashed(unit).into());
                }
                Err(Reason::Interference(Interference::Restarted).into())
            }
            Some(_) => Ok(None),
            None => {
                self.invocation = Some(now.to_owned());
                Ok(None)
            }
        }
    }

    /// Judges what answers, and what runs. Returns what is wrong, and for how long it may be.
    fn weigh(&self, evidence: &Evidence) -> Option<(Reason, Duration)> {
        let body = self.rules.body;
        match (&evidence.origin, &evidence.belongs) {
            (_, _) if body == BodyShows::Release => None,
            (Some(Origin::Other(owner)), _) => Some((
                Reason::OtherListener {
                    port: self.rules.port,
                    owner: owner.clone(),
                },
                SHUTDOWN_TIME,
            )),
            (_, _) if body != BodyShows::Nothing => None,
            (_, Belongs::No(_) | Belongs::Unknown(_)) if self.is_forgotten() => {
                Some((Reason::NotRestarted, self.rules.timeout))
            }
            (_, Belongs::No(process)) => Some((
                Reason::NotRunning {
                    state: UnitState::OtherRelease(process.clone()),
                    log_line: None,
                },
                match evidence.has_new_process {
                    true => SHUTDOWN_TIME,
                    // new ones may still come
                    false => self.rules.timeout,
                },
            )),
            (_, Belongs::Unknown(_))
                if self.kept_everything(evidence) || self.is_of_failed_release() =>
            {
                Some((Reason::NotRestarted, self.rules.timeout))
            }
            _ => None,
        }
    }

    /// Waits a while for what is wrong to end.
    fn wait_for(
        &mut self,
        at: Duration,
        wrong: Option<(Reason, Duration)>,
    ) -> Result<State, Verdict> {
        let Some((reason, patience)) = wrong else {
            self.wrong_since = None;
            return Ok(State::Healthy);
        };
        let since = *self.wrong_since.get_or_insert(at);
        if at.saturating_sub(since) < patience || self.rules.purpose == Purpose::RollBack {
            Ok(State::Unhealthy(reason))
        } else {
            Err(reason.into())
        }
    }

    /// The rollback's restart has not ended the process of the release that failed.
    fn is_of_failed_release(&self) -> bool {
        let failed = self.rules.failed_invocation;
        failed.is_some() && failed == self.invocation.as_deref()
    }

    /// The restart command succeeded, but the unit was not started.
    fn kept_invocation(&self) -> bool {
        let before = self.rules.before;
        before.automatic_restarts.is_some()
            && self.rules.purpose == Purpose::GoLive
            && self.invocation.as_ref() == Some(&before.invocation)
            && !before.reload
    }

    /// The same, and none of its processes was started either.
    fn kept_everything(&self, evidence: &Evidence) -> bool {
        self.kept_invocation() && !evidence.has_new_process
    }

    /// Of several units, the restart command has restarted others.
    fn is_forgotten(&self) -> bool {
        self.rules.has_others && self.kept_invocation()
    }

    /// What could not be seen, or was seen beside what is healthy.
    pub(super) fn warnings(&self) -> Vec<Warning> {
        let mut warnings: Vec<Warning> = Vec::new();
        let body = self.rules.body;
        if let Some(Evidence {
            origin, belongs, ..
        }) = &self.evidence
        {
            if let Some(Origin::Unknown(why)) = origin {
                if body != BodyShows::Release {
                    warnings.push(Warning::ListenerNotChecked(why.clone()));
                }
            }
            match belongs {
                Belongs::Yes { others } => {
                    warnings.extend(others.iter().cloned().map(Warning::OtherRelease));
                }
                Belongs::No(process) => warnings.push(Warning::OtherRelease(process.clone())),
                Belongs::Unknown(why) if body == BodyShows::Nothing => {
                    warnings.push(Warning::ReleaseNotSeen(why.clone()));
                }
                Belongs::Unknown(_) => {}
            }
        }
        warnings.extend(
            self.doubt
                .clone()
                .map(|it| Warning::RollbackDoubt(Box::new(it))),
        );
        warnings
    }

    /// The warning for a health check that does not lead to a port of this server.
    pub(super) fn other_host(&self) -> Option<Warning> {
        (self.rules.body == BodyShows::Nothing)
            .then_some(Warning::ListenerNotChecked(UncheckedListener::OtherHost))
    }
}

#[cfg(test)]
mod tests;
