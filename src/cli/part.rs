//! A run has two steps: the first deploys, the second finishes the report if the first could not.

use crate::protocol::TransactionId;
use std::ffi::OsString;

/// The first argument of the second step.
const FINISH: &str = "finish";
/// The variable with the transaction that the second step follows.
const TRANSACTION: &str = "DEPLOY_ACTION_TRANSACTION";

/// The part of a run that this process does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RunPart {
    /// Everything.
    Whole,
    /// Follow a transaction that the first step began, but did not see the end of.
    Finish(TransactionId),
}

impl RunPart {
    /// Removes the part from the arguments; `None` if there is no transaction to follow.
    pub(super) fn take(arguments: &mut Vec<OsString>) -> Option<Self> {
        if arguments.first().is_none_or(|first| first != FINISH) {
            return Some(Self::Whole);
        }
        arguments.remove(0);
        let transaction = std::env::var(TRANSACTION).ok()?;
        TransactionId::try_from(transaction).ok().map(Self::Finish)
    }
}
