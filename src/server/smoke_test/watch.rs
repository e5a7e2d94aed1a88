//! Watches what was started until it has passed or failed. A request that hangs does not hide a crash.

use super::look::Look;
use super::machine::{Answer, Machine, Next, Rules, Seen, Sockets};
use super::running::Running;
use super::subject::Trial;
use super::supervisor::Report;
use crate::protocol::{Attempt, Ending, Health, HealthUrl, Reason, Secret, Verification, What};
use crate::server::channel::events::Events;
use crate::server::channel::output::Output;
use crate::server::exec::recent::Printed;
use crate::server::unit::health::{Answered, HealthCheck};
use crate::server::unit::verify::request::Requests;
use crate::server::unit::verify::{BodyShows, LONG_WAIT, REQUEST_TIMEOUT};
use std::time::{Duration, Instant};

/// How often its end is looked for.
const TICK: Duration = Duration::from_millis(50);
/// How often its sockets are looked at.
const LOOK: Duration = Duration::from_millis(200);
/// A process that nobody asks must stay up for so long at least.
const LEAST_UP: Duration = Duration::from_secs(1);

pub(super) struct Watch<'a, 'e> {
    trial: &'a Trial<'a>,
    running: &'a Running,
    port: u16,
    output: &'a mut Output<'e>,
    printed: &'a mut Printed,
    machine: Machine,
    requests: Option<Requests>,
    start: Instant,
    sent: Option<Instant>,
    looked: Option<Instant>,
    ended: Option<Ending>,
    gone: bool,
}

impl<'a, 'e> Watch<'a, 'e> {
    pub(super) fn new(
        trial: &'a Trial<'a>,
        (running, port): (&'a Running, u16),
        output: &'a mut Output<'e>,
        printed: &'a mut Printed,
    ) -> Self {
        let verification = &trial.plan.verification;
        Self {
            trial,
            running,
            port,
            output,
            printed,
            machine: Machine::new(Rules {
                timeout: verification.timeout,
                settle: match verification.health {
                    Some(_) => verification.settle,
                    None => verification.settle.max(LEAST_UP),
                },
                port,
                asks: verification.health.is_some(),
            }),
            requests: requests(trial, port),
            start: Instant::now(),
            sent: None,
            looked: None,
            ended: None,
            gone: false,
        }
    }

    /// Returns when it has passed.
    pub(super) fn run(mut self) -> Result<(), Reason> {
        loop {
            self.trial.limits.check()?;
            let seen = self.look();
            match self.machine.next(self.start.elapsed(), seen) {
                Next::Passed => {
                    // what it has printed so far is judged
                    self.pause();
                    return Ok(());
                }
                Next::Failed(reason) => return Err(reason),
                Next::Wait => self.pause(),
            }
        }
    }

    /// What it prints ends the pause.
    fn pause(&mut self) {
        let (output, printed) = (&mut *self.output, &mut *self.printed);
        self.running.output(TICK, &mut |line| {
            printed.push(line.clone());
            output.line(line);
        });
    }

    fn look(&mut self) -> Seen {
        self.read_reports();
        let is_waiting = self.is_waiting_for_long();
        let (answer, sockets) = match self.requests.as_mut().and_then(Requests::answer) {
            Some(answered) => self.answered(answered),
            None => (None, self.sockets()),
        };
        self.ask();
        Seen {
            ended: self.ended,
            gone: self.gone,
            sockets,
            answer,
            is_waiting,
        }
    }

    fn read_reports(&mut self) {
        let Some(reports) = self.running.reports() else {
            self.gone = true;
            return;
        };
        for report in reports {
            match report {
                Report::Ended(ending) => self.ended = Some(ending),
                Report::Gone => self.gone = true,
            }
        }
    }

    fn sockets(&mut self) -> Option<Sockets> {
        if self.looked.is_some_and(|at| at.elapsed() < LOOK) {
            return None;
        }
        self.looked = Some(Instant::now());
        Some(Look::at(&self.running.processes(), self.port).sockets())
    }

    fn answered(&mut self, answered: Answered) -> (Option<Answer>, Option<Sockets>) {
        let Answered {
            answer, took, from, ..
        } = answered;
        let processes = self.running.processes();
        let look = Look::at(&processes, self.port);
        let Trial {
            layout,
            plan,
            release,
            ..
        } = *self.trial;
        let health = plan.verification.health.as_ref();
        let shown = health.map_or(BodyShows::Nothing, BodyShows::of);
        let wrong = match answer.is_healthy() && shown != BodyShows::Release {
            true => look.wrong(layout, release, (self.port, from)),
            false => None,
        };
        self.output.emit(What::Attempt(Attempt {
            number: self.machine.attempts() + 1,
            answer: answer.clone(),
            took,
        }));
        (Some(Answer { answer, wrong }), Some(look.sockets()))
    }

    /// Sends a request if one is due.
    fn ask(&mut self) {
        let Some(requests) = &mut self.requests else {
            return;
        };
        let interval = self.trial.plan.verification.interval;
        if !requests.is_waiting() && self.sent.is_none_or(|at| at.elapsed() >= interval) {
            self.sent = Some(Instant::now());
            requests.send();
        }
    }

    fn is_waiting_for_long(&self) -> bool {
        let waiting = self.requests.as_ref().is_some_and(Requests::is_waiting);
        waiting && self.sent.is_some_and(|at| at.elapsed() >= LONG_WAIT)
    }
}

/// What asks the process instead of the live release. The command of the health check is not run: it asks the live one.
fn requests(trial: &Trial<'_>, port: u16) -> Option<Requests> {
    let verification = &trial.plan.verification;
    let asked = Verification {
        health: Some(moved(verification.health.as_ref()?, port)),
        command: None,
        ..verification.clone()
    };
    let commit = trial.plan.origin.commit.as_deref();
    let check = HealthCheck::new(&asked, trial.layout, trial.release, commit)?;
    Some(Requests::new(
        check,
        REQUEST_TIMEOUT.min(verification.timeout),
    ))
}

/// The same request to `port` of the loopback. Its `Host` is that of the live release: an app may refuse all others.
fn moved(health: &Health, port: u16) -> Health {
    let mut moved = health.clone();
    let is_loopback = health.url.is_loopback();
    if !health.has_header("Host") {
        let is_usual = health.url.port == if health.url.tls { 443 } else { 80 };
        let host = HealthUrl {
            port: match is_usual && !is_loopback {
                true => health.url.port,
                false => port,
            },
            ..health.url.clone()
        };
        let host = Secret::from(host.authority());
        moved.headers.push(("Host".to_owned(), host));
    }
    moved.url = HealthUrl {
        // TLS of a public address is a proxy's
        tls: health.url.tls && is_loopback,
        host: match is_loopback {
            true => health.url.host.clone(),
            false => "127.0.0.1".to_owned(),
        },
        port,
        path: health.url.path.clone(),
    };
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_goes_to_the_port_with_the_host_of_the_live_release() {
        let host = |tls, host: &str, port| {
            let health = Health::get(HealthUrl {
                tls,
                host: host.to_owned(),
                port,
                path: "/health?x=1".to_owned(),
            });
            let moved = moved(&health, 4711);
            let asked = if host.contains('.') {
                "127.0.0.1"
            } else {
                host
            };
            assert_eq!((moved.url.host.as_str(), moved.url.port), (asked, 4711));
            assert_eq!(moved.url.path, "/health?x=1");
            let [(name, value)] = moved.headers.as_slice() else {
                panic!("{:?}", moved.headers)
            };
            assert_eq!(name, "Host");
            (value.expose().to_owned(), moved.url.tls)
        };
        for (tls, given, port, expected) in [
            (false, "127.0.0.1", 8000, ("127.0.0.1:4711", false)),
            (true, "localhost", 8443, ("localhost:4711", true)),
            (false, "localhost", 80, ("localhost:4711", false)),
            (false, "::1", 8000, ("[::1]:4711", false)),
            (true, "app.example.com", 443, ("app.example.com", false)),
            (false, "app.example.com", 80, ("app.example.com", false)),
            (
                true,
                "app.example.com",
                8443,
                ("app.example.com:4711", false),
            ),
        ] {
            let expected = (expected.0.to_owned(), expected.1);
            assert_eq!(host(tls, given, port), expected, "{given}:{port}");
        }
    }

    #[test]
    fn a_host_that_is_given_is_kept() {
        let mut health = Health::get(HealthUrl {
            tls: false,
            host: "localhost".to_owned(),
            port: 8000,
            path: "/".to_owned(),
        });
        health.headers = vec![("host".to_owned(), Secret::from("app.example.com"))];
        assert_eq!(moved(&health, 4711).headers, health.headers);
    }
}
