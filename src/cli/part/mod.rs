//! A run has two steps: the first deploys, the second finishes the report if the first could not.

mod first_step;

pub(super) use first_step::{deadline_in, deadline_of, FirstStep};

use super::outputs::note;
use crate::protocol::{End, Outcome, RunError, TransactionId};
use crate::report::{self, Facts, ReportedBy};
use crate::text::Redactor;
use first_step::Find;
use std::ffi::OsString;

/// The first argument of the second step.
const FINISH: &str = "finish";
/// Set for a first step that a second one follows. From the command line, and for whoever starts the program in a step of
/// their own, there is none.
const HAS_NEXT_STEP: &str = "DEPLOY_ACTION_HAS_NEXT_STEP";
/// The variable with the transaction that the second step follows.
const TRANSACTION: &str = "DEPLOY_ACTION_TRANSACTION";
/// How the first step ended.
const STEP: &str = "DEPLOY_ACTION_STEP";

/// The part of a run that this process does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RunPart {
    /// Everything.
    Whole,
    /// Everything, but if the server has not finished, the second step follows it and reports.
    First,
    /// Follow a transaction that the first step began, but did not see the end of.
    Finish {
        transaction: TransactionId,
        /// The first step crashed or was killed, and not because the job was cancelled.
        crashed: bool,
        first: Box<FirstStep>,
    },
    /// Report that the first step crashed or was killed before it began a transaction.
    ReportCrash,
}

impl RunPart {
    /// Removes the part from the arguments; `None` if there is nothing to finish.
    pub(super) fn take(arguments: &mut Vec<OsString>) -> Option<Self> {
        Self::of(arguments, &|name| std::env::var(name).unwrap_or_default())
    }

    fn of(arguments: &mut Vec<OsString>, find: Find<'_>) -> Option<Self> {
        if arguments.first().is_none_or(|first| first != FINISH) {
            return Some(match find(HAS_NEXT_STEP).as_str() {
                "true" => Self::First,
                _ => Self::Whole,
            });
        }
        arguments.remove(0);
        let first = FirstStep::of(find);
        let has_no_result = matches!(first.outcome, None | Some(Outcome::Error));
        let crashed = find(STEP) == "failure" && has_no_result;
        match TransactionId::try_from(find(TRANSACTION)) {
            Ok(transaction) => Some(Self::Finish {
                transaction,
                crashed,
                first: Box::new(first),
            }),
            Err(_) => crashed.then_some(Self::ReportCrash),
        }
    }

    /// The part as it can be done: without outputs, the next step would find nothing to follow.
    pub(super) fn begun(self) -> Self {
        match self {
            Self::First if !note(&[first_step::started()]) => Self::Whole,
            part => part,
        }
    }

    /// Whether it is the action's second step.
    pub(super) fn is_second(&self) -> bool {
        matches!(self, Self::Finish { .. } | Self::ReportCrash)
    }

    /// What people have read of the run already: the outcome that the first step reported.
    pub(super) fn reported(&self) -> Option<&FirstStep> {
        match self {
            Self::Finish { first, .. } => Some(first.as_ref()).filter(|it| it.reported().is_some()),
            Self::Whole | Self::First | Self::ReportCrash => None,
        }
    }

    /// The outputs of a second step that begins: what the first one knew, in case that this one is killed too.
    pub(super) fn outputs(&self) -> Option<Vec<(&'static str, String)>> {
        match self {
            Self::Finish {
                transaction, first, ..
            } => Some(first.outputs(transaction)),
            Self::ReportCrash => Some(vec![first_step::replaces(), ("outcome", "error".into())]),
            Self::Whole | Self::First => None,
        }
    }

    /// The outputs of its end. Without a verdict, a second step knows no better than the first how far it came.
    pub(super) fn outputs_of(
        &self,
        end: &End,
        facts: &Facts,
        redactor: &Redactor,
    ) -> Vec<(&'static str, String)> {
        let mut outputs = report::outputs(end, facts, redactor);
        if let (Self::Finish { first, .. }, None) = (self, &end.verdict) {
            first.keep(&mut outputs);
        }
        outputs
    }

    /// Which step reports how the run ended.
    pub(super) fn reported_by(&self) -> ReportedBy {
        match self {
            Self::First => ReportedBy::NextStep,
            _ if self.reported().is_some() => ReportedBy::PreviousStep,
            Self::Whole | Self::Finish { .. } | Self::ReportCrash => ReportedBy::ThisStep,
        }
    }

    /// What the first step has found out, for the second.
    pub(super) fn facts(&self) -> Facts {
        match self {
            Self::Finish { first, .. } => first.facts(),
            Self::Whole | Self::First | Self::ReportCrash => Facts::default(),
        }
    }

    /// The end of the run as both steps know it. If the first step crashed and nothing was switched, that is the reason, and
    /// not that somebody had cancelled it.
    pub(super) fn corrected(&self, mut end: End) -> End {
        let Self::Finish { crashed, first, .. } = self else {
            return end;
        };
        end.took = first.took(end.took);
        if *crashed && end.outcome == Outcome::Cancelled && end.error.is_none() {
            end.outcome = Outcome::Error;
            end.error = Some(RunError::Killed { begun: true });
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Step;
    use std::time::Duration;

    const ID: &str = "0123456789abcdef0123456789abcdef";

    fn part(transaction: &str, step: &str, outcome: &str) -> Option<RunPart> {
        let outcome = ("DEPLOY_ACTION_OUTCOME", outcome);
        let variables = [(TRANSACTION, transaction), (STEP, step), outcome];
        RunPart::of(&mut vec![FINISH.into()], &finding(&variables))
    }

    fn finding(variables: &[(&str, &str)]) -> impl Fn(&str) -> String {
        let variables: Vec<(String, String)> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        move |name: &str| {
            let known = variables.iter().find(|(known, _)| known == name);
            known
                .map(|(_, value)| (*value).to_owned())
                .unwrap_or_default()
        }
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
            let of_both = part(ID, step, outcome);
            assert!(
                matches!(of_both, Some(RunPart::Finish { crashed: it, .. }) if it == crashed),
                "{step} {outcome}"
            );
            let without = crashed.then_some(RunPart::ReportCrash);
            assert_eq!(part("", step, outcome), without, "{step} {outcome}");
        }
    }

    #[test]
    fn a_second_step_without_a_verdict_keeps_what_the_first_one_knew() {
        let end = |outcome| End {
            outcome,
            verdict: None,
            error: Some(RunError::Cancelled { finished_by: None }),
            took: Duration::ZERO,
        };
        let facts = Facts {
            step: Some(Step::Connect),
            ..Facts::default()
        };
        let left = |part: &RunPart| {
            let all = part.outputs_of(&end(Outcome::Unknown), &facts, &Redactor::default());
            ["failed-step", "live-release"].map(|name| {
                let found = all.iter().find(|(known, _)| *known == name);
                found.unwrap().1.clone()
            })
        };
        let second = |known: &[(&str, &str)]| {
            let variables = [&[(TRANSACTION, ID)], known].concat();
            let part = RunPart::of(&mut vec![FINISH.into()], &finding(&variables));
            left(&part.unwrap())
        };
        let known = [
            ("DEPLOY_ACTION_FAILED_STEP", "verify"),
            ("DEPLOY_ACTION_LIVE_RELEASE", "1762147685"),
        ];
        assert_eq!(second(&known), ["verify", "1762147685"]);
        assert_eq!(second(&known[..1]), ["verify", ""]);
        // a first step that was killed has left nothing
        assert_eq!(second(&[]), ["connect", ""]);
        assert_eq!(left(&RunPart::First), ["connect", ""]);
    }

    #[test]
    fn only_a_step_that_is_told_so_has_a_next_one() {
        for (value, part) in [("true", RunPart::First), ("", RunPart::Whole)] {
            let variables = [(HAS_NEXT_STEP, value)];
            let found = RunPart::of(&mut vec!["--verbose".into()], &finding(&variables));
            assert_eq!(found, Some(part));
        }
    }
}
