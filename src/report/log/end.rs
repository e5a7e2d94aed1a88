//! The end of the log.

use super::groups::Groups;
use crate::protocol::End;
use crate::report::causes::{causes, program_outputs, Cause};
use crate::report::listing::{brief, targets};
use crate::report::page::Level;
use crate::report::texts::{self, last_line, title};
use crate::report::{Place, Report};

/// The last so many lines of what a program printed.
const OUTPUT: usize = 40;

/// In this order: what programs printed, one annotation, the last line.
pub(super) fn write_end(groups: &mut Groups, report: &Report, end: &End) {
    let outputs = program_outputs(end);
    if !outputs.is_empty() {
        groups.hide_last_lines();
    }
    groups.close(report);
    for output in outputs {
        groups.quoted(output, OUTPUT);
    }
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
    groups.annotate(level, title(end.outcome), &message);
    groups.outside(&last_line(end, place));
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
