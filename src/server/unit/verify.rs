//! Whether a release is healthy: over the settle window, the unit runs in the same new invocation, and health answers
//! from its process; at its end, the log of this start tells of no crash. What can't be looked at is never healthy.

use super::health::Question;
use super::log;
use super::port_owner::{self, Owner};
use super::restart::Started;
use super::systemd::Unit;
use crate::protocol::{Answer, Attempt, Notice, Reason, ReleaseId, Verification, What};
use crate::server::channel::events::Events;
use crate::server::clock::{since_epoch, ticks_since_boot};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// How often the unit's main process is looked at, or the unit where that can't be seen: a crash is to be seen before
/// systemd has used up the starts that the way back needs.
const TICK: Duration = Duration::from_millis(200);
/// The longest that one health question may take.
const QUESTION: Duration = Duration::from_secs(10);
/// How long a left-over process may hold the port before it is taken for one that stays.
const DRAINING: Duration = Duration::from_secs(5);

/// What is verified.
pub(in crate::server) struct Subject<'a> {
    pub(in crate::server) release: ReleaseId,
    /// Where it lies.
    pub(in crate::server) folder: PathBuf,
    pub(in crate::server) sha: Option<&'a str>,
    /// `None`: no unit is looked at.
    pub(in crate::server) service: Option<&'a str>,
    pub(in crate::server) verification: &'a Verification,
    /// What the restart was told.
    pub(in crate::server) started: &'a Started,
}

/// Watches until the release is healthy, or is not going to be.
pub(in crate::server) fn verify(
    subject: &Subject<'_>,
    events: &mut dyn Events,
) -> Result<(), Reason> {
    if subject.service.is_none() && subject.verification.health.is_none() {
        // nothing to look at does not change by looking at it for longer
        return Ok(());
    }
    let mut watch = Watch::new(subject, events);
    watch.run().map_err(|reason| watch.explained(reason))
}

struct Watch<'a> {
    subject: &'a Subject<'a>,
    events: &'a mut dyn Events,
    start: Instant,
    question: Option<Question<'a>>,
    asked: Option<Instant>,
    attempts: u32,
    last: Option<Answer>,
    healthy_since: Option<Instant>,
    /// Of the unit, the last time that systemd was asked.
    seen: String,
    /// The new one's.
    invocation: Option<String>,
    restarts: Option<u64>,
    up: Option<Up>,
    listener_noticed: bool,
    foreign_since: Option<Instant>,
    why: Option<Reason>,
}

/// The unit when systemd last told that it is up.
struct Up {
    at: Instant,
    control_group: String,
    /// Pid and start of its main process, where that can be seen.
    main: Option<(u32, u64)>,
}

/// One look.
enum Look {
    Healthy,
    /// Not yet, or not any more; the answer of health has not changed.
    Same,
    Not(Reason),
}

impl<'a> Watch<'a> {
    fn new(subject: &'a Subject<'a>, events: &'a mut dyn Events) -> Self {
        let question = subject
            .verification
            .health
            .as_ref()
            .map(|h| Question::new(h, subject.release, subject.sha));
        Self {
            subject,
            events,
            start: Instant::now(),
            question,
            asked: None,
            attempts: 0,
            last: None,
            healthy_since: None,
            seen: String::new(),
            invocation: None,
            restarts: subject.started.automatic_restarts,
            up: None,
            listener_noticed: false,
            foreign_since: None,
            why: None,
        }
    }

    fn run(&mut self) -> Result<(), Reason> {
        let Verification {
            timeout,
            settle,
            interval,
            ..
        } = *self.subject.verification;
        loop {
            match self.look()? {
                Look::Healthy => {
                    let since = *self.healthy_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= settle {
                        return self.look_at_log();
                    }
                }
                Look::Same => {}
                Look::Not(reason) => {
                    self.healthy_since = None;
                    self.why = Some(reason);
                }
            }
            if self.start.elapsed() >= timeout && self.healthy_since.is_none() {
                return Err(self.why.take().unwrap_or_else(|| self.unhealthy()));
            }
            thread::sleep(
                TICK.min(interval)
                    .min(settle.max(Duration::from_millis(20))),
            );
        }
    }

    fn look(&mut self) -> Result<Look, Reason> {
        let due = self.is_due();
        if !due && self.goes_on() {
            return Ok(Look::Same);
        }
        if let Some(waiting) = self.look_at_unit()? {
            return Ok(Look::Not(waiting));
        }
        let Some(question) = &self.question else {
            return Ok(Look::Healthy);
        };
        if !due {
            return Ok(Look::Same);
        }
        self.asked = Some(Instant::now());
        let (answer, took) = question.ask(QUESTION.min(self.subject.verification.timeout));
        self.attempts += 1;
        let healthy = matches!(answer, Answer::Healthy { .. });
        self.events.emit(What::Attempt(Attempt {
            number: self.attempts,
            answer: answer.clone(),
            took,
        }));
        self.last = Some(answer);
        if !healthy {
            return Ok(Look::Not(self.unhealthy()));
        }
        self.look_at_listener()
    }

    /// Whether all is to be looked at again; what is going to be called healthy always is.
    fn is_due(&self) -> bool {
        let Verification {
            settle, interval, ..
        } = *self.subject.verification;
        match &self.question {
            Some(_) => self.asked.is_none_or(|asked| asked.elapsed() >= interval),
            None => {
                let settled = self
                    .healthy_since
                    .is_some_and(|since| since.elapsed() >= settle);
                settled
                    || self
                        .up
                        .as_ref()
                        .is_none_or(|up| up.at.elapsed() >= interval)
            }
        }
    }

    /// Whether the main process of the unit that was up is still there. To ask systemd that often would take the processor
    /// from the release that is starting: a question costs 10 to 40 ms of it (measured, with what systemd does for it).
    fn goes_on(&self) -> bool {
        let main = self.up.as_ref().and_then(|up| up.main);
        main.is_some_and(|(pid, start)| port_owner::started(pid) == Some(start))
    }

    fn unhealthy(&self) -> Reason {
        let last = self.last.clone().unwrap_or(Answer::Refused);
        Reason::Unhealthy {
            last,
            attempts: self.attempts,
            waited: self.start.elapsed(),
            said: None,
        }
    }

    /// The same reason, with what the log of this start says of it.
    fn explained(&self, reason: Reason) -> Reason {
        let Some(service) = self.subject.service else {
            return reason;
        };
        let ended = self.subject.started.ended(&self.seen);
        let failed = log::Failed {
            service,
            ended,
            since: self.restarted_at(),
            check: &self.subject.verification.log,
        };
        log::explain(reason, &failed)
    }

    /// `Some`: the unit is not up yet. An error: it is not going to be.
    fn look_at_unit(&mut self) -> Result<Option<Reason>, Reason> {
        let Some(service) = self.subject.service else {
            return Ok(None);
        };
        self.up = None;
        let unit = match Unit::show(service) {
            Ok(unit) => unit,
            // what can't be looked at is not healthy, but may be looked at again
            Err(reason) => return Ok(Some(reason)),
        };
        unit.invocation().clone_into(&mut self.seen);
        if self.was_not_started(&unit) {
            return Err(Reason::NotStarted {
                condition: unit.get("ConditionResult") == "no",
            });
        }
        self.look_for_a_crash(&unit)?;
        let waiting = Some(Reason::NotRunning {
            state: unit.state(),
            said: None,
        });
        match unit.get("ActiveState") {
            _ if unit.is_up() => {}
            "activating" | "deactivating" | "reloading" | "refreshing" => return Ok(waiting),
            "failed" => return Err(self.crashed(&unit)),
            "inactive" if !unit.is_busy() => {
                let state = format!("{}, {}", unit.state(), unit.result());
                return Err(Reason::NotRunning { state, said: None });
            }
            _ => return Ok(waiting),
        }
        let pid = unit.main_pid();
        let main = pid.and_then(|pid| Some((pid, port_owner::started(pid)?)));
        self.up = Some(Up {
            at: Instant::now(),
            control_group: unit.get("ControlGroup").to_owned(),
            main,
        });
        self.look_at_invocation(unit.invocation())
    }

    /// After a restart that went well: what its state tells is how the process before it ended.
    fn was_not_started(&self, unit: &Unit) -> bool {
        let same = self
            .subject
            .started
            .ended(unit.invocation())
            .is_some_and(|it| it.invocation == unit.invocation());
        same && matches!(unit.get("ActiveState"), "inactive" | "failed") && !unit.is_busy()
    }

    fn look_for_a_crash(&mut self, unit: &Unit) -> Result<(), Reason> {
        let now = unit.automatic_restarts();
        let baseline = *self.restarts.get_or_insert(now);
        // a later systemd may count from 0 again after a manual restart
        self.restarts = Some(baseline.min(now));
        if now > baseline || unit.get("SubState") == "auto-restart" {
            return Err(self.crashed(unit));
        }
        Ok(())
    }

    fn crashed(&self, unit: &Unit) -> Reason {
        if unit.hit_start_limit() && self.invocation.is_none() {
            let interval = unit
                .start_limit()
                .map(|(_, interval)| interval)
                .unwrap_or_default();
            return Reason::StartLimit {
                interval,
                said: None,
            };
        }
        // what died because its port is taken is told by the taker
        match self
            .local_port()
            .map(|port| (port, self.owner_of(port, unit.get("ControlGroup"))))
        {
            Some((port, Owner::Foreign(who))) => Reason::ForeignListener { port, who },
            _ => Reason::Crashed {
                result: unit.result(),
                said: None,
            },
        }
    }

    fn look_at_invocation(&mut self, now: &str) -> Result<Option<Reason>, Reason> {
        if !self.subject.started.reload && now == self.subject.started.invocation {
            return Ok(Some(Reason::NotRestarted));
        }
        match &self.invocation {
            Some(first) if first != now => Err(Reason::Interference(
                "the unit was restarted by someone else while it was verified".to_owned(),
            )),
            Some(_) => Ok(None),
            None => {
                self.invocation = Some(now.to_owned());
                Ok(None)
            }
        }
    }

    /// Once, at the end: the journal is written a moment later than it is told. Without a unit nobody knows whose log.
    fn look_at_log(&mut self) -> Result<(), Reason> {
        let Some(service) = self.subject.service else {
            return Ok(());
        };
        let invocation = self.invocation.as_deref().unwrap_or_default();
        let ended = self.subject.started.ended(invocation);
        // where the process goes on in the same invocation, what the release before it logged is not this one's
        let since = ended.is_none().then(|| self.restarted_at());
        let start = log::Start {
            service,
            invocation,
            since,
            ended,
        };
        log::check(&start, &self.subject.verification.log, self.events)
    }

    /// By the clock that the log has, since the epoch.
    fn restarted_at(&self) -> Duration {
        let ago = match self.subject.started.at.zip(ticks_since_boot()) {
            Some((at, now)) => Duration::from_millis(now.saturating_sub(at) * 10),
            None => self.start.elapsed(),
        };
        since_epoch().saturating_sub(ago)
    }

    fn look_at_listener(&mut self) -> Result<Look, Reason> {
        let Some(up) = &self.up else {
            return Ok(Look::Healthy);
        };
        let Some(port) = self.local_port() else {
            self.notice("health-url names another host than this one's loopback".to_owned());
            return Ok(Look::Healthy);
        };
        match self.owner_of(port, &up.control_group) {
            Owner::Unit => {}
            Owner::NotChecked(why) => self.notice(why),
            Owner::Foreign(who) => {
                let since = *self.foreign_since.get_or_insert_with(Instant::now);
                let reason = Reason::ForeignListener { port, who };
                // a process that is draining may go by itself
                return if since.elapsed() < DRAINING {
                    Ok(Look::Not(reason))
                } else {
                    Err(reason)
                };
            }
        }
        self.foreign_since = None;
        Ok(Look::Healthy)
    }

    /// The port that health asks, if it is of this host's loopback.
    fn local_port(&self) -> Option<u16> {
        self.question
            .as_ref()
            .map(Question::url)
            .filter(|url| url.is_loopback())
            .map(|url| url.port)
    }

    fn owner_of(&self, port: u16, control_group: &str) -> Owner {
        let since = self
            .subject
            .started
            .at
            .filter(|_| !self.subject.started.reload);
        port_owner::owner(port, control_group, since, &self.subject.folder)
    }

    fn notice(&mut self, why: String) {
        if !std::mem::replace(&mut self.listener_noticed, true) {
            self.events
                .emit(What::Notice(Notice::ListenerNotChecked(why)));
        }
    }
}
