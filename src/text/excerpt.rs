//! Excerpts of untrusted text. Every untrusted text inside a sentence is one.

use super::{harmless, secret_patterns, Lines};

/// How much of an untrusted text stands inside a sentence, in characters.
const MOST: usize = 200;

/// An untrusted text inside a sentence: one line, harmless, without its middle if it is long.
pub fn excerpt(text: impl AsRef<[u8]>) -> String {
    shorten(&one_line(text), MOST)
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

/// At most `most` characters of a text whose end says as much as its beginning, such as an error, and a mark where its middle
/// is missing. Cuts between two words if there is a gap nearby, and not inside a secret: half of one would not be recognised
/// and hidden.
pub fn shorten(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let at = |number| text.char_indices().nth(number).map_or(0, |(at, _)| at);
    let (end, start) = (at(most / 2), at(count - (most - most / 2)));
    let end = text[..end]
        .rfind(char::is_whitespace)
        .filter(|gap| *gap >= end / 2)
        .unwrap_or(end);
    let gap = text[start..].find(char::is_whitespace);
    let start = gap
        .filter(|gap| *gap <= (text.len() - start) / 2)
        .map_or(start, |gap| start + gap);
    let all = secret_patterns::find(text);
    let cut_by = |place: usize| move |(from, to): &&(usize, usize)| *from < place && place < *to;
    let end = all.iter().find(cut_by(end)).map_or(end, |(from, _)| *from);
    let (head, tail) = (text[..end].trim_end(), after_secrets(text, start, &all));
    format!("{head}…{}", tail.trim_start())
}

/// What follows `start`, without secrets that could not be recognised there any more.
fn after_secrets<'a>(text: &'a str, start: usize, all: &[(usize, usize)]) -> &'a str {
    let found = secret_patterns::find(&text[start..]);
    let is_lost = |(from, to): &&(usize, usize)| {
        *to > start && (*from < start || !found.contains(&(from - start, to - start)))
    };
    match all.iter().find(is_lost) {
        Some((_, end)) => after_secrets(text, *end, all),
        None => &text[start..],
    }
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
    fn the_middle_of_a_long_text_gives_way() {
        assert_eq!(shorten("one two three four five", 17), "one two…five");
        assert_eq!(shorten("abcdefghij", 4), "ab…ij");
        assert_eq!(shorten("ééééé", 4), "éé…éé");
        assert_eq!(shorten("short", 5), "short");
        let bind = format!(
            "Error: cannot listen on {}: address already in use",
            "x ".repeat(300)
        );
        let short = shorten(&bind, 100);
        assert!(
            short.starts_with("Error: cannot listen on ")
                && short.ends_with(": address already in use"),
            "{short}"
        );
        assert!(short.chars().count() <= 101, "{short}");
    }

    #[test]
    fn no_secret_that_is_known_by_its_form_survives_a_cut() {
        use crate::text::Redactor;
        let secret = "q7Zw0pKx93LmVb2TnRc8";
        let forms = [
            format!("password={secret}"),
            format!("Authorization: Bearer {secret}"),
            format!("postgres://app:{secret}@db/app"),
            format!("token: {secret}"),
        ];
        for form in forms {
            for before in 0..60 {
                let text = format!("{} {form} {}", "a".repeat(before), "end ".repeat(12));
                let clean = Redactor::default().redact(&text);
                assert!(!clean.contains(secret), "{form}");
                for most in [20, 30, 45] {
                    let clean = Redactor::default().redact(&shorten(&text, most));
                    let part =
                        (0..=secret.len() - 8).find(|at| clean.contains(&secret[*at..at + 8]));
                    assert!(part.is_none(), "{text}: {clean}");
                }
            }
        }
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
