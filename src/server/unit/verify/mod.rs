//! Verifies a release: during the settle time each unit runs in one invocation, what answers the health check comes from
//! the first unit, and what runs belongs to the release; at the end, the log of these invocations shows no crash. What cannot
//! be checked is never healthy; what cannot be seen is a warning.

mod machine;
pub(in crate::server) mod request;
mod watched;

pub(in crate::server) use self::machine::BodyShows;
use self::machine::{Check, Machine, Next, Rules, Seen};
use self::request::Requests;
use self::watched::{is_up, Watched};
use super::definition::leads_to_current;
use super::evidence::Question;
use super::health::{Answered, HealthCheck};
use super::known_unit::{BeforeRestart, KnownUnit, Purpose};
use super::log;
use crate::protocol::{
    Attempt, Health, HealthAnswer, Phase, Reason, ReleaseId, UnitKind, Verification, What,
};
use crate::server::channel::events::{Events, OfUnit};
use crate::server::store::layout::Layout;
use std::thread;
use std::time::{Duration, Instant};

/// How often systemd is asked for a unit whose main process cannot be watched.
const TICK: Duration = Duration::from_millis(200);
/// How often the main processes are looked at, which takes less than 0.1 ms (measured). A crash must be noticed before
/// automatic restarts use up the starts that the rollback needs: then a socket unit ends too, and refuses connections.
const QUICK_TICK: Duration = Duration::from_millis(20);
/// Time limit for one health request, and for one run of the command.
pub(in crate::server) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A request that is not answered for so long is called one that times out when the health timeout is over.
pub(in crate::server) const LONG_WAIT: Duration = Duration::from_secs(1);

/// What is verified.
pub(in crate::server) struct Subject<'a> {
    pub(in crate::server) layout: &'a Layout,
    pub(in crate::server) purpose: Purpose,
    pub(in crate::server) release: &'a ReleaseId,
    pub(in crate::server) sha: Option<&'a str>,
    /// The first one owns the port of the health check. Empty: there is no unit.
    pub(in crate::server) units: &'a [KnownUnit<'a>],
    pub(in crate::server) verification: &'a Verification,
    /// How long it may take to become healthy.
    pub(in crate::server) timeout: Duration,
}

/// A release that is not healthy.
#[derive(Debug)]
pub(in crate::server) struct Unhealthy {
    pub(in crate::server) reason: Reason,
    /// The unit is down, and systemd does not start it again.
    pub(in crate::server) down: bool,
    /// The unit that failed, if the service has several.
    pub(in crate::server) unit: Option<String>,
}

/// Watches until the release is healthy, or has failed. Returns when it answered the first of the health requests after which
/// it stayed healthy; `None`: no request was sent.
pub(in crate::server) fn verify(
    subject: &Subject<'_>,
    events: &mut dyn Events,
) -> Result<Option<Instant>, Unhealthy> {
    if subject.units.is_empty() && !subject.verification.asks() {
        // there is nothing to watch
        return Ok(None);
    }
    Verifier::new(subject, &BeforeRestart::default(), events).run()
}

struct Verifier<'a> {
    subject: &'a Subject<'a>,
    events: &'a mut dyn Events,
    requests: Option<Requests>,
    start: Instant,
    /// The first one answers the health check. There always is one, even without a unit.
    units: Vec<Watched<'a>>,
}

impl<'a> Verifier<'a> {
    /// `nothing` is known of a service without a unit.
    fn new(
        subject: &'a Subject<'a>,
        nothing: &'a BeforeRestart,
        events: &'a mut dyn Events,
    ) -> Self {
        let health = subject.verification.health.as_ref();
        let check = HealthCheck::new(
            subject.verification,
            subject.layout,
            subject.release,
            subject.sha,
        );
        let limit = REQUEST_TIMEOUT.min(subject.verification.timeout);
        let others = subject.units.iter().skip(1);
        let mut units = vec![watched(subject, subject.units.first(), health, nothing)];
        units.extend(others.map(|unit| watched(subject, Some(unit), None, nothing)));
        Self {
            subject,
            events,
            requests: check
                .map(|check| check.patient(subject.verification.interval))
                .map(|check| Requests::new(check, limit)),
            start: Instant::now(),
            units,
        }
    }

    fn run(&mut self) -> Result<Option<Instant>, Unhealthy> {
        let Verification {
            interval, settle, ..
        } = *self.subject.verification;
        let longest = TICK.min(interval).min(settle.max(QUICK_TICK));
        while !self.is_healthy()? {
            let is_quick = self.units.iter().all(Watched::is_quickly_seen);
            self.wait(if is_quick { QUICK_TICK } else { longest });
        }
        self.warn();
        self.check_logs()?;
        Ok(self.served_since())
    }

    /// When the health request was first answered after which all answers were healthy.
    fn served_since(&self) -> Option<Instant> {
        self.subject.verification.health.as_ref()?;
        let since = self.units[0].machine.healthy_since()?;
        Some(self.start + since)
    }

    /// Looks at all units once. A release is healthy if a check of all of them, at one time, ends the settle time of each.
    fn is_healthy(&mut self) -> Result<bool, Unhealthy> {
        let mut seen = self.look_at_first();
        seen.unanswered = self.unanswered();
        let mut is_healthy = self.next(0, seen)?;
        let is_last = is_healthy && self.is_settled();
        for at in 1..self.units.len() {
            let unit = &mut self.units[at];
            let is_due = is_last || unit.is_due(self.subject.verification.interval);
            let seen = unit.look(is_due);
            is_healthy &= self.next(at, seen)?;
        }
        Ok(is_healthy)
    }

    /// What follows for this unit.
    fn next(&mut self, at: usize, seen: Seen) -> Result<bool, Unhealthy> {
        let unit = &mut self.units[at];
        match unit.machine.next(self.start.elapsed(), seen) {
            Next::Wait => Ok(false),
            Next::Healthy => Ok(true),
            Next::Failed { mut reason, down } => {
                if let Some(requests) = self.requests.as_mut().filter(|_| at == 0) {
                    requests.end_command(&mut reason);
                }
                Err(Unhealthy {
                    reason: unit.explained(reason, self.start, &self.subject.verification.log),
                    down,
                    unit: unit.label().map(str::to_owned),
                })
            }
        }
    }

    /// What the last request counts as if it has had time enough, and is not answered.
    fn unanswered(&self) -> Option<HealthAnswer> {
        let requests = self.requests.as_ref().filter(|it| it.is_waiting())?;
        if requests.is_refused() {
            return Some(HealthAnswer::Refused);
        }
        let sent = self.units[0].last_check?;
        (sent.elapsed() >= LONG_WAIT).then_some(HealthAnswer::TimedOut {
            during: Phase::Response,
        })
    }

    /// An answer ends the wait.
    fn wait(&mut self, pause: Duration) {
        match &mut self.requests {
            Some(requests) if requests.is_waiting() => requests.wait(pause),
            _ => thread::sleep(pause),
        }
    }

    /// A request that hangs does not keep it from looking at the unit.
    fn look_at_first(&mut self) -> Seen {
        let is_settled = self.is_settled();
        let unit = &mut self.units[0];
        let is_due = unit.is_due(self.subject.verification.interval);
        let Some(requests) = &mut self.requests else {
            // everything is checked before the release is called healthy
            return unit.look(is_due || is_settled);
        };
        if let Some(answered) = requests.answer() {
            return self.answered(answered);
        }
        let looked = unit.look_at_unit(false);
        if is_due && !requests.is_waiting() && is_up(looked.as_ref()) {
            unit.last_check = Some(Instant::now());
            requests.send();
        }
        Seen {
            unit: looked,
            ..Seen::default()
        }
    }

    fn answered(&mut self, answered: Answered) -> Seen {
        let Answered {
            answer,
            took,
            at,
            from,
        } = answered;
        let unit = &mut self.units[0];
        self.events.emit(What::Attempt(Attempt {
            number: unit.machine.attempts() + 1,
            answer: answer.clone(),
            took,
        }));
        let looked = unit.look_at_unit(true);
        let healthy = answer.is_healthy();
        Seen {
            unit: looked,
            check: Some(Check {
                answer: Some(answer),
                evidence: if healthy { unit.evidence(from) } else { None },
            }),
            ago: at.elapsed(),
            unanswered: None,
        }
    }

    /// Whether all units have been healthy for the settle time.
    fn is_settled(&self) -> bool {
        let (now, settle) = (self.start.elapsed(), self.subject.verification.settle);
        let settled = |since: Duration| now.saturating_sub(since) >= settle;
        let since = |unit: &Watched<'_>| unit.machine.healthy_since().is_some_and(settled);
        self.units.iter().all(since)
    }

    fn warn(&mut self) {
        let health = self.subject.verification.health.as_ref();
        let is_elsewhere = health.is_some_and(|health| !health.url.is_loopback());
        for (at, unit) in self.units.iter().enumerate() {
            let mut warnings = unit.machine.warnings();
            if at == 0 && is_elsewhere && unit.known.is_some() {
                warnings.extend(unit.machine.other_host());
            }
            let mut events = OfUnit {
                unit: unit.label(),
                events: self.events,
            };
            for warning in warnings {
                events.emit(What::Warning(warning));
            }
        }
    }

    /// Checks the logs once, at the end, because journald writes lines with a delay.
    fn check_logs(&mut self) -> Result<(), Unhealthy> {
        let check = &self.subject.verification.log;
        for unit in &self.units {
            let Some((known, invocation)) = unit.known.zip(unit.invocation(self.start)) else {
                continue;
            };
            let mut events = OfUnit {
                unit: known.label,
                events: self.events,
            };
            log::check(&invocation, check, &known.baseline, &mut events).map_err(|reason| {
                Unhealthy {
                    reason,
                    down: false,
                    unit: known.label.map(str::to_owned),
                }
            })?;
        }
        Ok(())
    }
}

/// `health` asks this unit.
fn watched<'a>(
    subject: &Subject<'a>,
    known: Option<&'a KnownUnit<'a>>,
    health: Option<&Health>,
    nothing: &'a BeforeRestart,
) -> Watched<'a> {
    let port = health
        .map(|health| &health.url)
        .filter(|url| url.is_loopback())
        .map(|url| url.port);
    let before = known.map_or(nothing, |known| &known.before);
    let rules = Rules {
        purpose: subject.purpose,
        timeout: subject.timeout,
        settle: subject.verification.settle,
        port: port.unwrap_or_default(),
        before,
        failed_invocation: known.and_then(|known| known.failed_invocation.as_deref()),
        body: health.map_or(BodyShows::Nothing, BodyShows::of),
        has_others: subject.units.len() > 1,
    };
    let is_asked = |known: &&KnownUnit<'_>| {
        known.label.is_none() || health.is_some() || known.name.kind() == UnitKind::Service
    };
    let question = known.filter(is_asked).map(|known| Question {
        releases: subject.layout.releases(),
        release: subject.release.to_string(),
        before,
        port,
        leads_to_current: leads_to_current(known.name, subject.layout),
    });
    Watched {
        known,
        machine: Machine::new(rules),
        question,
        last_check: None,
        unit: None,
        main_process: None,
    }
}
