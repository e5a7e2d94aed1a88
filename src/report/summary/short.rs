//! Summaries of what is not a deployment.

use super::format::{MOST, MOST_OF_PART};
use crate::protocol::Listing;
use crate::report::listing::{attempt, release, ATTEMPTS, RELEASES};
use crate::report::markdown::{self, cell, foreign, prose, Document};
use crate::report::Place;
use crate::text::{Prose, Redactor};

/// For a listing of what is on a server.
#[must_use]
pub fn listing_summary(listing: &Listing, place: &Place, redactor: &Redactor) -> String {
    let mut page = Document::new(redactor, MOST, MOST_OF_PART);
    let live = listing
        .releases
        .iter()
        .find(|listed| listed.current)
        .map(|listed| listed.release.to_string());
    let live = live.map_or("no release is live".into(), |id| {
        Prose::of("{} is live", [&id])
    });
    page.add(&format!(
        "## Releases of {} on {}\n",
        foreign(&place.target, redactor),
        foreign(&place.host, redactor)
    ));
    page.add(&format!("**{}**", prose(&live, redactor)));
    let releases = listing
        .releases
        .iter()
        .map(|it| release(it).map(|text| cell(&text, redactor)));
    page.add(&markdown::table(RELEASES, releases));
    page.add("### Attempts");
    page.add(&markdown::table(
        ATTEMPTS,
        listing
            .attempts
            .iter()
            .map(|it| attempt(it).map(|text| cell(&text, redactor))),
    ));
    page.finish()
}
