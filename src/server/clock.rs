//! The server's clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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

/// A moment, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Milliseconds since the epoch.
    pub(super) ms: u64,
    pub(super) at: Instant,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self {
            ms: now_ms(),
            at: Instant::now(),
        }
    }
}

/// Time since boot in ticks of 1/100 s, the unit of start times in `/proc/PID/stat` (proc(5): USER_HZ is 100).
pub(super) fn ticks_since_boot() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/uptime").ok()?;
    let (seconds, hundredths) = text.split_whitespace().next()?.split_once('.')?;
    Some(seconds.parse::<u64>().ok()? * 100 + hundredths.parse::<u64>().ok()?)
}

/// Time since this process was started. A program that replaces another one by `exec` keeps its start.
pub(super) fn own_age() -> Option<Duration> {
    age_of("self")
}

fn age_of(process: &str) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // field 22, counted after the closing parenthesis of the name
    let start: u64 = stat
        .rsplit_once(')')?
        .1
        .split_whitespace()
        .nth(19)?
        .parse()
        .ok()?;
    let ticks = ticks_since_boot()?.checked_sub(start)?;
    Some(Duration::from_millis(ticks * 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_younger_than_the_one_that_started_it() {
        let parent = std::os::unix::process::parent_id().to_string();
        let (own, parents) = (own_age().unwrap(), age_of(&parent).unwrap());
        assert!(own <= parents, "{own:?} {parents:?}");
        assert_eq!(age_of("0"), None);
    }
}
