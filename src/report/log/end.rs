use super::section::Mark;
use super::Log;
use crate::protocol::{End, Failure, Outcome, Reason, Trouble, Unready};
use crate::report::page::{Level, Page};
use crate::report::texts::{self, last_line, live, title, what_happened};
use crate::report::{hints, Place};

/// The last so many lines of what somebody said.
const SAID: usize = 40;

impl Log {
    /// What must be known, in this order: what was said, one annotation, the last line.
    pub(super) fn end(&mut self, end: &End) {
        let mark = match end.outcome {
            Outcome::Deployed => Mark::Done,
            Outcome::Unreachable => Mark::Failed,
            _ => Mark::CutOff,
        };
        self.close(mark, None);
        for said in said(end) {
            self.quoted(said, SAID);
        }
        let level = if end.outcome == Outcome::Deployed { Level::Notice } else { Level::Error };
        let text = message(end, self.place());
        self.lines.extend(self.page.annotation(level, title(end.outcome), &text));
        self.lines.extend(Page::plain(&last_line(end, self.place())));
    }
}

fn message(end: &End, place: &Place) -> String {
    if let Some(found) = findings(end) {
        return not_ready(found, place);
    }
    let happened = what_happened(end);
    let hint = hints::hint(end, place);
    let parts = [happened, Some(live(end, place)), Some(hint).filter(|hint| !hint.is_empty())];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// All findings, each with its own hint.
fn not_ready(found: &[Unready], place: &Place) -> String {
    let one = |found: &Unready| format!("{}\n{}", texts::unready(found), hints::unready(found, place));
    found.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn findings(end: &End) -> Option<&[Unready]> {
    match &end.verdict.as_ref()?.failure.as_ref()?.reason {
        Reason::NotReady(found) => Some(found),
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
        | Trouble::Source { .. }
        | Trouble::NoBinary { .. }
        | Trouble::Protocol { .. }
        | Trouble::LineCut { .. }
        | Trouble::OutOfTime { .. }
        | Trouble::Cancelled { .. }
        | Trouble::Bug { .. } => &[],
    }
}
