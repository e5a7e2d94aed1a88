//! Lists what is on the server, over the same connection and server part as a deployment. It changes nothing.

use super::background::Background;
use super::channel::{request_list, ListReply};
use super::conclude::Conclusion;
use super::deployment::Deployment;
use super::progress::Progress;
use super::run::Run;
use super::server_part::{copy_server_part, start_line, still_missing, Binaries};
use super::ssh::{Channel, Connection, LocalSetup};
use super::watch::{termination, EarlyEnd, Watch};
use crate::protocol::{root_of, End, Errand, Listing, RunError, RunEvent, ServerPartError};
use std::time::Instant;

/// Lists what is on the server, and reports events by `emit`. Of `deployment` it uses the server, the target and the
/// time limits. [`RunEvent::Ended`] is emitted only if there is no listing.
///
/// # Errors
/// How the run ended instead.
pub async fn list(deployment: Deployment, emit: &mut dyn FnMut(RunEvent)) -> Result<Listing, End> {
    let started = Instant::now();
    let watch = Watch::new(deployment.timeout(), termination());
    let mut run = Run {
        deployment: &deployment,
        transaction: &deployment.plan.transaction,
        progress: Progress::default(),
        watch,
        limit: deployment.timeout(),
        emit,
    };
    let listed = list_with(&mut run).await;
    listed.map_err(|end| {
        let end = Conclusion::early(end, deployment.timeout()).end(started.elapsed());
        emit(RunEvent::Ended(Box::new(end.clone())));
        end
    })
}

async fn list_with(run: &mut Run<'_>) -> Result<Listing, EarlyEnd> {
    let binaries = Binaries::find()?;
    let login = run.login();
    let setup = Background::new(LocalSetup::create(&login));
    let connection = run.connect(&login, setup).await?;
    let listed = list_over_connection(run, &connection, &binaries).await;
    connection.close().await;
    listed
}

async fn list_over_connection(
    run: &mut Run<'_>,
    connection: &Connection,
    binaries: &Binaries,
) -> Result<Listing, EarlyEnd> {
    let target = run.deployment.plan.target.as_str();
    let missing = match list_over_channel(run, connection, Some(binaries)).await {
        Ok(ListReply::Listing(listing)) => return Ok(*listing),
        Ok(ListReply::Missing(missing)) => missing,
        // it may be damaged
        Err(EarlyEnd::Error(error)) if is_silent(&error) => {
            match list_over_channel(run, connection, None).await {
                Ok(ListReply::Missing(missing)) => missing,
                _ => return Err(error.into()),
            }
        }
        Err(end) => return Err(end),
    };
    let copying = copy_server_part(
        connection,
        target,
        run.transaction,
        &missing,
        binaries,
        run.emit,
    );
    run.watch.run(copying).await??;
    match list_over_channel(run, connection, Some(binaries)).await? {
        ListReply::Listing(listing) => Ok(*listing),
        ListReply::Missing(_) => Err(still_missing(target).into()),
    }
}

/// Whether the server part ended before its first word.
fn is_silent(error: &RunError) -> bool {
    let start = ServerPartError::Start;
    matches!(error, RunError::ServerPart { error, .. } if *error == start)
}

async fn list_over_channel(
    run: &mut Run<'_>,
    connection: &Connection,
    binaries: Option<&Binaries>,
) -> Result<ListReply, EarlyEnd> {
    let line = start_line(
        run.deployment.plan.target.as_str(),
        run.transaction,
        root_of(&[], &[]),
        Errand::List,
        binaries,
    )?;
    let (pipes, _child): Channel<'_> = run.watch.run(connection.run(&line)).await??;
    let reply = request_list(pipes, run.transaction, run.watch.first_word(), run.emit);
    Ok(run.watch.run(reply).await??)
}
