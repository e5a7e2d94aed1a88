//! Makes untrusted bytes harmless: what a server prints must not run workflow commands, move a terminal's cursor or
//! fill the log. Also our own sentences ([`Prose`]), the amounts and excerpts that they contain, and the format of `.env`
//! files.
//!
//! In this order: [`Lines`] splits, [`harmless`] cleans a line, [`Redactor`] hides secrets in it, and the printer puts
//! [`SERVER_PREFIX`] before it. Knows no other room.

pub mod amounts;
pub mod commands;
pub mod dotenv;
mod escaped;
mod escapes;
pub mod excerpt;
mod harmless;
mod key_block;
mod lines;
mod prose;
mod redact;
#[cfg(test)]
pub(crate) mod runner;
mod secret_patterns;

pub use harmless::{harmless, SERVER_PREFIX};
pub use key_block::KeyBlock;
pub use lines::{Lines, LONGEST_LINE};
pub use prose::{Piece, Prose};
pub use redact::{LineState, Redactor};
