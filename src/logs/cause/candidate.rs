//! The best of the lines that may be the cause.

use super::types::{Cause, Rank, Source};
use crate::logs::exception::begins_with_exception;
use crate::logs::formats::{role, Role};
use crate::logs::words;
use crate::text::excerpt::shorten;

/// The longest cause, in characters.
const MAX_CHARS: usize = 300;
/// Lines that are joined to one that does not end.
const MAX_JOINED: usize = 3;
/// Node says more before it.
const REJECTION: &str = "The promise rejected with the reason ";

#[derive(Debug, Clone)]
struct Candidate {
    text: String,
    rank: Rank,
    /// Of several messages of the same kind the first one counts.
    is_first: bool,
    /// Lines below it may belong to it.
    is_open: bool,
    /// How many of them are still joined to it.
    joins: usize,
    /// The program went on after it.
    survived: bool,
}

/// The best candidate so far. Of two equal ones the later one counts.
pub(super) struct Best {
    source: Source,
    candidate: Option<Candidate>,
}

impl Best {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            candidate: None,
        }
    }

    /// Adds a line. Returns whether it is the best one now.
    pub(super) fn add(&mut self, rank: Rank, text: &str) -> bool {
        let text = match text.find(REJECTION) {
            Some(at) => text[at..].trim_end_matches([' ', '{', ']', '.']),
            None => text,
        };
        if let Some(best) = &mut self.candidate {
            best.survived |= rank == Rank::Line && self.source == Source::Script;
            let is_over = best.survived && best.rank == Rank::Crash && rank == Rank::Error;
            let keeps = best.is_first || words::is_conclusion(text);
            if !is_over && (best.rank > rank || best.rank == rank && keeps) {
                return false;
            }
        }
        self.candidate = Some(Candidate {
            text: text.to_owned(),
            rank,
            is_first: false,
            is_open: rank >= Rank::Words,
            joins: MAX_JOINED,
            survived: false,
        });
        true
    }

    /// Adds a line of which there may be several: the first one counts.
    pub(super) fn add_first(&mut self, rank: Rank, text: &str) {
        let is_known = |best: &Candidate| best.is_first && best.rank >= rank;
        if !self.candidate.as_ref().is_some_and(is_known) && self.add(rank, text) {
            if let Some(best) = &mut self.candidate {
                best.is_first = true;
            }
        }
    }

    /// The best one was caused by this.
    pub(super) fn replace(&mut self, cause: &str) {
        let says_something =
            !cause.is_empty() && !cause.ends_with('{') && role(cause) != Some(Role::Trailer);
        let best = self.candidate.as_mut();
        if let Some(best) = best.filter(|best| best.rank > Rank::Line && says_something) {
            best.text = cause.to_owned();
            (best.is_open, best.joins) = (true, MAX_JOINED);
        }
    }

    /// The program went on after the traceback below a message of a low level: it was handled.
    pub(super) fn goes_on(&mut self) {
        if let Some(best) = self
            .candidate
            .as_mut()
            .filter(|best| best.rank == Rank::Likely)
        {
            best.rank = Rank::Minor;
        }
    }

    /// Nothing more is joined to it, unless it says that more follows.
    pub(super) fn ends(&mut self) {
        if let Some(best) = &mut self.candidate {
            best.is_open &= best.text.ends_with(':');
        }
    }

    /// A list of what is wrong follows it.
    pub(super) fn begins_list(&mut self) {
        if let Some(best) = &mut self.candidate {
            (best.is_open, best.joins) = (true, MAX_JOINED - 1);
            best.text.push(':');
        }
    }

    /// Joins a line to the best one, if that does not end. `is_new`: it begins another message. Returns whether it is a part.
    pub(super) fn join(&mut self, text: &str, is_indented: bool, is_new: bool) -> bool {
        let Some(best) = self.candidate.as_mut().filter(|best| best.is_open) else {
            return false;
        };
        if best.text.ends_with(['[', '{']) {
            // an error that is JSON
            if let Some(message) = text.strip_prefix("\"message\": ") {
                best.text = format!("{} {}", best.text, message.trim_end_matches(','));
                best.is_open = false;
            }
            return !is_new;
        }
        let is_open = best.text.ends_with(':') || best.text.starts_with("in ./");
        let is_message = begins_with_exception(&best.text) && words::of_failure(text)
            || matches!(best.text.split(' ').next(), Some("Error:" | "error:"))
                && best.text.len() < "error: of a few words".len();
        let is_part = is_open || is_message || is_indented;
        if is_new || !is_part || !matches!(role(text), None | Some(Role::Error)) {
            best.is_open = false;
            return false;
        }
        if best.joins > 0 && !best.text.contains(text) {
            best.joins -= 1;
            best.text = format!("{} {text}", best.text);
        }
        true
    }

    /// The best one, if it begins with this, with what was joined to it.
    pub(super) fn joined(&self, head: &str) -> Option<&str> {
        let best = self.candidate.as_ref()?;
        best.text.starts_with(head).then_some(&best.text)
    }

    /// How sure the best one is.
    pub(super) fn rank(&self) -> Option<Rank> {
        self.candidate.as_ref().map(|best| best.rank)
    }

    pub(super) fn into_cause(self) -> Option<Cause> {
        let best = self.candidate?;
        Some(Cause {
            text: shorten(
                best.text.trim_start_matches([' ', '\t', '|']).trim(),
                MAX_CHARS,
            ),
            rank: best.rank,
        })
    }
}
