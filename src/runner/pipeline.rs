//! One deployment to one server, or one way back, from the walk through the source to the end of the connection.

use super::ahead::Ahead;
use super::blocking::Reading;
use super::conclude::Conclusion;
use super::deployment::Deployment;
use super::progress::Progress;
use super::reconnect::transact;
use super::run::{Getting, Run};
use super::server_part::Binaries;
use super::source::{SourceError, Tree, Walked};
use super::ssh::LocalSetup;
use super::upload::{Upload, Word};
use super::watch::{termination, Early, Watch};
use crate::protocol::{Bug, End, Outcome, Part, RunError, RunEvent, Task, TransactionId};
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long an end before the login may wait for what was begun for it: a moment, unless something hangs.
const TAKING_BACK: Duration = Duration::from_secs(2);

/// A new id, drawn at random.
///
/// # Errors
/// If the system has no randomness to give.
pub fn draw_transaction() -> Result<TransactionId, RunError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        RunError::Bug(Bug::Random {
            error: error.to_string(),
        })
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

async fn run(
    deployment: &Deployment,
    word: Word,
    outside: Outside<
        impl FnOnce() -> Result<Binaries, RunError> + Send + 'static,
        impl Future<Output = ()> + 'static,
    >,
    emit: &mut dyn FnMut(RunEvent),
) -> End {
    let started = Instant::now();
    let mut run = Run {
        deployment,
        transaction: &deployment.plan.transaction,
        progress: Progress::default(),
        watch: Watch::new(deployment.timeout(), outside.cancelled),
        emit,
    };
    let mut conclusion = steps(&mut run, word, outside.binaries)
        .await
        .unwrap_or_else(|early| Conclusion::early(early, deployment.timeout()));
    if matches!(word, Word::Follow(_)) && conclusion.verdict.is_none() {
        // what an earlier process did, only the server can tell
        conclusion.outcome = Outcome::Unknown;
    }
    let end = conclusion.end(started.elapsed());
    tracing::info!(outcome = end.outcome.word(), error = ?end.error, "ended");
    emit(RunEvent::Ended(Box::new(end.clone())));
    end
}

async fn steps(
    run: &mut Run<'_>,
    word: Word,
    binaries: impl FnOnce() -> Result<Binaries, RunError> + Send + 'static,
) -> Result<Conclusion, Early> {
    let login = run.login();
    let (walked, ready) = prepare(run, word, LocalSetup::create(&login)).await?;
    let part = if matches!(word, Word::Follow(_)) {
        Part::End
    } else {
        Part::Whole
    };
    let planned = run.deployment.planned(part, &walked);
    (run.emit)(RunEvent::Planned(Box::new(planned)));
    // the login takes longer than both
    let hashing = Reading::start(move |stop| walked.hash(stop));
    let finding = Reading::start(move |_| binaries());
    let connection = run.connect(&login, ready).await?;
    let (tree, binaries) = match read(run, hashing, finding).await {
        Ok(read) => read,
        Err(early) => {
            connection.close().await;
            return Err(early);
        }
    };
    tracing::info!(entries = tree.entries().len(), bytes = tree.bytes(), root = %tree.root(), "source read");
    let plan = run.deployment.plan(&tree);
    let upload = Upload {
        plan: &plan,
        tree: &tree,
        word,
    };
    transact(run, connection, upload, &binaries).await
}

/// Walks through the source, and meanwhile begins what the login needs on this side. Nobody is contacted.
async fn prepare<'a>(
    run: &mut Run<'_>,
    word: Word,
    ready: impl Future<Output = Result<LocalSetup, RunError>> + 'a,
) -> Result<(Walked, Getting<'a>), Early> {
    let mut ready = Ahead::new(ready);
    if matches!(
        (&run.deployment.plan.task, word),
        (Task::RollBack { .. }, _) | (_, Word::Follow(_))
    ) {
        return Ok((Walked::nothing(), ready));
    }
    match ready.beside(walk(run)).await {
        Ok(walked) => Ok((walked, ready)),
        Err(early) => {
            take_back(ready).await;
            Err(early)
        }
    }
}

async fn walk(run: &mut Run<'_>) -> Result<Walked, Early> {
    let Some(source) = run.deployment.source.clone() else {
        return Ok(Walked::nothing());
    };
    let leave_out = run.deployment.leave_out.clone();
    let walking = Reading::start(move |stop| Walked::walk(source.path(), &leave_out, stop));
    walking.end(&mut run.watch).await
}

async fn read(
    run: &mut Run<'_>,
    hashing: Reading<Tree, SourceError>,
    finding: Reading<Binaries, RunError>,
) -> Result<(Tree, Binaries), Early> {
    Ok((
        hashing.end(&mut run.watch).await?,
        finding.end(&mut run.watch).await?,
    ))
}

/// Waits for what was begun, and drops it: an agent that is not known yet would go only seconds later.
async fn take_back(ready: Getting<'_>) {
    let made = timeout(TAKING_BACK, ready.end()).await;
    tracing::debug!(?made, "not needed any more");
}

#[cfg(test)]
mod tests;
