//! What someone should know of the server although nothing failed.

use crate::protocol::{SourceDoubt, Warning};
use crate::report::markdown::prose;
use crate::report::{texts, Place, Report};
use crate::text::{Prose, Redactor};

/// The most warnings and notices; a hostile server could send any number.
const MOST: usize = 25;

/// Warnings, results of earlier runs, and notices.
pub(super) fn notes(report: &Report, redactor: &Redactor) -> String {
    let place = &report.facts.place;
    let found = report.recovered.iter().map(texts::found);
    let found = found.map(|text| marked(&Prose::foreign(text), redactor));
    let warnings = report
        .warnings
        .iter()
        .map(|it| warning(it, place, redactor));
    let notices = report.notices.iter().map(texts::notice);
    let notices = notices.map(|text| prose(&text, redactor));
    let doubts = report.doubts.iter().map(SourceDoubt::text);
    let doubts = doubts.map(|text| marked(&text, redactor));
    list(doubts.chain(warnings).chain(found).chain(notices))
}

/// Only the warnings.
pub(in crate::report) fn warnings(
    warnings: &[Warning],
    place: &Place,
    redactor: &Redactor,
) -> String {
    list(warnings.iter().map(|it| warning(it, place, redactor)))
}

fn warning(warning: &Warning, place: &Place, redactor: &Redactor) -> String {
    marked(&texts::warning(warning, place), redactor)
}

fn marked(text: &Prose, redactor: &Redactor) -> String {
    format!("⚠️ {}", prose(text, redactor))
}

fn list(notes: impl Iterator<Item = String>) -> String {
    let mut shown: Vec<String> = Vec::new();
    for note in notes {
        // a wait is repeated
        if !shown.contains(&note) && shown.len() < MOST {
            shown.push(note);
        }
    }
    let lines: String = shown.iter().map(|text| format!("- {text}\n")).collect();
    match lines.is_empty() {
        true => lines,
        false => format!("### Worth knowing\n\n{lines}"),
    }
}
