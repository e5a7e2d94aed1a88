//! A known secret, found in every form in which a program may print it.
//!
//! Programs escape what they print: as JSON, for a URL, in HTML, for a shell. Logs fold lines and join them. So a secret is
//! not compared byte by byte: each of its characters may be there as it is or escaped, and a gap may have any width.

use crate::text::escaped::{blank, escaped};
use crate::text::harmless;

/// Shorter ones are too common to be hidden inside of words.
const INSIDE_WORDS: usize = 6;
/// Only lines this long are folded where they have no gap, and joined again by a space.
const FOLDED: usize = 16;

/// A line of a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Needle {
    /// Every gap is one space, every run of backslashes one backslash.
    chars: Vec<char>,
    /// It is also a word of the program: it is hidden only where nothing but the text of others stands.
    pub(super) is_own_word: bool,
}

/// Whether a needle is at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    No,
    /// Up to this position.
    Whole(usize),
    /// The text ends after so many of its characters.
    Begun(usize),
}

impl Needle {
    /// `None`: there is nothing to hide.
    pub(super) fn new(line: &str, is_own_word: bool) -> Option<Self> {
        let mut chars: Vec<char> = Vec::new();
        for next in harmless(line.as_bytes()).trim().chars() {
            let next = if next.is_whitespace() { ' ' } else { next };
            if !(chars.last() == Some(&next) && [' ', '\\'].contains(&next)) {
                chars.push(next);
            }
        }
        (!chars.is_empty()).then_some(Self { chars, is_own_word })
    }

    pub(super) fn len(&self) -> usize {
        self.chars.len()
    }

    pub(super) fn first(&self) -> Option<char> {
        self.chars.first().copied()
    }

    /// Whether it begins at this byte of the text.
    pub(super) fn at(&self, text: &str, from: usize) -> Found {
        if !self.may_touch(text[..from].chars().next_back(), 0) {
            return Found::No;
        }
        self.rest_at(text, from, 0)
    }

    /// Whether what follows its first `done` characters is at this byte of the text.
    pub(super) fn rest_at(&self, text: &str, from: usize, done: usize) -> Found {
        match self.follow(text, from, done) {
            Found::Whole(to) if !self.may_touch(text[to..].chars().next(), self.len() - 1) => {
                Found::No
            }
            found => found,
        }
    }

    /// Whether its character at `at` may stand next to this one: `123456` is not in `1234567`, and `abc` not in `abcd`.
    fn may_touch(&self, neighbour: Option<char>, at: usize) -> bool {
        let (Some(neighbour), Some(own)) = (neighbour, self.chars.get(at)) else {
            return true;
        };
        let is_number = self.chars.iter().all(char::is_ascii_digit);
        let is_short = self.len() < INSIDE_WORDS;
        !(is_number && neighbour.is_ascii_digit()
            || is_short && neighbour.is_alphanumeric() && own.is_alphanumeric())
    }

    fn follow(&self, text: &str, from: usize, done: usize) -> Found {
        let mut at = from;
        for index in done..self.len() {
            let rest = &text[at..];
            if rest.is_empty() && index > 0 {
                return Found::Begun(index);
            }
            let wanted = self.chars[index];
            let raw = length(rest, wanted);
            let other = match wanted {
                ' ' => blank(rest, self.chars.get(index + 1).copied()),
                '\\' => backslashes(rest),
                _ => escaped(rest, wanted),
            };
            at += match (raw, other) {
                // the sign of an escape may be escaped itself, and what follows it may be a part of the secret
                (Some(raw), Some(other)) if raw != other && ![' ', '\\'].contains(&wanted) => {
                    let step = match wanted {
                        '%' => "25".len(),
                        '&' => "amp;".len(),
                        _ => other,
                    };
                    let shorter = (raw..other).step_by(step).map(|length| at + length);
                    let mut found = shorter.map(|end| self.follow(text, end, index + 1));
                    match found.find(|found| *found != Found::No) {
                        Some(found) => return found,
                        None => other,
                    }
                }
                (_, Some(length)) | (Some(length), None) => length,
                (None, None) => match self.fold(rest, index) {
                    Some(fold) => match self.unfolded(text, at + fold, index) {
                        Some(to) => to - at,
                        None if rest.len() == fold => return Found::Begun(index),
                        None => return Found::No,
                    },
                    None => return Found::No,
                },
            };
        }
        Found::Whole(at)
    }

    /// The end of its character after a fold.
    fn unfolded(&self, text: &str, at: usize, index: usize) -> Option<usize> {
        let (rest, wanted) = (&text[at..], self.chars[index]);
        let length = length(rest, wanted).or_else(|| escaped(rest, wanted))?;
        Some(at + length)
    }

    /// How long the fold is that stands before its character.
    fn fold(&self, rest: &str, index: usize) -> Option<usize> {
        let has_room = index > 0 && self.len() >= INSIDE_WORDS;
        let indent = |text: &str| text.len() - text.trim_start_matches([' ', '\t']).len();
        match rest
            .strip_prefix('\n')
            .or_else(|| rest.strip_prefix("\\\n"))
        {
            Some(next) if has_room => Some(rest.len() - next.len() + indent(next)),
            _ if has_room && self.len() >= FOLDED && rest.starts_with(' ') => Some(1),
            _ => None,
        }
    }
}

fn length(rest: &str, wanted: char) -> Option<usize> {
    rest.starts_with(wanted).then(|| wanted.len_utf8())
}

/// A run of backslashes, escaped or not.
fn backslashes(rest: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(length) = escaped(&rest[at..], '\\').or_else(|| length(&rest[at..], '\\')) {
        at += length;
    }
    (at > 0).then_some(at)
}
