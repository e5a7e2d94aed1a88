//! Short durations.

use crate::report::duration;
use std::time::Duration;

/// What takes less than a second is told exactly.
pub(super) fn precise(took: Duration) -> String {
    match took.as_millis() {
        ms @ 0..1000 => format!("{ms} ms"),
        _ => duration(took),
    }
}
