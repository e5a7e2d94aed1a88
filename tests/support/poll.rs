//! Waiting, by a deadline.

use std::thread;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(30);
/// Nothing that is waited for takes so long, on a machine however slow, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Asks again and again; whether it became true in time.
pub(crate) fn until(deadline: Duration, mut done: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if done() {
            return true;
        }
        if start.elapsed() > deadline {
            return false;
        }
        thread::sleep(PAUSE);
    }
}

/// Waits; that it never became true fails the test.
pub(crate) fn wait_for(what: &str, done: impl FnMut() -> bool) {
    assert!(until(PATIENCE, done), "not within {PATIENCE:?}: {what}");
}
