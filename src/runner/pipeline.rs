//! The steps of one run - a deployment, a rollback, or following one - from reading the source to closing the
//! connection.

use super::background::Background;
use super::blocking::BlockingTask;
use super::conclude::Conclusion;
use super::deployment::Deployment;
use super::progress::Progress;
use super::reconnect::transact;
use super::run::{PendingSetup, Run};
use super::server_part::Binaries;
use super::source::{SourceError, Tree, UnhashedTree};
use super::ssh::LocalSetup;
use super::upload::{Request, Upload};
use super::watch::{termination, EarlyEnd, Watch};
use crate::protocol::{
    Bug, End, Outcome, Part, RunError, RunEvent, SourceDoubt, Task, TransactionId,
};
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Time limit for the action's second step to learn what has become of the transaction; if that is past the point of no
/// return, its own deadline counts from there on. The server ends at once what has not been switched, so this is for
/// logging in again. GitHub ends the last steps of a cancelled job after the same time.
const FOLLOW_TIME: Duration = Duration::from_secs(5 * 60);
/// Time limit for cleaning up the local set-up of a login that is not needed.
const CLEANUP_TIME: Duration = Duration::from_secs(2);

/// A new random id.
///
/// # Errors
/// If the system returns no random bytes.
pub fn new_transaction_id() -> Result<TransactionId, RunError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        RunError::Bug(Bug::Random {
            error: error.to_string(),
        })
    })?;
    Ok(TransactionId::from_random(bytes))
}

/// Deploys or rolls back, as the plan's task says, and reports events by `emit`. [`RunEvent::Ended`] comes last,
/// exactly once, with the end that is returned.
///
/// Handles SIGINT and SIGTERM: before the point of no return they stop the server part, after it only the runner half.
/// Needs a current-thread runtime with time, I/O and signals.
pub async fn deploy(deployment: Deployment, emit: &mut dyn FnMut(RunEvent)) -> End {
    let external = External {
        binaries: Binaries::find,
        cancelled: termination(),
    };
    run(&deployment, Request::Start, external, emit).await
}

/// Follows a transaction that an earlier process of the same run began, but did not see the end of. If the transaction
/// has not passed the point of no return, it never will. Reports events as [`deploy`] does.
pub async fn finish(deployment: Deployment, emit: &mut dyn FnMut(RunEvent)) -> End {
    let external = External {
        binaries: Binaries::find,
        cancelled: termination(),
    };
    run(&deployment, Request::Follow(0), external, emit).await
}

/// What tests replace.
struct External<B, C> {
    binaries: B,
    cancelled: C,
}

async fn run(
    deployment: &Deployment,
    request: Request,
    external: External<
        impl FnOnce() -> Result<Binaries, RunError> + Send + 'static,
        impl Future<Output = ()> + 'static,
    >,
    emit: &mut dyn FnMut(RunEvent),
) -> End {
    let started = Instant::now();
    let limit = match request {
        Request::Follow(_) => deployment.timeout().min(FOLLOW_TIME),
        Request::Start | Request::Resume(_) => deployment.timeout(),
    };
    let mut run = Run {
        deployment,
        transaction: &deployment.plan.transaction,
        progress: Progress::default(),
        watch: Watch::new(limit, external.cancelled),
        limit,
        emit,
    };
    let mut conclusion = steps(&mut run, request, external.binaries)
        .await
        .unwrap_or_else(|end| Conclusion::early(end, limit));
    if matches!(request, Request::Follow(_)) && conclusion.verdict.is_none() {
        // only the server knows what an earlier process did
        conclusion.outcome = Outcome::Unknown;
    }
    let end = conclusion.end(started.elapsed());
    let error = end.error.as_ref().map(tracing::field::display);
    tracing::info!(outcome = end.outcome.word(), error, "ended");
    emit(RunEvent::Ended(Box::new(end.clone())));
    end
}

async fn steps(
    run: &mut Run<'_>,
    request: Request,
    binaries: impl FnOnce() -> Result<Binaries, RunError> + Send + 'static,
) -> Result<Conclusion, EarlyEnd> {
    let login = run.login();
    let (tree, doubts, setup) = prepare(run, request, LocalSetup::create(&login)).await?;
    let part = if matches!(request, Request::Follow(_)) {
        Part::End
    } else {
        Part::Whole
    };
    let planned = run.deployment.planned(part, &tree);
    (run.emit)(RunEvent::Planned(Box::new(planned)));
    for doubt in doubts {
        (run.emit)(RunEvent::Doubt(doubt));
    }
    // both take less time than the login
    let hash_tree = BlockingTask::start(move |stop| tree.hash(stop));
    let find_binaries = BlockingTask::start(move |_| binaries());
    let connection = run.connect(&login, setup).await?;
    let (tree, binaries) = match finish_reading(run, hash_tree, find_binaries).await {
        Ok(both) => both,
        Err(end) => {
            connection.close().await;
            return Err(end);
        }
    };
    tracing::info!(entries = tree.entries().len(), bytes = tree.bytes(), root = %tree.root(), "source read");
    let plan = run.deployment.plan(&tree);
    let upload = Upload {
        plan: &plan,
        tree: &tree,
        request,
    };
    transact(run, connection, upload, &binaries).await
}

/// A listed source, and what is odd about it.
type Listed = (UnhashedTree, Vec<SourceDoubt>);

/// Lists the source, and starts the local set-up of the login meanwhile. Nothing is contacted.
async fn prepare<'a>(
    run: &mut Run<'_>,
    request: Request,
    setup: impl Future<Output = Result<LocalSetup, RunError>> + 'a,
) -> Result<(UnhashedTree, Vec<SourceDoubt>, PendingSetup<'a>), EarlyEnd> {
    let mut setup = Background::new(setup);
    if matches!(
        (&run.deployment.plan.task, request),
        (Task::RollBack { .. }, _) | (_, Request::Follow(_))
    ) {
        return Ok((UnhashedTree::empty(), Vec::new(), setup));
    }
    match setup.while_waiting(list_source(run)).await {
        Ok((tree, doubts)) => Ok((tree, doubts, setup)),
        Err(end) => {
            clean_up(setup).await;
            Err(end)
        }
    }
}

async fn list_source(run: &mut Run<'_>) -> Result<Listed, EarlyEnd> {
    let Some(source) = run.deployment.source.clone() else {
        return Ok((UnhashedTree::empty(), Vec::new()));
    };
    let upload_rules = run.deployment.upload_rules.clone();
    let purpose = run.deployment.purpose();
    let listing: BlockingTask<Listed, SourceError> = BlockingTask::start(move |stop| {
        let tree = UnhashedTree::list(source.path(), &upload_rules, stop)?;
        let doubts = tree.doubts(purpose);
        Ok((tree, doubts))
    });
    listing.finish(&mut run.watch).await
}

async fn finish_reading(
    run: &mut Run<'_>,
    hash_tree: BlockingTask<Tree, SourceError>,
    find_binaries: BlockingTask<Binaries, RunError>,
) -> Result<(Tree, Binaries), EarlyEnd> {
    Ok((
        hash_tree.finish(&mut run.watch).await?,
        find_binaries.finish(&mut run.watch).await?,
    ))
}

/// Waits for the local set-up and drops it: an agent whose process id is unknown would end only seconds later.
async fn clean_up(setup: PendingSetup<'_>) {
    let created = timeout(CLEANUP_TIME, setup.finish()).await;
    tracing::info!(in_time = created.is_ok(), "the local set-up is not needed");
}

#[cfg(test)]
mod tests;
