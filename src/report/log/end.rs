//! The end of the log.

use super::section::Sections;
use crate::protocol::End;
use crate::report::causes::{causes, program_outputs, Cause};
use crate::report::page::Level;
use crate::report::texts::{self, last_line, title};
use crate::report::Place;

/// The last so many lines of what a program printed.
const OUTPUT: usize = 40;

/// In this order: what programs printed, one annotation, the last line.
pub(super) fn end(sections: &mut Sections, end: &End) {
    let outputs = program_outputs(end);
    if !outputs.is_empty() {
        sections.forget_output();
    }
    sections.close();
    for output in outputs {
        sections.quoted(output, OUTPUT);
    }
    let level = if end.outcome.is_success() {
        Level::Notice
    } else {
        Level::Error
    };
    let text = message(end, sections.place());
    let last = last_line(end, sections.place());
    sections
        .printer
        .annotation(level, title(end.outcome), &text);
    sections.printer.plain(&last);
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
            let parts = [what, &texts::now(end, place), hint];
            parts
                .into_iter()
                .filter(|part| !part.is_empty())
                .cloned()
                .collect::<Vec<_>>()
                .join("\n")
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
