//! The command `releases`.

use super::plan;
use super::print::{Console, Printer};
use super::start::{announced, no_start};
use crate::actions::Context;
use crate::protocol::{End, Listing, RunError, RunEvent};
use crate::report::{self, Log, Place};
use crate::runner;
use crate::settings::Settings;
use crate::text::Redactor;
use std::time::Instant;

/// How the listing is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListFormat {
    Table,
    /// Nothing else on standard output, so that a program can read it.
    Json,
}

impl ListFormat {
    /// With `--json`, or without.
    pub(super) fn of(json: bool) -> Self {
        match json {
            true => Self::Json,
            false => Self::Table,
        }
    }

    /// Prints a line for people.
    pub(super) fn line(self, line: &str, printer: Printer) {
        match self {
            Self::Table => printer.line(line),
            Self::Json => printer.aside(line),
        }
    }
}

/// Names and values of outputs.
pub(super) type Outputs = Vec<(&'static str, String)>;

/// Lists what is on the server, and returns the outputs. On an error it returns how the run ended, and its log.
pub(super) fn list(
    settings: &Settings,
    format: ListFormat,
    console: &Console<'_>,
) -> Result<Outputs, Box<(End, Log)>> {
    let Console {
        context,
        page,
        printer,
        redactor,
    } = *console;
    let place = plan::place(settings);
    let mut log = Log::new(page).hiding(redactor.clone()).at(place.clone());
    let mut emit = |event: RunEvent| {
        // the listing itself shows that the connection worked
        if matches!(event, RunEvent::Connecting | RunEvent::Connected { .. }) {
            return;
        }
        for line in log.on(&event) {
            format.line(&line, printer);
        }
    };
    let began = Instant::now();
    match run(settings, context, &mut emit) {
        Ok(listing) => {
            let took = began.elapsed();
            print(&listing, &place, redactor, format, printer);
            let last = report::listed(&listing, &place, took, redactor);
            format.line(&last, printer);
            let job = context.job();
            let summary = report::listing_summary(&listing, &place, &job, redactor);
            super::summary::write(&summary, page, printer);
            Ok(report::listing_outputs(&listing, took, redactor))
        }
        Err(end) => Err(Box::new((*end, log))),
    }
}

fn run(
    settings: &Settings,
    context: &Context,
    emit: &mut dyn FnMut(RunEvent),
) -> Result<Listing, Box<End>> {
    let began = Instant::now();
    let prepared: Result<_, RunError> = announced();
    match prepared {
        Ok((transaction, runtime)) => runtime
            .block_on(runner::list(
                plan::deployment(settings, context, transaction),
                emit,
            ))
            .map_err(Box::new),
        Err(error) => {
            let end = no_start(error, began);
            emit(RunEvent::Ended(Box::new(end.clone())));
            Err(Box::new(end))
        }
    }
}

fn print(
    listing: &Listing,
    place: &Place,
    redactor: &Redactor,
    format: ListFormat,
    printer: Printer,
) {
    match format {
        ListFormat::Table => {
            for line in report::listing(listing, place, redactor) {
                printer.line(&line);
            }
        }
        ListFormat::Json => printer.line(&report::listing_json(listing, redactor)),
    }
}
