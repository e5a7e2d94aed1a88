//! Follows a transaction over as many connections as necessary. If the connection is lost, it reconnects: before the
//! point of no return until `timeout`, after it until the deadline of the transaction. Sending the same transaction
//! again is safe.

use super::channel::{follow, FollowResult, LostCause};
use super::conclude::{conclude, Conclusion, RunContext};
use super::progress::Reached;
use super::run::{pause_after, Run};
use super::server_part::{copy_server_part, start_line, still_missing, Binaries};
use super::ssh::{Channel, Connection, LocalSetup, LoginOptions};
use super::upload::{Request, Upload};
use super::watch::{EarlyEnd, Stop};
use crate::protocol::{ConnectionKind, RunError, RunEvent};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::time::{sleep, timeout};

/// Time limit to find out whether only the channel ended, or the connection.
const EXIT_TIME: Duration = Duration::from_secs(1);
/// The most consecutive connections without a greeting of the server part.
const MAX_SILENT: u32 = 5;
/// How often the server part is started again on an open connection, after it ended without a verdict.
const MAX_RESTARTS: u32 = 3;

/// The state of the connection after a channel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectionState {
    /// The server part ended by itself.
    Open,
    Lost,
}

/// How to continue after a channel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retry {
    SameConnection,
    NewConnection,
}

/// Limits the number of retries.
#[derive(Debug, Default)]
struct RetryLimit {
    silent: u32,
    restarts: u32,
}

impl RetryLimit {
    /// How to continue; `None` if following has ended.
    fn next(&mut self, followed: &FollowResult, connection: ConnectionState) -> Option<Retry> {
        let FollowResult::Lost {
            reached,
            greeted,
            cause: LostCause::Closed(_),
        } = followed
        else {
            return None;
        };
        self.silent = if *greeted { 0 } else { self.silent + 1 };
        let may_have_continued = *greeted && *reached != Reached::Nothing;
        let is_past = matches!(reached, Reached::PointOfNoReturn { .. });
        match connection {
            ConnectionState::Lost if self.silent < MAX_SILENT => Some(Retry::NewConnection),
            ConnectionState::Open
                if (may_have_continued || is_past) && self.restarts < MAX_RESTARTS =>
            {
                self.restarts += 1;
                Some(Retry::SameConnection)
            }
            ConnectionState::Lost | ConnectionState::Open => None,
        }
    }

    fn pause(&self) -> Duration {
        match self.silent.max(self.restarts) {
            0 => Duration::ZERO,
            tries => pause_after(tries),
        }
    }
}

/// Uploads, starts the transaction and follows it to its end.
pub(super) async fn transact(
    run: &mut Run<'_>,
    mut connection: Connection,
    mut upload: Upload<'_>,
    binaries: &Binaries,
) -> Result<Conclusion, EarlyEnd> {
    let mut limit = RetryLimit::default();
    loop {
        let (result, state) = match exchange(run, &connection, upload, binaries).await {
            Err(end) if upload.request != Request::Start => {
                (lost(run, end.into()), ConnectionState::Open)
            }
            exchanged => exchanged?,
        };
        let Some(retry) = limit.next(&result, state) else {
            connection.close().await;
            return conclude_run(run, result, state, upload);
        };
        connection = match next_connection(run, retry, connection, limit.pause()).await {
            Ok(connection) => connection,
            Err(cause) => {
                return conclude_run(run, lost(run, cause), ConnectionState::Lost, upload)
            }
        };
        upload.request = upload.request.next(run.progress.received());
    }
}

async fn next_connection(
    run: &mut Run<'_>,
    retry: Retry,
    connection: Connection,
    pause: Duration,
) -> Result<Connection, LostCause> {
    if retry == Retry::NewConnection {
        connection.close().await;
        return reconnect(run, pause).await;
    }
    match run.watch.run(sleep(pause)).await {
        Ok(()) => Ok(connection),
        Err(stop) => {
            connection.close().await;
            Err(LostCause::Stop(stop))
        }
    }
}

fn lost(run: &Run<'_>, cause: LostCause) -> FollowResult {
    FollowResult::Lost {
        reached: run.progress.reached(),
        greeted: true,
        cause,
    }
}

fn conclude_run(
    run: &Run<'_>,
    result: FollowResult,
    connection: ConnectionState,
    upload: Upload<'_>,
) -> Result<Conclusion, EarlyEnd> {
    let missing = || still_missing(upload.plan.target.as_str());
    let result = match result {
        // the server part was there before, and the transaction may continue
        FollowResult::Missing(_) if run.progress.reached() != Reached::Nothing => {
            lost(run, LostCause::Error(missing()))
        }
        result => result,
    };
    let context = RunContext {
        plan: upload.plan,
        limit: run.limit,
        is_connected: connection == ConnectionState::Open,
        goes_down: run.progress.goes_down(),
        watched: run.progress.watched(),
        now: SystemTime::now(),
    };
    conclude(result, context).ok_or_else(|| EarlyEnd::Error(missing()))
}

/// Uses one channel. If the server part is missing, or damaged so that it does not greet, copies it over a second channel and
/// tries again over a third.
async fn exchange(
    run: &mut Run<'_>,
    connection: &Connection,
    upload: Upload<'_>,
    binaries: &Binaries,
) -> Result<(FollowResult, ConnectionState), EarlyEnd> {
    let missing = match attempt(run, connection, upload, Some(binaries)).await? {
        (FollowResult::Missing(missing), _) => missing,
        silent if is_silent(&silent) => match attempt(run, connection, upload, None).await? {
            (FollowResult::Missing(missing), _) => missing,
            // it is not the server part that is damaged
            _ => return Ok(silent),
        },
        result => return Ok(result),
    };
    let copying = copy_server_part(
        connection,
        upload.plan.target.as_str(),
        run.transaction,
        &missing,
        binaries,
        run.emit,
    );
    match run.watch.run(copying).await? {
        Ok(()) => attempt(run, connection, upload, Some(binaries)).await,
        Err(error) => lost_or(run, error, connection).await,
    }
}

/// Whether the server part ended by itself before its first word.
fn is_silent((result, state): &(FollowResult, ConnectionState)) -> bool {
    let silent = matches!(
        result,
        FollowResult::Lost {
            greeted: false,
            cause: LostCause::Closed(_),
            ..
        }
    );
    silent && *state == ConnectionState::Open
}

/// Starts the server part and follows it. Without `binaries`, only asks for what [`copy_server_part`] must know.
async fn attempt(
    run: &mut Run<'_>,
    connection: &Connection,
    upload: Upload<'_>,
    binaries: Option<&Binaries>,
) -> Result<(FollowResult, ConnectionState), EarlyEnd> {
    let line = start_line(
        upload.plan.target.as_str(),
        run.transaction,
        upload.tree.root(),
        upload.request.errand(),
        binaries,
    )?;
    let (pipes, child): Channel<'_> = match run.watch.run(connection.run(&line)).await? {
        Ok(channel) => channel,
        Err(error) => return lost_or(run, error, connection).await,
    };
    let result = follow(pipes, upload, &run.progress, &mut run.watch, run.emit).await;
    let is_open = match result {
        FollowResult::Lost {
            cause: LostCause::Closed(_),
            ..
        } => {
            let exit = timeout(EXIT_TIME, child.wait()).await;
            tracing::info!(in_time = exit.is_ok(), "the channel ended");
            matches!(exit, Ok(Ok(_) | Err(openssh::Error::Remote(_)))) || connection.is_open().await
        }
        _ => true,
    };
    Ok((
        result,
        if is_open {
            ConnectionState::Open
        } else {
            ConnectionState::Lost
        },
    ))
}

/// If the connection was lost, that is the cause; otherwise `error` is.
async fn lost_or(
    run: &Run<'_>,
    error: RunError,
    connection: &Connection,
) -> Result<(FollowResult, ConnectionState), EarlyEnd> {
    if connection.is_open().await {
        return Err(error.into());
    }
    let result = FollowResult::Lost {
        reached: run.progress.reached(),
        greeted: false,
        cause: LostCause::Closed(Vec::new()),
    };
    Ok((result, ConnectionState::Lost))
}

/// Logs in again, until the run must stop.
async fn reconnect(run: &mut Run<'_>, pause: Duration) -> Result<Connection, LostCause> {
    let finished_by = finished_by(run);
    (run.emit)(RunEvent::ConnectionLost { finished_by });
    let began = Instant::now();
    let login = run.login();
    let mut pause = pause;
    for attempt in 1.. {
        run.watch.run(sleep(pause)).await.map_err(lost_cause)?;
        match run.watch.run(open(&login)).await.map_err(lost_cause)? {
            Ok(connection) => {
                (run.emit)(RunEvent::Reconnected {
                    took: began.elapsed(),
                });
                return Ok(connection);
            }
            Err(error) if !may_succeed(&error) => return Err(LostCause::Error(error)),
            Err(error) => {
                pause = pause_after(attempt);
                // this may take long, and most attempts fail for the same reason
                if attempt.is_power_of_two() {
                    (run.emit)(RunEvent::ConnectFailed {
                        attempt,
                        error,
                        pause,
                    });
                }
            }
        }
    }
    Err(lost_cause(Stop::TimeUp))
}

/// Epoch seconds by which the server will have finished by itself, if it is known to be past the point of no return.
fn finished_by(run: &Run<'_>) -> Option<u64> {
    match run.progress.reached() {
        Reached::PointOfNoReturn { finished_by } => Some(
            finished_by
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs(),
        ),
        Reached::Nothing | Reached::Complete => None,
    }
}

async fn open(login: &LoginOptions<'_>) -> Result<Connection, RunError> {
    Connection::open(login, LocalSetup::create(login).await?).await
}

/// If the time limit is reached while reconnecting, the cause is the lost connection.
fn lost_cause(stop: Stop) -> LostCause {
    match stop {
        Stop::Cancelled => LostCause::Stop(stop),
        Stop::TimeUp => LostCause::Closed(Vec::new()),
    }
}

/// Whether another attempt may succeed. An earlier login did, so this is so for everything but another host key.
fn may_succeed(error: &RunError) -> bool {
    matches!(error, RunError::Connection { kind, .. } if *kind != ConnectionKind::HostKey)
}

impl From<EarlyEnd> for LostCause {
    fn from(end: EarlyEnd) -> Self {
        match end {
            EarlyEnd::Error(error) => Self::Error(error),
            EarlyEnd::Stop(stop) => Self::Stop(stop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Outcome;
    use crate::runner::progress::Progress;
    use crate::runner::server_part::MissingServerPart;
    use crate::runner::testing::{deployment, planned, transaction};
    use crate::runner::watch::Watch;
    use std::future::pending;

    fn closed(reached: Reached, greeted: bool) -> FollowResult {
        FollowResult::Lost {
            reached,
            greeted,
            cause: LostCause::Closed(Vec::new()),
        }
    }

    #[test]
    fn a_lost_connection_is_made_again_unless_the_server_part_never_greets() {
        let mut limit = RetryLimit::default();
        let silent = || closed(Reached::Nothing, false);
        for _ in 0..50 {
            assert_eq!(
                limit.next(&closed(Reached::Nothing, true), ConnectionState::Lost),
                Some(Retry::NewConnection)
            );
            assert_eq!(
                limit.next(&silent(), ConnectionState::Lost),
                Some(Retry::NewConnection)
            );
        }
        let all = std::iter::from_fn(|| {
            (limit.next(&silent(), ConnectionState::Lost) == Some(Retry::NewConnection))
                .then(|| limit.pause())
        });
        assert_eq!(
            all.map(|pause| pause.as_secs()).collect::<Vec<_>>(),
            [2, 4, 8]
        );
    }

    #[test]
    fn a_server_part_that_ended_without_a_verdict_is_started_again_if_the_transaction_may_continue()
    {
        let past = || {
            closed(
                Reached::PointOfNoReturn {
                    finished_by: SystemTime::now(),
                },
                false,
            )
        };
        for (followed, expected) in [
            (closed(Reached::Nothing, true), None),
            (closed(Reached::Complete, false), None),
            (closed(Reached::Complete, true), Some(Retry::SameConnection)),
            (past(), Some(Retry::SameConnection)),
        ] {
            assert_eq!(
                RetryLimit::default().next(&followed, ConnectionState::Open),
                expected,
                "{followed:?}"
            );
        }
        let mut limit = RetryLimit::default();
        let asked = (0..10)
            .filter(|_| limit.next(&past(), ConnectionState::Open) == Some(Retry::SameConnection))
            .count();
        assert_eq!(asked, 3);
    }

    #[test]
    fn a_run_that_must_stop_does_not_retry() {
        let stopped = FollowResult::Lost {
            reached: Reached::Complete,
            greeted: true,
            cause: LostCause::Stop(Stop::Cancelled),
        };
        assert_eq!(
            RetryLimit::default().next(&stopped, ConnectionState::Lost),
            None
        );
    }

    #[test]
    fn a_server_part_that_is_missing_later_proves_nothing() {
        let (_folder, tree, plan) = planned(&[("a", b"b")]);
        let (deployment, transaction) = (deployment("/nowhere".as_ref()), transaction());
        let mut emit = |_: RunEvent| {};
        let watch = Watch::new(Duration::ZERO, pending());
        let progress = Progress::default();
        let run = Run {
            deployment: &deployment,
            transaction: &deployment.plan.transaction,
            progress,
            watch,
            limit: Duration::ZERO,
            emit: &mut emit,
        };
        let outcome = || {
            let line = format!("deploy-action-missing:x86_64:cat:{transaction}:");
            let missing = FollowResult::Missing(
                MissingServerPart::read(line.as_bytes(), &transaction).unwrap(),
            );
            let upload = Upload {
                plan: &plan,
                tree: &tree,
                request: Request::Resume(0),
            };
            conclude_run(&run, missing, ConnectionState::Open, upload)
                .ok()
                .map(|conclusion| conclusion.outcome)
        };
        assert_eq!(outcome(), None);
        run.progress.complete();
        assert_eq!(outcome(), Some(Outcome::Unknown));
    }
}
