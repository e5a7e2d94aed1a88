//! Verifies a release: during the settle time the unit runs in one invocation, what answers the health check comes from the
//! unit, and what runs belongs to the release; at the end, the log of this invocation shows no crash. What cannot be
//! checked is never healthy; what cannot be seen is a warning.

mod machine;
mod request;

use self::machine::{BodyShows, Check, Machine, Next, Rules, Seen};
use self::request::Requests;
use super::definition::leads_to_current;
use super::evidence::{Evidence, Question};
use super::health::{Answered, HealthCheck};
use super::log;
use super::restart::BeforeRestart;
use super::systemd::Unit;
use crate::protocol::{
    Attempt, Health, HealthAnswer, Reason, ReleaseId, UnitRef, UnitState, Verification, What,
};
use crate::server::channel::events::Events;
use crate::server::clock::{since_epoch, ticks_since_boot};
use crate::server::exec::processes;
use crate::server::store::layout::Layout;
use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

pub(in crate::server) use self::machine::Purpose;

/// How often the unit's main process is checked, or the unit if its main process is not visible. A crash must be noticed
/// before automatic restarts use up the starts that the rollback needs.
const TICK: Duration = Duration::from_millis(200);
/// Time limit for one health request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A request that is not answered for so long is called one that times out when the health timeout is over.
const LONG_WAIT: Duration = Duration::from_secs(1);

/// What is verified.
pub(in crate::server) struct Subject<'a> {
    pub(in crate::server) layout: &'a Layout,
    pub(in crate::server) purpose: Purpose,
    pub(in crate::server) release: &'a ReleaseId,
    pub(in crate::server) sha: Option<&'a str>,
    /// `None`: there is no unit.
    pub(in crate::server) service: Option<UnitRef<'a>>,
    pub(in crate::server) verification: &'a Verification,
    /// How long it may take to become healthy.
    pub(in crate::server) timeout: Duration,
    pub(in crate::server) before: &'a BeforeRestart,
    /// The invocation of the release that failed, if this is the rollback.
    pub(in crate::server) failed_invocation: Option<&'a str>,
    /// What the release before logs too.
    pub(in crate::server) baseline: &'a log::Baseline,
}

/// A release that is not healthy.
#[derive(Debug)]
pub(in crate::server) struct Unhealthy {
    pub(in crate::server) reason: Reason,
    /// The unit is down, and systemd does not start it again.
    pub(in crate::server) down: bool,
}

/// Watches until the release is healthy, or has failed.
pub(in crate::server) fn verify(
    subject: &Subject<'_>,
    events: &mut dyn Events,
) -> Result<(), Unhealthy> {
    if subject.service.is_none() && subject.verification.health.is_none() {
        // there is nothing to watch
        return Ok(());
    }
    let mut verifier = Verifier::new(subject, events);
    verifier.run().map_err(|failed| Unhealthy {
        reason: verifier.explained(failed.reason),
        ..failed
    })
}

struct Verifier<'a> {
    subject: &'a Subject<'a>,
    events: &'a mut dyn Events,
    machine: Machine<'a>,
    question: Option<Question<'a>>,
    requests: Option<Requests>,
    start: Instant,
    last_check: Option<Instant>,
    /// What systemd reported last.
    unit: Option<Unit>,
    /// Pid and start time of the unit's main process when systemd last reported that it is up, if it is visible.
    main_process: Option<(u32, u64)>,
}

impl<'a> Verifier<'a> {
    fn new(subject: &'a Subject<'a>, events: &'a mut dyn Events) -> Self {
        let health = subject.verification.health.as_ref();
        let port = health
            .map(|health| &health.url)
            .filter(|url| url.is_loopback())
            .map(|url| url.port);
        let rules = Rules {
            purpose: subject.purpose,
            timeout: subject.timeout,
            settle: subject.verification.settle,
            port: port.unwrap_or_default(),
            before: subject.before,
            failed_invocation: subject.failed_invocation,
            body: health.map_or(BodyShows::Nothing, BodyShows::of),
        };
        let check = health.map(|health| HealthCheck::new(health, subject.release, subject.sha));
        let limit = REQUEST_TIMEOUT.min(subject.verification.timeout);
        Self {
            subject,
            events,
            machine: Machine::new(rules),
            question: subject.service.map(|service| Question {
                releases: subject.layout.releases(),
                release: subject.release.to_string(),
                before: subject.before,
                port,
                leads_to_current: leads_to_current(service, subject.layout),
            }),
            requests: check.map(|check| Requests::new(check, limit)),
            start: Instant::now(),
            last_check: None,
            unit: None,
            main_process: None,
        }
    }

    fn run(&mut self) -> Result<(), Unhealthy> {
        let Verification {
            interval, settle, ..
        } = *self.subject.verification;
        let pause = TICK
            .min(interval)
            .min(settle.max(Duration::from_millis(20)));
        loop {
            let mut seen = self.look();
            seen.is_waiting = self.is_waiting_for_long();
            match self.machine.next(self.start.elapsed(), seen) {
                Next::Wait => self.wait(pause),
                Next::Healthy => break,
                Next::Failed { reason, down } => return Err(Unhealthy { reason, down }),
            }
        }
        self.warn();
        self.check_log().map_err(|reason| Unhealthy {
            reason,
            down: false,
        })
    }

    /// Whether the last request has had time enough, and is not answered.
    fn is_waiting_for_long(&self) -> bool {
        let waiting = self.requests.as_ref().is_some_and(Requests::is_waiting);
        waiting && self.last_check.is_some_and(|at| at.elapsed() >= LONG_WAIT)
    }

    /// An answer ends the wait.
    fn wait(&mut self, pause: Duration) {
        match &mut self.requests {
            Some(requests) if requests.is_waiting() => requests.wait(pause),
            _ => thread::sleep(pause),
        }
    }

    /// A request that hangs does not keep it from looking at the unit.
    fn look(&mut self) -> Seen {
        let answered = self.requests.as_mut().and_then(Requests::answer);
        if let Some(answered) = answered {
            return self.answered(answered);
        }
        let waiting = self.requests.as_ref().is_some_and(Requests::is_waiting);
        let due = !waiting && self.is_due();
        let unit = match self.subject.service {
            Some(_) if due && self.requests.is_none() => Some(self.look_at_unit()),
            Some(_) if !self.is_still_running() => Some(self.look_at_unit()),
            _ => None,
        };
        let up = self.subject.service.is_none() || self.main_or_unit_is_up(unit.as_ref());
        if !due || !up {
            return Seen {
                unit,
                ..Seen::default()
            };
        }
        self.last_check = Some(Instant::now());
        if let Some(requests) = &mut self.requests {
            requests.send();
            return Seen {
                unit,
                ..Seen::default()
            };
        }
        let check = Check {
            answer: None,
            evidence: self.evidence(None),
        };
        Seen {
            unit,
            check: Some(check),
            is_waiting: false,
        }
    }

    fn main_or_unit_is_up(&self, looked: Option<&Result<Unit, Reason>>) -> bool {
        match looked {
            Some(Ok(unit)) => unit.is_up(),
            Some(Err(_)) => false,
            None => true,
        }
    }

    fn answered(&mut self, answered: Answered) -> Seen {
        let Answered { answer, took, from } = answered;
        self.events.emit(What::Attempt(Attempt {
            number: self.machine.attempts() + 1,
            answer: answer.clone(),
            took,
        }));
        let unit = self.subject.service.map(|_| self.look_at_unit());
        let healthy = matches!(answer, HealthAnswer::Healthy { .. });
        Seen {
            unit,
            check: Some(Check {
                answer: Some(answer),
                evidence: if healthy { self.evidence(from) } else { None },
            }),
            is_waiting: false,
        }
    }

    fn look_at_unit(&mut self) -> Result<Unit, Reason> {
        self.main_process = None;
        let unit = self
            .subject
            .service
            .map_or_else(|| Ok(Unit::default()), Unit::show)?;
        if unit.is_up() {
            let pid = unit.main_pid();
            self.main_process = pid.and_then(|pid| Some((pid, processes::start_of(pid)?)));
        }
        self.unit = Some(unit.clone());
        Ok(unit)
    }

    /// `None` without a unit. `from` is the address that answered.
    fn evidence(&self, from: Option<IpAddr>) -> Option<Evidence> {
        let (question, unit) = (self.question.as_ref()?, self.unit.as_ref()?);
        Some(question.answer(unit, from))
    }

    /// Whether everything must be checked again. It always is before the release is called healthy.
    fn is_due(&self) -> bool {
        let Verification {
            settle, interval, ..
        } = *self.subject.verification;
        let settled = || {
            let since = self.machine.healthy_since();
            since.is_some_and(|since| self.start.elapsed().saturating_sub(since) >= settle)
        };
        self.last_check.is_none_or(|at| at.elapsed() >= interval)
            || self.requests.is_none() && settled()
    }

    /// Whether the unit's main process still runs. Asking systemd this often would slow down the release that is starting:
    /// one `systemctl show` takes 10 to 40 ms of processor time, systemd's own included (measured).
    fn is_still_running(&self) -> bool {
        self.main_process
            .is_some_and(|(pid, start)| processes::start_of(pid) == Some(start))
    }

    fn warn(&mut self) {
        let mut warnings = self.machine.warnings();
        let elsewhere = |health: &Health| !health.url.is_loopback();
        let health = self.subject.verification.health.as_ref();
        if self.subject.service.is_some() && health.is_some_and(elsewhere) {
            warnings.extend(self.machine.other_host());
        }
        for warning in warnings {
            self.events.emit(What::Warning(warning));
        }
    }

    /// The same reason, explained by what else can be seen: a process that holds the port, or a line of the log.
    fn explained(&self, reason: Reason) -> Reason {
        let Some(service) = self.subject.service else {
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
            unit: service,
            previous: self
                .subject
                .before
                .previous(unit.map_or("", Unit::invocation)),
            since: self.restarted_at(),
            check: &self.subject.verification.log,
        };
        log::explain(reason, &failed)
    }

    /// Checks the log once, at the end, because journald writes lines with a delay. Without a unit there is no log.
    fn check_log(&mut self) -> Result<(), Reason> {
        let Some(service) = self.subject.service else {
            return Ok(());
        };
        let id = self.machine.invocation().unwrap_or_default();
        let previous = self.subject.before.previous(id);
        // after a reload the same invocation also holds the log of the release before
        let since = previous.is_none().then(|| self.restarted_at());
        let invocation = log::Invocation {
            unit: service,
            id,
            since,
            previous,
        };
        let Subject {
            verification,
            baseline,
            ..
        } = self.subject;
        log::check(&invocation, &verification.log, baseline, self.events)
    }

    /// When the restart was requested, since the epoch: the clock of the log.
    fn restarted_at(&self) -> Duration {
        let ago = match self.subject.before.at.zip(ticks_since_boot()) {
            Some((at, now)) => Duration::from_millis(now.saturating_sub(at) * 10),
            None => self.start.elapsed(),
        };
        since_epoch().saturating_sub(ago)
    }
}
