//! Summaries of what is not a deployment.

use super::format::{MOST, MOST_OF_PART};
use crate::protocol::Listing;
use crate::report::listing;
use crate::report::markdown::{prose, Document};
use crate::report::{Job, Place};
use crate::text::{Prose, Redactor};

/// For invalid inputs: nothing was contacted.
#[must_use]
pub fn invalid_summary(problems: &[Prose], redactor: &Redactor) -> String {
    let mut page = Document::new(redactor, MOST, MOST_OF_PART);
    page.add("## ❌ Invalid inputs\n\n**Nothing was contacted; the server still runs what it ran before**");
    page.add(
        &problems
            .iter()
            .map(|problem| format!("- {}\n", prose(problem, redactor)))
            .collect::<String>(),
    );
    page.finish()
}

/// For a listing of what is on a server.
#[must_use]
pub fn listing_summary(listing: &Listing, place: &Place, job: &Job, redactor: &Redactor) -> String {
    let mut page = Document::new(redactor, MOST, MOST_OF_PART);
    listing::whole(listing, place, job, &mut page);
    page.finish()
}
