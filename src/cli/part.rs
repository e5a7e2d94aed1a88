//! A run has two steps: the first deploys, the second finishes the report if the first could not.

use crate::protocol::{End, Outcome, RunError, TransactionId};
use std::ffi::OsString;

/// The first argument of the second step.
const FINISH: &str = "finish";
/// The variable with the transaction that the second step follows.
const TRANSACTION: &str = "DEPLOY_ACTION_TRANSACTION";

/// How the first step ended, and the outcome that it has reported, if any.
const STEP: &str = "DEPLOY_ACTION_STEP";
const OUTCOME: &str = "DEPLOY_ACTION_OUTCOME";

/// The part of a run that this process does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RunPart {
    /// Everything.
    Whole,
    /// Follow a transaction that the first step began, but did not see the end of.
    Finish {
        transaction: TransactionId,
        /// The first step crashed or was killed, and not because the job was cancelled.
        crashed: bool,
    },
    /// Report that the first step crashed or was killed before it began a transaction.
    ReportCrash,
}

impl RunPart {
    /// Removes the part from the arguments; `None` if there is nothing to finish.
    pub(super) fn take(arguments: &mut Vec<OsString>) -> Option<Self> {
        Self::of(arguments, |name| std::env::var(name).ok())
    }

    fn of(arguments: &mut Vec<OsString>, find: impl Fn(&str) -> Option<String>) -> Option<Self> {
        if arguments.first().is_none_or(|first| first != FINISH) {
            return Some(Self::Whole);
        }
        arguments.remove(0);
        let find = |name: &str| find(name).unwrap_or_default();
        let reported = find(OUTCOME);
        let crashed = find(STEP) == "failure" && (reported.is_empty() || reported == "error");
        match TransactionId::try_from(find(TRANSACTION)) {
            Ok(transaction) => Some(Self::Finish {
                transaction,
                crashed,
            }),
            Err(_) => crashed.then_some(Self::ReportCrash),
        }
    }

    /// The end of a run whose first step crashed. If nothing was switched, that is the reason, and not that somebody had
    /// cancelled it.
    pub(super) fn corrected(&self, mut end: End) -> End {
        let crashed = matches!(self, Self::Finish { crashed: true, .. });
        if crashed && end.outcome == Outcome::Cancelled && end.error.is_none() {
            end.outcome = Outcome::Error;
            end.error = Some(RunError::Killed { begun: true });
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn part(transaction: &str, step: &str, outcome: &str) -> Option<RunPart> {
        let variables = [(TRANSACTION, transaction), (STEP, step), (OUTCOME, outcome)];
        let find = |name: &str| {
            let known = variables.iter().find(|(known, _)| *known == name);
            known.map(|(_, value)| (*value).to_owned())
        };
        RunPart::of(&mut vec![FINISH.into()], find)
    }

    fn finish(crashed: bool) -> Option<RunPart> {
        let transaction = ID.to_owned().try_into().unwrap();
        Some(RunPart::Finish {
            transaction,
            crashed,
        })
    }

    #[test]
    fn only_a_first_step_that_failed_without_a_result_has_crashed() {
        for (step, outcome, crashed) in [
            ("failure", "", true),
            ("failure", "error", true),
            ("failure", "unknown", false),
            ("cancelled", "", false),
            ("skipped", "", false),
            ("", "", false),
        ] {
            assert_eq!(part(ID, step, outcome), finish(crashed), "{step} {outcome}");
            let without = crashed.then_some(RunPart::ReportCrash);
            assert_eq!(part("", step, outcome), without, "{step} {outcome}");
        }
        assert_eq!(RunPart::of(&mut Vec::new(), |_| None), Some(RunPart::Whole));
    }
}
