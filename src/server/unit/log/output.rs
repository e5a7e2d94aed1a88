//! The last lines of what a command prints.

use crate::protocol::Ending;
use crate::server::exec::process;
use std::cell::Cell;
use std::collections::VecDeque;
use std::process::Command;
use std::time::{Duration, Instant};

pub(in crate::server::unit) const MAX_LINES: usize = 2000;
const MAX_BYTES: usize = 1 << 20;
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
    matches!(ending, Ending::Exit(0 | 3)).then(|| recent.lines.into())
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

/// The last lines, in bounded memory.
#[derive(Default)]
struct RecentLines {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl RecentLines {
    fn push(&mut self, line: Vec<u8>) {
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.lines.len() > MAX_LINES || self.bytes > MAX_BYTES {
            self.bytes -= self.lines.pop_front().map_or(0, |line| line.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_flood_is_kept() {
        let mut recent = RecentLines::default();
        for number in 0..5000 {
            recent.push(number.to_string().into_bytes());
        }
        assert_eq!(
            (recent.lines.len(), recent.lines.back().unwrap().as_slice()),
            (MAX_LINES, b"4999".as_slice())
        );
        for _ in 0..500 {
            recent.push(vec![b'x'; 8 << 10]);
        }
        assert!(
            recent.bytes <= MAX_BYTES && recent.lines.len() == MAX_BYTES / (8 << 10),
            "{}",
            recent.lines.len()
        );
    }
}
