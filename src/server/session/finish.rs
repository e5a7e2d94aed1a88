//! Tells what becomes of a transaction to a runner half that knows nothing of it but its id: the one that began it was
//! killed, or had no time to see its end.

use super::check;
use super::follow;
use crate::protocol::{Outcome, Reason, TransactionId, Verdict};
use crate::server::channel::outbox::Outbox;
use crate::server::clock::now;
use crate::server::limits::Limits;
use crate::server::recover::recover;
use crate::server::store::layout::Layout;
use crate::server::store::links;
use crate::server::store::lock::{self, LockState};
use crate::server::store::pending::Pending;
use crate::server::store::verdicts;
use std::thread;
use std::time::Duration;

const TICK: Duration = Duration::from_millis(50);

/// Attends the transaction to its end, and ends it where nobody else does.
pub(in crate::server) fn finish(
    layout: &Layout,
    transaction: &TransactionId,
    mut heard: u32,
    limits: &Limits,
    outbox: &mut Outbox,
) -> Result<(), Reason> {
    check::make_folders(layout)?;
    let mut asked = false;
    loop {
        if let Some(verdict) = verdicts::get(layout, transaction) {
            follow::tell_again(layout, &verdict, heard, limits, outbox);
            return Ok(());
        }
        if follow::rejoin(layout, transaction, &mut heard, limits, outbox) || limits.disconnected()
        {
            return Ok(());
        }
        let is_pending = Pending::is_of(layout, transaction);
        match lock::take_or_inspect(layout, transaction)? {
            LockState::Free(_lock) if is_pending => drop(recover(layout, outbox)?),
            LockState::HeldByOther if is_pending => thread::sleep(TICK),
            LockState::HeldByLogin(login) => {
                if !std::mem::replace(&mut asked, true) {
                    lock::stop_login(layout, transaction, login);
                }
                thread::sleep(TICK);
            }
            LockState::Free(_lock) => put_nothing(layout, transaction)?,
            LockState::HeldByOther => give_up(layout, transaction, limits)?,
        }
    }
}

/// Who has the lock may be another by now: a login of ours, which is asked to leave instead.
fn give_up(layout: &Layout, transaction: &TransactionId, limits: &Limits) -> Result<(), Reason> {
    let _deciding = verdicts::lock_decision(layout, limits)?;
    match lock::take_or_inspect(layout, transaction)? {
        LockState::HeldByLogin(_) => Ok(()),
        _ if Pending::is_of(layout, transaction) => Ok(()),
        LockState::Free(_) | LockState::HeldByOther => put_nothing(layout, transaction),
    }
}

/// Nothing happened, and nothing will: a login that still waits for the lock finds this verdict first.
fn put_nothing(layout: &Layout, transaction: &TransactionId) -> Result<(), Reason> {
    if verdicts::get(layout, transaction).is_some() {
        return Ok(());
    }
    let live = links::live(layout);
    let verdict = Verdict {
        transaction: transaction.clone(),
        outcome: Outcome::Cancelled,
        release: None,
        previous: live,
        live,
        failure: None,
        rollback: None,
        switched: false,
        at: now(),
    };
    verdicts::put(layout, &verdict)
}
