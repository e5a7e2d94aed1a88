//! Decides from observations whether the release passes. It knows no clock and no process: every observation comes with the
//! time since the start.

use crate::protocol::{Ending, HealthAnswer, Phase, Reason, SmokeTestError};
use std::time::Duration;

/// How often in a row something must be seen that a process which just starts or ends may show too.
const CONFIRMED: u32 = 2;
/// How a process ends whose supervisor was killed.
const KILLED: Ending = Ending::Signal(9);

/// By what the observations are judged.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) timeout: Duration,
    pub(super) settle: Duration,
    /// The one that the process was given.
    pub(super) port: u16,
    /// There is a request over HTTP. Otherwise the process must stay up.
    pub(super) asks: bool,
}

/// What was observed at one moment.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// How the main process ended, if it did.
    pub(super) ended: Option<Ending>,
    /// Of all that was started, nothing runs.
    pub(super) gone: bool,
    /// Where it listens, if that was looked at.
    pub(super) sockets: Option<Sockets>,
    pub(super) answer: Option<Answer>,
    /// A request was sent a while ago and is not answered.
    pub(super) is_waiting: bool,
}

/// Where the processes listen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sockets {
    /// An address that is not the loopback's.
    pub(super) public: Option<String>,
    /// A port on which another process takes connections too.
    pub(super) shared: Option<u16>,
    /// All ports, in order.
    pub(super) ports: Vec<u16>,
}

/// An answer to the request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) answer: HealthAnswer,
    /// Why a healthy one does not count.
    pub(super) wrong: Option<SmokeTestError>,
}

/// What follows.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Wait,
    Passed,
    Failed(Reason),
}

pub(super) struct Machine {
    rules: Rules,
    attempts: u32,
    last: Option<HealthAnswer>,
    healthy_since: Option<Duration>,
    wrong: Option<SmokeTestError>,
    times_wrong: u32,
    shared: Option<u16>,
    ports: Vec<u16>,
}

impl Machine {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            attempts: 0,
            last: None,
            healthy_since: None,
            wrong: None,
            times_wrong: 0,
            shared: None,
            ports: Vec::new(),
        }
    }

    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// What follows from an observation at `at`.
    pub(super) fn next(&mut self, at: Duration, seen: Seen) -> Next {
        let is_waiting = seen.is_waiting;
        match self.observe(seen) {
            Err(error) => return Next::Failed(Reason::SmokeTest(error)),
            Ok(true) => {
                let since = *self.healthy_since.get_or_insert(at);
                if at.saturating_sub(since) >= self.rules.settle {
                    return Next::Passed;
                }
            }
            Ok(false) => {}
        }
        if at >= self.rules.timeout && self.healthy_since.is_none() {
            return Next::Failed(self.not_in_time(at, is_waiting));
        }
        Next::Wait
    }

    /// Returns whether this shows that it is healthy.
    fn observe(&mut self, seen: Seen) -> Result<bool, SmokeTestError> {
        let failed = seen.ended.filter(|ending| *ending != Ending::Exit(0));
        // one that ends with 0 may have started others, and leave them running
        if let Some(ending) = failed.or(seen.ended.or(Some(KILLED)).filter(|_| seen.gone)) {
            let log_line = None;
            return Err(SmokeTestError::Ended { ending, log_line });
        }
        if let Some(sockets) = seen.sockets {
            self.check(sockets)?;
        }
        match seen.answer {
            None => Ok(!self.rules.asks),
            Some(Answer { answer, wrong }) => self.answered(answer, wrong),
        }
    }

    fn check(&mut self, sockets: Sockets) -> Result<(), SmokeTestError> {
        self.ports = sockets.ports;
        if let Some(address) = sockets.public {
            return Err(SmokeTestError::Public { address });
        }
        let before = std::mem::replace(&mut self.shared, sockets.shared);
        match sockets.shared {
            Some(port) if before == Some(port) => Err(SmokeTestError::LivePort { port }),
            _ => Ok(()),
        }
    }

    fn answered(
        &mut self,
        answer: HealthAnswer,
        wrong: Option<SmokeTestError>,
    ) -> Result<bool, SmokeTestError> {
        self.attempts += 1;
        let healthy = answer.is_healthy() && wrong.is_none();
        self.last = Some(answer);
        self.times_wrong = if wrong.is_some() {
            self.times_wrong + 1
        } else {
            0
        };
        self.wrong = wrong;
        if !healthy {
            self.healthy_since = None;
        }
        match self.wrong.take() {
            Some(wrong) if self.times_wrong >= CONFIRMED => Err(wrong),
            wrong => {
                self.wrong = wrong;
                Ok(healthy)
            }
        }
    }

    /// The time is over, perhaps while a request waits.
    fn not_in_time(&mut self, at: Duration, is_waiting: bool) -> Reason {
        if let Some(wrong) = self.wrong.take() {
            return Reason::SmokeTest(wrong);
        }
        let port = self.rules.port;
        if !self.ports.is_empty() && !self.ports.contains(&port) {
            let found = std::mem::take(&mut self.ports);
            return Reason::SmokeTest(SmokeTestError::OtherPort { port, found });
        }
        if is_waiting {
            self.attempts += 1;
            let during = Phase::Response;
            self.last = Some(HealthAnswer::TimedOut { during });
        }
        Reason::Unhealthy {
            last: Box::new(self.last.take().unwrap_or(HealthAnswer::Refused)),
            attempts: self.attempts,
            waited: at,
            log_line: None,
        }
    }
}

#[cfg(test)]
mod tests;
