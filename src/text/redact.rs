//! Hides secrets in text: known ones, and those that match a well-known pattern.

mod encoded;
mod needle;

use super::escaped::decoded;
use super::key_block::{KeyBlock, HIDDEN};
use super::secret_patterns;
use needle::{Found, Needle};

/// Marks where a text was cut.
const CUT: char = '…';
/// More of them in one text are not ours.
const MOST_CUTS: usize = 16;
/// A part of a secret next to a cut is hidden if it has at least this many characters.
const MIN_PART: usize = 4;
/// How far before a cut a part of a secret may begin, in bytes.
const REACH: usize = 4096;
/// A part of a secret at the end of a line, or at the beginning of a text, is hidden if it has at least this many characters,
/// and the secret twice as many.
const MIN_FOLDED: usize = 8;
/// The most secrets that are followed into the next line.
const MOST_BEGUN: usize = 64;

/// Positions in a text, from and to.
type Range = (usize, usize);

/// Replaces every line of the known secrets, in whatever way it is escaped or encoded, and what matches a pattern of secrets,
/// with `***`. Works on text after [`harmless`](super::harmless()).
#[derive(Clone, Default)]
pub struct Redactor {
    /// Sorted, so by their first character.
    needles: Vec<Needle>,
    /// Texts of ours. A secret that is a part of one is shown there.
    own: Vec<String>,
}

/// Whose text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Author {
    /// Of a program, a server.
    Others,
    /// A sentence of ours that may quote others.
    Mixed,
}

/// What lines before have begun.
#[derive(Debug, Clone, Default)]
pub struct LineState {
    block: KeyBlock,
    /// Secrets, and how many characters of them are at the end of the last line.
    begun: Vec<(usize, usize)>,
}

impl Redactor {
    /// Hides each of these texts, and each of their lines, however short; short ones only as whole words.
    pub fn new(secrets: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        Self::but_words(secrets, |_| false)
    }

    /// The same; but those that are words of the program stay where a sentence of ours may have them.
    pub fn but_words(
        secrets: impl IntoIterator<Item = impl AsRef<str>>,
        is_own_word: impl Fn(&str) -> bool,
    ) -> Self {
        let mut needles = Vec::new();
        for secret in secrets {
            let secret = secret.as_ref();
            let lines = secret.lines().map(str::trim);
            for line in lines.filter(|line| !line.is_empty() && !is_frame(line)) {
                needles.extend(Needle::new(line, is_own_word(line)));
                needles.extend(encoded::base64(line));
            }
            needles.extend(encoded::base64(secret));
        }
        needles.sort_unstable();
        needles.dedup();
        Self {
            needles,
            own: Vec::new(),
        }
    }

    /// The same, but a part of one of these texts is not hidden where that text stands: names and links of the run.
    #[must_use]
    pub fn keeping(mut self, own: impl IntoIterator<Item = String>) -> Self {
        self.own.extend(own.into_iter().filter(|it| !it.is_empty()));
        self
    }

    /// The same, but also hides this name, whatever it was a part of.
    #[must_use]
    pub fn hiding_name(mut self, name: &str) -> Self {
        self.needles.extend(Needle::new(name, false));
        self.needles.sort_unstable();
        self.own.retain(|own| !own.contains(name));
        self
    }

    /// Redacts lines that others wrote. A secret, or a private key, may span several lines, and start before the first.
    pub fn foreign(&self, lines: &[String]) -> Vec<String> {
        self.all(lines, Author::Others)
    }

    /// Redacts the lines of a text of ours, which may quote others.
    pub fn lines(&self, lines: &[String]) -> Vec<String> {
        self.all(lines, Author::Mixed)
    }

    /// Redacts a line of ours, which may quote others. Secrets that overlap or touch are replaced together.
    pub fn redact(&self, text: &str) -> String {
        let mut found = self.whole(text, Author::Mixed);
        found.extend(secret_patterns::find(text));
        hide(text, found)
    }

    /// Redacts the next line of a text of others that arrives line by line. What a line ends with is hidden if it may be the
    /// beginning of a secret that the next one continues.
    pub fn next(&self, state: &mut LineState, line: &str) -> String {
        let line = state.block.hide(line);
        let text = line.trim_end();
        let mut found = self.whole(&line, Author::Others);
        found.extend(secret_patterns::find(&line));
        let indent = text.len() - text.trim_start().len();
        let mut begun = Vec::new();
        for (index, done) in std::mem::take(&mut state.begun) {
            match self.needles[index].rest_at(text, indent, done) {
                Found::Whole(to) => found.push((indent, to)),
                Found::Begun(more) if more > done => {
                    found.push((indent, text.len()));
                    begun.push((index, more));
                }
                Found::Begun(_) | Found::No => {}
            }
        }
        for (from, index, done) in self.begun(text, Author::Others) {
            if done >= MIN_FOLDED && self.needles[index].len() >= 2 * MIN_FOLDED {
                found.push((from, text.len()));
            }
            begun.push((index, done));
        }
        begun.truncate(MOST_BEGUN);
        state.begun = begun;
        hide(&line, found)
    }

    fn all(&self, lines: &[String], author: Author) -> Vec<String> {
        let begun = KeyBlock::begun_before(lines);
        let mut block = KeyBlock::default();
        let mut text = String::new();
        let mut found = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            if Some(at) == begun {
                block = KeyBlock::Within;
            }
            if at > 0 {
                text.push('\n');
            }
            let line = block.hide(line);
            let by_pattern = secret_patterns::find(&line).into_iter();
            found.extend(by_pattern.map(|(from, to)| (text.len() + from, text.len() + to)));
            text += &line;
        }
        found.extend(self.whole(&text, author));
        if author == Author::Others {
            let indent = text.len() - text.trim_start().len();
            found.extend(self.ended(&text, indent, MIN_FOLDED));
        }
        match lines.is_empty() {
            true => Vec::new(),
            false => hide(&text, found).split('\n').map(str::to_owned).collect(),
        }
    }

    /// Secrets, and parts of them next to a cut.
    fn whole(&self, text: &str, author: Author) -> Vec<Range> {
        let mut found = Vec::new();
        self.scan(text, 0, author, |from, needle, it| match it {
            Found::Whole(to) if !self.is_part_of_ours(text, (from, to), needle) => {
                found.push((from, to));
            }
            _ => {}
        });
        for (at, cut) in text.match_indices(CUT).take(MOST_CUTS) {
            let before = text[..at].trim_end();
            let begun = self.begun(before, author);
            let begun = begun.iter().filter(|(_, _, done)| *done >= MIN_PART);
            found.extend(begun.map(|(from, ..)| (*from, before.len())));
            found.extend(self.ended(text, at + cut.len(), MIN_PART));
        }
        found
    }

    /// Where the text ends with the beginning of a secret: from where, of which one, and how many of its characters.
    fn begun(&self, text: &str, author: Author) -> Vec<(usize, usize, usize)> {
        let start = (text.len().saturating_sub(REACH)..)
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        let mut all = Vec::new();
        self.scan(text, start, author, |from, needle, found| {
            if let Found::Begun(done) = found {
                all.push((from, needle, done));
            }
        });
        all
    }

    /// Whether what stands at `from` is the end of a secret, and where that ends. It has at least `least` characters, and
    /// the secret more.
    fn ended(&self, text: &str, from: usize, least: usize) -> Option<Range> {
        let end = |needle: &Needle| {
            let starts = 1..(needle.len() + 1).saturating_sub(least);
            let mut ends = starts.filter_map(|done| match needle.rest_at(text, from, done) {
                Found::Whole(to) => Some(to),
                Found::Begun(_) | Found::No => None,
            });
            ends.next()
        };
        let ends = self.needles.iter().filter(|it| !it.is_own_word);
        ends.filter_map(end).max().map(|to| (from, to))
    }

    /// Looks for every needle at every position where it may begin.
    fn scan(
        &self,
        text: &str,
        start: usize,
        author: Author,
        mut on: impl FnMut(usize, usize, Found),
    ) {
        let mut last = None;
        for (at, c) in text[start..].char_indices() {
            let at = start + at;
            for first in firsts(&text[at..], c, last).into_iter().flatten() {
                let (from, to) = self.beginning_with(first);
                for (index, needle) in self.needles.iter().enumerate().take(to).skip(from) {
                    if author == Author::Others || !needle.is_own_word {
                        match needle.at(text, at) {
                            Found::No => {}
                            found => on(at, index, found),
                        }
                    }
                }
            }
            last = Some(c);
        }
    }

    fn beginning_with(&self, c: char) -> (usize, usize) {
        let from = self.needles.partition_point(|it| it.first() < Some(c));
        let to = self.needles.partition_point(|it| it.first() <= Some(c));
        (from, to)
    }

    /// Whether one of the texts to keep is there, and the secret only a part of it.
    fn is_part_of_ours(&self, text: &str, (from, to): Range, needle: usize) -> bool {
        let found = &text[from..to];
        let is_there = |own: &String, at: usize| {
            let begin = from.checked_sub(at);
            begin.is_some_and(|begin| text.get(begin..begin + own.len()) == Some(own))
        };
        let mut own = self.own.iter();
        let is_known = own.any(|own| own.match_indices(found).any(|(at, _)| is_there(own, at)));
        is_known && self.needles[needle].len() == found.chars().count()
    }
}

/// The characters that the text may begin with: `c` as it is, or what it escapes. A run of backslashes escapes only once.
fn firsts(text: &str, c: char, last: Option<char>) -> [Option<char>; 3] {
    let is_escape = matches!(c, '%' | '&') || (c == '\\' && last != Some('\\'));
    let [one, other] = match is_escape {
        true => decoded(text).map(|found| found.map(|(found, _)| found)),
        false => [None; 2],
    };
    let one = one.filter(|one| *one != c);
    let other = other.filter(|it| *it != c && Some(*it) != one);
    [Some(c), one, other]
}

/// The first and the last line of a key, which every key has.
fn is_frame(line: &str) -> bool {
    line.starts_with("-----BEGIN ") || line.starts_with("-----END ")
}

/// The text without what is found. A line end within it stays one.
fn hide(text: &str, mut found: Vec<Range>) -> String {
    found.sort_unstable();
    let mut clean = String::with_capacity(text.len());
    let mut end = 0;
    let mut found = found.into_iter().peekable();
    while let Some((from, mut to)) = found.next() {
        while let Some((_, next)) = found.next_if(|(next, _)| *next <= to) {
            to = to.max(next);
        }
        clean.push_str(&text[end..from]);
        clean.push_str(HIDDEN);
        for _ in text[from..to].matches('\n') {
            clean.push('\n');
            clean.push_str(HIDDEN);
        }
        end = to;
    }
    clean + &text[end..]
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor(***)")
    }
}

#[cfg(test)]
mod tests;
