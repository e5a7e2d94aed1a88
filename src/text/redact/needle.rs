//! A known secret, found in every form in which a program may print it.
//!
//! Programs escape what they print: as JSON, for a URL, in HTML, for a shell. Logs fold lines and join them. So a secret is
//! not compared byte by byte: each of its characters may be there as it is or escaped, and a gap may have any width.

use crate::text::escaped::{blank, escaped, leading_backslashes};
use crate::text::harmless;

/// Shorter ones are too common to be hidden inside of words.
const INSIDE_WORDS: usize = 6;
/// Only lines this long are folded where they have no gap, and joined again by a space.
const FOLDED: usize = 16;
/// More ways to read the same text are not tried: a secret has few of them, and a hostile text could have thousands.
const MOST_WAYS: usize = 64;

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

/// Other ways to read a text, which are tried in turn.
#[derive(Debug, Default)]
struct Ways {
    /// A position, and the character of the needle that would be there.
    all: Vec<(usize, usize)>,
    tried: usize,
}

impl Ways {
    fn add(&mut self, at: usize, index: usize) {
        if self.all.len() < MOST_WAYS && !self.all.contains(&(at, index)) {
            self.all.push((at, index));
        }
    }

    fn next(&mut self) -> Option<(usize, usize)> {
        let next = self.all.get(self.tried).copied();
        self.tried += 1;
        next
    }
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

    /// The longest text that shows it whole, else the way to read the text that shows most of it.
    fn follow(&self, text: &str, from: usize, done: usize) -> Found {
        let (mut whole, mut begun) = (None, None);
        let mut ways = Ways::default();
        let mut next = Some((from, done));
        while let Some((at, index)) = next {
            match self.read(text, at, index, &mut ways) {
                Found::Whole(to) => whole = whole.max(Some(to)),
                Found::Begun(more) => begun = begun.max(Some(more)),
                Found::No => {}
            }
            next = ways.next();
        }
        match (whole, begun) {
            (Some(to), _) => Found::Whole(to),
            (None, Some(more)) => Found::Begun(more),
            (None, None) => Found::No,
        }
    }

    /// Reads each of its characters from `index` on as the longest text that may stand for it, and adds other ways to `ways`.
    fn read(&self, text: &str, from: usize, index: usize, ways: &mut Ways) -> Found {
        let mut at = from;
        for index in index..self.len() {
            let rest = &text[at..];
            if rest.is_empty() && index > 0 {
                return Found::Begun(index);
            }
            let mut longest = |at: usize| {
                self.longest(&text[at..], index, &mut |length| {
                    ways.add(at + length, index + 1)
                })
            };
            at += match longest(at) {
                Some(length) => length,
                None => match self.fold(rest, index) {
                    Some(fold) => match longest(at + fold) {
                        Some(length) => fold + length,
                        None if rest.len() == fold => return Found::Begun(index),
                        None => return Found::No,
                    },
                    None => return Found::No,
                },
            };
        }
        Found::Whole(at)
    }

    /// How much of `rest` may be its character at `index`. What looks like an escape may be a part of the secret; then
    /// `shorter` gets the lengths without that.
    fn longest(&self, rest: &str, index: usize, shorter: &mut dyn FnMut(usize)) -> Option<usize> {
        let wanted = self.chars[index];
        let next = self.chars.get(index + 1).copied();
        let step = match wanted {
            ' ' => return blank(rest, next, shorter),
            '\\' => return backslashes(rest, next, shorter),
            '%' => "25".len(),
            '&' => "amp;".len(),
            _ => usize::MAX,
        };
        let raw = rest.starts_with(wanted).then(|| wanted.len_utf8());
        let escaped = escaped(rest, wanted);
        if let (Some(raw), Some(escaped)) = (raw, escaped) {
            (raw..escaped).step_by(step).for_each(shorter);
        }
        escaped.or(raw)
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

/// A run of backslashes, escaped or not. `shorter` gets the lengths after which the next character may be.
fn backslashes(rest: &str, next: Option<char>, shorter: &mut dyn FnMut(usize)) -> Option<usize> {
    let may_end = |at: usize| next.is_some_and(|next| may_begin(&rest[at..], next));
    let mut at = 0;
    loop {
        let slashes = leading_backslashes(&rest[at..]);
        let Some(length) = escaped(&rest[at..], '\\').or((slashes > 0).then_some(slashes)) else {
            return (at > 0).then_some(at);
        };
        if at > 0 && may_end(at) {
            shorter(at);
        }
        if (1..length).contains(&slashes) && may_end(at + slashes) {
            shorter(at + slashes);
        }
        at += length;
    }
}

/// Whether `rest` begins with this character, escaped or not.
fn may_begin(rest: &str, wanted: char) -> bool {
    rest.starts_with(wanted) || escaped(rest, wanted).is_some()
}
