//! Finds the line that names the cause of a failure: the root's own words, not those of what wraps it, repeats it or watches
//! over it.

mod block;
mod candidate;
mod finder;
mod private_key;
mod types;

pub(crate) use finder::find;
pub(crate) use types::{Cause, Rank, Source};

#[cfg(test)]
mod tests;
