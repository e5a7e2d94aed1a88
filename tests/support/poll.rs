//! Waiting, by a deadline.

use std::thread;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(30);

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

/// The same; that it never became true fails the test.
pub(crate) fn wait_for(what: &str, deadline: Duration, done: impl FnMut() -> bool) {
    assert!(until(deadline, done), "not within {deadline:?}: {what}");
}
