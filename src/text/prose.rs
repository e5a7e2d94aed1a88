//! Sentences of deploy-action, and the texts of others in them.

use super::excerpt::lines;
use std::fmt::{self, Display};

/// A sentence of deploy-action. Its own words are literals of the program, so the compiler keeps every text that is made
/// at run time apart from them. How each piece is shown is decided where the sentence is shown: plain by `Display`, in
/// Markdown by `report`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prose(Vec<Piece>);

/// A part of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Own words, without anything that Markdown interprets.
    Words(&'static str),
    /// A name, an option, an example: code in Markdown, in backticks elsewhere.
    Code(String),
    /// A command or a value: code in Markdown, as it is elsewhere.
    Verbatim(String),
    /// Own words that lead to one of the project's pages: a link in Markdown, the address elsewhere.
    Link(&'static str, &'static str),
    /// A text of others, or one that quotes others. Harmless, but Markdown may interpret it.
    Foreign(String),
}

/// Markdown interprets these.
const LIVELY: &str = "<>*[]\\|@$~";

/// An own sentence; what stands in backticks is code.
impl From<&'static str> for Prose {
    fn from(text: &'static str) -> Self {
        Self::of(text, [])
    }
}

impl Prose {
    /// An own sentence in which every `{}` is replaced by the next of these texts of others.
    #[must_use]
    pub fn of<const N: usize>(text: &'static str, foreign: [&dyn Display; N]) -> Self {
        let mut foreign = foreign.iter();
        let mut pieces = Vec::new();
        for (at, part) in text.split('`').enumerate() {
            let is_code = at % 2 == 1;
            if is_code {
                pieces.push(Piece::Code(filled(part, &mut foreign)));
            } else {
                words(part, &mut foreign, &mut pieces);
            }
        }
        debug_assert!(foreign.next().is_none(), "too many texts for “{text}”");
        Self(pieces)
    }

    /// A text of others, or one that quotes others.
    #[must_use]
    pub fn foreign(text: impl Display) -> Self {
        Self(vec![Piece::Foreign(harmless(text))])
    }

    /// A text of others in which these parts, in this order, are commands, lines or paths: each is shown as one piece. Parts
    /// that are not in it are left out.
    #[must_use]
    pub fn quoting(text: impl Display, parts: &[String]) -> Self {
        let text = harmless(text);
        let (mut pieces, mut rest) = (Vec::new(), text.as_str());
        for part in parts.iter().map(harmless).filter(|part| !part.is_empty()) {
            if let Some((before, after)) = split_at_word(rest, &part) {
                pieces.extend(others(before));
                pieces.push(Piece::Verbatim(part));
                rest = after;
            }
        }
        pieces.extend(others(rest));
        Self(pieces)
    }

    /// A command or a value, to be shown as it is.
    #[must_use]
    pub fn verbatim(text: impl Display) -> Self {
        Self(vec![Piece::Verbatim(harmless(text))])
    }

    /// Own words that lead to one of the project's pages.
    #[must_use]
    pub fn link(words: &'static str, to: &'static str) -> Self {
        Self(vec![Piece::Link(words, to)])
    }

    /// The same, continued.
    #[must_use]
    pub fn and(mut self, more: impl Into<Self>) -> Self {
        self.0.extend(more.into().0);
        self
    }

    /// The same with these words before the colon at its end.
    #[must_use]
    pub fn before_colon(mut self, words: &'static str) -> Self {
        if let Some(Piece::Words(last)) = self.0.last_mut() {
            if let Some(before) = last.strip_suffix(':') {
                *last = before;
                self.0.extend([Piece::Words(words), Piece::Words(":")]);
            }
        }
        self
    }

    /// Its pieces, in order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    /// What stands before and after the first of these separators in the own words.
    #[must_use]
    pub fn split_at(&self, separators: &[&str]) -> (Self, Option<Self>) {
        for (at, piece) in self.0.iter().enumerate() {
            let Piece::Words(words) = piece else {
                continue;
            };
            let found = separators
                .iter()
                .filter_map(|it| words.find(it).map(|begin| (begin, begin + it.len())))
                .min();
            if let Some((begin, end)) = found {
                let (before, after) = (&words[..begin], &words[end..]);
                let short = self.0[..at].iter().cloned().chain(own(before));
                let more = own(after).into_iter().chain(self.0[at + 1..].to_vec());
                return (Self(short.collect()), Some(Self(more.collect())));
            }
        }
        (self.clone(), None)
    }

    /// Whether it says anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.to_string().is_empty()
    }
}

impl Display for Prose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| piece.fmt(f))
    }
}

impl Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(text) => f.write_str(text),
            Self::Code(text) => write!(f, "`{text}`"),
            Self::Link(_, to) => f.write_str(to),
            Self::Verbatim(text) | Self::Foreign(text) => f.write_str(text),
        }
    }
}

fn others(text: &str) -> Option<Piece> {
    (!text.is_empty()).then(|| Piece::Foreign(text.to_owned()))
}

/// What stands before and after the first place where this is no part of a longer word.
fn split_at_word<'a>(text: &'a str, part: &str) -> Option<(&'a str, &'a str)> {
    let in_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let starts_in =
        |before: &str| in_word(before.chars().next_back()) && in_word(part.chars().next());
    let ends_in = |after: &str| in_word(part.chars().next_back()) && in_word(after.chars().next());
    text.match_indices(part)
        .map(|(at, found)| (&text[..at], &text[at + found.len()..]))
        .find(|(before, after)| !starts_in(before) && !ends_in(after))
}

type Foreign<'a> = std::slice::Iter<'a, &'a dyn Display>;

/// Own words and the texts in them.
fn words(text: &'static str, foreign: &mut Foreign<'_>, pieces: &mut Vec<Piece>) {
    for (at, words) in text.split("{}").enumerate() {
        if at > 0 {
            pieces.push(Piece::Foreign(next(foreign)));
        }
        pieces.extend(own(words));
    }
}

fn own(words: &'static str) -> Option<Piece> {
    debug_assert!(
        !words.contains(|c| LIVELY.contains(c)),
        "“{words}” must be in backticks"
    );
    (!words.is_empty()).then_some(Piece::Words(words))
}

fn filled(text: &str, foreign: &mut Foreign<'_>) -> String {
    let mut parts = text.split("{}");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |done, part| done + &next(foreign) + part)
}

fn next(foreign: &mut Foreign<'_>) -> String {
    let next = foreign.next();
    debug_assert!(next.is_some(), "too few texts");
    next.map(harmless).unwrap_or_default()
}

fn harmless(text: impl Display) -> String {
    lines(text.to_string().as_bytes()).join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_literal_is_foreign() {
        let text = Prose::of("run `sudo {}` on {}, `@1`: {}", [&"`a`", &"\u{1b}[1mb", &7]);
        let [words, code, on, foreign, ..] = text.pieces() else {
            panic!("{text:?}");
        };
        assert_eq!(
            [words, code, on, foreign],
            [
                &Piece::Words("run "),
                &Piece::Code("sudo `a`".into()),
                &Piece::Words(" on "),
                &Piece::Foreign("b".into()),
            ]
        );
        assert_eq!(text.to_string(), "run `sudo `a`` on b, `@1`: 7");
    }

    #[test]
    fn what_is_quoted_is_one_piece() {
        let pieces = |text: &str, parts: &[&str]| {
            let parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
            let text = Prose::quoting(text, &parts);
            let show = |piece: &Piece| match piece {
                Piece::Verbatim(text) => format!("<{text}>"),
                Piece::Foreign(text) => text.clone(),
                other => panic!("{other:?}"),
            };
            text.pieces().iter().map(show).collect::<String>()
        };
        assert_eq!(
            pieces(
                "line 2, echo \"a b\", ended: b, c",
                &["echo \"a b\"", "missing", "", "b, c"]
            ),
            "line 2, <echo \"a b\">, ended: <b, c>"
        );
        // not inside of a word, and not before the one that came first
        assert_eq!(
            pieces("on the connection on", &["the", "on"]),
            "on <the> connection <on>"
        );
    }

    #[test]
    fn a_sentence_is_split_in_its_own_words_only() {
        let text = Prose::of("{} is live: so; it is {}", [&"a: b", &"c"]);
        let (short, more) = text.split_at(&["; ", ": "]);
        assert_eq!(short.to_string(), "a: b is live");
        assert_eq!(more.unwrap().to_string(), "so; it is c");
        let whole = Prose::from("one").and(Prose::verbatim("; two"));
        assert_eq!(whole.split_at(&["; "]), (whole.clone(), None));
    }
}
