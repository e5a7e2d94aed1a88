//! What someone should know of the server although it is not why a run failed.

use super::view::View;
use crate::protocol::{SourceDoubt, Warning};
use crate::report::markdown::{hint, sentence, Document};
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
    let others = doubts.chain(found).map(|text| sentence(&text, redactor));
    let notices = report.notices.iter().map(texts::notice);
    let notices = notices.map(|text| sentence(&text, redactor));
    (once(others.chain(warnings)), once(notices))
}

fn warning(warning: &Warning, place: &Place, redactor: &Redactor) -> String {
    hint(&texts::advice(warning, place), redactor)
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

/// Several are a list. What belongs to an item is indented.
fn list(notes: &[String], sign: &str) -> String {
    if let [only] = notes {
        return format!("{sign}{}\n", only.trim_end());
    }
    let indented = |(at, line): (usize, &str)| match (at, line) {
        (_, "") => "\n".to_owned(),
        (0, line) => format!("- {sign}{line}\n"),
        (_, line) => format!("  {line}\n"),
    };
    let item = |note: &String| -> String {
        let lines = note.trim_end().lines().enumerate();
        lines.map(indented).collect()
    };
    notes.iter().map(item).collect()
}

/// As GitHub draws it.
fn alert(kind: &str, notes: &[String]) -> String {
    if notes.is_empty() {
        return String::new();
    }
    let list = list(notes, "");
    let lines: String = list.lines().map(|line| format!("> {line}\n")).collect();
    format!("> [!{kind}]\n{}\n", lines.replace("> \n", ">\n"))
}
