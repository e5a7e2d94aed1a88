//! Excerpts of untrusted text. Every untrusted text inside a sentence is one.

use super::{harmless, Lines};

/// How much of an untrusted text stands inside a sentence, in characters.
const MOST: usize = 200;

/// An untrusted text inside a sentence: one line, harmless, truncated.
pub fn excerpt(text: impl AsRef<[u8]>) -> String {
    truncate(&one_line(text), MOST)
}

/// Like [`excerpt`], but not truncated.
pub fn one_line(text: impl AsRef<[u8]>) -> String {
    let lines = lines(text.as_ref());
    let joined = lines
        .iter()
        .flat_map(|line| line.split_whitespace())
        .collect::<Vec<_>>()
        .join(" ");
    // joining may have brought together what splitting kept apart
    harmless(joined.as_bytes())
}

/// An excerpt of the first line that is not empty.
pub fn first_line(text: &[u8]) -> String {
    let lines = lines(text);
    let mut lines = lines.iter().filter(|line| !line.trim().is_empty());
    excerpt(lines.next().map_or("", String::as_str))
}

/// An excerpt of the last line that is not empty: most programs print their error there.
pub fn last_line(text: &[u8]) -> String {
    let lines = lines(text);
    let mut lines = lines.iter().filter(|line| !line.trim().is_empty());
    excerpt(lines.next_back().map_or("", String::as_str))
}

/// The lines of an untrusted text, each harmless.
pub fn lines(text: &[u8]) -> Vec<String> {
    let mut lines = Lines::new();
    let mut all = lines.push(text);
    all.extend(lines.finish());
    all.iter().map(|line| harmless(line)).collect()
}

/// At most `most` characters and a mark where the rest is missing. Cuts between two words if there is a gap nearby:
/// half a secret would not be recognised and hidden.
pub fn truncate(text: &str, most: usize) -> String {
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
    fn an_untrusted_text_in_a_sentence_stays_in_it() {
        assert_eq!(excerpt("a\r\n\n::error::b\rc \t d"), "a ::error::b c d");
        assert_eq!(excerpt("##[error]x"), "##\\[error]x");
        assert_eq!(excerpt("é".repeat(300)).chars().count(), MOST + 1);
    }

    #[test]
    fn a_long_text_is_cut_between_two_words() {
        assert_eq!(truncate("one two three", 9), "one two…");
        assert_eq!(truncate("a b-very-long-word", 9), "a b-very-…");
        assert_eq!(truncate("short", 5), "short");
    }

    #[test]
    fn the_last_line_is_the_last_that_is_not_empty() {
        assert_eq!(
            last_line(b"debug\nPermission denied (publickey).\r\n\n"),
            "Permission denied (publickey)."
        );
        assert_eq!(last_line(b""), "");
    }
}
