//! What can stop a run from outside: a signal, or the time being up.

use crate::protocol::RunError;
use std::future::{pending, Future};
use std::pin::Pin;
use std::time::Duration;
use tokio::signal::unix::{signal, Signal, SignalKind};
use tokio::time::{sleep_until, Instant};

/// Why a run is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// SIGINT or SIGTERM came.
    Cancelled,
    /// The limit is reached.
    TimeUp,
}

/// An end before anything was sent.
pub(super) enum Early {
    Error(RunError),
    Stop(Stop),
}

impl From<RunError> for Early {
    fn from(error: RunError) -> Self {
        Self::Error(error)
    }
}

impl From<Stop> for Early {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

/// Watches for both. A cancellation is told once.
pub(crate) struct Watch {
    limit: Option<Instant>,
    cancelled: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Watch {
    /// Until `cancelled` is ready or `limit` is over.
    pub(crate) fn new(limit: Duration, cancelled: impl Future<Output = ()> + 'static) -> Self {
        Self {
            limit: Instant::now().checked_add(limit),
            cancelled: Some(Box::pin(cancelled)),
        }
    }

    /// Counts anew, from now.
    pub(crate) fn set_limit(&mut self, limit: Duration) {
        self.limit = Instant::now().checked_add(limit);
    }

    /// Waits for either. May be dropped and asked again.
    pub(crate) async fn raised(&mut self) -> Stop {
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

    /// Does `work`, unless it is to be stopped before it ends; then it is dropped.
    pub(crate) async fn over<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Stop> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            stop = self.raised() => Err(stop),
        }
    }
}

/// LocalSetup when SIGINT or SIGTERM has come. From this call on neither ends the process by itself.
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
        .inspect_err(|error| tracing::warn!(%error, "a signal cannot be listened to"))
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
    async fn a_cancellation_is_told_once_and_then_the_limit_counts() {
        let mut watch = Watch::new(Duration::from_millis(60), ready(()));
        assert_eq!(watch.raised().await, Stop::Cancelled);
        assert_eq!(watch.raised().await, Stop::TimeUp);
        watch.set_limit(Duration::from_millis(50));
        let before = Instant::now();
        assert_eq!(watch.over(pending::<()>()).await, Err(Stop::TimeUp));
        assert!(before.elapsed().as_millis() >= 50);
    }

    #[tokio::test]
    async fn work_that_is_done_counts_even_when_it_is_too_late() {
        let mut watch = Watch::new(Duration::ZERO, ready(()));
        assert_eq!(watch.over(ready(1)).await, Ok(1));
    }

    /// Not a test of its own: the process that the one below sends signals to.
    #[tokio::test]
    #[ignore = "is run by the test below"]
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
    async fn a_limit_beyond_all_time_is_none() {
        let mut watch = Watch::new(Duration::MAX, ready(()));
        assert_eq!(watch.raised().await, Stop::Cancelled);
    }
}
