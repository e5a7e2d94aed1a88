//! Unexpected output: what comes over a channel and is not of the protocol. Bounded, and cut into lines.

/// The most bytes that are kept of a line, and of the end of a stream.
pub(crate) const MAX_BYTES: usize = 8 << 10;

/// The last bytes of a stream.
#[derive(Debug, Default)]
pub(crate) struct OutputTail(Vec<u8>);

impl OutputTail {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        let excess = self.0.len().saturating_sub(MAX_BYTES);
        self.0.drain(..excess);
    }

    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

/// Splits a stream into lines. Of a line that is too long, the beginning is kept.
#[derive(Debug, Default)]
pub(crate) struct LineSplitter {
    line: Vec<u8>,
}

impl LineSplitter {
    /// Adds bytes and passes on each complete line, without its line end.
    pub(crate) fn push(&mut self, bytes: &[u8], mut line: impl FnMut(Vec<u8>)) {
        let mut parts = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            let room = MAX_BYTES - self.line.len();
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            if parts.peek().is_some() {
                line(std::mem::take(&mut self.line));
            }
        }
    }

    /// What follows the last line end.
    pub(crate) fn rest(&mut self) -> Option<Vec<u8>> {
        Some(std::mem::take(&mut self.line)).filter(|line| !line.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_complete_however_the_stream_is_split() {
        for size in 1..12 {
            let (mut lines, mut seen) = (LineSplitter::default(), Vec::new());
            for piece in b"one\n\ntwo\nrest".chunks(size) {
                lines.push(piece, |line| seen.push(line));
            }
            assert_eq!(seen, [b"one".to_vec(), b"".to_vec(), b"two".to_vec()]);
            assert_eq!(lines.rest(), Some(b"rest".to_vec()));
            assert_eq!(lines.rest(), None);
        }
    }

    #[test]
    fn a_line_without_an_end_does_not_grow_without_limit() {
        let (mut lines, mut seen) = (LineSplitter::default(), Vec::new());
        for _ in 0..100 {
            lines.push(&[b'x'; 1000], |line| seen.push(line));
        }
        lines.push(b"\ny\n", |line| seen.push(line));
        assert_eq!(seen, [vec![b'x'; MAX_BYTES], b"y".to_vec()]);
    }

    #[test]
    fn the_end_of_a_stream_is_kept() {
        let mut tail = OutputTail::default();
        tail.push(&vec![b'x'; 3 * MAX_BYTES]);
        tail.push(b"end");
        let kept = tail.take();
        assert_eq!(kept.len(), MAX_BYTES);
        assert!(kept.ends_with(b"xend"));
    }
}
