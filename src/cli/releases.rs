//! The command `releases`.

use super::plan;
use super::print::Printer;
use super::start::{announced, no_start, redactor};
use crate::actions::Context;
use crate::protocol::{End, Listing, RunError, RunEvent};
use crate::report::{self, Log, Page, Place};
use crate::runner;
use crate::settings::Settings;
use crate::text::Redactor;

/// How the listing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Table,
    /// Nothing else on standard output, so that a program can read it.
    Json,
}

/// Lists what is on the server; where it can't, gives back how it ended and what is known.
pub(super) fn list(
    settings: &Settings,
    context: &Context,
    form: Form,
    page: Page,
    printer: Printer,
) -> Result<(), Box<(End, Log)>> {
    let place = place(settings);
    let mut log = Log::new(page)
        .hiding(redactor(settings, context))
        .at(place.clone());
    let mut emit = |event: RunEvent| {
        // that there is an answer says that it was connected
        if matches!(event, RunEvent::Connecting | RunEvent::Connected { .. }) {
            return;
        }
        for line in log.on(&event) {
            match form {
                Form::Table => printer.line(&line),
                Form::Json => printer.aside(&line),
            }
        }
    };
    match ask(settings, context, &mut emit) {
        Ok(listing) => {
            let redactor = redactor(settings, context);
            print(&listing, &place, &redactor, form, printer);
            super::summary::write(
                &report::listing_summary(&listing, &place, &redactor),
                page,
                printer,
            );
            Ok(())
        }
        Err(end) => Err(Box::new((*end, log))),
    }
}

fn ask(
    settings: &Settings,
    context: &Context,
    emit: &mut dyn FnMut(RunEvent),
) -> Result<Listing, Box<End>> {
    let began = std::time::Instant::now();
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

fn print(listing: &Listing, place: &Place, redactor: &Redactor, form: Form, printer: Printer) {
    match form {
        Form::Table => {
            for line in report::listing(listing, place) {
                printer.line(&redactor.redact(&line));
            }
        }
        Form::Json => printer.line(&redactor.redact(&report::listing_json(listing))),
    }
}

fn place(settings: &Settings) -> Place {
    Place {
        host: settings.server.host.as_str().to_owned(),
        port: settings.server.port.get(),
        user: settings.server.user.as_str().to_owned(),
        target: settings.target.as_str().to_owned(),
        service: settings.unit().map(|unit| unit.as_str().to_owned()),
        answered: false,
    }
}
