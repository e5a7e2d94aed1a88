//! Hides secrets in text.

use super::harmless::harmless;

/// Shorter lines are too common to be hidden: `}` or `1` would be gone everywhere.
const SHORTEST: usize = 8;

/// What stands in a secret's place.
const HIDDEN: &str = "***";

/// Replaces every line of the secrets by `***`. Works on whole lines, after [`harmless`].
#[derive(Clone, Default)]
pub struct Redactor {
    needles: Vec<String>,
}

impl Redactor {
    /// Knows each line of eight bytes or more of these secrets, but for the BEGIN and END lines of keys.
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

    /// Knows exactly these texts, however short, and what [`harmless`] makes of them.
    pub fn exactly(secrets: impl IntoIterator<Item = String>) -> Self {
        let both = secrets.into_iter().flat_map(|text| [harmless(text.as_bytes()), text]);
        let mut needles: Vec<String> = both.filter(|text| !text.is_empty()).collect();
        needles.sort_unstable();
        needles.dedup();
        Self { needles }
    }

    /// The text with `***` for each secret; secrets that overlap or touch vanish together.
    pub fn redact(&self, text: &str) -> String {
        let mut clean = String::with_capacity(text.len());
        let mut end = 0;
        for (from, to) in self.places(text) {
            clean.push_str(&text[end..from]);
            clean.push_str(HIDDEN);
            end = to;
        }
        clean + &text[end..]
    }

    /// Where secrets stand, in order and merged.
    fn places(&self, text: &str) -> Vec<(usize, usize)> {
        let mut found: Vec<(usize, usize)> = self.needles.iter().flat_map(|needle| overlapping(text, needle)).collect();
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
}

/// All places of a needle, also those that overlap.
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
        assert_eq!(redactor.redact("a AAAABBBBCCCC, DDDDEEEEFFFF }"), "a ***, *** }");
        assert_eq!(redactor.redact("AAAABBBBCCCCDDDDEEEEFFFF"), "***");
        assert_eq!(redactor.redact("-----BEGIN X PRIVATE KEY-----"), "-----BEGIN X PRIVATE KEY-----");
        assert_eq!(format!("{redactor:?}"), "Redactor(2 lines)");
    }

    #[test]
    fn overlapping_secrets_leave_no_rest() {
        let redactor = Redactor::new(["abcdefgh", "efghijkl", "abababab"]);
        assert_eq!(redactor.redact("_abcdefghijkl_"), "_***_");
        assert_eq!(redactor.redact("_ababababab_"), "_***_");
    }

    #[test]
    fn a_secret_that_cleaning_changes_is_hidden_all_the_same() {
        let redactor = Redactor::new(["pass##[word"]);
        assert_eq!(redactor.redact(&harmless(b"x pass##[word y")), "x *** y");
    }

    proptest! {
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
