//! One deployment to one server, or one way back, from the walk through the source to the end of the connection.

use super::ahead::Ahead;
use super::conclude::Conclusion;
use super::progress::Progress;
use super::reading::Reading;
use super::ssh::{Binaries, Connection, Login, Ready};
use super::tree::{Tree, Walked};
use super::upload::{Upload, Word};
use super::watch::{termination, Stop, Watch};
use super::Deployment;
use crate::protocol::{ConnectionKind, End, Outcome, Part, RunEvent, Task, TransactionId, Trouble};
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// How long the private key may be used beyond `timeout`: logins come before that, so this is only for a slow start.
const KEY_LIFE: Duration = Duration::from_secs(600);

/// How long an end before the login may wait for what was begun for it: a moment, unless something hangs.
const TAKING_BACK: Duration = Duration::from_secs(2);

/// A new id, drawn at random.
///
/// # Errors
/// If the system has no randomness to give.
pub fn draw_transaction() -> Result<TransactionId, Trouble> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Trouble::Bug {
        problem: format!("no randomness: {error}"),
    })?;
    Ok(TransactionId::from_random(bytes))
}

/// Deploys, or rolls back, as the plan's task says, and tells by `emit` what happens; [`RunEvent::Ended`] comes last, exactly once, and is given back too.
///
/// SIGINT and SIGTERM are taken over: before the point of no return they stop the server, after it only us. To be run
/// on a current-thread runtime with time, I/O and signals.
pub async fn deploy(deployment: Deployment, emit: &mut dyn FnMut(RunEvent)) -> End {
    let outside = Outside {
        binaries: Binaries::find,
        cancelled: termination(),
    };
    run(&deployment, Word::Start, outside, emit).await
}

/// Follows a transaction that an earlier process of the same deployment began and did not see to its end; where it was
/// not past the point of no return, it never will be. Tells as [`deploy`] does.
pub async fn finish(deployment: Deployment, emit: &mut dyn FnMut(RunEvent)) -> End {
    let outside = Outside {
        binaries: Binaries::find,
        cancelled: termination(),
    };
    run(&deployment, Word::Follow(0), outside, emit).await
}

/// What a run takes from the outside.
struct Outside<B, C> {
    binaries: B,
    cancelled: C,
}

/// [`deploy`] with what it takes from the outside.
#[cfg(test)]
async fn deploy_with(
    deployment: &Deployment,
    binaries: impl FnOnce() -> Result<Binaries, Trouble> + Send + 'static,
    cancelled: impl Future<Output = ()> + 'static,
    emit: &mut dyn FnMut(RunEvent),
) -> End {
    run(
        deployment,
        Word::Start,
        Outside {
            binaries,
            cancelled,
        },
        emit,
    )
    .await
}

async fn run(
    deployment: &Deployment,
    word: Word,
    outside: Outside<
        impl FnOnce() -> Result<Binaries, Trouble> + Send + 'static,
        impl Future<Output = ()> + 'static,
    >,
    emit: &mut dyn FnMut(RunEvent),
) -> End {
    let Outside {
        binaries,
        cancelled,
    } = outside;
    let started = Instant::now();
    let watch = Watch::new(deployment.timeout(), cancelled);
    let mut run = Run {
        deployment,
        transaction: &deployment.plan.transaction,
        progress: Progress::default(),
        watch,
        emit,
    };
    let Conclusion {
        mut outcome,
        verdict,
        trouble,
    } = match run.steps(word, binaries).await {
        Ok(conclusion) => conclusion,
        Err(Early::Trouble(trouble)) => Conclusion::early(trouble),
        Err(Early::Stop(stop)) => Conclusion::stopped_early(stop, deployment.timeout()),
    };
    if matches!(word, Word::Follow(_)) && verdict.is_none() {
        // what an earlier process did, only the server can tell
        outcome = Outcome::Unknown;
    }
    let end = End {
        outcome,
        verdict,
        trouble,
        took: started.elapsed(),
    };
    tracing::info!(outcome = outcome.word(), trouble = ?end.trouble, "ended");
    emit(RunEvent::Ended(Box::new(end.clone())));
    end
}

/// An end before anything was sent.
pub(super) enum Early {
    Trouble(Trouble),
    Stop(Stop),
}

impl From<Trouble> for Early {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl From<Stop> for Early {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

pub(super) struct Run<'a> {
    pub(super) deployment: &'a Deployment,
    pub(super) transaction: &'a TransactionId,
    pub(super) progress: Progress,
    pub(super) watch: Watch,
    pub(super) emit: &'a mut dyn FnMut(RunEvent),
}

impl Run<'_> {
    async fn steps(
        &mut self,
        word: Word,
        binaries: impl FnOnce() -> Result<Binaries, Trouble> + Send + 'static,
    ) -> Result<Conclusion, Early> {
        let login = login(self.deployment);
        let (walked, ready) = self.prepare(word, Ready::make(&login)).await?;
        let part = if matches!(word, Word::Follow(_)) {
            Part::End
        } else {
            Part::Whole
        };
        (self.emit)(RunEvent::Planned(Box::new(
            self.deployment.planned(part, &walked),
        )));
        // the login takes longer than both
        let hashing = Reading::start(move |stop| walked.hash(stop));
        let finding = Reading::start(move |_| binaries());
        let connection = self.connect(&login, ready).await?;
        let (tree, binaries) = match self.read(hashing, finding).await {
            Ok(read) => read,
            Err(early) => {
                connection.close().await;
                return Err(early);
            }
        };
        tracing::info!(entries = tree.entries().len(), bytes = tree.bytes(), root = %tree.root(), "source read");
        let plan = self.deployment.plan(&tree);
        self.transact(
            connection,
            Upload {
                plan: &plan,
                tree: &tree,
                word,
            },
            &binaries,
        )
        .await
    }

    /// Walks through the source, and meanwhile begins what the login needs on this side. Nobody is contacted.
    async fn prepare<'b>(
        &mut self,
        word: Word,
        ready: impl Future<Output = Result<Ready, Trouble>> + 'b,
    ) -> Result<(Walked, Getting<'b>), Early> {
        let mut ready = Ahead::new(ready);
        if matches!(
            (&self.deployment.plan.task, word),
            (Task::RollBack { .. }, _) | (_, Word::Follow(_))
        ) {
            return Ok((Walked::nothing(), ready));
        }
        match ready.beside(self.walk()).await {
            Ok(walked) => Ok((walked, ready)),
            Err(early) => {
                take_back(ready).await;
                Err(early)
            }
        }
    }

    async fn walk(&mut self) -> Result<Walked, Early> {
        let Some(source) = self.deployment.source.clone() else {
            return Ok(Walked::nothing());
        };
        let leave_out = self.deployment.leave_out.clone();
        let walking = Reading::start(move |stop| Walked::walk(source.path(), &leave_out, stop));
        walking.end(&mut self.watch).await
    }

    async fn read(
        &mut self,
        hashing: Reading<Tree>,
        finding: Reading<Binaries, Trouble>,
    ) -> Result<(Tree, Binaries), Early> {
        Ok((
            hashing.end(&mut self.watch).await?,
            finding.end(&mut self.watch).await?,
        ))
    }

    /// Logs in, for the first time with what is getting ready since before.
    pub(super) async fn connect<'b>(
        &mut self,
        login: &'b Login<'b>,
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
                Err(trouble)
                    if attempt >= self.deployment.server.connect_attempts
                        || !may_pass(&trouble) =>
                {
                    return Err(trouble.into());
                }
                Err(trouble) => self.pause(attempt, trouble).await?,
            }
            ready = Ahead::new(Ready::make(login));
            attempt += 1;
        }
    }

    /// Before the next attempt; what made this one fail is the end where the time is up meanwhile.
    async fn pause(&mut self, attempt: u32, trouble: Trouble) -> Result<(), Early> {
        let pause = pause_after(attempt);
        (self.emit)(RunEvent::ConnectFailed {
            attempt,
            trouble: trouble.clone(),
            pause,
        });
        match self.watch.over(sleep(pause)).await {
            Err(Stop::TimeUp) => Err(trouble.into()),
            waited => Ok(waited?),
        }
    }
}

/// What a login needs, while it is made.
type Getting<'a> = Ahead<'a, Result<Ready, Trouble>>;

/// Waits for what was begun, and drops it: an agent that is not known yet would go only seconds later.
async fn take_back(ready: Getting<'_>) {
    let made = timeout(TAKING_BACK, ready.end()).await;
    tracing::debug!(?made, "not needed any more");
}

pub(super) fn login(deployment: &Deployment) -> Login<'_> {
    Login {
        server: &deployment.server,
        auth_sock: deployment.auth_sock.as_deref(),
        key_life: deployment.timeout().saturating_add(KEY_LIFE),
    }
}

/// Whether another attempt may end otherwise.
fn may_pass(trouble: &Trouble) -> bool {
    use ConnectionKind::{Other, Refused, Resolve, TimedOut};
    matches!(
        trouble,
        Trouble::Connection {
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

pub(super) fn still_missing(target: &str) -> Trouble {
    let said = format!("it was copied to {target}/.deploy/bin, but is not there").into_bytes();
    Trouble::ServerPart {
        operation: "start".to_owned(),
        said,
    }
}

#[cfg(test)]
mod tests;
