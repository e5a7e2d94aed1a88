//! Starts the transaction's own process, detached from the login, and forwards its events.

use super::client::Client;
use crate::protocol::{
    Failure, Interference, Operation, Outcome, Reason, Scope, Step, Verdict, What,
};
use crate::server::channel::event_tail::EventTail;
use crate::server::channel::events::Events;
use crate::server::clock::now;
use crate::server::recover::recover;
use crate::server::store::durable::failed;
use crate::server::store::layout::Layout;
use crate::server::store::links;
use crate::server::store::lock;
use crate::server::store::pending::Pending;
use crate::server::store::verdicts;
use crate::server::subcommand::SUBCOMMAND;
use crate::server::unit::going_down::going_down;
use crate::server::unit::login::{detaching, Detaching};
use std::fs::File;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(20);
const DOWN_TICK: Duration = Duration::from_millis(500);
/// How long a login waits for the user's own systemd.
const OWN_DOWN_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a cancelled run waits for the transaction to begin.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the runner half may take to close the connection, which shows that it has the verdict.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
/// The same for another run.
const OTHER_CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Hands the sealed instruction and the lock to the transaction's process, and forwards its events while the connection
/// stands.
///
/// # Errors
/// If the transaction's process cannot be started.
pub(super) fn hand_over(
    client: &mut Client<'_>,
    pending: &Pending,
    lock: File,
) -> Result<(), Reason> {
    let mut tails = vec![EventTail::new(client.layout, &pending.transaction)?];
    let overflow = match EventTail::overflow() {
        Ok((tail, file)) => {
            tails.push(tail);
            Stdio::from(file)
        }
        Err(error) => {
            tracing::info!(%error, "events that the disk cannot take will be lost");
            Stdio::null()
        }
    };
    let mut child = spawn(client.layout, pending, lock, overflow)?;
    if follow(client, pending, &mut tails, &mut child) {
        wait_for_close(client);
    }
    Ok(())
}

/// Follows the transaction if an earlier login has begun it, and forwards the events that the runner half has not received
/// yet. Returns false if the transaction has not begun, or its process ended without a verdict.
pub(super) fn rejoin(client: &mut Client<'_>) -> bool {
    let Client {
        layout,
        transaction,
        ..
    } = *client;
    if !Pending::is_of(layout, transaction) {
        return false;
    }
    // without the event file, only the end can be reported
    let tail = EventTail::after(layout, transaction, client.received)
        .or_else(|| EventTail::new(layout, transaction).ok());
    let Some(mut tail) = tail else { return false };
    loop {
        // read first: a process that has released the lock has written all its events
        let free = match lock::try_take(layout) {
            Ok(lock) => lock.is_some(),
            Err(_) => !lock::is_running(layout, transaction),
        };
        let ended = tail.forward(client.outbox);
        client.received = tail.received();
        if ended {
            wait_for_close(client);
            return true;
        }
        if free || client.limits.disconnected() {
            return !free;
        }
        thread::sleep(TICK);
    }
}

/// Reports the end of the transaction again, and the events that the runner half has not received yet.
pub(super) fn report_again(client: &mut Client<'_>, verdict: &Verdict) {
    let tail = EventTail::after(client.layout, client.transaction, client.received);
    if !tail.is_some_and(|mut tail| tail.forward(client.outbox)) {
        client.outbox.emit(What::Ended(Box::new(verdict.clone())));
    }
    wait_for_close(client);
}

/// Returns whether the verdict was reported.
fn follow(
    client: &mut Client<'_>,
    pending: &Pending,
    tails: &mut [EventTail],
    child: &mut Child,
) -> bool {
    let start = Instant::now();
    loop {
        let disconnected = client.limits.disconnected();
        if forward(tails, client) {
            return !disconnected;
        }
        let is_past = tails.iter().any(|tail| tail.past_point_of_no_return);
        // a run that was cancelled must learn first that it is too late
        if disconnected && (is_past || start.elapsed() > BEGIN_TIMEOUT) {
            tracing::info!("the runner has disconnected; the transaction continues");
            return false;
        }
        if let Ok(Some(status)) = child.try_wait() {
            return forward(tails, client) || report_missing_end(client, pending, status);
        }
        thread::sleep(TICK);
    }
}

/// Forwards new events. Returns whether the last one was among them.
fn forward(tails: &mut [EventTail], client: &mut Client<'_>) -> bool {
    tails.iter_mut().any(|tail| tail.forward(client.outbox))
}

/// Waits until the runner half closes the connection, which shows that it has received the verdict.
fn wait_for_close(client: &mut Client<'_>) {
    client.outbox.close();
    let start = Instant::now();
    while start.elapsed() < CLOSE_TIMEOUT {
        if client.limits.disconnected() {
            return verdicts::mark_reported(client.layout, client.transaction);
        }
        thread::sleep(TICK);
    }
}

/// Keeps the connection while this systemd is going down. If the system cuts it, the runner half reconnects after the boot.
/// The user's own systemd may be started again by someone else, or by the next login.
pub(super) fn stay_while_going_down(client: &Client<'_>, scope: Scope) {
    let start = Instant::now();
    let stays = || scope == Scope::System || start.elapsed() < OWN_DOWN_TIMEOUT;
    while stays() && !client.limits.disconnected() && going_down(scope).is_some() {
        thread::sleep(DOWN_TICK);
    }
}

/// Which systemd is going down, if that is the reason.
pub(super) fn down(reason: &Reason) -> Option<Scope> {
    match reason {
        Reason::Interference(Interference::GoingDown) => Some(Scope::System),
        Reason::Interference(Interference::OwnSystemdDown) => Some(Scope::User),
        _ => None,
    }
}

/// The verdict that no run has received, unless its own run is about to receive it.
pub(super) fn unreported_verdict(layout: &Layout) -> Option<Verdict> {
    let start = Instant::now();
    loop {
        let verdict = verdicts::unreported(layout)?;
        let followed = File::open(layout.events(&verdict.transaction))
            .is_ok_and(|file| file.try_lock().is_err());
        if !followed || start.elapsed() > OTHER_CLOSE_TIMEOUT {
            return Some(verdict);
        }
        thread::sleep(TICK);
    }
}

/// Starts the process. Its standard input is the lock, so it alone holds the lock once this login has ended. Its standard
/// output takes the events that the disk does not.
fn spawn(layout: &Layout, pending: &Pending, lock: File, overflow: Stdio) -> Result<Child, Reason> {
    let program =
        std::env::current_exe().map_err(failed(Operation::Find, "/proc/self/exe".as_ref()))?;
    let mut command = if detaching() == Detaching::Scope {
        let mut scope = Command::new("systemd-run");
        scope
            .args(["--user", "--scope", "--quiet", "--collect", "--"])
            .arg(&program);
        scope
    } else {
        Command::new(&program)
    };
    command
        .args([SUBCOMMAND, "transact"])
        .arg(layout.target())
        .arg(pending.transaction.to_string());
    command
        .stdin(Stdio::from(lock))
        .stdout(overflow)
        .stderr(Stdio::null())
        .current_dir("/");
    command.spawn().map_err(failed(Operation::Start, &program))
}

/// The process ended without reporting its end: it was killed, or the disk is full. This login or another run ends the
/// transaction, whichever takes the lock first.
fn report_missing_end(client: &mut Client<'_>, pending: &Pending, status: ExitStatus) -> bool {
    match missing_end(client, pending, status) {
        Ok(Some(verdict)) => {
            client.outbox.emit(What::Ended(Box::new(verdict)));
            true
        }
        Ok(None) => false,
        Err(reason) => {
            match down(&reason) {
                Some(scope) => stay_while_going_down(client, scope),
                None => tracing::error!(%reason, "the end of the transaction is unknown"),
            }
            false
        }
    }
}

fn missing_end(
    client: &mut Client<'_>,
    pending: &Pending,
    status: ExitStatus,
) -> Result<Option<Verdict>, Reason> {
    let start = Instant::now();
    loop {
        if let Some(verdict) = verdicts::get(client.layout, &pending.transaction) {
            return Ok(Some(verdict));
        }
        match lock::try_take(client.layout) {
            Ok(Some(_lock)) => return end_with_lock(client, pending, status).map(Some),
            Ok(None) => {}
            // its process has ended, so nobody needs the lock to know how
            Err(reason) => {
                let verdict = by_exit_code(client, pending, status);
                return verdict.map(Some).ok_or(reason);
            }
        }
        if start.elapsed() > pending.deadline {
            return Ok(None);
        }
        thread::sleep(TICK);
    }
}

fn end_with_lock(
    client: &mut Client<'_>,
    pending: &Pending,
    status: ExitStatus,
) -> Result<Verdict, Reason> {
    match by_exit_code(client, pending, status) {
        Some(verdict) => Ok(verdict),
        None => Ok(recover(client.layout, client.outbox)?
            .unwrap_or_else(|| bare_verdict(client.layout, pending, Outcome::Failed, false))),
    }
}

/// If nothing could be written, the exit code still shows the outcome.
fn by_exit_code(client: &Client<'_>, pending: &Pending, status: ExitStatus) -> Option<Verdict> {
    let mut all = [pending.success].into_iter().chain(Outcome::ALL);
    let outcome = all.find(|outcome| status.code() == Some(i32::from(outcome.code())))?;
    (outcome != Outcome::Error).then(|| bare_verdict(client.layout, pending, outcome, true))
}

fn bare_verdict(layout: &Layout, pending: &Pending, outcome: Outcome, switched: bool) -> Verdict {
    let failure = Failure {
        step: Step::Recover,
        reason: Reason::Interrupted,
        unit: None,
    };
    Verdict {
        transaction: pending.transaction.clone(),
        outcome,
        release: Some(pending.release.clone()),
        previous: pending.old.as_ref().map(|old| old.release.clone()),
        live: links::live(layout),
        failure: (!outcome.is_success()).then_some(failure),
        rollback: None,
        switched,
        before_switch: pending.leaves_changes(outcome),
        interruption: None,
        at: now(),
    }
}
