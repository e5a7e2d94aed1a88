//! What every run has: its deployment, its limits, whom it tells, and its first login.

use super::ahead::Ahead;
use super::deployment::Deployment;
use super::progress::Progress;
use super::ssh::{Connection, LocalSetup, LoginOptions};
use super::watch::{Early, Stop, Watch};
use crate::protocol::{ConnectionKind, RunError, RunEvent, TransactionId};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long the private key may be used beyond `timeout`: logins come before that, so this is only for a slow start.
const KEY_LIFE: Duration = Duration::from_secs(600);

pub(super) struct Run<'a> {
    pub(super) deployment: &'a Deployment,
    pub(super) transaction: &'a TransactionId,
    pub(super) progress: Progress,
    pub(super) watch: Watch,
    pub(super) emit: &'a mut dyn FnMut(RunEvent),
}

/// What a login needs, while it is made.
pub(super) type Getting<'a> = Ahead<'a, Result<LocalSetup, RunError>>;

impl<'a> Run<'a> {
    pub(super) fn login(&self) -> LoginOptions<'a> {
        let deployment = self.deployment;
        LoginOptions {
            server: &deployment.server,
            auth_sock: deployment.auth_sock.as_deref(),
            key_lifetime: deployment.timeout().saturating_add(KEY_LIFE),
        }
    }

    /// Logs in, for the first time with what is getting ready since before.
    pub(super) async fn connect<'b>(
        &mut self,
        login: &'b LoginOptions<'b>,
        mut ready: Getting<'b>,
    ) -> Result<Connection, Early> {
        (self.emit)(RunEvent::Connecting);
        let began = Instant::now();
        let mut attempt = 1;
        loop {
            let opening = async { Connection::open(login, ready.end().await?).await };
            match self.watch.over(opening).await? {
                Ok(connection) => {
                    (self.emit)(RunEvent::Connected {
                        took: began.elapsed(),
                    });
                    return Ok(connection);
                }
                Err(error)
                    if attempt >= self.deployment.server.connect_attempts || !may_pass(&error) =>
                {
                    return Err(error.into());
                }
                Err(error) => self.pause(attempt, error).await?,
            }
            ready = Ahead::new(LocalSetup::create(login));
            attempt += 1;
        }
    }

    /// Before the next attempt; what made this one fail is the end where the time is up meanwhile.
    async fn pause(&mut self, attempt: u32, error: RunError) -> Result<(), Early> {
        let pause = pause_after(attempt);
        (self.emit)(RunEvent::ConnectFailed {
            attempt,
            error: error.clone(),
            pause,
        });
        match self.watch.over(sleep(pause)).await {
            Err(Stop::TimeUp) => Err(error.into()),
            waited => Ok(waited?),
        }
    }
}

/// Whether another attempt may end otherwise.
fn may_pass(error: &RunError) -> bool {
    use ConnectionKind::{Other, Refused, Resolve, TimedOut};
    matches!(
        error,
        RunError::Connection {
            kind: Refused | TimedOut | Resolve | Other,
            ..
        }
    )
}

/// Growing, but not beyond what somebody would wait for a server that boots.
pub(super) fn pause_after(attempt: u32) -> Duration {
    const LONGEST: Duration = Duration::from_secs(10);
    Duration::from_secs(1 << (attempt - 1).min(4)).min(LONGEST)
}
