//! Brings a transaction to its end that was cut short: killed, or the server went down. Unconfirmed means old.

use super::transaction::Transaction;
use crate::protocol::{Failure, Reason, Step, Verdict};
use crate::server::channel::events::Events;
use crate::server::store::durable;
use crate::server::store::journal;
use crate::server::store::layout::Layout;
use crate::server::store::links;
use crate::server::store::lock;
use crate::server::store::pending::Pending;
use crate::server::store::verdicts;

/// Ends what is pending, under the lock; `None`: nothing is.
pub(super) fn recover(layout: &Layout, events: &mut dyn Events) -> Result<Option<Verdict>, Reason> {
    let Some(pending) = Pending::read(layout)? else {
        Pending::clean_up(layout);
        return Ok(None);
    };
    if let Some(verdict) = verdicts::get(layout, &pending.transaction) {
        // decided; only the end was missing, and the attempt's line, which comes after it
        Pending::clear(layout)?;
        journal::add(layout, &verdict, &pending.origin, true);
        return Ok(Some(verdict));
    }
    events.emit(crate::protocol::What::Step(Step::Recover));
    let mut transaction = Transaction::new(layout, &pending, events);
    let failure = Failure {
        step: Step::Recover,
        reason: Reason::Interrupted,
    };
    let verdict = if untouched(layout, &pending) {
        transaction.undone(failure)
    } else {
        transaction.roll_back(failure)
    };
    transaction.record(&verdict, true);
    Ok(Some(verdict))
}

/// Whether it never came to the switch, which uses up its link. That `current` is as it was says less: a way back that
/// was cut short may have left the new release running, and no invocation tells so where the restart is a reload or
/// there is no unit.
fn untouched(layout: &Layout, pending: &Pending) -> bool {
    let same_link = links::live(layout) == pending.old.as_ref().map(|old| old.release);
    same_link && layout.switch_link().is_symlink()
}

/// What an optional unit runs at boot, before the service starts: puts the old release back, so that no unconfirmed one
/// is started. The next run restarts and verifies it, and says so.
pub(super) fn guard(layout: &Layout) -> Result<(), Reason> {
    // held: a deployment is at work, and ends by itself
    let Some(_lock) = lock::try_take(layout)? else {
        return Ok(());
    };
    let Some(pending) = Pending::read(layout)? else {
        return Ok(());
    };
    if verdicts::get(layout, &pending.transaction).is_some()
        || links::live(layout) != Some(pending.release)
    {
        return Ok(());
    }
    match &pending.old {
        Some(old) => durable::link(&layout.current(), &Layout::link_text(old.release)),
        None => durable::remove(&layout.current()),
    }
}
