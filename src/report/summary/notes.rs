//! What someone should know of the server although it is not why a run failed.

use super::view::View;
use crate::protocol::{SourceDoubt, Warning};
use crate::report::markdown::{prose, Document};
use crate::report::{count, texts, Place};
use crate::text::{Prose, Redactor};

/// The most warnings and notices; a hostile server could send any number.
const MOST: usize = 25;

/// Warnings, results of earlier runs, and notices.
pub(super) fn notes(view: &View<'_>) -> String {
    let (warnings, notices) = all(view);
    alert("WARNING", &warnings) + &alert("NOTE", &notices)
}

/// The same, folded.
pub(super) fn folded(view: &View<'_>, page: &mut Document<'_>) {
    let (warnings, notices) = all(view);
    let counted = [(&warnings, "warning"), (&notices, "note")];
    let counted = counted.into_iter().filter(|(notes, _)| !notes.is_empty());
    let counted: Vec<String> = counted
        .map(|(it, what)| count(it.len() as u64, what))
        .collect();
    if !counted.is_empty() {
        let title = format!("Worth knowing: {}", counted.join(", "));
        page.fold(&title, &[list(&warnings, "⚠️ "), list(&notices, "")]);
    }
}

/// Only warnings.
pub(in crate::report) fn warnings(
    warnings: &[Warning],
    place: &Place,
    redactor: &Redactor,
) -> String {
    let all = warnings.iter().map(|it| warning(it, place, redactor));
    alert("WARNING", &once(all))
}

fn all(view: &View<'_>) -> (Vec<String>, Vec<String>) {
    let (report, redactor) = (view.report, view.redactor);
    let place = &report.facts.place;
    let doubts = report.doubts.iter().map(SourceDoubt::text);
    let found = report
        .recovered
        .iter()
        .map(texts::found)
        .map(Prose::foreign);
    let warnings = report
        .warnings
        .iter()
        .map(|it| warning(it, place, redactor));
    let others = doubts.chain(found).map(|text| prose(&text, redactor));
    let notices = report.notices.iter().map(texts::notice);
    let notices = notices.map(|text| prose(&text, redactor));
    (once(others.chain(warnings)), once(notices))
}

fn warning(warning: &Warning, place: &Place, redactor: &Redactor) -> String {
    prose(&texts::warning(warning, place), redactor)
}

/// A wait is repeated.
fn once(notes: impl Iterator<Item = String>) -> Vec<String> {
    let mut shown: Vec<String> = Vec::new();
    for note in notes {
        if !shown.contains(&note) && shown.len() < MOST {
            shown.push(note);
        }
    }
    shown
}

fn list(notes: &[String], sign: &str) -> String {
    notes
        .iter()
        .map(|note| format!("- {sign}{note}\n"))
        .collect()
}

/// As GitHub draws it.
fn alert(kind: &str, notes: &[String]) -> String {
    match notes.is_empty() {
        true => String::new(),
        false => {
            let lines: String = notes.iter().map(|note| format!("> - {note}\n")).collect();
            format!("> [!{kind}]\n{lines}\n")
        }
    }
}
