//! Takes inputs one after the other and gathers what is wrong, so that a person learns of all problems at once.

use super::flags::Flags;
use super::given::Given;
use super::inputs::{Fallback, Input};
use super::key::lines_of;
use super::problem::{Problem, Wrong};
use super::warning::Warning;

/// Inputs whose values have several lines, where a line end at the end means nothing.
const SEVERAL_LINES: &[&str] = &[
    "key",
    "known-hosts",
    "exclude",
    "shared",
    "install",
    "before-switch",
    "restart",
];

/// The inputs, and what was found wrong with them so far.
pub(super) struct Reader<'a> {
    given: &'a Given,
    flags: &'a Flags,
    /// Inputs that mean nothing to the command.
    unused: &'static [&'static str],
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Warning>,
}

/// A value as it was found.
pub(super) enum Found<'a> {
    Missing,
    /// A problem stands already.
    Broken,
    Text(&'a str),
}

impl<'a> Reader<'a> {
    pub(super) fn new(given: &'a Given, flags: &'a Flags) -> Self {
        Self {
            given,
            flags,
            unused: &[],
            problems: given.problems.clone(),
            warnings: given.warnings.clone(),
        }
    }

    /// The value, trimmed at its ends.
    pub(super) fn find(&mut self, name: &'static str) -> Found<'a> {
        let found = self.find_raw(name);
        let Found::Text(raw) = found else {
            return found;
        };
        let text = raw.trim();
        if text != raw && !SEVERAL_LINES.contains(&name) {
            self.warnings.push(Warning::Trimmed { input: name });
        }
        Found::Text(text)
    }

    /// From here on these count as not given; those that were are named in one warning.
    pub(super) fn disregard(&mut self, names: &'static [&'static str], command: &'static str) {
        let inputs: Vec<_> = names
            .iter()
            .copied()
            .filter(|name| self.is_given(name))
            .collect();
        if !inputs.is_empty() {
            self.warnings.push(Warning::Unused { inputs, command });
        }
        self.problems
            .retain(|problem| !names.contains(&problem.subject()));
        self.unused = names;
    }

    /// Whether there is a value that counts; says nothing about it.
    pub(super) fn is_given(&self, name: &str) -> bool {
        if self.unused.contains(&name) {
            return false;
        }
        let flag = self
            .flags
            .values
            .get(name)
            .is_some_and(|value| !value.trim().is_empty());
        flag || self.given.values.contains_key(name)
    }

    /// The value to the last byte; a flag's wins, an empty one is none.
    pub(super) fn find_raw(&mut self, name: &'static str) -> Found<'a> {
        if self.unused.contains(&name) {
            return Found::Missing;
        }
        let flag = self
            .flags
            .values
            .get(name)
            .filter(|value| !value.trim().is_empty());
        let Some(raw) = flag.or_else(|| self.given.values.get(name)) else {
            let broken = self
                .given
                .problems
                .iter()
                .any(|problem| problem.subject() == name);
            return if broken {
                Found::Broken
            } else {
                Found::Missing
            };
        };
        let text = raw.trim();
        if let Some(wrong) = placeholder(text) {
            self.problem(name, Some(text), wrong);
            return Found::Broken;
        }
        if !is_secret(name) && self.gives_away(text) {
            self.problem(name, None, misplaced());
            return Found::Broken;
        }
        Found::Text(raw)
    }

    /// A value that must be there.
    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        missing: impl FnOnce() -> Wrong,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        match self.find(name) {
            Found::Text(text) => self.check(name, text, parse),
            Found::Broken => None,
            Found::Missing => {
                self.problem(name, None, missing());
                None
            }
        }
    }

    /// A value with a default in the table of inputs.
    pub(super) fn with_default<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        let text = match (
            self.find(name),
            Input::named(name).map(|input| input.fallback),
        ) {
            (Found::Text(text), _) | (Found::Missing, Some(Fallback::Value(text))) => text,
            _ => return None,
        };
        self.check(name, text, parse)
    }

    /// A value that may be missing: `Some(None)`. `None`: there was a problem.
    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Option<Option<T>> {
        match self.find(name) {
            Found::Text(text) => self.check(name, text, parse).map(Some),
            Found::Broken => None,
            Found::Missing => Some(None),
        }
    }

    /// The same for a value that counts to the last byte.
    pub(super) fn optional_raw<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Option<Option<T>> {
        match self.find_raw(name) {
            Found::Text(text) => self.check(name, text, parse).map(Some),
            Found::Broken => None,
            Found::Missing => Some(None),
        }
    }

    /// The value of the type, or `None` and a problem more.
    pub(super) fn check<T>(
        &mut self,
        name: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        parse(text)
            .map_err(|wrong| self.problem(name, Some(text), wrong))
            .ok()
    }

    /// Notes a problem. A value that is secret, or holds what is secret, is not shown.
    pub(super) fn problem(&mut self, name: &'static str, value: Option<&str>, wrong: Wrong) {
        // known_hosts lines are long and alike: the line's number says more
        let hidden = |text: &&str| {
            is_secret(name)
                || name == "known-hosts"
                || self.gives_away(text)
                || self.holds_passphrase(text)
        };
        let problem = match value.filter(|text| !hidden(text)) {
            Some(text) => Problem::showing(name, text, wrong),
            None => Problem::of(name, wrong),
        };
        self.problems.push(problem);
    }

    fn holds_passphrase(&self, text: &str) -> bool {
        self.given
            .values
            .get("passphrase")
            .is_some_and(|passphrase| text.contains(passphrase.trim()))
    }

    fn gives_away(&self, text: &str) -> bool {
        let key = self
            .given
            .values
            .get("key")
            .map(String::as_str)
            .unwrap_or_default();
        text.contains("PRIVATE KEY") || lines_of(key).any(|line| text.contains(line))
    }
}

fn is_secret(name: &str) -> bool {
    Input::named(name).is_none_or(|input| input.secret)
}

fn misplaced() -> Wrong {
    Wrong::new(
        "holds a private key or a part of it",
        "A private key belongs into `key` only",
    )
}

/// Values that a workflow makes by mistake.
fn placeholder(text: &str) -> Option<Wrong> {
    let what = match text {
        _ if text.contains("${{") => "holds an expression that was not expanded",
        "null" | "undefined" => "looks like the result of an expression that found nothing",
        _ if !text.is_empty() && text.bytes().all(|byte| byte == b'*') && text.len() >= 3 => {
            "looks like a masked value"
        }
        _ => return None,
    };
    Some(Wrong::new(
        what,
        "Check where the workflow takes it from: a secret, a variable, an output",
    ))
}
