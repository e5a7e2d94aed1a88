//! What stops a run from outside: a signal, or its time limit.

use crate::protocol::{RunError, FIRST_WORD_TIME};
use std::future::{pending, Future};
use std::pin::Pin;
use std::time::Duration;
use tokio::signal::unix::{signal, Signal, SignalKind};
use tokio::time::{sleep_until, Instant};

/// Why a run must stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// SIGINT or SIGTERM was received.
    Cancelled,
    /// The time limit was reached.
    TimeUp,
}

/// Why a run ended before anything was sent.
pub(super) enum EarlyEnd {
    Error(RunError),
    Stop(Stop),
}

impl From<RunError> for EarlyEnd {
    fn from(error: RunError) -> Self {
        Self::Error(error)
    }
}

impl From<Stop> for EarlyEnd {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// Waits for both. A cancellation is reported once.
pub(crate) struct Watch {
    limit: Option<Instant>,
    cancelled: Option<Pin<Box<dyn Future<Output = ()>>>>,
    first_word: Duration,
}

impl Watch {
    /// Stops when `cancelled` is ready or `limit` is over.
    pub(crate) fn new(limit: Duration, cancelled: impl Future<Output = ()> + 'static) -> Self {
        Self {
            limit: Instant::now().checked_add(limit),
            cancelled: Some(Box::pin(cancelled)),
            first_word: FIRST_WORD_TIME,
        }
    }

    /// How long a login may take until the server part sends its greeting.
    pub(crate) fn first_word(&self) -> Duration {
        self.first_word
    }

    /// The same with another limit.
    #[cfg(test)]
    pub(crate) fn with_first_word(self, first_word: Duration) -> Self {
        Self { first_word, ..self }
    }

    /// Restarts the time limit.
    pub(crate) fn set_limit(&mut self, limit: Duration) {
        self.limit = Instant::now().checked_add(limit);
    }

    /// Waits for either. The future may be dropped, and this may be called again.
    pub(crate) async fn stop(&mut self) -> Stop {
        let cancelled = async {
            match &mut self.cancelled {
                Some(cancelled) => cancelled.await,
                None => pending().await,
            }
        };
        let limit = async {
            match self.limit {
                Some(limit) => sleep_until(limit).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            () = cancelled => {}
            () = limit => return Stop::TimeUp,
        }
        self.cancelled = None;
        Stop::Cancelled
    }

    /// Runs `work`. If it must stop first, `work` is dropped.
    pub(crate) async fn run<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Stop> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            stop = self.stop() => Err(stop),
        }
    }
}

/// Ready when SIGINT or SIGTERM was received. From this call on, neither ends the process by itself.
pub(crate) fn termination() -> impl Future<Output = ()> + 'static {
    let interrupt = listen(SignalKind::interrupt());
    let terminate = listen(SignalKind::terminate());
    async move {
        tokio::select! {
            () = received(interrupt) => {}
            () = received(terminate) => {}
        }
    }
}

fn listen(kind: SignalKind) -> Option<Signal> {
    signal(kind)
        .inspect_err(|error| tracing::warn!(%error, "cannot listen to a signal"))
        .ok()
}

async fn received(signal: Option<Signal>) {
    match signal {
        Some(mut signal) => {
            signal.recv().await;
        }
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::ready;
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    #[tokio::test]
    async fn a_cancellation_is_reported_once_and_then_the_limit_counts() {
        let mut watch = Watch::new(Duration::from_millis(60), ready(()));
        assert_eq!(watch.stop().await, Stop::Cancelled);
        assert_eq!(watch.stop().await, Stop::TimeUp);
        watch.set_limit(Duration::from_millis(50));
        let before = Instant::now();
        assert_eq!(watch.run(pending::<()>()).await, Err(Stop::TimeUp));
        assert!(before.elapsed().as_millis() >= 50);
    }

    #[tokio::test]
    async fn finished_work_counts_even_after_the_limit() {
        let mut watch = Watch::new(Duration::ZERO, ready(()));
        assert_eq!(watch.run(ready(1)).await, Ok(1));
    }

    /// Not a test itself: the process that gets the signals of the next test.
    #[tokio::test]
    #[ignore = "run by the next test"]
    async fn waits_for_a_signal() {
        if std::env::var_os("WAIT_FOR_A_SIGNAL").is_none() {
            return;
        }
        let terminated = termination();
        eprintln!("listening");
        terminated.await;
    }

    #[test]
    fn sigint_and_sigterm_do_not_end_the_process_by_themselves() {
        for signal in ["-INT", "-TERM"] {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args([
                    "--ignored",
                    "--exact",
                    "--nocapture",
                    "runner::watch::tests::waits_for_a_signal",
                ])
                .env("WAIT_FOR_A_SIGNAL", "1")
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
            assert!(lines.any(|line| line.unwrap() == "listening"));
            let id = child.id().to_string();
            assert!(Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success());
            assert!(child.wait().unwrap().success(), "{signal}");
        }
    }

    #[tokio::test]
    async fn a_limit_beyond_the_clock_is_no_limit() {
        let mut watch = Watch::new(Duration::MAX, ready(()));
        assert_eq!(watch.stop().await, Stop::Cancelled);
    }
}
