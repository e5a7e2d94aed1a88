//! What failed in a run, each with its hint.

use super::hints::{self, Hint};
use super::{texts, Place};
use crate::protocol::{ConnectionError, End, Failure, Finding, Reason, RunError};
use crate::text::Prose;
use std::collections::BTreeSet;

/// What happened, and what to do about it.
pub(super) struct Cause {
    /// In a sentence without a full stop; empty if nothing failed.
    pub(super) what: Prose,
    /// What to do about it.
    pub(super) hint: Hint,
    /// Whether it is one of the findings of the check, of which there may be several.
    pub(super) is_finding: bool,
}

/// At least one. No command is in them twice.
pub(super) fn causes(end: &End, place: &Place) -> Vec<Cause> {
    let mut shown = BTreeSet::new();
    let once = |cause: Cause| Cause {
        hint: cause.hint.without(&mut shown),
        ..cause
    };
    all(end, place).into_iter().map(once).collect()
}

fn all(end: &End, place: &Place) -> Vec<Cause> {
    let finding = |found: &Finding| Cause {
        what: texts::finding(found),
        hint: hints::finding(found, place),
        is_finding: true,
    };
    match findings(end) {
        Some(all) => all.iter().map(finding).collect(),
        None => {
            vec![Cause {
                what: Prose::quoting(
                    texts::what_happened(end).unwrap_or_default(),
                    &texts::of_end(end),
                ),
                hint: hints::hint(end, place),
                is_finding: false,
            }]
        }
    }
}

/// What the check found that must be fixed first.
pub(super) fn findings(end: &End) -> Option<&[Finding]> {
    match &end.verdict.as_ref()?.failure.as_ref()?.reason {
        Reason::NotReady(found) if !found.is_empty() => Some(found),
        _ => None,
    }
}

/// What programs printed about it, if it was not shown when they did.
pub(super) fn program_outputs(end: &End) -> Vec<&[u8]> {
    let verdict = end.verdict.as_ref();
    let failures = verdict
        .into_iter()
        .flat_map(|verdict| [&verdict.failure, &verdict.rollback])
        .flatten();
    let outputs = failures
        .map(of_failure)
        .chain(end.error.as_ref().map(of_error));
    outputs.filter(|output| !output.is_empty()).collect()
}

/// The same end without what programs printed, for sentences beside the lines themselves.
pub(super) fn without_outputs(end: &End) -> End {
    let mut end = end.clone();
    if let Some(failure) = end.verdict.as_mut().and_then(|it| it.failure.as_mut()) {
        match &mut failure.reason {
            Reason::Command { output, .. } => output.clear(),
            Reason::Log { lines } => lines.clear(),
            _ => {}
        }
        if let Some(line) = failure.reason.log_line_mut() {
            *line = None;
        }
    }
    match &mut end.error {
        Some(
            RunError::Key { output }
            | RunError::KeyFormat { output }
            | RunError::ServerPart { output, .. }
            | RunError::LoginScript { output, .. },
        ) => output.clear(),
        Some(RunError::Connection {
            error: ConnectionError::Ssh { stderr } | ConnectionError::FromJumpHost { stderr },
            ..
        }) => stderr.clear(),
        _ => {}
    }
    end
}

fn of_failure(failure: &Failure) -> &[u8] {
    match &failure.reason {
        Reason::Command { output, .. } => output,
        _ => &[],
    }
}

fn of_error(error: &RunError) -> &[u8] {
    match error {
        RunError::Key { output }
        | RunError::KeyFormat { output }
        | RunError::ServerPart { output, .. }
        | RunError::LoginScript { output, .. } => output,
        RunError::Connection { error, .. } => match error {
            ConnectionError::Ssh { stderr } | ConnectionError::FromJumpHost { stderr } => stderr,
            ConnectionError::NoLogin { .. } => &[],
        },
        RunError::Tool { .. }
        | RunError::Passphrase
        | RunError::Source { .. }
        | RunError::NoTrace
        | RunError::WentDown
        | RunError::Overdue { .. }
        | RunError::NoBinary { .. }
        | RunError::Protocol(_)
        | RunError::ConnectionLost { .. }
        | RunError::OutOfTime { .. }
        | RunError::Cancelled { .. }
        | RunError::Killed { .. }
        | RunError::Bug(_) => &[],
    }
}
