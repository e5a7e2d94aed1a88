//! What is on the server: the same connection and server part as for a deployment, one question, one answer. Nothing is
//! changed by it, so however it ends, nothing has happened.

use super::ahead::Ahead;
use super::channel::{ask, Answer};
use super::conclude::Conclusion;
use super::deployment::Deployment;
use super::progress::Progress;
use super::run::Run;
use super::server_part::{copy_server_part, start_line, still_missing, Binaries};
use super::ssh::{Channel, Connection, LocalSetup};
use super::watch::{termination, Early, Watch};
use crate::protocol::{root_of, End, Listing, RunEvent};
use std::time::Instant;

/// Asks what is there, and tells by `emit` what happens on the way. Of `deployment` only the server, the target and the
/// limits count. [`RunEvent::Ended`] comes only where there is no answer.
///
/// # Errors
/// How it ended instead.
pub async fn list(deployment: Deployment, emit: &mut dyn FnMut(RunEvent)) -> Result<Listing, End> {
    let started = Instant::now();
    let watch = Watch::new(deployment.timeout(), termination());
    let mut run = Run {
        deployment: &deployment,
        transaction: &deployment.plan.transaction,
        progress: Progress::default(),
        watch,
        emit,
    };
    let listed = list_with(&mut run).await;
    listed.map_err(|early| {
        let end = Conclusion::early(early, deployment.timeout()).end(started.elapsed());
        emit(RunEvent::Ended(Box::new(end.clone())));
        end
    })
}

async fn list_with(run: &mut Run<'_>) -> Result<Listing, Early> {
    let binaries = Binaries::find()?;
    let login = run.login();
    let ready = Ahead::new(LocalSetup::create(&login));
    let connection = run.connect(&login, ready).await?;
    let listed = list_over(run, &connection, &binaries).await;
    connection.close().await;
    listed
}

async fn list_over(
    run: &mut Run<'_>,
    connection: &Connection,
    binaries: &Binaries,
) -> Result<Listing, Early> {
    let target = run.deployment.plan.target.as_str();
    let missing = match ask_over(run, connection, binaries).await? {
        Answer::Listing(listing) => return Ok(*listing),
        Answer::Missing(missing) => missing,
    };
    let copying = copy_server_part(
        connection,
        target,
        run.transaction,
        &missing,
        binaries,
        run.emit,
    );
    run.watch.over(copying).await??;
    match ask_over(run, connection, binaries).await? {
        Answer::Listing(listing) => Ok(*listing),
        Answer::Missing(_) => Err(still_missing(target).into()),
    }
}

async fn ask_over(
    run: &mut Run<'_>,
    connection: &Connection,
    binaries: &Binaries,
) -> Result<Answer, Early> {
    let line = start_line(
        run.deployment.plan.target.as_str(),
        run.transaction,
        root_of(&[], &[]),
        binaries,
    )?;
    let (pipes, _child): Channel<'_> = run.watch.over(connection.run(&line)).await??;
    let answer = ask(pipes, run.transaction, run.emit);
    Ok(run.watch.over(answer).await??)
}
