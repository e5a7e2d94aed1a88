//! The one door through which text that is not ours gets into what a person reads.

/// How much of a foreign text stands inside a sentence of ours, in characters.
const MOST: usize = 200;

// To be replaced by `crate::text::{harmless, SERVER_PREFIX}`.
pub(super) const SERVER_PREFIX: &str = "│ ";

fn harmless(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text: String = text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect();
    text.replace("##[", "##\\[")
}

/// A foreign text as part of a line of ours: in one line, harmless, cut.
pub(super) fn word(text: impl AsRef<[u8]>) -> String {
    cut(&all(text), MOST)
}

/// Like [`word`], but whole.
pub(super) fn all(text: impl AsRef<[u8]>) -> String {
    let lines: Vec<_> = lines(text.as_ref()).collect();
    let joined = lines.iter().flat_map(|line| line.split_whitespace()).collect::<Vec<_>>().join(" ");
    // joining may have brought together what splitting kept apart
    harmless(joined.as_bytes())
}

/// The last line that says anything: where programs put what went wrong.
pub(super) fn last_word(text: &[u8]) -> String {
    let last = lines(text).filter(|line| !line.trim().is_empty()).last();
    word(last.unwrap_or_default())
}

/// The lines of a foreign text, each harmless. The runner ends a line at `\n`, `\r\n` and a bare `\r`.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = String> + '_ {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.split(|b| *b == b'\n').flat_map(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        line.split(|b| *b == b'\r').map(harmless)
    })
}

/// At most so many characters, with a mark where something was cut off.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_text_in_a_sentence_stays_in_it() {
        assert_eq!(word("a\r\n\n::error::b\rc \t d"), "a ::error::b c d");
        assert_eq!(word("##[error]x"), "##\\[error]x");
        assert_eq!(word("é".repeat(300)).chars().count(), MOST + 1);
    }

    #[test]
    fn every_end_of_line_ends_a_line() {
        assert_eq!(lines(b"a\nb\r\nc\rd\n").collect::<Vec<_>>(), ["a", "b", "c", "d"]);
        assert_eq!(lines(b"").collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn the_last_word_is_the_last_that_says_anything() {
        assert_eq!(last_word(b"debug\nPermission denied (publickey).\r\n\n"), "Permission denied (publickey).");
        assert_eq!(last_word(b""), "");
    }
}
