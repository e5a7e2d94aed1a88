//! An end to a flood of lines.

/// Lets lines through until their number or their bytes are used up, and counts the rest.
#[derive(Debug, Clone)]
pub struct Cap {
    lines: u64,
    bytes: u64,
    left_out: u64,
}

impl Cap {
    /// Room for so many lines of so many bytes in all.
    pub fn new(lines: u64, bytes: u64) -> Self {
        Self { lines, bytes, left_out: 0 }
    }

    /// Whether this line still has room. Once one has not, no later one has: what is shown is the beginning.
    pub fn admits(&mut self, line: &str) -> bool {
        let bytes = u64::try_from(line.len()).unwrap_or(u64::MAX).saturating_add(1);
        if self.left_out == 0 && self.lines > 0 && self.bytes >= bytes {
            self.lines -= 1;
            self.bytes -= bytes;
            return true;
        }
        self.left_out += 1;
        false
    }

    /// What to print in place of the lines left out, if any were.
    pub fn notice(&self) -> Option<String> {
        match self.left_out {
            0 => None,
            1 => Some("… 1 further line left out".to_owned()),
            more => Some(format!("… {more} further lines left out")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cap;

    #[test]
    fn lines_beyond_the_number_are_counted() {
        let mut cap = Cap::new(2, 1000);
        assert_eq!(["a", "b"].map(|line| cap.admits(line)), [true, true]);
        assert_eq!(cap.notice(), None);
        assert!(!cap.admits("c"));
        assert_eq!(cap.notice().unwrap(), "… 1 further line left out");
        assert!(!cap.admits("d"));
        assert_eq!(cap.notice().unwrap(), "… 2 further lines left out");
    }

    #[test]
    fn bytes_are_counted_with_line_ends_and_no_gap_is_made() {
        let mut cap = Cap::new(100, 8);
        assert_eq!(["abc", "abcd", "a"].map(|line| cap.admits(line)), [true, false, false]);
    }
}
