//! What every run has: its deployment, its time limit, its events and its first login.

use super::background::Background;
use super::deployment::Deployment;
use super::progress::Progress;
use super::ssh::{Connection, LocalSetup, LoginOptions};
use super::watch::{EarlyEnd, Stop, Watch};
use crate::protocol::{ConnectionKind, RunError, RunEvent, TransactionId};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long the agent keeps the private key after `timeout`. Logins happen before that, so this covers a slow start
/// only.
const KEY_MARGIN: Duration = Duration::from_secs(600);

/// A run and its state.
pub(super) struct Run<'a> {
    pub(super) deployment: &'a Deployment,
    pub(super) transaction: &'a TransactionId,
    pub(super) progress: Progress,
    pub(super) watch: Watch,
    /// Time limit for everything before the point of no return.
    pub(super) limit: Duration,
    pub(super) emit: &'a mut dyn FnMut(RunEvent),
}

/// The local set-up of a login, in the background.
pub(super) type PendingSetup<'a> = Background<'a, Result<LocalSetup, RunError>>;

impl<'a> Run<'a> {
    pub(super) fn login(&self) -> LoginOptions<'a> {
        let deployment = self.deployment;
        LoginOptions {
            server: &deployment.server,
            auth_sock: deployment.auth_sock.as_deref(),
            key_lifetime: deployment.timeout().saturating_add(KEY_MARGIN),
        }
    }

    /// Logs in. The first attempt uses `setup`, the others create a new one.
    pub(super) async fn connect<'b>(
        &mut self,
        login: &'b LoginOptions<'b>,
        mut setup: PendingSetup<'b>,
    ) -> Result<Connection, EarlyEnd> {
        (self.emit)(RunEvent::Connecting);
        let began = Instant::now();
        let mut attempt = 1;
        loop {
            let opening = async { Connection::open(login, setup.finish().await?).await };
            match self.watch.run(opening).await? {
                Ok(connection) => {
                    (self.emit)(RunEvent::Connected {
                        took: began.elapsed(),
                    });
                    return Ok(connection);
                }
                Err(error)
                    if attempt >= self.deployment.server.connect_attempts
                        || !may_succeed(&error) =>
                {
                    return Err(error.into());
                }
                Err(error) => self.pause(attempt, error).await?,
            }
            setup = Background::new(LocalSetup::create(login));
            attempt += 1;
        }
    }

    /// Waits before the next attempt. If the time limit is reached meanwhile, the error of this attempt is returned.
    async fn pause(&mut self, attempt: u32, error: RunError) -> Result<(), EarlyEnd> {
        let pause = pause_after(attempt);
        (self.emit)(RunEvent::ConnectFailed {
            attempt,
            error: error.clone(),
            pause,
        });
        match self.watch.run(sleep(pause)).await {
            Err(Stop::TimeUp) => Err(error.into()),
            waited => Ok(waited?),
        }
    }
}

/// Whether another attempt may succeed.
fn may_succeed(error: &RunError) -> bool {
    use ConnectionKind::{Closed, Other, Refused, Resolve, Slow, TimedOut};
    matches!(
        error,
        RunError::Connection {
            kind: Refused | TimedOut | Resolve | Slow | Closed | Other,
            ..
        }
    )
}

/// The pause after an attempt. It grows, up to a limit that suits a server that boots.
pub(super) fn pause_after(attempt: u32) -> Duration {
    const MAX: Duration = Duration::from_secs(10);
    Duration::from_secs(1 << (attempt - 1).min(4)).min(MAX)
}
