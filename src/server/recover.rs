//! Ends a transaction whose process was killed or whose server went down. Without a verdict, the old release is restored.

use super::transaction::Transaction;
use crate::protocol::{Failure, Interference, Reason, Step, Verdict, Warning, What};
use crate::server::channel::events::Events;
use crate::server::store::durable;
use crate::server::store::journal;
use crate::server::store::layout::Layout;
use crate::server::store::links;
use crate::server::store::lock;
use crate::server::store::pending::Pending;
use crate::server::store::verdicts;
use crate::server::unit::files::transaction::UnitFiles;

/// Ends the pending transaction. The caller holds the lock. `None`: there is none, or nobody knows any more what it had to do:
/// then `current` is taken as it is. A system that is going down is an error: nothing can be ended there.
pub(super) fn recover(layout: &Layout, events: &mut dyn Events) -> Result<Option<Verdict>, Reason> {
    let (pending, damaged) = Pending::read_or_set_aside(layout)?;
    if let Some(path) = damaged {
        let path = path.display().to_string();
        events.emit(What::Warning(Warning::PendingSetAside { path }));
    }
    let Some(pending) = pending else {
        if let Ok(prepared) = Pending::prepared(layout) {
            UnitFiles::of(layout, &prepared).clean_up();
        }
        Pending::clean_up(layout);
        return Ok(None);
    };
    if let Some(verdict) = verdicts::get(layout, &pending.transaction) {
        // it was decided; only the end and the journal's line are missing
        UnitFiles::of(layout, &pending).clean_up();
        Pending::clear(layout)?;
        journal::add(layout, &verdict, &pending.origin, true);
        return Ok(Some(verdict));
    }
    let mut transaction = Transaction::new(layout, &pending, events);
    transaction.unless_going_down()?;
    transaction.step(Step::Recover);
    let failure = Failure {
        step: Step::Recover,
        reason: Reason::Interrupted,
        unit: None,
    };
    let verdict = if was_never_switched(layout, &pending) {
        transaction.fail_unswitched(failure)
    } else {
        transaction.roll_back(failure)?
    };
    transaction.record(&verdict, true);
    Ok(Some(verdict))
}

/// Whether the transaction ended before the switch, which renames the prepared link. `current` alone does not show it: an
/// interrupted rollback may have left the new release running, which no invocation shows if the restart is a reload or
/// there is no unit.
fn was_never_switched(layout: &Layout, pending: &Pending) -> bool {
    let same_link = links::live(layout).as_ref() == pending.old.as_ref().map(|old| &old.release);
    same_link && layout.switch_link().is_symlink()
}

/// The boot guard, which an optional unit runs before the service starts: restores the link to the old release, so that no
/// release without a verdict starts, and the old unit files. The next run restarts it, verifies it and reports it.
pub(super) fn guard(layout: &Layout) -> Result<(), Reason> {
    // whoever holds the lock ends the transaction
    let Some(_lock) = lock::try_take(layout)? else {
        return Ok(());
    };
    let Some(pending) = Pending::read(layout)? else {
        return Ok(());
    };
    if verdicts::get(layout, &pending.transaction).is_some() || was_never_switched(layout, &pending)
    {
        return Ok(());
    }
    if links::live(layout).as_ref() == Some(&pending.release) {
        restore_current(layout, &pending)?;
    }
    // a rollback may have been interrupted between the link and the files
    let (_, failed) = UnitFiles::of(layout, &pending).restore();
    failed.map_or(Ok(()), Err)
}

fn restore_current(layout: &Layout, pending: &Pending) -> Result<(), Reason> {
    let Some(old) = &pending.old else {
        return durable::remove(&layout.current());
    };
    let folder = layout.release(&old.release);
    if !folder.is_dir() {
        // a release without a verdict is better than none
        let path = folder.display().to_string();
        return Err(Reason::Interference(Interference::ReleaseDeleted(path)));
    }
    durable::link(&layout.current(), &Layout::link_text(&old.release))
}
