//! Reports the end of a transaction to a runner half that knows only its id, because the run that began it was killed or
//! had no time to see the end.

use super::check;
use super::client::Client;
use super::follow;
use crate::protocol::{Interruption, IoKind, Outcome, Reason, Refusal, Scope, ToRunner, Verdict};
use crate::server::clock::{now, now_ms};
use crate::server::recover::recover;
use crate::server::store::links;
use crate::server::store::lock::{self, LockState};
use crate::server::store::pending::Pending;
use crate::server::store::verdicts;
use std::thread;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(50);

/// Follows the transaction to its end, and ends it if no other process does.
pub(super) fn finish(client: &mut Client<'_>) -> Result<(), Reason> {
    let Client {
        layout,
        transaction,
        ..
    } = *client;
    check::create_folders(layout)?;
    let mut stopped = false;
    loop {
        if let Some(verdict) = verdicts::get(layout, transaction) {
            follow::report_again(client, &verdict);
            return Ok(());
        }
        if follow::rejoin(client) || client.limits.disconnected() {
            return Ok(());
        }
        let is_pending = Pending::is_of(layout, transaction);
        let begun = client.received > 0 || Pending::is_damaged(layout, transaction);
        if begun && !is_pending {
            if is_without_trace(client) {
                return Ok(());
            }
            continue;
        }
        let unstored = match lock::take_or_inspect(layout, transaction)? {
            LockState::Free(_lock) if is_pending => end_pending(client)?,
            LockState::HeldByOther if is_pending => wait(),
            LockState::HeldByLogin(process) => {
                if !std::mem::replace(&mut stopped, true) {
                    lock::stop_login(layout, transaction, process);
                }
                wait()
            }
            LockState::Free(_lock) => record_cancelled(client)?,
            LockState::HeldByOther => cancel(client)?,
        };
        if let Some(verdict) = unstored {
            follow::report_again(client, &verdict);
            return Ok(());
        }
    }
}

fn wait() -> Option<Verdict> {
    thread::sleep(TICK);
    None
}

/// Whether nothing is left of a transaction that was begun; that is reported. It may run still, or have ended just now.
fn is_without_trace(client: &mut Client<'_>) -> bool {
    if lock::is_running(client.layout, client.transaction) {
        thread::sleep(TICK);
        return false;
    }
    let lost = verdicts::get(client.layout, client.transaction).is_none();
    if lost {
        client.outbox.send(&ToRunner::Refused(Refusal::NoTrace));
    }
    lost
}

/// Ends the pending transaction, unless systemd is going down. Returns the verdict if the disk cannot take it.
fn end_pending(client: &mut Client<'_>) -> Result<Option<Verdict>, Reason> {
    let ended = recover(client.layout, client.outbox);
    if let Some(scope) = ended.as_ref().err().and_then(follow::down) {
        follow::stay_while_going_down(client, scope);
        return match scope {
            Scope::System => Ok(None),
            Scope::User => ended,
        };
    }
    let is_stored = verdicts::get(client.layout, client.transaction).is_some();
    Ok(ended?.filter(|_| !is_stored))
}

/// Cancels the transaction, unless a login of it holds the lock by now. Returns the verdict if the disk cannot take it.
fn cancel(client: &Client<'_>) -> Result<Option<Verdict>, Reason> {
    let _lock = verdicts::lock_decision(client.layout, client.limits)?;
    match lock::take_or_inspect(client.layout, client.transaction)? {
        LockState::HeldByLogin(_) => Ok(None),
        _ if Pending::is_of(client.layout, client.transaction) => Ok(None),
        LockState::Free(_) | LockState::HeldByOther => record_cancelled(client),
    }
}

/// Records that nothing happened. A login that still waits for the lock finds this verdict first, and stops.
///
/// A read-only disk cannot take the verdict, which is returned then, and no transaction can begin there.
fn record_cancelled(client: &Client<'_>) -> Result<Option<Verdict>, Reason> {
    if verdicts::get(client.layout, client.transaction).is_some() {
        return Ok(None);
    }
    let live = links::live(client.layout);
    let verdict = Verdict {
        transaction: client.transaction.clone(),
        outcome: Outcome::Cancelled,
        release: None,
        previous: live.clone(),
        live,
        failure: None,
        rollback: None,
        switched: false,
        before_switch: false,
        interruption: Some(Interruption::none(now_ms())),
        at: now(),
    };
    match verdicts::put(client.layout, &verdict) {
        Err(Reason::Io {
            kind: IoKind::ReadOnly,
            ..
        }) => Ok(Some(verdict)),
        stored => stored.map(|()| None),
    }
}
