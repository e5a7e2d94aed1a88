//! What a person or another step is told: pure functions of what happened. No I/O and no clock; times come in the events.

mod amounts;
mod facts;
mod foreign;
pub mod hints;
mod issue;
mod listing;
mod log;
mod outputs;
mod page;
mod place;
pub mod texts;

#[cfg(test)]
mod tests;

pub use amounts::{count, duration, limit, size, utc};
pub use facts::Facts;
pub use issue::{IssueAct, IssueText};
pub use listing::{listing, listing_json};
pub use log::Log;
pub use outputs::{outputs, outputs_table, OUTPUTS};
pub use page::Page;
pub use place::Place;
