//! Writes the step's outputs.

use super::print::Printer;
use crate::actions::Outputs;
use crate::protocol::Outcome;
use crate::report::Page;

/// Writes the last outputs, with `finished` unless the outcome is unknown.
pub(super) fn finish(outputs: &[(&str, String)], outcome: Outcome, page: Page, printer: Printer) {
    let mut all = outputs.to_vec();
    if outcome != Outcome::Unknown {
        all.push(("finished", "true".to_owned()));
    }
    write(&all, page, printer);
}

/// Writes outputs. An error is only a warning.
pub(super) fn write(all: &[(&str, String)], page: Page, printer: Printer) {
    let all: Vec<(&str, &str)> = all
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    if let Err(error) = Outputs::from_env().set_all(&all) {
        printer.warning(page, &format!("cannot write the outputs: {error}"));
    }
}
