//! What an input is: everything that people read about it, and how its text becomes a value.

use super::model::Command;
use super::problem::Invalid;

/// An input of the action: `host` is the flag `--host` and the variable `INPUT_HOST`.
#[derive(Debug)]
pub struct Input {
    /// The name as in action.yml.
    pub name: &'static str,
    /// What applies if it is not given.
    pub fallback: Fallback,
    /// What it means, in Markdown of one line.
    pub meaning: &'static str,
    /// A secret has no flag, because every process can read command lines, and its value is never shown.
    pub secret: bool,
    pub(super) text: Text,
    commands: &'static [Command],
}

/// What applies if an input is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// It must be given.
    Required,
    /// Nothing.
    Nothing,
    /// This value, one entry per line.
    Value(&'static str),
    /// A value that follows from others.
    Derived(&'static str),
    /// A value described in words.
    Words(&'static str),
}

/// How much of the given text is the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// One line: white space at its ends is removed, with a notice.
    Line,
    /// Several lines: a line end at the end means nothing.
    Lines,
    /// Every byte.
    Exact,
}

/// An input and how its text is parsed.
pub(super) struct Definition<T> {
    pub(super) input: Input,
    pub(super) parse: fn(&str) -> Result<T, Invalid>,
}

impl<T> Definition<T> {
    const fn new(
        name: &'static str,
        fallback: Fallback,
        meaning: &'static str,
        parse: fn(&str) -> Result<T, Invalid>,
    ) -> Self {
        let input = Input {
            name,
            fallback,
            meaning,
            secret: false,
            text: Text::Line,
            commands: &Command::ALL,
        };
        Self { input, parse }
    }

    /// It must be given.
    pub(super) const fn required(
        name: &'static str,
        meaning: &'static str,
        parse: fn(&str) -> Result<T, Invalid>,
    ) -> Self {
        Self::new(name, Fallback::Required, meaning, parse)
    }

    /// It may be left out.
    pub(super) const fn optional(
        name: &'static str,
        meaning: &'static str,
        parse: fn(&str) -> Result<T, Invalid>,
    ) -> Self {
        Self::new(name, Fallback::Nothing, meaning, parse)
    }

    /// Left out, it is as if `default` were given.
    pub(super) const fn with_default(
        name: &'static str,
        default: &'static str,
        meaning: &'static str,
        parse: fn(&str) -> Result<T, Invalid>,
    ) -> Self {
        Self::new(name, Fallback::Value(default), meaning, parse)
    }

    /// It may be left out; what applies then is another thing than nothing.
    pub(super) const fn or(mut self, fallback: Fallback) -> Self {
        self.input.fallback = fallback;
        self
    }

    pub(super) const fn secret(mut self) -> Self {
        self.input.secret = true;
        self
    }

    pub(super) const fn lines(mut self) -> Self {
        self.input.text = Text::Lines;
        self
    }

    pub(super) const fn exact(mut self) -> Self {
        self.input.text = Text::Exact;
        self
    }

    /// Only these commands use it; by default all do.
    pub(super) const fn only(mut self, commands: &'static [Command]) -> Self {
        self.input.commands = commands;
        self
    }
}

impl Input {
    /// The variable that holds it: `INPUT_HEALTH_URL`.
    pub fn variable(&self) -> String {
        format!("INPUT_{}", self.name.to_uppercase().replace('-', "_"))
    }

    /// Its description in action.yml.
    pub fn description(&self) -> String {
        match self.default() {
            Some(default) => format!("{} Default: {default}.", self.meaning),
            None if self.fallback == Fallback::Required => format!("{} Required.", self.meaning),
            None => self.meaning.to_owned(),
        }
    }

    /// The default in Markdown, if there is one.
    pub fn default(&self) -> Option<String> {
        let code = |line| format!("`{line}`");
        match self.fallback {
            Fallback::Required | Fallback::Nothing => None,
            Fallback::Value(value) => Some(value.lines().map(code).collect::<Vec<_>>().join(", ")),
            Fallback::Derived(value) => Some(code(value)),
            Fallback::Words(words) => Some(words.to_owned()),
        }
    }

    /// Whether the command uses it.
    pub(super) fn is_used_by(&self, command: Command) -> bool {
        self.commands.contains(&command)
    }
}
