//! Reports the end of a transaction to a runner half that knows only its id, because the run that began it was killed or
//! had no time to see the end.

use super::check;
use super::client::Client;
use super::follow;
use crate::protocol::{Interference, Outcome, Reason, Refusal, ToRunner, Verdict};
use crate::server::clock::now;
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
        if client.received > 0 && !is_pending {
            if lock::is_running(layout, transaction) {
                thread::sleep(TICK);
            } else if verdicts::get(layout, transaction).is_none() {
                client.outbox.send(&ToRunner::Refused(Refusal::NoTrace));
                return Ok(());
            }
            continue;
        }
        match lock::take_or_inspect(layout, transaction)? {
            LockState::Free(_lock) if is_pending => {
                let ended = match recover(layout, client.outbox) {
                    Err(Reason::Interference(Interference::GoingDown)) => {
                        follow::stay_while_going_down(client);
                        continue;
                    }
                    ended => ended?,
                };
                // else the disk cannot take it
                if let Some(verdict) =
                    ended.filter(|_| verdicts::get(layout, transaction).is_none())
                {
                    follow::report_again(client, &verdict);
                    return Ok(());
                }
            }
            LockState::HeldByOther if is_pending => thread::sleep(TICK),
            LockState::HeldByLogin(process) => {
                if !std::mem::replace(&mut stopped, true) {
                    lock::stop_login(layout, transaction, process);
                }
                thread::sleep(TICK);
            }
            LockState::Free(_lock) => record_cancelled(client)?,
            LockState::HeldByOther => cancel(client)?,
        }
    }
}

/// Cancels the transaction, unless a login of it holds the lock by now.
fn cancel(client: &Client<'_>) -> Result<(), Reason> {
    let _lock = verdicts::lock_decision(client.layout, client.limits)?;
    match lock::take_or_inspect(client.layout, client.transaction)? {
        LockState::HeldByLogin(_) => Ok(()),
        _ if Pending::is_of(client.layout, client.transaction) => Ok(()),
        LockState::Free(_) | LockState::HeldByOther => record_cancelled(client),
    }
}

/// Records that nothing happened. A login that still waits for the lock finds this verdict first, and stops.
fn record_cancelled(client: &Client<'_>) -> Result<(), Reason> {
    if verdicts::get(client.layout, client.transaction).is_some() {
        return Ok(());
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
        at: now(),
    };
    verdicts::put(client.layout, &verdict)
}
