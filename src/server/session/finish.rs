//! Reports the end of a transaction to a runner half that knows only its id, because the run that began it was killed or
//! had no time to see the end.

use super::check;
use super::follow;
use super::login::Login;
use crate::protocol::{Outcome, Reason, Verdict};
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
pub(super) fn finish(login: &mut Login<'_>) -> Result<(), Reason> {
    let Login {
        layout,
        transaction,
        ..
    } = *login;
    check::create_folders(layout)?;
    let mut stopped = false;
    loop {
        if let Some(verdict) = verdicts::get(layout, transaction) {
            follow::report_again(login, &verdict);
            return Ok(());
        }
        if follow::rejoin(login) || login.limits.disconnected() {
            return Ok(());
        }
        let is_pending = Pending::is_of(layout, transaction);
        match lock::take_or_inspect(layout, transaction)? {
            LockState::Free(_lock) if is_pending => drop(recover(layout, login.outbox)?),
            LockState::HeldByOther if is_pending => thread::sleep(TICK),
            LockState::HeldByLogin(process) => {
                if !std::mem::replace(&mut stopped, true) {
                    lock::stop_login(layout, transaction, process);
                }
                thread::sleep(TICK);
            }
            LockState::Free(_lock) => record_cancelled(login)?,
            LockState::HeldByOther => cancel(login)?,
        }
    }
}

/// Cancels the transaction, unless a login of it holds the lock by now.
fn cancel(login: &Login<'_>) -> Result<(), Reason> {
    let _lock = verdicts::lock_decision(login.layout, login.limits)?;
    match lock::take_or_inspect(login.layout, login.transaction)? {
        LockState::HeldByLogin(_) => Ok(()),
        _ if Pending::is_of(login.layout, login.transaction) => Ok(()),
        LockState::Free(_) | LockState::HeldByOther => record_cancelled(login),
    }
}

/// Records that nothing happened. A login that still waits for the lock finds this verdict first, and stops.
fn record_cancelled(login: &Login<'_>) -> Result<(), Reason> {
    if verdicts::get(login.layout, login.transaction).is_some() {
        return Ok(());
    }
    let live = links::live(login.layout);
    let verdict = Verdict {
        transaction: login.transaction.clone(),
        outcome: Outcome::Cancelled,
        release: None,
        previous: live,
        live,
        failure: None,
        rollback: None,
        switched: false,
        at: now(),
    };
    verdicts::put(login.layout, &verdict)
}
