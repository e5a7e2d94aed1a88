//! The server part: started over SSH as the deploy user, knows nothing of GitHub. `serve` prepares a release for one
//! login and follows; `transact` is the transaction's own process; `install` puts this program into its place; `guard`
//! is for a unit at boot.

mod channel;
mod clock;
mod exec;
mod limits;
mod recover;
mod session;
mod stage;
mod store;
mod transaction;
mod unit;

use crate::protocol::{greeting, root_of, Plan, Reason, ToRunner, ToServer, TransactionId, What};
use channel::events::{EventFile, Events};
use channel::inbox::Inbox;
use channel::outbox::Outbox;
use limits::Limits;
use rustix::fs::Mode;
use session::finish;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::sync::Arc;
use std::time::Duration;
use store::layout::Layout;
use store::pending::Pending;
use store::retention::{self, After};
use store::{binary, listing};
use transaction::Transaction;

/// The first argument that makes this program the server part.
pub const SUBCOMMAND: &str = "server-part";
/// How long a client that does not read may hold up the server part before the point of no return.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the server part; `arguments` are those behind [`SUBCOMMAND`].
#[must_use]
pub fn run(arguments: &[String]) -> ExitCode {
    // releases are for the service's user to read, whatever the deploy user's habits
    rustix::process::umask(Mode::from_raw_mode(0o022));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["serve", target, transaction, root] => serve(target, transaction, root),
        ["transact", target, transaction] => return transact(target, transaction),
        ["install", digest] => install(digest),
        ["guard", target] => {
            recover::guard(&Layout::new(target)).map_err(|reason| format!("{reason:?}"))
        }
        _ => Err("these are not arguments of the server part".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn complain(error: &str) {
    if writeln!(io::stderr(), "deploy-action: {error}").is_err() {
        tracing::debug!("nobody hears");
    }
}

fn serve(target: &str, transaction: &str, root: &str) -> Result<(), String> {
    let transaction: TransactionId = transaction
        .to_owned()
        .try_into()
        .map_err(|error| format!("{error}"))?;
    let inbox = Inbox::stdin();
    leave_when_asked(&inbox);
    let mut outbox = Outbox::new(PATIENCE);
    outbox.pass(greeting(&transaction).into_bytes());
    let announced = |plan: &Plan| {
        plan.target.as_str() == target
            && plan.transaction == transaction
            && plan.root.to_string() == root
    };
    let served = match inbox.first() {
        Ok(ToServer::Start(plan)) if announced(&plan) => {
            session::Session::new(&plan, 0, &inbox, &mut outbox).run();
            Ok(())
        }
        Ok(ToServer::Resume { plan, heard }) if announced(&plan) => {
            session::Session::new(&plan, heard, &inbox, &mut outbox).run();
            Ok(())
        }
        Ok(ToServer::Follow { heard }) if root_of(&[], &[]).to_string() == root => {
            let limits = Limits::new(inbox.gone(), Duration::MAX);
            finish::finish(
                &Layout::new(target),
                &transaction,
                heard,
                &limits,
                &mut outbox,
            )
            .map_err(|it| format!("{it:?}"))
        }
        Ok(ToServer::List) if root_of(&[], &[]).to_string() == root => {
            outbox.send(&ToRunner::Listing(Box::new(listing::list(&Layout::new(
                target,
            )))));
            Ok(())
        }
        Ok(_) => Err("the plan is not the one that the command line announced".to_owned()),
        Err(Reason::Cancelled) => Err("the line ended before the plan was complete".to_owned()),
        Err(reason) => Err(format!("{reason:?}")),
    };
    outbox.close();
    served
}

/// A later login of the same transaction asks by SIGTERM: to this one it is as if its line had ended.
fn leave_when_asked(inbox: &Inbox) {
    if let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGTERM, inbox.gone()) {
        tracing::debug!(%error, "SIGTERM ends the server part at once");
    }
}

/// The transaction's own process. Its exit code is the outcome's.
fn transact(target: &str, transaction: &str) -> ExitCode {
    let layout = Layout::new(target);
    detach();
    // the lock; as long as this process lives
    let lock = io::stdin().as_fd().try_clone_to_owned();
    let pending = match Pending::prepared(&layout) {
        Ok(pending) if pending.transaction.to_string() == transaction && lock.is_ok() => pending,
        _ => return ExitCode::FAILURE,
    };
    let mut events = EventFile::create(&layout.events(&pending.transaction));
    let mut transaction = Transaction::new(&layout, &pending, &mut events);
    let verdict = transaction.run();
    transaction.record(&verdict, false);
    let outcome = verdict.outcome;
    events.emit(What::Ended(Box::new(verdict)));
    let after = if outcome.is_success() {
        After::Success
    } else {
        After::Failure
    };
    retention::run(&layout, pending.retention, after);
    ExitCode::from(outcome.code())
}

/// Nothing that ends the login ends the transaction.
fn detach() {
    if let Err(error) = rustix::process::setsid() {
        tracing::debug!(%error, "no session of its own");
    }
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
        if let Err(error) = signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false))) {
            tracing::debug!(%error, "a signal is not handled");
        }
    }
}

fn install(digest: &str) -> Result<(), String> {
    let digest = digest.parse().map_err(|error| format!("{error}"))?;
    binary::install(digest).map_err(|error| error.to_string())?;
    writeln!(io::stdout(), "deploy-action-installed {digest}").map_err(|error| error.to_string())
}
