//! The server part: started over SSH as the deploy user. Its subcommands: `serve` serves one login of the runner half,
//! `transact` is the transaction's own process, `smoke-test` and `smoke-test-program` start a release beside the live one, `install` moves this program into place, `guard` runs at boot.
//!
//! Knows `protocol`, `logs` and `text` only. The wings, from top to bottom: `session`, then `transact`, `transaction`, `rollback` and `recover`, then
//! `stage`, `smoke_test`, `unit`, `channel`, `store`, `exec`.

mod channel;
mod clock;
mod exec;
mod limits;
mod recover;
mod rollback;
mod session;
mod smoke_test;
mod stage;
mod store;
mod subcommand;
mod transact;
mod transaction;
mod unit;

pub use subcommand::SUBCOMMAND;

use rustix::fs::Mode;
use std::io::{self, Write};
use std::process::ExitCode;
use store::binary;
use store::layout::Layout;
use store::private;

/// Runs the server part. `arguments` are those after [`SUBCOMMAND`].
#[must_use]
pub fn run(arguments: &[String]) -> ExitCode {
    // the service's user must be able to read releases, whatever the deploy user's umask is
    rustix::process::umask(Mode::from_raw_mode(0o022));
    exec::user::find_own_systemd();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["serve", target, transaction, root, errand] => {
            private::close(&Layout::new(target));
            session::serve(target, transaction, root, errand)
        }
        ["transact", target, transaction] => return transact::transact(target, transaction),
        ["smoke-test", _target] => return smoke_test::supervise(),
        ["smoke-test-program", parent] => return smoke_test::launch(parent),
        ["install", digest] => install(digest),
        ["guard", target] => {
            private::close(&Layout::new(target));
            recover::guard(&Layout::new(target)).map_err(|reason| reason.to_string())
        }
        _ => Err("these are not arguments of the server part".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn print_error(error: &str) {
    if writeln!(io::stderr(), "deploy-action: {error}").is_err() {
        tracing::info!("standard error is closed");
    }
}

fn install(digest: &str) -> Result<(), String> {
    let digest = digest.parse().map_err(|error| format!("{error}"))?;
    binary::install(digest).map_err(|error| error.to_string())?;
    writeln!(io::stdout(), "deploy-action-installed {digest}").map_err(|error| error.to_string())
}
