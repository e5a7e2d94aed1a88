//! Hostile bytes become harmless text: what a server prints may neither command GitHub's runner nor move a terminal's
//! cursor nor fill the log.
//!
//! The order: [`Lines`] splits, [`harmless`] cleans a line, [`Redactor`] hides secrets in it, and
//! whoever prints it puts [`SERVER_PREFIX`] before it.

pub mod amounts;
pub mod commands;
mod escapes;
pub mod excerpt;
mod forms;
mod harmless;
mod key_block;
mod lines;
mod redact;
#[cfg(test)]
pub(crate) mod runner;

pub use harmless::{harmless, SERVER_PREFIX};
pub use key_block::KeyBlock;
pub use lines::{Lines, LONGEST_LINE};
pub use redact::Redactor;
