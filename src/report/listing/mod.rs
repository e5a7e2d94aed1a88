//! What is on a server: as a table of plain text for the log, as a page, and as JSON. Every text in it is untrusted.

mod json;
mod page;
mod table;
mod words;

pub use json::{end_json, failure_json, listing_json, listing_outputs};
pub(super) use page::{on_the_server, whole};
pub(super) use table::{brief, targets};
pub use table::{listed, listing};

#[cfg(test)]
pub(in crate::report) mod tests;
