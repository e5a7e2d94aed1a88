//! The one door through which text that is not ours gets into what a person reads.

use crate::text::{harmless, Lines};

/// How much of a foreign text stands inside a sentence of ours, in characters.
const MOST: usize = 200;

/// A foreign text as part of a line of ours: in one line, harmless, cut.
pub(super) fn word(text: impl AsRef<[u8]>) -> String {
    cut(&all(text), MOST)
}

/// Like [`word`], but whole.
pub(super) fn all(text: impl AsRef<[u8]>) -> String {
    let lines = lines(text.as_ref());
    let joined = lines
        .iter()
        .flat_map(|line| line.split_whitespace())
        .collect::<Vec<_>>()
        .join(" ");
    // joining may have brought together what splitting kept apart
    harmless(joined.as_bytes())
}

/// The first line that says anything.
pub(super) fn first_word(text: &[u8]) -> String {
    let lines = lines(text);
    word(
        lines
            .iter()
            .find(|line| !line.trim().is_empty())
            .map_or("", String::as_str),
    )
}

/// The last line that says anything: where programs put what went wrong.
pub(super) fn last_word(text: &[u8]) -> String {
    let lines = lines(text);
    word(
        lines
            .iter()
            .rfind(|line| !line.trim().is_empty())
            .map_or("", String::as_str),
    )
}

/// The lines of a foreign text, each harmless.
pub(super) fn lines(text: &[u8]) -> Vec<String> {
    let mut lines = Lines::new();
    let mut all = lines.push(text);
    all.extend(lines.finish());
    all.iter().map(|line| harmless(line)).collect()
}

/// At most so many characters, with a mark where something was cut off: between two words, where there are any near, so
/// that no secret is cut in two and then not known as one.
pub(super) fn cut(text: &str, most: usize) -> String {
    let Some((at, _)) = text.char_indices().nth(most) else {
        return text.to_owned();
    };
    let between = text[..at]
        .rfind(char::is_whitespace)
        .filter(|between| *between >= at / 2);
    format!("{}…", text[..between.unwrap_or(at)].trim_end())
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
    fn what_is_too_long_is_cut_between_two_words() {
        assert_eq!(cut("one two three", 9), "one two…");
        assert_eq!(cut("a b-very-long-word", 9), "a b-very-…");
        assert_eq!(cut("short", 5), "short");
    }

    #[test]
    fn the_last_word_is_the_last_that_says_anything() {
        assert_eq!(
            last_word(b"debug\nPermission denied (publickey).\r\n\n"),
            "Permission denied (publickey)."
        );
        assert_eq!(last_word(b""), "");
    }
}
