//! Starts the transaction's own process, detached from the login, and passes its events on.

use crate::protocol::{Failure, Outcome, Reason, Step, TransactionId, Verdict, What};
use crate::server::channel::event_tail::EventTail;
use crate::server::channel::events::Events;
use crate::server::channel::outbox::Outbox;
use crate::server::clock::now;
use crate::server::limits::Limits;
use crate::server::recover::recover;
use crate::server::store::durable::failed;
use crate::server::store::layout::Layout;
use crate::server::store::links;
use crate::server::store::lock;
use crate::server::store::pending::Pending;
use crate::server::store::verdicts;
use crate::server::unit::systemd::{detaching, Detaching};
use std::fs::File;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(20);
/// For the transaction to begin, and for the lock of one whose process is gone.
const PATIENCE: Duration = Duration::from_secs(10);
/// For the runner half to say that it has the verdict, by closing the line.
const FAREWELL: Duration = Duration::from_secs(10);
/// For another run's farewell.
const OTHERS_FAREWELL: Duration = Duration::from_secs(3);

/// Hands the sealed instruction over, together with the lock, and follows for as long as somebody is there.
///
/// # Errors
/// Only where the transaction's process could not be started.
pub(in crate::server) fn hand_over(
    layout: &Layout,
    pending: &Pending,
    lock: File,
    limits: &Limits,
    outbox: &mut Outbox,
) -> Result<(), Reason> {
    let mut tail = EventTail::new(layout, &pending.transaction)?;
    let mut child = spawn(layout, pending, lock)?;
    if follow(layout, pending, &mut tail, &mut child, limits, outbox) {
        outbox.close();
        take_leave(layout, &pending.transaction, limits);
    }
    Ok(())
}

/// Follows the transaction where an earlier login has begun it, with what the runner half has not heard yet; whether
/// there is nothing more to be done about it. Where its process ended without a word, there is.
pub(in crate::server) fn rejoin(
    layout: &Layout,
    transaction: &TransactionId,
    heard: &mut u32,
    limits: &Limits,
    outbox: &mut Outbox,
) -> bool {
    if !Pending::is_of(layout, transaction) {
        return false;
    }
    // where its file is gone, only the end can be told
    let tail = EventTail::after(layout, transaction, *heard)
        .or_else(|| EventTail::new(layout, transaction).ok());
    let Some(mut tail) = tail else { return false };
    loop {
        // looked at first: whoever frees the lock has told everything before
        let free = matches!(lock::try_take(layout), Ok(Some(_)));
        let ended = tail.forward(outbox);
        *heard = tail.received();
        if ended {
            outbox.close();
            take_leave(layout, transaction, limits);
            return true;
        }
        if free || limits.disconnected() {
            return !free;
        }
        thread::sleep(TICK);
    }
}

/// Tells again how the transaction ended, and what of it the runner half has not heard yet.
pub(in crate::server) fn tell_again(
    layout: &Layout,
    verdict: &Verdict,
    heard: u32,
    limits: &Limits,
    outbox: &mut Outbox,
) {
    let tail = EventTail::after(layout, &verdict.transaction, heard);
    if !tail.is_some_and(|mut tail| tail.forward(outbox)) {
        outbox.emit(What::Ended(Box::new(verdict.clone())));
    }
    outbox.close();
    take_leave(layout, &verdict.transaction, limits);
}

/// Whether the verdict was told.
fn follow(
    layout: &Layout,
    pending: &Pending,
    tail: &mut EventTail,
    child: &mut Child,
    limits: &Limits,
    outbox: &mut Outbox,
) -> bool {
    let start = Instant::now();
    loop {
        let gone = limits.disconnected();
        if tail.forward(outbox) {
            return !gone;
        }
        // whoever asked us to stop is told first that it is too late
        if gone && (tail.past_point_of_no_return || start.elapsed() > PATIENCE) {
            tracing::info!("the runner is gone, the transaction goes on");
            return false;
        }
        if let Ok(Some(status)) = child.try_wait() {
            return tail.forward(outbox) || tell_the_untold(layout, pending, status, outbox);
        }
        thread::sleep(TICK);
    }
}

/// A runner half that has the verdict closes the line; one that was cut off before could not know it.
fn take_leave(layout: &Layout, transaction: &TransactionId, limits: &Limits) {
    let start = Instant::now();
    while start.elapsed() < FAREWELL {
        if limits.disconnected() {
            return verdicts::mark_reported(layout, transaction);
        }
        thread::sleep(TICK);
    }
}

/// The verdict that no run has seen, unless its own run is just about to.
pub(in crate::server) fn untold(layout: &Layout) -> Option<Verdict> {
    let start = Instant::now();
    loop {
        let verdict = verdicts::unreported(layout)?;
        let followed = File::open(layout.events(&verdict.transaction))
            .is_ok_and(|file| file.try_lock().is_err());
        if !followed || start.elapsed() > OTHERS_FAREWELL {
            return Some(verdict);
        }
        thread::sleep(TICK);
    }
}

/// The lock is the process's standard input: it has the same open file, and nobody else does.
fn spawn(layout: &Layout, pending: &Pending, lock: File) -> Result<Child, Reason> {
    let program = std::env::current_exe().map_err(failed("find", "/proc/self/exe".as_ref()))?;
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
        .args(["server-part", "transact"])
        .arg(layout.target())
        .arg(pending.transaction.to_string());
    command
        .stdin(Stdio::from(lock))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/");
    command.spawn().map_err(failed("start", &program))
}

/// The process ended without telling: killed, or the disk is full. Whoever takes the lock ends what is pending; that
/// may be another run.
fn tell_the_untold(
    layout: &Layout,
    pending: &Pending,
    status: ExitStatus,
    outbox: &mut Outbox,
) -> bool {
    match end_of_the_untold(layout, pending, status, outbox) {
        Ok(Some(verdict)) => {
            outbox.emit(What::Ended(Box::new(verdict)));
            true
        }
        Ok(None) => false,
        Err(reason) => {
            tracing::error!(?reason, "the end of the transaction is not known");
            false
        }
    }
}

fn end_of_the_untold(
    layout: &Layout,
    pending: &Pending,
    status: ExitStatus,
    outbox: &mut Outbox,
) -> Result<Option<Verdict>, Reason> {
    let start = Instant::now();
    loop {
        if let Some(verdict) = verdicts::get(layout, &pending.transaction) {
            return Ok(Some(verdict));
        }
        if let Some(_lock) = lock::try_take(layout)? {
            return end_under_lock(layout, pending, status, outbox).map(Some);
        }
        if start.elapsed() > pending.deadline {
            return Ok(None);
        }
        thread::sleep(TICK);
    }
}

fn end_under_lock(
    layout: &Layout,
    pending: &Pending,
    status: ExitStatus,
    outbox: &mut Outbox,
) -> Result<Verdict, Reason> {
    // its exit code is the outcome's, for the case that nothing could be written
    let mut all = [pending.success].into_iter().chain(Outcome::ALL);
    let told = all.find(|outcome| status.code() == Some(i32::from(outcome.code())));
    match told.filter(|outcome| *outcome != Outcome::Error) {
        Some(outcome) => Ok(bare_verdict(layout, pending, outcome, true)),
        None => Ok(recover(layout, outbox)?
            .unwrap_or_else(|| bare_verdict(layout, pending, Outcome::Failed, false))),
    }
}

fn bare_verdict(layout: &Layout, pending: &Pending, outcome: Outcome, switched: bool) -> Verdict {
    let failure = Failure {
        step: Step::Recover,
        reason: Reason::Interrupted,
    };
    Verdict {
        transaction: pending.transaction.clone(),
        outcome,
        release: Some(pending.release),
        previous: pending.old.as_ref().map(|old| old.release),
        live: links::live(layout),
        failure: (!outcome.is_success()).then_some(failure),
        rollback: None,
        switched,
        at: now(),
    }
}
