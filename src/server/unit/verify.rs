//! Verifies a release: during the settle time the unit runs in the same new invocation and its process responds to the
//! health check; at the end, the log of this invocation shows no crash. What cannot be checked is never healthy.

use super::health::HealthCheck;
use super::log;
use super::port_owner::{self, PortOwner};
use super::restart::BeforeRestart;
use super::systemd::Unit;
use crate::protocol::{
    Attempt, HealthAnswer, Interference, Notice, Reason, ReleaseId, UncheckedListener,
    Verification, What,
};
use crate::server::channel::events::Events;
use crate::server::clock::{since_epoch, ticks_since_boot};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// How often the unit's main process is checked, or the unit if its main process is not visible. A crash must be noticed
/// before automatic restarts use up the starts that the rollback needs.
const TICK: Duration = Duration::from_millis(200);
/// Time limit for one health request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a process from before the restart may hold the port while it shuts down.
const SHUTDOWN_TIME: Duration = Duration::from_secs(5);

/// What is verified.
pub(in crate::server) struct Subject<'a> {
    pub(in crate::server) release: &'a ReleaseId,
    /// The release's folder.
    pub(in crate::server) folder: PathBuf,
    pub(in crate::server) sha: Option<&'a str>,
    /// `None`: there is no unit.
    pub(in crate::server) service: Option<&'a str>,
    pub(in crate::server) verification: &'a Verification,
    pub(in crate::server) before: &'a BeforeRestart,
}

/// Watches until the release is healthy, or has failed.
pub(in crate::server) fn verify(
    subject: &Subject<'_>,
    events: &mut dyn Events,
) -> Result<(), Reason> {
    if subject.service.is_none() && subject.verification.health.is_none() {
        // there is nothing to watch
        return Ok(());
    }
    let mut verifier = Verifier::new(subject, events);
    verifier.run().map_err(|reason| verifier.explained(reason))
}

struct Verifier<'a> {
    subject: &'a Subject<'a>,
    events: &'a mut dyn Events,
    start: Instant,
    health_check: Option<HealthCheck<'a>>,
    last_request: Option<Instant>,
    attempts: u32,
    last_answer: Option<HealthAnswer>,
    healthy_since: Option<Instant>,
    /// What systemd reported last.
    current_invocation: String,
    /// The first one after the restart.
    invocation: Option<String>,
    automatic_restarts: Option<u64>,
    running: Option<RunningUnit>,
    port_noticed: bool,
    foreign_since: Option<Instant>,
    last_reason: Option<Reason>,
}

/// The unit when systemd last reported that it is up.
struct RunningUnit {
    at: Instant,
    control_group: String,
    /// Pid and start time of its main process, if visible.
    main_process: Option<(u32, u64)>,
}

/// The result of one check.
enum Observation {
    Healthy,
    /// Nothing new.
    Unchanged,
    /// Not yet, or no longer.
    Unhealthy(Reason),
}

impl<'a> Verifier<'a> {
    fn new(subject: &'a Subject<'a>, events: &'a mut dyn Events) -> Self {
        let health_check = subject
            .verification
            .health
            .as_ref()
            .map(|health| HealthCheck::new(health, subject.release, subject.sha));
        Self {
            subject,
            events,
            start: Instant::now(),
            health_check,
            last_request: None,
            attempts: 0,
            last_answer: None,
            healthy_since: None,
            current_invocation: String::new(),
            invocation: None,
            automatic_restarts: subject.before.automatic_restarts,
            running: None,
            port_noticed: false,
            foreign_since: None,
            last_reason: None,
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
            match self.observe()? {
                Observation::Healthy => {
                    let since = *self.healthy_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= settle {
                        return self.check_log();
                    }
                }
                Observation::Unchanged => {}
                Observation::Unhealthy(reason) => {
                    self.healthy_since = None;
                    self.last_reason = Some(reason);
                }
            }
            if self.start.elapsed() >= timeout && self.healthy_since.is_none() {
                return Err(self.last_reason.take().unwrap_or_else(|| self.unhealthy()));
            }
            thread::sleep(
                TICK.min(interval)
                    .min(settle.max(Duration::from_millis(20))),
            );
        }
    }

    fn observe(&mut self) -> Result<Observation, Reason> {
        let due = self.is_due();
        if !due && self.is_still_running() {
            return Ok(Observation::Unchanged);
        }
        if let Some(reason) = self.check_unit()? {
            return Ok(Observation::Unhealthy(reason));
        }
        let Some(health_check) = &self.health_check else {
            return Ok(Observation::Healthy);
        };
        if !due {
            return Ok(Observation::Unchanged);
        }
        self.last_request = Some(Instant::now());
        let (answer, took) =
            health_check.run(REQUEST_TIMEOUT.min(self.subject.verification.timeout));
        self.attempts += 1;
        let healthy = matches!(answer, HealthAnswer::Healthy { .. });
        self.events.emit(What::Attempt(Attempt {
            number: self.attempts,
            answer: answer.clone(),
            took,
        }));
        self.last_answer = Some(answer);
        if !healthy {
            return Ok(Observation::Unhealthy(self.unhealthy()));
        }
        self.check_port()
    }

    /// Whether everything must be checked again. It always is before the release is called healthy.
    fn is_due(&self) -> bool {
        let Verification {
            settle, interval, ..
        } = *self.subject.verification;
        match &self.health_check {
            Some(_) => self.last_request.is_none_or(|at| at.elapsed() >= interval),
            None => {
                let settled = self
                    .healthy_since
                    .is_some_and(|since| since.elapsed() >= settle);
                settled
                    || self
                        .running
                        .as_ref()
                        .is_none_or(|unit| unit.at.elapsed() >= interval)
            }
        }
    }

    /// Whether the unit's main process still runs. Asking systemd this often would slow down the release that is starting:
    /// one `systemctl show` takes 10 to 40 ms of processor time, systemd's own included (measured).
    fn is_still_running(&self) -> bool {
        let main = self.running.as_ref().and_then(|unit| unit.main_process);
        main.is_some_and(|(pid, start)| port_owner::start_of(pid) == Some(start))
    }

    fn unhealthy(&self) -> Reason {
        let last = self.last_answer.clone().unwrap_or(HealthAnswer::Refused);
        Reason::Unhealthy {
            last: Box::new(last),
            attempts: self.attempts,
            waited: self.start.elapsed(),
            log_line: None,
        }
    }

    /// The same reason, explained by a line of the log.
    fn explained(&self, reason: Reason) -> Reason {
        let Some(service) = self.subject.service else {
            return reason;
        };
        let failed = log::FailedStart {
            service,
            previous: self.subject.before.previous(&self.current_invocation),
            since: self.restarted_at(),
            check: &self.subject.verification.log,
        };
        log::explain(reason, &failed)
    }

    /// Returns why the unit is not up yet, or an error if it has failed.
    fn check_unit(&mut self) -> Result<Option<Reason>, Reason> {
        let Some(service) = self.subject.service else {
            return Ok(None);
        };
        self.running = None;
        let unit = match Unit::show(service) {
            Ok(unit) => unit,
            // a state that cannot be read is not healthy; the next check reads it again
            Err(reason) => return Ok(Some(reason)),
        };
        unit.invocation().clone_into(&mut self.current_invocation);
        if self.was_not_started(&unit) {
            return Err(Reason::NotStarted {
                condition: unit.get("ConditionResult") == "no",
            });
        }
        self.check_for_crash(&unit)?;
        let waiting = Some(Reason::NotRunning {
            state: unit.state(),
            log_line: None,
        });
        match unit.get("ActiveState") {
            _ if unit.is_up() => {}
            "activating" | "deactivating" | "reloading" | "refreshing" => return Ok(waiting),
            "failed" => return Err(self.crashed(&unit)),
            "inactive" if !unit.has_job() => {
                return Err(Reason::NotRunning {
                    state: unit.ended_state(),
                    log_line: None,
                });
            }
            _ => return Ok(waiting),
        }
        let pid = unit.main_pid();
        let main_process = pid.and_then(|pid| Some((pid, port_owner::start_of(pid)?)));
        self.running = Some(RunningUnit {
            at: Instant::now(),
            control_group: unit.get("ControlGroup").to_owned(),
            main_process,
        });
        self.check_invocation(unit.invocation())
    }

    /// Whether the restart succeeded but started nothing: then the unit's state is that of the process before.
    fn was_not_started(&self, unit: &Unit) -> bool {
        let same = self
            .subject
            .before
            .previous(unit.invocation())
            .is_some_and(|previous| previous.id == unit.invocation());
        same && matches!(unit.get("ActiveState"), "inactive" | "failed") && !unit.has_job()
    }

    fn check_for_crash(&mut self, unit: &Unit) -> Result<(), Reason> {
        let now = unit.automatic_restarts();
        let baseline = *self.automatic_restarts.get_or_insert(now);
        // newer versions of systemd may count from 0 again after a manual restart
        self.automatic_restarts = Some(baseline.min(now));
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
                log_line: None,
            };
        }
        // a process may crash because another one holds its port
        match self
            .local_port()
            .map(|port| (port, self.owner_of(port, unit.get("ControlGroup"))))
        {
            Some((port, PortOwner::Other(owner))) => Reason::OtherListener { port, owner },
            _ => Reason::Crashed {
                end: unit.process_end(),
                log_line: None,
            },
        }
    }

    fn check_invocation(&mut self, now: &str) -> Result<Option<Reason>, Reason> {
        if !self.subject.before.reload && now == self.subject.before.invocation {
            return Ok(Some(Reason::NotRestarted));
        }
        match &self.invocation {
            Some(first) if first != now => Err(Reason::Interference(Interference::Restarted)),
            Some(_) => Ok(None),
            None => {
                self.invocation = Some(now.to_owned());
                Ok(None)
            }
        }
    }

    /// Checks the log once, at the end, because journald writes lines with a delay. Without a unit there is no log.
    fn check_log(&mut self) -> Result<(), Reason> {
        let Some(service) = self.subject.service else {
            return Ok(());
        };
        let id = self.invocation.as_deref().unwrap_or_default();
        let previous = self.subject.before.previous(id);
        // after a reload the same invocation also holds the log of the release before
        let since = previous.is_none().then(|| self.restarted_at());
        let invocation = log::Invocation {
            service,
            id,
            since,
            previous,
        };
        log::check(&invocation, &self.subject.verification.log, self.events)
    }

    /// When the restart was requested, since the epoch: the clock of the log.
    fn restarted_at(&self) -> Duration {
        let ago = match self.subject.before.at.zip(ticks_since_boot()) {
            Some((at, now)) => Duration::from_millis(now.saturating_sub(at) * 10),
            None => self.start.elapsed(),
        };
        since_epoch().saturating_sub(ago)
    }

    fn check_port(&mut self) -> Result<Observation, Reason> {
        let Some(unit) = &self.running else {
            return Ok(Observation::Healthy);
        };
        let Some(port) = self.local_port() else {
            self.notice(UncheckedListener::OtherHost);
            return Ok(Observation::Healthy);
        };
        match self.owner_of(port, &unit.control_group) {
            PortOwner::Unit => {}
            PortOwner::NotChecked(why) => self.notice(why),
            PortOwner::Other(owner) => {
                let since = *self.foreign_since.get_or_insert_with(Instant::now);
                let reason = Reason::OtherListener { port, owner };
                // it may be shutting down
                return if since.elapsed() < SHUTDOWN_TIME {
                    Ok(Observation::Unhealthy(reason))
                } else {
                    Err(reason)
                };
            }
        }
        self.foreign_since = None;
        Ok(Observation::Healthy)
    }

    /// The port of the health check, if it is on this host's loopback.
    fn local_port(&self) -> Option<u16> {
        self.health_check
            .as_ref()
            .map(HealthCheck::url)
            .filter(|url| url.is_loopback())
            .map(|url| url.port)
    }

    fn owner_of(&self, port: u16, control_group: &str) -> PortOwner {
        let since = self
            .subject
            .before
            .at
            .filter(|_| !self.subject.before.reload);
        port_owner::owner(port, control_group, since, &self.subject.folder)
    }

    fn notice(&mut self, why: UncheckedListener) {
        if !std::mem::replace(&mut self.port_noticed, true) {
            self.events
                .emit(What::Notice(Notice::ListenerNotChecked(why)));
        }
    }
}
