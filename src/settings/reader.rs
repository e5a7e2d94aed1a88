//! Reads inputs one after the other and collects what is wrong, so that all problems are reported at once.

use super::catalog::Catalog;
use super::environment::Environment;
use super::flags::Flags;
use super::input::{Definition, Fallback, Input, Text};
use super::model::Command;
use super::problem::{Invalid, Problem};
use super::secrets::Secrets;
use super::ssh::key::telling_lines;
use super::warning::InputWarning;
use crate::text::{Prose, Redactor};

/// The inputs, and what was found wrong with them so far.
pub(super) struct Reader<'a> {
    environment: &'a Environment,
    flags: &'a Flags,
    catalog: Catalog,
    /// Inputs that it does not use count as not given.
    command: Option<Command>,
    /// Hides what secret inputs hold.
    redactor: Redactor,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<InputWarning>,
}

/// The text of an input.
pub(super) enum Found<'a> {
    Missing,
    /// Its problem is already noted.
    Broken,
    Text(&'a str),
}

impl<'a> Reader<'a> {
    pub(super) fn new(environment: &'a Environment, flags: &'a Flags, catalog: Catalog) -> Self {
        Self {
            environment,
            flags,
            catalog,
            command: None,
            redactor: Redactor::new(Secrets::of(environment, catalog).telling()),
            problems: environment.problems.clone(),
            warnings: environment.warnings.clone(),
        }
    }

    /// From here on inputs that the command does not use count as not given; one warning names those that were.
    pub(super) fn ignore_unused(&mut self, command: Command) {
        let catalog = self.catalog;
        let unused = || catalog.iter().filter(|input| !input.is_used_by(command));
        let inputs: Vec<_> = unused()
            .filter(|input| self.is_given(input))
            .map(|input| input.name)
            .collect();
        if !inputs.is_empty() {
            let command = command.word();
            self.warnings.push(InputWarning::Unused { inputs, command });
        }
        self.problems
            .retain(|problem| unused().all(|input| input.name != problem.subject()));
        self.command = Some(command);
    }

    /// Only a listing is printed as JSON.
    pub(super) fn check_json(&mut self, command: Command) {
        if self.flags.json && command != Command::Releases {
            let what = Prose::of("has no effect: `command` is {}", [&command.word()]);
            let invalid = Invalid::new(what, "Leave it out, or write `--command releases`");
            self.problems.push(Problem::of("--json", invalid));
        }
    }

    /// Whether there is a value that counts.
    pub(super) fn is_given(&self, input: &Input) -> bool {
        self.raw(input).is_some()
    }

    /// Warns that an input has no effect.
    pub(super) fn no_effect(&mut self, input: &Input, because: &'static str) {
        let input = input.name;
        self.warnings
            .push(InputWarning::NoEffect { input, because });
    }

    /// A flag wins; an empty value counts as not given.
    fn raw(&self, input: &Input) -> Option<&'a str> {
        if self.command.is_some_and(|it| !input.is_used_by(it)) {
            return None;
        }
        let flag = self.flags.values.get(input.name);
        let flag = flag.filter(|value| !value.trim().is_empty());
        flag.or_else(|| self.environment.values.get(input.name))
            .map(String::as_str)
    }

    /// The text of an input, without white space at its ends unless every byte counts.
    pub(super) fn find(&mut self, input: &Input) -> Found<'a> {
        let Some(raw) = self.raw(input) else {
            let broken = &self.environment.problems;
            return match broken.iter().any(|it| it.subject() == input.name) {
                true => Found::Broken,
                false => Found::Missing,
            };
        };
        let text = raw.trim();
        if let Some(invalid) = placeholder(text) {
            self.problem(input, Some(text), invalid);
            return Found::Broken;
        }
        if !input.secret && self.holds_key(text) {
            self.problem(input, None, misplaced());
            return Found::Broken;
        }
        match input.text {
            Text::Exact => return Found::Text(raw),
            // a block in YAML ends with a line end
            Text::Line if text != raw.trim_end_matches(['\r', '\n']) => {
                let input = input.name;
                self.warnings.push(InputWarning::Trimmed { input });
            }
            Text::Line | Text::Lines => {}
        }
        Found::Text(text)
    }

    /// A value that must be given.
    pub(super) fn required<T>(
        &mut self,
        definition: &Definition<T>,
        missing: impl FnOnce() -> Invalid,
    ) -> Option<T> {
        match self.find(&definition.input) {
            Found::Text(text) => self.parse(definition, text),
            Found::Broken => None,
            Found::Missing => {
                self.problem(&definition.input, None, missing());
                None
            }
        }
    }

    /// A value whose definition has a default.
    pub(super) fn with_default<T>(&mut self, definition: &Definition<T>) -> Option<T> {
        let text = match (self.find(&definition.input), definition.input.fallback) {
            (Found::Text(text), _) | (Found::Missing, Fallback::Value(text)) => text,
            _ => return None,
        };
        self.parse(definition, text)
    }

    /// A value that may be missing: `Some(None)`. `None`: there was a problem.
    pub(super) fn optional<T>(&mut self, definition: &Definition<T>) -> Option<Option<T>> {
        match self.find(&definition.input) {
            Found::Text(text) => self.parse(definition, text).map(Some),
            Found::Broken => None,
            Found::Missing => Some(None),
        }
    }

    /// The value of this text; `None`: the problem is noted.
    pub(super) fn parse<T>(&mut self, definition: &Definition<T>, text: &str) -> Option<T> {
        (definition.parse)(text)
            .map_err(|invalid| self.problem(&definition.input, Some(text), invalid))
            .ok()
    }

    /// Whether a valid value meets a further condition; notes the problem if not.
    pub(super) fn require(&mut self, input: &Input, condition: Result<(), Invalid>) -> bool {
        let default = match input.fallback {
            Fallback::Value(default) => Some(default),
            _ => None,
        };
        let text = self.raw(input).map(str::trim).or(default);
        condition
            .map_err(|invalid| self.problem(input, text, invalid))
            .is_ok()
    }

    /// Notes the problem of a value that does not fit others; it shows what does not fit instead of the value.
    pub(super) fn check(&mut self, input: &Input, condition: Result<(), Invalid>) {
        if let Err(invalid) = condition {
            self.problem(input, None, invalid);
        }
    }

    /// Notes a problem. A value that is secret, or holds something secret, is not shown.
    pub(super) fn problem(&mut self, input: &Input, value: Option<&str>, invalid: Invalid) {
        // known_hosts lines are long and alike: the line's number says more
        let is_hidden = |text: &&str| {
            input.secret
                || input.name == "known-hosts"
                || self.holds_key(text)
                || self.holds_passphrase(text)
        };
        let problem = match value.filter(|text| !is_hidden(text)) {
            // before it is cut and escaped
            Some(text) => Problem::showing_some(input.name, &self.redactor.redact(text), invalid),
            None => Problem::of(input.name, invalid),
        };
        self.problems.push(problem);
    }

    fn holds_passphrase(&self, text: &str) -> bool {
        let passphrase = self.environment.values.get("passphrase");
        passphrase.is_some_and(|passphrase| text.contains(passphrase.trim()))
    }

    fn holds_key(&self, text: &str) -> bool {
        let key = self.environment.values.get("key");
        let key = key.map(String::as_str).unwrap_or_default();
        text.contains("PRIVATE KEY") || telling_lines(key).any(|line| text.contains(line))
    }
}

fn misplaced() -> Invalid {
    Invalid::new(
        "holds a private key or a part of it",
        "A private key belongs in `key` only",
    )
}

/// Values that a workflow produces by mistake.
fn placeholder(text: &str) -> Option<Invalid> {
    let masked = text.len() >= 3 && text.bytes().all(|byte| byte == b'*');
    let what = match text {
        _ if text.contains("${{") => "holds an expression that was not expanded",
        "null" | "undefined" => "looks like the result of an expression that found nothing",
        _ if masked => "looks like a masked value",
        _ => return None,
    };
    let fix = "Check where the workflow takes it from: a secret, a variable, an output";
    Some(Invalid::new(what, fix))
}
