//! What every run needs: transaction and runtime.

use super::crash;
use crate::actions::Outputs;
use crate::protocol::{Bug, End, Outcome, RunError, TransactionId};
use crate::runner;
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};

/// The end of a run that could not start.
pub(super) fn no_start(error: RunError, started: Instant) -> End {
    End {
        outcome: Outcome::Error,
        verdict: None,
        error: Some(error),
        took: started.elapsed(),
    }
}

/// A new transaction, which is written to the outputs, and a runtime.
pub(super) fn announced() -> Result<(TransactionId, Runtime), RunError> {
    let transaction = runner::new_transaction_id()?;
    crash::has_begun();
    announce(&transaction);
    Ok((transaction, runtime()?))
}

pub(super) fn runtime() -> Result<Runtime, RunError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| {
        RunError::Bug(Bug::Runtime {
            error: error.to_string(),
        })
    })
}

/// Writes the transaction to the outputs before anything is sent, so that the second step can follow it.
fn announce(transaction: &TransactionId) {
    if let Err(error) = Outputs::from_env().set("transaction", &transaction.to_string()) {
        tracing::warn!(%error, "cannot write the output transaction");
    }
}
