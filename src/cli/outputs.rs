//! Writes the step's outputs.

use super::print::Printer;
use crate::actions::{OutputError, Outputs};
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

/// Writes outputs for the next step, and returns whether they were written. Nobody else needs them.
pub(super) fn note(all: &[(&str, String)]) -> bool {
    let written = set(all);
    if let Err(error) = &written {
        tracing::warn!(%error, "cannot write outputs for the next step");
    }
    written.is_ok()
}

/// Writes outputs. An error is only a warning.
pub(super) fn write(all: &[(&str, String)], page: Page, printer: Printer) {
    if let Err(error) = set(all) {
        printer.warning(page, &format!("cannot write the outputs: {error}"));
    }
}

fn set(all: &[(&str, String)]) -> Result<(), OutputError> {
    let pairs = all.iter().map(|(name, value)| (*name, value.as_str()));
    Outputs::from_env().set_all(&pairs.collect::<Vec<_>>())
}
