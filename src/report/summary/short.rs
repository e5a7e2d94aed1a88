//! Summaries of what is not a deployment.

use super::format::{MOST, MOST_OF_PART};
use crate::protocol::Listing;
use crate::report::listing;
use crate::report::markdown::Document;
use crate::report::{Job, Place};
use crate::text::Redactor;

/// For a listing of what is on a server.
#[must_use]
pub fn listing_summary(listing: &Listing, place: &Place, job: &Job, redactor: &Redactor) -> String {
    let mut page = Document::new(redactor, MOST, MOST_OF_PART);
    listing::whole(listing, place, job, &mut page);
    page.finish()
}
