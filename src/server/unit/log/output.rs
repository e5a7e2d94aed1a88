//! The last lines of what a command prints.

use crate::protocol::Ending;
use crate::server::exec::process;
use crate::server::exec::recent::RecentLines;
use std::cell::Cell;
use std::process::Command;
use std::time::{Duration, Instant};

/// For one command; they respond within milliseconds.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The last lines of a command's output; `None`: it failed.
pub(super) fn last_lines(command: &mut Command) -> Option<Vec<Vec<u8>>> {
    last_lines_within(command, TIMEOUT)
}

/// The same, within `limit`.
pub(super) fn last_lines_within(command: &mut Command, limit: Duration) -> Option<Vec<Vec<u8>>> {
    let (start, mut recent) = (Instant::now(), RecentLines::default());
    let ending = process::run(
        command,
        || start.elapsed() > limit,
        |line| recent.push(line),
    )
    .ok()?;
    // systemctl status exits with 3 if the unit is not running
    matches!(ending, Ending::Exit(0 | 3)).then(|| recent.into_lines())
}

/// Passes on the first lines of a command's output. Returns whether it ended by itself and in time.
pub(super) fn stream(
    command: &mut Command,
    until: Instant,
    most: usize,
    mut line: impl FnMut(Vec<u8>),
) -> bool {
    let passed_on = Cell::new(0_usize);
    let ending = process::run(
        command,
        || passed_on.get() >= most || Instant::now() > until,
        |bytes| {
            passed_on.set(passed_on.get() + 1);
            if passed_on.get() <= most {
                line(bytes);
            }
        },
    );
    // systemctl status exits with 3 if the unit is not running
    matches!(ending, Ok(Ending::Exit(0 | 3)))
}
