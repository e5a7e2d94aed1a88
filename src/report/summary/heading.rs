//! The first line: which service on which server, how the run ended, and what is live.

use super::view::View;
use crate::protocol::Outcome;
use crate::report::markdown::{as_sentence, foreign};
use crate::report::texts::{self, Heading};

/// One line; more follows in a second one.
pub(in crate::report) fn heading(view: &View<'_>) -> String {
    let View {
        report,
        end,
        redactor,
        ..
    } = *view;
    let place = &report.facts.place;
    let Heading {
        state,
        urgent,
        more,
    } = texts::heading(end, place);
    let more = more.map(|more| as_sentence(&more, view.prose(&more)));
    let second = match (urgent, more) {
        (Some(urgent), Some(more)) => format!("**{}:** {more}\n", view.prose(&urgent)),
        (Some(urgent), None) => format!("**{}.**\n", view.prose(&urgent)),
        (None, Some(more)) => format!("{more}\n"),
        (None, None) => String::new(),
    };
    let subject = place.known_subject();
    let subject = subject.map(|it| format!("{}: ", foreign(&it, redactor)));
    format!(
        "## {} {}{} – {}\n\n{second}",
        sign(end.outcome),
        subject.unwrap_or_default(),
        texts::outcome(end.outcome),
        view.prose(&state)
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
