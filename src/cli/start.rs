//! What every run over the network begins with: a transaction, a runtime, and what must not be shown.

use crate::actions::{Context, Outputs};
use crate::protocol::{Bug, End, Outcome, RunError, TransactionId};
use crate::runner;
use crate::settings::{self, Settings};
use crate::text::Redactor;
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};

/// Hides every secret, but none of our own texts.
pub(super) fn redactor(settings: &Settings, context: &Context) -> Redactor {
    let link = context.run_url();
    let shown: Vec<&str> = [&link, &context.sha, &context.reference]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    Redactor::exactly(settings::hidden(settings, &shown))
}

pub(super) fn no_start(error: RunError, started: Instant) -> End {
    End {
        outcome: Outcome::Error,
        verdict: None,
        error: Some(error),
        took: started.elapsed(),
    }
}

/// What every run over the network begins with.
pub(super) fn announced() -> Result<(TransactionId, Runtime), RunError> {
    let transaction = runner::new_transaction_id()?;
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

/// Before anything is sent, so that a later step can ask the server for this very transaction.
fn announce(transaction: &TransactionId) {
    if let Err(error) = Outputs::from_env().set("transaction", &transaction.to_string()) {
        tracing::warn!(%error, "the output transaction is not written");
    }
}
