//! What a program's output says: which lines belong together, which report a crash or an error, and which one names the
//! cause of a failure. The same for a unit's log and for the output of a command.
//!
//! Pure functions of lines. Knows `text` only.

mod cause;
mod classify;
mod colours;
mod crash;
mod crashes;
mod digest;
mod exception;
mod formats;
mod frames;
mod json;
mod level;
mod margin;
mod normal;
mod record;
mod words;

pub(crate) use cause::{find as find_cause, Cause, Rank, Source};
pub(crate) use classify::Classifier;
pub(crate) use crashes::{Crash, CrashReader, Fingerprint, Found};
pub(crate) use digest::digest;
pub(crate) use normal::Normaliser;

/// Lines without the colours of a terminal, in which some programs write into a log too.
pub(crate) fn plain_lines(lines: &[Vec<u8>]) -> Vec<String> {
    lines.iter().map(|line| colours::without(line)).collect()
}
