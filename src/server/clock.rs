//! The server's clocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time since the epoch.
pub(super) fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Seconds since the epoch.
pub(super) fn now() -> u64 {
    since_epoch().as_secs()
}

/// Milliseconds since the epoch.
pub(super) fn now_ms() -> u64 {
    u64::try_from(since_epoch().as_millis()).unwrap_or(u64::MAX)
}

/// Time since boot in ticks of 1/100 s, the unit of start times in `/proc/PID/stat` (proc(5): USER_HZ is 100).
pub(super) fn ticks_since_boot() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let (seconds, hundredths) = text.split_whitespace().next()?.split_once('.')?;
    Some(seconds.parse::<u64>().ok()? * 100 + hundredths.parse::<u64>().ok()?)
}
