//! The end of the log.

use super::groups::Groups;
use super::warnings::Warnings;
use crate::protocol::End;
use crate::report::causes::{causes, program_outputs, Cause};
use crate::report::evidence::{has, Evidence};
use crate::report::listing::{brief, targets};
use crate::report::page::Level;
use crate::report::texts::{self, last_line};
use crate::report::{Place, Report};
use crate::text::excerpt::lines;

/// The last so many lines of what a program printed.
const OUTPUT: usize = 100;

/// In this order: the lines that show why, warnings, one annotation, the last line.
pub(super) fn write_end(groups: &mut Groups, warnings: &mut Warnings, report: &Report, end: &End) {
    groups.finish(report, end.took);
    if !end.outcome.is_success() {
        show_why(groups, report, end);
    }
    warnings.write(groups);
    let level = if end.outcome.is_success() {
        Level::Notice
    } else {
        Level::Error
    };
    let place = &report.facts.place;
    let mut message = message(end, place);
    if let Some(listing) = &report.listing {
        let redactor = groups.redactor().clone();
        for line in brief(listing, &redactor) {
            groups.outside(&line);
        }
        if let Some(targets) = targets(listing, &redactor) {
            message = format!("{message}\n{targets}");
        }
    }
    let title = texts::annotation_title(end.outcome, place, report.facts.is_listing);
    groups.annotate(level, &title, &message);
    groups.outside(&last_line(end, place));
}

/// What programs printed as a whole, folded; and the lines of it that a reader needs, or those of a log.
fn show_why(groups: &mut Groups, report: &Report, end: &End) {
    let redactor = groups.redactor().clone();
    let evidence = Evidence {
        report,
        end,
        redactor: &redactor,
    };
    let what = texts::what_happened(end).unwrap_or_default();
    let (of_rollback, of_release) = (evidence.of_rollback(), evidence.of_release());
    let shown = [of_rollback.clone(), of_release.clone()].concat();
    for output in program_outputs(end) {
        if !has(&shown, &redactor.foreign(&lines(output)), &what) {
            groups.folded(texts::PROGRAM_OUTPUT, output, OUTPUT);
        }
    }
    groups.shown(&of_rollback);
    groups.shown(&new_in(of_release, &what));
}

/// Without what the cause says in the same words, except for the program's name before them.
fn new_in(lines: Vec<String>, what: &str) -> Vec<String> {
    let is_known = |line: &str| {
        let (_, after) = line.split_once(": ").unwrap_or_default();
        !after.is_empty() && what.contains(after)
    };
    match lines.as_slice() {
        [only] if is_known(only) => Vec::new(),
        _ => lines,
    }
}

fn message(end: &End, place: &Place) -> String {
    match causes(end, place).as_slice() {
        [Cause {
            what,
            hint,
            is_finding: true,
        }] => format!("{what}\n{hint}"),
        [Cause {
            what,
            hint,
            is_finding: false,
        }] => {
            let parts = [
                what.to_string(),
                texts::now(end, place).to_string(),
                hint.to_string(),
            ];
            let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            parts.join("\n")
        }
        all => numbered(all),
    }
}

/// All findings, each with its own hint.
fn numbered(found: &[Cause]) -> String {
    let one = |(i, Cause { what, hint, .. }): (usize, &Cause)| format!("{}. {what}\n{hint}", i + 1);
    found
        .iter()
        .enumerate()
        .map(one)
        .collect::<Vec<_>>()
        .join("\n")
}
