use super::Log;
use crate::protocol::End;
use crate::report::advice::{advice, said, Advice};
use crate::report::page::Level;
use crate::report::texts::{self, last_line, title};
use crate::report::Place;

/// The last so many lines of what somebody said.
const SAID: usize = 40;

impl Log {
    /// What must be known, in this order: what was said, one annotation, the last line.
    pub(super) fn end(&mut self, end: &End) {
        let said = said(end);
        if !said.is_empty() {
            self.forget_output();
        }
        self.close();
        for said in said {
            self.quoted(said, SAID);
        }
        let level = if end.outcome.is_success() {
            Level::Notice
        } else {
            Level::Error
        };
        let text = message(end, self.place());
        let last = last_line(end, self.place());
        self.printer.annotation(level, title(end.outcome), &text);
        self.printer.plain(&last);
    }
}

fn message(end: &End, place: &Place) -> String {
    match advice(end, place).as_slice() {
        [Advice {
            what,
            hint,
            finding: true,
        }] => format!("{what}\n{hint}"),
        [Advice {
            what,
            hint,
            finding: false,
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
fn numbered(found: &[Advice]) -> String {
    let one =
        |(i, Advice { what, hint, .. }): (usize, &Advice)| format!("{}. {what}\n{hint}", i + 1);
    found
        .iter()
        .enumerate()
        .map(one)
        .collect::<Vec<_>>()
        .join("\n")
}
