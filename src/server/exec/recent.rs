//! The lines that a program prints, in bounded memory.

use std::collections::VecDeque;

pub(in crate::server) const MAX_LINES: usize = 2000;
const MAX_BYTES: usize = 1 << 20;
/// The first lines of an output that are kept, however much follows: the first error may be the cause of all others.
const FIRST_LINES: usize = 200;

/// The first and the last lines of an output that may not end.
#[derive(Default)]
pub(in crate::server) struct Printed {
    first: Vec<Vec<u8>>,
    recent: RecentLines,
}

impl Printed {
    pub(in crate::server) fn push(&mut self, line: Vec<u8>) {
        match self.first.len() < FIRST_LINES {
            true => self.first.push(line),
            false => self.recent.push(line),
        }
    }

    pub(in crate::server) fn into_lines(self) -> Vec<Vec<u8>> {
        let recent = self.recent.into_lines();
        self.first.into_iter().chain(recent).collect()
    }
}

/// The last lines of an output that may not end.
#[derive(Debug, Default)]
pub(in crate::server) struct RecentLines {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl RecentLines {
    pub(in crate::server) fn push(&mut self, line: Vec<u8>) {
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.lines.len() > MAX_LINES || self.bytes > MAX_BYTES {
            self.bytes -= self.lines.pop_front().map_or(0, |line| line.len());
        }
    }

    pub(in crate::server) fn into_lines(self) -> Vec<Vec<u8>> {
        self.lines.into()
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
        assert_eq!(recent.lines.len(), MAX_LINES);
        assert_eq!(recent.lines.back().unwrap(), b"4999");
        for _ in 0..500 {
            recent.push(vec![b'x'; 8 << 10]);
        }
        assert!(recent.bytes <= MAX_BYTES, "{}", recent.bytes);
        assert_eq!(recent.into_lines().len(), MAX_BYTES / (8 << 10));
    }
}
