//! One run over as many lines as it takes: one that is cut is made anew, before the point of no return as long as
//! `timeout` allows, after it until the transaction's own deadline. The same transaction, sent again, is the same one.

use super::channel::{follow, Followed, Why};
use super::conclude::{conclude, Conclusion, Known};
use super::progress::Reached;
use super::run::{pause_after, Run};
use super::server_part::{copy_server_part, start_line, still_missing, Binaries};
use super::ssh::{Channel, Connection, LocalSetup, LoginOptions};
use super::upload::{Upload, Word};
use super::watch::{Early, Stop};
use crate::protocol::{ConnectionKind, RunError, RunEvent};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::time::{sleep, timeout};

/// How long the end of a channel may take to be told apart from the end of the connection.
const EXIT_TIME: Duration = Duration::from_secs(1);
/// LineSplitter on which the server part did not speak, one after the other, until that is the answer.
const MOST_SILENT: u32 = 5;
/// How often a server part that ended without a word, on a line that stands, is asked what became of it.
const MOST_ASKED: u32 = 3;

/// What became of the connection that was followed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// It stands: what ended on it ended by itself.
    Stands,
    Cut,
}

/// How it goes on after a channel's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Over the same connection.
    Ask,
    /// Over another one.
    Connect,
}

/// Sees to it that nobody tries for ever.
#[derive(Debug, Default)]
struct Tries {
    silent: u32,
    asked: u32,
}

impl Tries {
    /// `None`: that was the end.
    fn after(&mut self, followed: &Followed, line: Line) -> Option<Way> {
        let Followed::Lost {
            reached,
            greeted,
            why: Why::Closed(_),
        } = followed
        else {
            return None;
        };
        self.silent = if *greeted { 0 } else { self.silent + 1 };
        let may_have_gone_on = *greeted && *reached != Reached::Nothing;
        let is_past = matches!(reached, Reached::PointOfNoReturn { .. });
        match line {
            Line::Cut if self.silent < MOST_SILENT => Some(Way::Connect),
            Line::Stands if (may_have_gone_on || is_past) && self.asked < MOST_ASKED => {
                self.asked += 1;
                Some(Way::Ask)
            }
            Line::Cut | Line::Stands => None,
        }
    }

    fn pause(&self) -> Duration {
        match self.silent.max(self.asked) {
            0 => Duration::ZERO,
            tries => pause_after(tries),
        }
    }
}

/// Follows to the end.
pub(super) async fn transact(
    run: &mut Run<'_>,
    mut connection: Connection,
    mut upload: Upload<'_>,
    binaries: &Binaries,
) -> Result<Conclusion, Early> {
    let mut tries = Tries::default();
    loop {
        let (followed, line) = match exchange(run, &connection, upload, binaries).await {
            Err(early) if upload.word != Word::Start => (lost(run, early.into()), Line::Stands),
            exchanged => exchanged?,
        };
        let Some(way) = tries.after(&followed, line) else {
            connection.close().await;
            return conclude_run(run, followed, line, upload);
        };
        connection = match go_on(run, way, connection, tries.pause()).await {
            Ok(connection) => connection,
            Err(why) => return conclude_run(run, lost(run, why), Line::Cut, upload),
        };
        upload.word = upload.word.again(run.progress.heard());
    }
}

async fn go_on(
    run: &mut Run<'_>,
    way: Way,
    connection: Connection,
    pause: Duration,
) -> Result<Connection, Why> {
    if way == Way::Connect {
        connection.close().await;
        return reconnect(run, pause).await;
    }
    match run.watch.over(sleep(pause)).await {
        Ok(()) => Ok(connection),
        Err(stop) => {
            connection.close().await;
            Err(Why::Stop(stop))
        }
    }
}

fn lost(run: &Run<'_>, why: Why) -> Followed {
    Followed::Lost {
        reached: run.progress.reached(),
        greeted: true,
        why,
    }
}

fn conclude_run(
    run: &Run<'_>,
    followed: Followed,
    line: Line,
    upload: Upload<'_>,
) -> Result<Conclusion, Early> {
    let missing = || still_missing(upload.plan.target.as_str());
    let followed = match followed {
        // it was there, and what it began may go on
        Followed::Missing(_) if run.progress.reached() != Reached::Nothing => {
            lost(run, Why::Error(missing()))
        }
        followed => followed,
    };
    let known = Known {
        plan: upload.plan,
        limit: run.deployment.timeout(),
        stands: line == Line::Stands,
        now: SystemTime::now(),
    };
    conclude(followed, known).ok_or_else(|| Early::Error(missing()))
}

/// One channel, and where the server part is missing, two more.
async fn exchange(
    run: &mut Run<'_>,
    connection: &Connection,
    upload: Upload<'_>,
    binaries: &Binaries,
) -> Result<(Followed, Line), Early> {
    let missing = match attempt(run, connection, upload, binaries).await? {
        (Followed::Missing(missing), _) => missing,
        followed => return Ok(followed),
    };
    let copying = copy_server_part(
        connection,
        upload.plan.target.as_str(),
        run.transaction,
        &missing,
        binaries,
        run.emit,
    );
    match run.watch.over(copying).await? {
        Ok(()) => attempt(run, connection, upload, binaries).await,
        Err(error) => cut_or(run, error, connection).await,
    }
}

/// Starts the server part and follows it.
async fn attempt(
    run: &mut Run<'_>,
    connection: &Connection,
    upload: Upload<'_>,
    binaries: &Binaries,
) -> Result<(Followed, Line), Early> {
    let line = start_line(
        upload.plan.target.as_str(),
        run.transaction,
        upload.tree.root(),
        binaries,
    )?;
    let (pipes, child): Channel<'_> = match run.watch.over(connection.run(&line)).await? {
        Ok(channel) => channel,
        Err(error) => return cut_or(run, error, connection).await,
    };
    let followed = follow(pipes, upload, &run.progress, &mut run.watch, run.emit).await;
    let stands = match followed {
        Followed::Lost {
            why: Why::Closed(_),
            ..
        } => {
            let exit = timeout(EXIT_TIME, child.wait()).await;
            tracing::debug!(?exit, "the channel has ended");
            matches!(exit, Ok(Ok(_) | Err(openssh::Error::Remote(_)))) || connection.is_open().await
        }
        _ => true,
    };
    Ok((followed, if stands { Line::Stands } else { Line::Cut }))
}

/// What failed on a connection that is gone failed for that reason.
async fn cut_or(
    run: &Run<'_>,
    error: RunError,
    connection: &Connection,
) -> Result<(Followed, Line), Early> {
    if connection.is_open().await {
        return Err(error.into());
    }
    let followed = Followed::Lost {
        reached: run.progress.reached(),
        greeted: false,
        why: Why::Closed(Vec::new()),
    };
    Ok((followed, Line::Cut))
}

/// Logs in again, until it is time to stop.
async fn reconnect(run: &mut Run<'_>, pause: Duration) -> Result<Connection, Why> {
    let finished_by = finished_by(run);
    (run.emit)(RunEvent::ConnectionLost { finished_by });
    let began = Instant::now();
    let login = run.login();
    let mut pause = pause;
    for attempt in 1.. {
        run.watch.over(sleep(pause)).await.map_err(given_up)?;
        match run.watch.over(open(&login)).await.map_err(given_up)? {
            Ok(connection) => {
                (run.emit)(RunEvent::Reconnected {
                    took: began.elapsed(),
                });
                return Ok(connection);
            }
            Err(error) if !may_pass(&error) => return Err(Why::Error(error)),
            Err(error) => {
                pause = pause_after(attempt);
                // it may go on for long, and says little new
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
    Err(given_up(Stop::TimeUp))
}

/// Epoch seconds by which the server has finished alone, where it is known to do so.
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

/// A line that stays cut until the time is up is a line that was cut.
fn given_up(stop: Stop) -> Why {
    match stop {
        Stop::Cancelled => Why::Stop(stop),
        Stop::TimeUp => Why::Closed(Vec::new()),
    }
}

/// It was logged in before, so what refuses us now may take us again: but for another host key.
fn may_pass(error: &RunError) -> bool {
    matches!(error, RunError::Connection { kind, .. } if *kind != ConnectionKind::HostKey)
}

impl From<Early> for Why {
    fn from(early: Early) -> Self {
        match early {
            Early::Error(error) => Self::Error(error),
            Early::Stop(stop) => Self::Stop(stop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Outcome;
    use crate::runner::progress::Progress;
    use crate::runner::server_part::Missing;
    use crate::runner::testing::{deployment, planned, transaction};
    use crate::runner::watch::Watch;
    use std::future::pending;

    fn closed(reached: Reached, greeted: bool) -> Followed {
        Followed::Lost {
            reached,
            greeted,
            why: Why::Closed(Vec::new()),
        }
    }

    #[test]
    fn a_cut_line_is_made_anew_unless_nobody_ever_speaks_on_it() {
        let mut tries = Tries::default();
        let silent = || closed(Reached::Nothing, false);
        for _ in 0..50 {
            assert_eq!(
                tries.after(&closed(Reached::Nothing, true), Line::Cut),
                Some(Way::Connect)
            );
            assert_eq!(tries.after(&silent(), Line::Cut), Some(Way::Connect));
        }
        let all = std::iter::from_fn(|| {
            (tries.after(&silent(), Line::Cut) == Some(Way::Connect)).then(|| tries.pause())
        });
        assert_eq!(
            all.map(|pause| pause.as_secs()).collect::<Vec<_>>(),
            [2, 4, 8]
        );
    }

    #[test]
    fn a_server_part_that_ended_without_a_word_is_asked_again_where_it_may_have_gone_on() {
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
            (closed(Reached::Complete, true), Some(Way::Ask)),
            (past(), Some(Way::Ask)),
        ] {
            assert_eq!(
                Tries::default().after(&followed, Line::Stands),
                expected,
                "{followed:?}"
            );
        }
        let mut tries = Tries::default();
        let asked = (0..10)
            .filter(|_| tries.after(&past(), Line::Stands) == Some(Way::Ask))
            .count();
        assert_eq!(asked, 3);
    }

    #[test]
    fn whoever_was_told_to_stop_does_not_go_on() {
        let stopped = Followed::Lost {
            reached: Reached::Complete,
            greeted: true,
            why: Why::Stop(Stop::Cancelled),
        };
        assert_eq!(Tries::default().after(&stopped, Line::Cut), None);
    }

    #[test]
    fn a_server_part_that_is_gone_says_nothing_of_what_it_began() {
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
            emit: &mut emit,
        };
        let outcome = || {
            let line = format!("deploy-action-missing:x86_64:cat:{transaction}:");
            let missing = Followed::Missing(Missing::read(line.as_bytes(), &transaction).unwrap());
            let upload = Upload {
                plan: &plan,
                tree: &tree,
                word: Word::Resume(0),
            };
            conclude_run(&run, missing, Line::Stands, upload)
                .ok()
                .map(|conclusion| conclusion.outcome)
        };
        assert_eq!(outcome(), None);
        run.progress.complete();
        assert_eq!(outcome(), Some(Outcome::Unknown));
    }
}
