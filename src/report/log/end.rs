use super::section::Mark;
use super::Log;
use crate::protocol::{End, Failure, Outcome, Reason, Trouble, Unready};
use crate::report::page::Level;
use crate::report::texts::{self, last_line, title};
use crate::report::{hints, Place};

/// The last so many lines of what somebody said.
const SAID: usize = 40;

impl Log {
    /// What must be known, in this order: what was said, one annotation, the last line.
    pub(super) fn end(&mut self, end: &End) {
        let said = said(end);
        if !said.is_empty() {
            self.forget_output();
        }
        self.close(mark(end), None);
        for said in said {
            self.quoted(said, SAID);
        }
        let level = if end.outcome.is_success() { Level::Notice } else { Level::Error };
        let text = message(end, self.place());
        let last = last_line(end, self.place());
        self.printer.annotation(level, title(end.outcome), &text);
        self.printer.plain(&last);
    }
}

/// How the step ended that was running when everything did.
fn mark(end: &End) -> Mark {
    match (&end.trouble, end.outcome) {
        (Some(Trouble::LineCut { .. }), _) | (_, Outcome::Unknown) => Mark::CutOff,
        (_, outcome) if outcome.is_success() => Mark::Done,
        (_, Outcome::Cancelled) => Mark::Cancelled,
        _ => Mark::Failed,
    }
}

fn message(end: &End, place: &Place) -> String {
    match findings(end) {
        Some([only]) => finding(only, place),
        Some(all) => numbered(all, place),
        None => {
            let parts =
                [texts::what_happened(end).unwrap_or_default(), texts::now(end, place), hints::hint(end, place)];
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
        }
    }
}

/// All findings, each with its own hint.
fn numbered(found: &[Unready], place: &Place) -> String {
    let one = |(i, found)| format!("{}. {}", i + 1, finding(found, place));
    found.iter().enumerate().map(one).collect::<Vec<_>>().join("\n")
}

fn finding(found: &Unready, place: &Place) -> String {
    format!("{}\n{}", texts::unready(found), hints::unready(found, place))
}

fn findings(end: &End) -> Option<&[Unready]> {
    match &end.verdict.as_ref()?.failure.as_ref()?.reason {
        Reason::NotReady(found) if !found.is_empty() => Some(found),
        _ => None,
    }
}

/// What others said about it, where it was not shown as it came.
fn said(end: &End) -> Vec<&[u8]> {
    let verdict = end.verdict.as_ref();
    let failures = verdict.into_iter().flat_map(|verdict| [&verdict.failure, &verdict.rollback]).flatten();
    let said = failures.map(of_failure).chain(end.trouble.as_ref().map(of_trouble));
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
        Trouble::Key { said } | Trouble::Connection { said, .. } | Trouble::ServerPart { said, .. } => said,
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
