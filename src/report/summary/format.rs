//! Durations and size limits of the summary.

use crate::report::duration;
use crate::report::markdown::fence;
use std::time::Duration;

/// GitHub rejects a summary over 1 MiB as a whole (`CreateStepSummaryCommand`). In bytes.
pub(super) const MOST: usize = 900 << 10;
pub(super) const MOST_OF_PART: usize = 64 << 10;
/// A time; below one second in milliseconds.
pub(super) fn took(took: Duration) -> String {
    match took.as_millis() {
        ms @ 0..1000 => format!("{ms} ms"),
        _ => duration(took),
    }
}

/// Lines as they are, in a box.
pub(super) fn quoted(lines: &[String]) -> String {
    match lines.is_empty() {
        true => String::new(),
        false => format!("{}\n", fence("text", lines)),
    }
}
