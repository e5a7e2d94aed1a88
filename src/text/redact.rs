//! Hides secrets in text: known ones, and those that match a well-known pattern.

use super::harmless::harmless;
use super::key_block::{KeyBlock, HIDDEN};
use super::secret_patterns;

/// Shorter lines are too common to be hidden: every `}` or `1` would be replaced.
const SHORTEST: usize = 8;

/// Marks where a text was cut.
const CUT: char = '…';

/// A part of a secret next to a cut is hidden if it has at least this many bytes.
const MIN_PART: usize = 4;

/// Replaces every line of the known secrets, and what matches a pattern of secrets, with `***`. Works on whole lines,
/// after [`harmless`].
#[derive(Clone, Default)]
pub struct Redactor {
    needles: Vec<String>,
}

impl Redactor {
    /// Hides every line of these secrets that has at least eight bytes, except the BEGIN and END lines of keys.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut needles: Vec<String> = secrets
            .into_iter()
            .flat_map(str::lines)
            .map(str::trim)
            .filter(|line| !(line.starts_with("-----BEGIN ") || line.starts_with("-----END ")))
            .flat_map(|line| [line.to_owned(), harmless(line.as_bytes())])
            .filter(|line| line.len() >= SHORTEST)
            .collect();
        needles.sort_unstable();
        needles.dedup();
        Self { needles }
    }

    /// Hides exactly these texts, however short, also after [`harmless`].
    pub fn exactly(secrets: impl IntoIterator<Item = String>) -> Self {
        let both = secrets
            .into_iter()
            .flat_map(|text| [harmless(text.as_bytes()), text]);
        let mut needles: Vec<String> = both.filter(|text| !text.is_empty()).collect();
        needles.sort_unstable();
        needles.dedup();
        Self { needles }
    }

    /// Redacts the lines of one text. A private key may span several lines, and start before the first.
    pub fn lines(&self, lines: &[String]) -> Vec<String> {
        let begun = KeyBlock::begun_before(lines);
        let mut block = KeyBlock::default();
        let next = |(at, line): (usize, &String)| {
            if Some(at) == begun {
                block = KeyBlock::Within;
            }
            self.next(&mut block, line)
        };
        lines.iter().enumerate().map(next).collect()
    }

    /// Redacts the next line of a text that arrives line by line.
    pub fn next(&self, block: &mut KeyBlock, line: &str) -> String {
        self.redact(&block.hide(line))
    }

    /// Replaces each secret with `***`. Secrets that overlap or touch are replaced together.
    pub fn redact(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        let mut end = 0;
        for (from, to) in self.positions(text) {
            clean.push_str(&text[end..from]);
            clean.push_str(HIDDEN);
            end = to;
        }
        clean + &text[end..]
    }

    /// The positions of secrets, sorted and merged.
    fn positions(&self, text: &str) -> Vec<(usize, usize)> {
        let mut found: Vec<(usize, usize)> = self
            .needles
            .iter()
            .flat_map(|needle| overlapping(text, needle))
            .collect();
        found.extend(self.truncated(text));
        found.extend(secret_patterns::find(text));
        found.sort_unstable();
        let mut merged: Vec<(usize, usize)> = Vec::new();
        for (from, to) in found {
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        merged
    }

    /// The positions of parts of secrets next to a cut.
    fn truncated(&self, text: &str) -> Vec<(usize, usize)> {
        let cuts = text
            .match_indices(CUT)
            .map(|(at, cut)| (text[..at].trim_end(), at + cut.len()));
        let pieces = |(before, after): (&str, usize)| {
            let (begun, ended) = (self.needles.iter(), self.needles.iter());
            let begun = begun
                .filter_map(|needle| head(before, needle))
                .map(|it| (before.len() - it, before.len()));
            let ended = ended
                .filter_map(|needle| tail(&text[after..], needle))
                .map(|it| (after, after + it));
            begun.chain(ended).collect::<Vec<_>>()
        };
        cuts.flat_map(pieces).collect()
    }
}

/// The length of the needle's beginning with which the text ends.
fn head(text: &str, needle: &str) -> Option<usize> {
    let mut lengths = (MIN_PART..needle.len())
        .rev()
        .filter(|length| needle.is_char_boundary(*length));
    lengths.find(|length| text.ends_with(&needle[..*length]))
}

/// The length of the needle's end with which the text starts.
fn tail(text: &str, needle: &str) -> Option<usize> {
    let mut starts = (1..needle.len().saturating_sub(MIN_PART - 1))
        .filter(|start| needle.is_char_boundary(*start));
    starts
        .find(|start| text.starts_with(&needle[*start..]))
        .map(|start| needle.len() - start)
}

/// All positions of a needle, also those that overlap.
fn overlapping<'a>(text: &'a str, needle: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
    let step = needle.chars().next().map_or(1, char::len_utf8);
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = from + text.get(from..)?.find(needle)?;
        from = at + step;
        Some((at, at + needle.len()))
    })
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} lines)", self.needles.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_line_of_a_secret_is_hidden() {
        let key = "-----BEGIN X PRIVATE KEY-----\nAAAABBBBCCCC\n  DDDDEEEEFFFF\n}\n-----END X PRIVATE KEY-----\n";
        let redactor = Redactor::new([key]);
        assert_eq!(
            redactor.redact("a AAAABBBBCCCC, DDDDEEEEFFFF }"),
            "a ***, *** }"
        );
        assert_eq!(redactor.redact("AAAABBBBCCCCDDDDEEEEFFFF"), "***");
        assert_eq!(
            redactor.redact("-----BEGIN X PRIVATE KEY-----"),
            "-----BEGIN X PRIVATE KEY-----"
        );
        assert_eq!(format!("{redactor:?}"), "Redactor(2 lines)");
    }

    #[test]
    fn overlapping_secrets_are_replaced_together() {
        let redactor = Redactor::new(["abcdefgh", "efghijkl", "abababab"]);
        assert_eq!(redactor.redact("_abcdefghijkl_"), "_***_");
        assert_eq!(redactor.redact("_ababababab_"), "_***_");
    }

    #[test]
    fn a_secret_that_harmless_changes_is_hidden_too() {
        let redactor = Redactor::new(["pass##[word"]);
        assert_eq!(redactor.redact(&harmless(b"x pass##[word y")), "x *** y");
    }

    #[test]
    fn a_secret_that_was_cut_in_two_is_hidden_too() {
        let redactor = Redactor::new(["hunter2-hunter2"]);
        assert_eq!(
            redactor.redact("a hunter2-hu… b hunt … (cut)"),
            "a ***… b *** … (cut)"
        );
        assert_eq!(
            redactor.redact("…r2-hunter2 a …ter2 b …er2"),
            "…*** a …*** b …er2"
        );
        assert_eq!(
            redactor.redact("a hunter2-hu b hun…"),
            "a hunter2-hu b hun…"
        );
        let mut lines = crate::text::Lines::new();
        let long = format!(
            "{}hunter2-hunter2 and more\n",
            "x".repeat(crate::text::LONGEST_LINE - 8)
        );
        let line = lines.push(long.as_bytes()).remove(0);
        assert!(redactor.redact(&harmless(&line)).ends_with("x*** … (cut)"));
    }

    proptest! {
        #[test]
        fn no_split_of_a_stream_lets_a_secret_through(at in 0_usize..60, secret in "[a-zA-Z0-9+/]{8,20}") {
            let text = format!("one {secret} two\npassword={secret}\n{secret}");
            let (a, b) = text.as_bytes().split_at(at.min(text.len()));
            let mut lines = crate::text::Lines::new();
            let mut all = lines.push(a);
            all.extend(lines.push(b));
            all.extend(lines.finish());
            let redactor = Redactor::new([secret.as_str()]);
            let clean: Vec<String> = all.iter().map(|line| redactor.redact(&harmless(line))).collect();
            prop_assert_eq!(clean, ["one *** two", "password=***", "***"]);
        }

        #[test]
        fn no_secret_survives(secrets in prop::collection::vec("[ab]{8,10}", 1..4), text in "[ab ü]{0,60}") {
            let redactor = Redactor::new(secrets.iter().map(String::as_str));
            let clean = redactor.redact(&text);
            for secret in &secrets {
                prop_assert!(!clean.contains(secret.as_str()));
            }
        }
    }
}
