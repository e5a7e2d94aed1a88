//! The job's summary: one screen with what is live, what failed, the lines that show why, what to do, and the two releases side
//! by side. Everything else is folded.

mod compare;
mod failure;
mod findings;
mod folds;
mod format;
mod gantt;
mod heading;
mod health;
mod interruption;
mod links;
mod notes;
mod steps;
mod success;
mod view;

pub(super) use compare::compare;
pub(super) use failure::failure;
pub use findings::{invalid_summary, short_summary, BadInput};
pub(super) use folds::{output, server, times};
pub(super) use heading::heading;
pub(super) use links::links;
#[cfg(test)]
pub(super) use links::{section, GUIDE};
pub(super) use notes::warnings;
pub(super) use success::success;
pub(super) use view::View;

use super::listing::{on_the_server, whole};
use super::markdown::Document;
use super::{Job, Place, Report};
use crate::protocol::Listing;
use crate::text::Redactor;
use format::{MOST, MOST_OF_PART};

/// The summary of a run; empty if it has not ended.
#[must_use]
pub fn summary(report: &Report, job: &Job, redactor: &Redactor) -> String {
    let Some(end) = &report.end else {
        return String::new();
    };
    let view = View {
        report,
        end,
        job,
        redactor,
    };
    let mut page = Document::new(redactor, MOST, MOST_OF_PART);
    page.add(&heading(&view));
    match end.outcome.is_success() {
        true => succeeded(&view, &mut page),
        false => failed(&view, &mut page),
    }
    page.finish()
}

/// For a listing of what is on a server.
#[must_use]
pub fn listing_summary(listing: &Listing, place: &Place, job: &Job, redactor: &Redactor) -> String {
    let mut page = Document::new(redactor, MOST, MOST_OF_PART);
    whole(listing, place, job, &mut page);
    page.finish()
}

fn succeeded(view: &View<'_>, page: &mut Document<'_>) {
    page.add(&success(view));
    releases(view, page);
    page.add(&links(view, success::amounts(view)));
    times(view, page);
    notes::folded(view, page);
}

fn failed(view: &View<'_>, page: &mut Document<'_>) {
    failure(view, page);
    releases(view, page);
    page.add(&compare(view));
    page.add(&links(view, Vec::new()));
    output(view, page);
    times(view, page);
    server(view, page);
    page.add(&notes::notes(view));
}

/// What is on the server, if a rollback command named no rollback target.
fn releases(view: &View<'_>, page: &mut Document<'_>) {
    if let Some(listing) = &view.report.listing {
        on_the_server(listing, view.job, page);
    }
}
