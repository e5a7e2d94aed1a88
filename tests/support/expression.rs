//! The few of GitHub's expressions that action.yml uses.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::vec::IntoIter;

/// What names stand for.
pub(crate) struct Scope {
    pub(crate) inputs: BTreeMap<String, String>,
    /// Outputs, by the ids of the steps that were run.
    pub(crate) steps: BTreeMap<String, BTreeMap<String, String>>,
    /// How they ended.
    pub(crate) outcomes: BTreeMap<String, &'static str>,
    /// Whether a step before has failed or was cancelled.
    pub(crate) failed: bool,
}

/// A text that is one `${{ … }}`, or an expression without that.
pub(crate) fn evaluate(text: &str, scope: &Scope) -> String {
    let inner = text
        .trim()
        .strip_prefix("${{")
        .and_then(|rest| rest.strip_suffix("}}"));
    let mut parser = Parser {
        words: words(inner.unwrap_or(text)).into_iter().peekable(),
        scope,
    };
    let value = parser.or();
    let rest: Vec<String> = parser.words.collect();
    assert!(rest.is_empty(), "the tests do not know {rest:?} in {text}");
    value
}

/// A text with expressions in it.
pub(crate) fn expand(text: &str, scope: &Scope) -> String {
    let mut parts = text.split("${{");
    let mut expanded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (expression, rest) = part.split_once("}}").unwrap();
        expanded += &evaluate(expression, scope);
        expanded += rest;
    }
    expanded
}

pub(crate) fn is_true(value: &str) -> bool {
    !value.is_empty() && value != "false"
}

/// Names, operators and literals; a literal keeps its first quote.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut rest) = (Vec::new(), text.trim_start());
    while !rest.is_empty() {
        let end = match rest.strip_prefix('\'') {
            Some(literal) => literal.find('\'').unwrap() + 2,
            None => {
                let operator = ["||", "&&", "==", "!=", "(", ")", ","].into_iter();
                let operator = operator.into_iter().find(|it| rest.starts_with(it));
                let is_end = |c: char| c.is_whitespace() || "|&=!(),'".contains(c);
                operator.map_or_else(|| rest.find(is_end).unwrap_or(rest.len()), str::len)
            }
        };
        let (word, after) = rest.split_at(end);
        words.push(word.strip_suffix('\'').unwrap_or(word).to_owned());
        rest = after.trim_start();
    }
    words
}

struct Parser<'a> {
    words: Peekable<IntoIter<String>>,
    scope: &'a Scope,
}

impl Parser<'_> {
    fn takes(&mut self, word: &str) -> bool {
        self.words.next_if(|next| next == word).is_some()
    }

    fn or(&mut self) -> String {
        let mut left = self.and();
        while self.takes("||") {
            let right = self.and();
            left = if is_true(&left) { left } else { right };
        }
        left
    }

    fn and(&mut self) -> String {
        let mut left = self.comparison();
        while self.takes("&&") {
            let right = self.comparison();
            left = if is_true(&left) { right } else { left };
        }
        left
    }

    fn comparison(&mut self) -> String {
        let left = self.value();
        if self.takes("==") {
            return (left == self.value()).to_string();
        }
        match self.takes("!=") {
            true => (left != self.value()).to_string(),
            false => left,
        }
    }

    fn value(&mut self) -> String {
        let word = self.words.next().unwrap();
        if word == "(" {
            let value = self.or();
            assert!(self.takes(")"));
            return value;
        }
        if let Some(literal) = word.strip_prefix('\'') {
            return literal.to_owned();
        }
        match self.takes("(") {
            true => {
                let arguments = self.arguments();
                self.call(&word, &arguments)
            }
            false => self.name(&word),
        }
    }

    fn arguments(&mut self) -> Vec<String> {
        let mut arguments = Vec::new();
        while !self.takes(")") {
            arguments.push(self.or());
            self.takes(",");
        }
        arguments
    }

    fn call(&self, name: &str, arguments: &[String]) -> String {
        match (name, arguments) {
            ("always", []) => "true".to_owned(),
            ("success", []) => (!self.scope.failed).to_string(),
            ("toJSON", [text]) => serde_json::to_string(text).unwrap(),
            ("format", [text, rest @ ..]) => {
                let parts = text.split('{').enumerate().map(|(at, part)| match at {
                    0 => part.to_owned(),
                    _ => {
                        let (number, after) = part.split_once('}').unwrap();
                        rest[number.parse::<usize>().unwrap()].clone() + after
                    }
                });
                parts.collect()
            }
            _ => panic!("the tests do not know {name} of {arguments:?}"),
        }
    }

    fn name(&self, name: &str) -> String {
        let scope = self.scope;
        match name.split('.').collect::<Vec<_>>()[..] {
            ["github", "event", "repository", "name"] => "diting".to_owned(),
            ["github", "repository"] => "diting/diting".to_owned(),
            ["inputs", name] => scope.inputs[name].clone(),
            ["steps", id, "outputs", name] => scope
                .steps
                .get(id)
                .and_then(|outputs| outputs.get(name))
                .cloned()
                .unwrap_or_default(),
            ["steps", id, "outcome"] => scope
                .outcomes
                .get(id)
                .copied()
                .unwrap_or_default()
                .to_owned(),
            _ => panic!("the tests do not know the name {name:?}"),
        }
    }
}

#[test]
fn expressions_are_what_the_runner_makes_of_them() {
    let outputs = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    };
    let scope = Scope {
        inputs: outputs(&[("host", "a"), ("user", ""), ("odd", "x'\n\"y")]),
        steps: BTreeMap::from([("one".to_owned(), outputs(&[("x", "1"), ("done", "true")]))]),
        outcomes: BTreeMap::from([("one".to_owned(), "failure")]),
        failed: true,
    };
    for (text, expected) in [
        ("${{ inputs.host }}", "a"),
        ("${{ steps.two.outputs.x || steps.one.outputs.x }}", "1"),
        ("always() && steps.one.outputs.done != 'true'", "false"),
        ("always() && steps.two.outputs.done != 'true'", "true"),
        ("${{ steps.one.outcome }}", "failure"),
        ("success()", "false"),
        ("${{ steps.two.outputs.x || steps.two.outputs.y != 'true' && steps.one.outputs.x || '' }}", "1"),
        ("${{ steps.one.outputs.y || steps.one.outputs.done != 'true' && steps.one.outputs.x || '' }}", ""),
        ("${{ 'true' }}", "true"),
        ("inputs.host == 'a' && 'yes' || 'no'", "yes"),
        ("inputs.host == 'b' && 'yes' || 'no'", "no"),
        ("('' || inputs.user) || 'nobody'", "nobody"),
        ("format('{1}{0}!', inputs.host, '')", "a!"),
        ("toJSON(inputs.odd)", r#""x'\n\"y""#),
    ] {
        assert_eq!(evaluate(text, &scope), expected, "{text}");
    }
    let text = "one ${{ inputs.host }} two ${{ inputs.user || 'b' }}";
    assert_eq!(expand(text, &scope), "one a two b");
}
