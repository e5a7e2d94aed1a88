//! The first line: which service on which server, how the run ended, and what is live.

use super::view::View;
use crate::protocol::Outcome;
use crate::report::markdown::foreign;
use crate::report::texts;

/// Characters about what is live that fit into the first line.
const MOST: usize = 80;

/// One line; more follows in a second one.
pub(in crate::report) fn heading(view: &View<'_>) -> String {
    let View {
        report,
        end,
        redactor,
        ..
    } = *view;
    let place = &report.facts.place;
    let state = texts::heading(end, place);
    let (short, more) = match state.to_string().chars().count() {
        0..=MOST => (state, None),
        _ => state.split_at(&[": ", "; "]),
    };
    let more = more.map(|more| format!("**{}**\n", view.prose(&more)));
    let subject = match &report.planned {
        Some(_) => format!("{}: ", foreign(&place.subject(), redactor)),
        None => String::new(),
    };
    format!(
        "## {} {subject}{} – {}\n\n{}",
        sign(end.outcome),
        texts::outcome(end.outcome),
        view.prose(&short),
        more.unwrap_or_default()
    )
}

/// A symbol for the outcome.
fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Deployed | Outcome::Restored | Outcome::Done => "✅",
        Outcome::RolledBack => "↩️",
        Outcome::RollbackFailed => "🚨",
        Outcome::Unknown => "❔",
        Outcome::Busy => "⏳",
        Outcome::Cancelled => "⏹️",
        Outcome::Error
        | Outcome::Invalid
        | Outcome::Unreachable
        | Outcome::NotReady
        | Outcome::Failed => "❌",
    }
}
