use super::{hints, texts, Place};
use crate::protocol::{End, Failure, Reason, Trouble, Unready};

/// What happened, and what to do about it.
pub(super) struct Advice {
    /// In a sentence without a full stop; empty where nothing went wrong.
    pub(super) what: String,
    /// Text and commands in lines of their own, indented.
    pub(super) hint: String,
    /// Whether it is one of the findings of the check, of which there may be several.
    pub(super) finding: bool,
}

/// At least one.
pub(super) fn advice(end: &End, place: &Place) -> Vec<Advice> {
    let finding = |found: &Unready| Advice {
        what: texts::unready(found),
        hint: hints::unready(found, place),
        finding: true,
    };
    match findings(end) {
        Some(all) => all.iter().map(finding).collect(),
        None => {
            let what = texts::what_happened(end).unwrap_or_default();
            vec![Advice {
                what,
                hint: hints::hint(end, place),
                finding: false,
            }]
        }
    }
}

fn findings(end: &End) -> Option<&[Unready]> {
    match &end.verdict.as_ref()?.failure.as_ref()?.reason {
        Reason::NotReady(found) if !found.is_empty() => Some(found),
        _ => None,
    }
}

/// What others said about it, where it was not shown as it came.
pub(super) fn said(end: &End) -> Vec<&[u8]> {
    let verdict = end.verdict.as_ref();
    let failures = verdict
        .into_iter()
        .flat_map(|verdict| [&verdict.failure, &verdict.rollback])
        .flatten();
    let said = failures
        .map(of_failure)
        .chain(end.trouble.as_ref().map(of_trouble));
    said.filter(|said| !said.is_empty()).collect()
}

fn of_failure(failure: &Failure) -> &[u8] {
    match &failure.reason {
        Reason::Command { output, .. } => output,
        _ => &[],
    }
}

fn of_trouble(trouble: &Trouble) -> &[u8] {
    match trouble {
        Trouble::Key { said }
        | Trouble::Connection { said, .. }
        | Trouble::ServerPart { said, .. } => said,
        Trouble::Tool { .. }
        | Trouble::Passphrase
        | Trouble::Source { .. }
        | Trouble::NoBinary { .. }
        | Trouble::Protocol { .. }
        | Trouble::LineCut { .. }
        | Trouble::OutOfTime { .. }
        | Trouble::Cancelled { .. }
        | Trouble::Bug { .. } => &[],
    }
}
