//! The transaction's own process. It is detached from the login, and holds the lock as its standard input.

use crate::protocol::What;
use crate::server::channel::events::{EventFile, Events};
use crate::server::store::layout::Layout;
use crate::server::store::pending::Pending;
use crate::server::store::retention::{self, After};
use crate::server::transaction::Transaction;
use crate::server::unit::hidden;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::sync::Arc;

/// Runs the prepared transaction. The exit code is that of its outcome.
pub(super) fn transact(target: &str, transaction: &str) -> ExitCode {
    let layout = Layout::new(target);
    detach();
    // holds the lock until this process ends
    let lock = io::stdin().as_fd().try_clone_to_owned();
    let pending = match Pending::prepared(&layout) {
        Ok(pending) if pending.transaction.to_string() == transaction && lock.is_ok() => pending,
        _ => return ExitCode::FAILURE,
    };
    let overflow = io::stdout().as_fd().try_clone_to_owned();
    let mut events = EventFile::create(
        &layout.events(&pending.transaction),
        overflow.ok().map(File::from),
    );
    let mut transaction = Transaction::new(&layout, &pending, &mut events);
    let Ok(verdict) = transaction.run() else {
        return ExitCode::FAILURE;
    };
    transaction.record(&verdict, false);
    let outcome = verdict.outcome;
    events.emit(What::Ended(Box::new(verdict)));
    let after = if outcome.is_success() {
        After::Success
    } else {
        After::Failure
    };
    let health = pending.verification.health.as_ref();
    retention::run(
        &layout,
        pending.retention,
        (&pending.transaction, after),
        || hidden::starts(&pending.units(), health),
    );
    ExitCode::from(outcome.code())
}

/// Makes the process survive the end of the login.
fn detach() {
    if let Err(error) = rustix::process::setsid() {
        tracing::info!(%error, "cannot start a new session");
    }
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
        if let Err(error) = signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false))) {
            tracing::info!(%error, "cannot handle a signal");
        }
    }
}
