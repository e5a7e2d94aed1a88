//! The few of GitHub's expressions that action.yml uses.

use std::collections::BTreeMap;

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

/// A text with `${{ … }}` in it, or one expression.
pub(crate) fn evaluate(text: &str, scope: &Scope) -> String {
    let inner = text
        .trim()
        .strip_prefix("${{")
        .and_then(|rest| rest.strip_suffix("}}"));
    or(inner.unwrap_or(text), scope)
}

pub(crate) fn is_true(value: &str) -> bool {
    !value.is_empty() && value != "false"
}

fn or(text: &str, scope: &Scope) -> String {
    let mut values = text.split("||").map(|part| and(part, scope));
    let first = values.next().unwrap_or_default();
    values.fold(
        first,
        |left, right| if is_true(&left) { left } else { right },
    )
}

fn and(text: &str, scope: &Scope) -> String {
    let mut values = text.split("&&").map(|part| comparison(part, scope));
    let first = values.next().unwrap_or_default();
    values.fold(
        first,
        |left, right| if is_true(&left) { right } else { left },
    )
}

fn comparison(text: &str, scope: &Scope) -> String {
    match text.split_once("!=") {
        Some((left, right)) => (value(left, scope) != value(right, scope)).to_string(),
        None => value(text, scope),
    }
}

fn value(text: &str, scope: &Scope) -> String {
    let text = text.trim();
    if let Some(literal) = text
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
    {
        return literal.to_owned();
    }
    match text.split('.').collect::<Vec<_>>()[..] {
        ["always()"] => "true".to_owned(),
        ["success()"] => (!scope.failed).to_string(),
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
        _ => panic!("the tests do not know the expression {text:?}"),
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
        inputs: outputs(&[("host", "a")]),
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
        ("${{ steps.two.outputs.x || steps.two.outputs.y != 'true' && steps.one.outputs.x || '' }}", "1"),
        ("${{ steps.one.outputs.y || steps.one.outputs.done != 'true' && steps.one.outputs.x || '' }}", ""),
        ("${{ 'true' }}", "true"),
    ] {
        assert_eq!(evaluate(text, &scope), expected, "{text}");
    }
}
