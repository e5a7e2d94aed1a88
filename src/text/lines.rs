//! Splits a stream into lines, in bounded memory.

/// The most bytes of a line that are kept.
pub const LONGEST_LINE: usize = 8 * 1024;

/// Marks a line that was longer.
const CUT: &[u8] = " … (cut)".as_bytes();

/// Splits a byte stream into lines. `\n`, `\r\n` and a bare `\r` end a line, as for GitHub's runner.
#[derive(Debug, Default)]
pub struct Lines {
    held: Vec<u8>,
    cut: bool,
    after_return: bool,
}

impl Lines {
    /// Has read nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes and returns the lines that they complete, without line ends.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut finished = Vec::new();
        for part in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let (text, end) = match part.split_last() {
                Some((end @ (b'\n' | b'\r'), text)) => (text, Some(*end)),
                _ => (part, None),
            };
            // the second half of a `\r\n`, which two pushes may split
            let half = self.after_return && text.is_empty() && end == Some(b'\n');
            self.after_return = end == Some(b'\r');
            self.hold(text);
            if end.is_some() && !half {
                finished.push(self.take());
            }
        }
        finished
    }

    /// The last line, if the stream ended without a line end.
    pub fn finish(mut self) -> Option<Vec<u8>> {
        (!self.held.is_empty()).then(|| self.take())
    }

    fn hold(&mut self, text: &[u8]) {
        let room = LONGEST_LINE - self.held.len();
        self.cut |= text.len() > room;
        self.held.extend(text.iter().take(room));
    }

    fn take(&mut self) -> Vec<u8> {
        if std::mem::take(&mut self.cut) {
            self.held.truncate(whole_characters(&self.held));
            self.held.extend(CUT);
        }
        std::mem::take(&mut self.held)
    }
}

/// The length without an incomplete character at the end.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::new();
        let mut all: Vec<_> = pieces.iter().flat_map(|piece| lines.push(piece)).collect();
        all.extend(lines.finish());
        all.into_iter()
            .map(|line| String::from_utf8(line).unwrap())
            .collect()
    }

    #[test]
    fn all_three_line_ends_end_a_line() {
        assert_eq!(split(&[b"a\nb\r\nc\rd"]), ["a", "b", "c", "d"]);
        assert_eq!(split(&[b"\n\r\r\n\n"]), ["", "", "", ""]);
        assert_eq!(split(&[b"a\r", b"\nb", b"c\r", b"d\n"]), ["a", "bc", "d"]);
    }

    #[test]
    fn a_long_line_is_cut_visibly_across_pushes() {
        let lines = split(&[&[b'x'; 5000], &[b'y'; 5000], b"z\nnext"]);
        assert!(lines[0].ends_with("y … (cut)") && lines[0].len() == LONGEST_LINE + CUT.len());
        assert_eq!(lines[1], "next");
        let whole = "x".repeat(LONGEST_LINE);
        assert_eq!(split(&[whole.as_bytes(), b"\n"]), [whole]);
    }

    #[test]
    fn a_character_is_not_cut_in_two() {
        let line = "x".to_owned() + &"é".repeat(LONGEST_LINE);
        assert!(split(&[line.as_bytes()])[0].ends_with("é … (cut)"));
    }

    proptest! {
        #[test]
        fn how_the_stream_is_split_makes_no_difference(bytes in "[a\r\n]{0,40}", at in 0_usize..40) {
            let (a, b) = bytes.as_bytes().split_at(at.min(bytes.len()));
            prop_assert_eq!(split(&[a, b]), split(&[bytes.as_bytes()]));
        }
    }
}
