//! Writes the job summary. An error is only a warning.

use super::print::Printer;
use crate::actions::{Context, Summary};
use crate::report::{self, Log, Page};
use crate::text::Redactor;

/// Writes the summary of a run that has ended.
pub(super) fn of_run(
    log: &Log,
    context: &Context,
    redactor: &Redactor,
    page: Page,
    printer: Printer,
) {
    write(
        &report::summary(log.report(), &context.job(), redactor),
        page,
        printer,
    );
}

pub(super) fn write(markdown: &str, page: Page, printer: Printer) {
    if let Err(error) = Summary::from_env().add(markdown) {
        printer.warning(page, &format!("cannot write the job summary: {error}"));
    }
}
