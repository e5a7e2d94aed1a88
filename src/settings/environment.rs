//! `INPUT_*` variables, taken out of the process's environment so that no child process sees them.

use crate::text::Prose;
use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;

use super::catalog::{named, nearest, Catalog};
use super::input::Input;
use super::problem::{Invalid, Problem};
use super::warning::InputWarning;

/// Tokens that GitHub or its actions put there for others. Child processes do not need them.
const TOKENS: &[&str] = &[
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
];

/// The inputs that the environment held.
#[derive(Default)]
pub struct Environment {
    pub(super) values: BTreeMap<&'static str, String>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<InputWarning>,
}

/// Takes every `INPUT_*` variable, and removes it and GitHub's tokens from the environment of this process.
///
/// Must be called first in `main`, before any thread starts. What the kernel shows in `/proc/self/environ` does not change.
pub fn take_environment(inputs: &'static [&'static Input]) -> Environment {
    let variables: Vec<_> = env::vars_os().filter(|(name, _)| is_input(name)).collect();
    for name in variables
        .iter()
        .map(|(name, _)| name.as_os_str())
        .chain(TOKENS.iter().map(|name| name.as_ref()))
    {
        env::remove_var(name);
    }
    Environment::from_variables(variables, inputs)
}

fn is_input(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"INPUT_")
}

impl Environment {
    /// Reads the `INPUT_*` variables among these, and no others. Empty ones count as not given.
    pub fn from_variables(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        inputs: &'static [&'static Input],
    ) -> Self {
        let mut environment = Self::default();
        for (name, value) in variables.into_iter().filter(|(name, _)| is_input(name)) {
            if !value.as_encoded_bytes().trim_ascii().is_empty() {
                environment.add(&name.to_string_lossy(), value, inputs);
            }
        }
        environment
    }

    fn add(&mut self, variable: &str, value: OsString, catalog: Catalog) {
        let short = variable.trim_start_matches("INPUT_");
        let Some(input) = of_variable(short, catalog) else {
            self.warnings.push(InputWarning::unknown(
                variable,
                nearest(catalog, short).map(|input| input.name),
            ));
            return;
        };
        match value.into_string() {
            Err(_) => self.problems.push(Problem::of(input.name, not_utf8())),
            Ok(value) => self.put(input, value),
        }
    }

    /// Both spellings may be set, as with runners that set `INPUT_HEALTH-URL` by themselves.
    fn put(&mut self, input: &'static Input, value: String) {
        if self
            .values
            .get(input.name)
            .is_some_and(|other| other.trim() != value.trim())
        {
            let wrong = Invalid::new(
                "is given twice with different values",
                Prose::of(
                    "Set only {}, not also the spelling with `-`",
                    [&input.variable()],
                ),
            );
            self.problems.push(Problem::of(input.name, wrong));
        } else {
            self.values.insert(input.name, value);
        }
    }
}

pub(super) fn not_utf8() -> Invalid {
    Invalid::new("is not valid UTF-8", "Save it as UTF-8 text")
}

/// `HEALTH_URL` and `HEALTH-URL` are `health-url`; `health_url` is not.
fn of_variable(short: &str, catalog: Catalog) -> Option<&'static Input> {
    let upper = !short.bytes().any(|byte| byte.is_ascii_lowercase());
    upper
        .then(|| named(catalog, &short.to_lowercase().replace('_', "-")))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::INPUTS;
    use std::os::unix::ffi::OsStringExt;

    fn given(pairs: &[(&str, &str)]) -> Environment {
        Environment::from_variables(
            pairs
                .iter()
                .map(|(name, value)| (name.into(), value.into())),
            &INPUTS,
        )
    }

    #[test]
    fn both_spellings_are_accepted() {
        for name in ["INPUT_HEALTH_URL", "INPUT_HEALTH-URL"] {
            assert_eq!(
                given(&[(name, "http://x")])
                    .values
                    .get("health-url")
                    .map(String::as_str),
                Some("http://x")
            );
        }
    }

    #[test]
    fn two_spellings_with_different_values_are_a_problem() {
        assert!(
            given(&[("INPUT_HEALTH_URL", "a"), ("INPUT_HEALTH-URL", "a\n")])
                .problems
                .is_empty()
        );
        let texts: Vec<_> = given(&[("INPUT_HEALTH_URL", "a"), ("INPUT_HEALTH-URL", "b")])
            .problems
            .iter()
            .map(|p| p.to_string())
            .collect();
        assert_eq!(
            texts,
            ["health-url: is given twice with different values. Set only INPUT_HEALTH_URL, not also the spelling with `-`."]
        );
    }

    #[test]
    fn b29_an_unknown_input_is_a_warning_with_the_nearest_name() {
        let warnings = given(&[
            ("INPUT_KNOWN_HOST", "x"),
            ("INPUT_ZZZ", "x"),
            ("INPUT_EMPTY", ""),
        ])
        .warnings;
        let texts: Vec<_> = warnings.iter().map(InputWarning::to_string).collect();
        insta::assert_snapshot!(texts.join("\n"), @r#"
        "INPUT_KNOWN_HOST" is not an input and is ignored. Did you mean `known-hosts`?
        "INPUT_ZZZ" is not an input and is ignored. `deploy-action --help` lists them.
        "#);
    }

    #[test]
    fn b36_no_other_variable_is_an_input() {
        let given = given(&[
            ("HOST", "x"),
            ("SSH_HOST", "x"),
            ("input_host", "x"),
            ("DEPLOY_HOST", "x"),
        ]);
        assert!(given.values.is_empty() && given.warnings.is_empty());
    }

    #[test]
    fn a_value_that_is_not_utf8_is_a_problem() {
        let given = Environment::from_variables(
            [("INPUT_HOST".into(), OsString::from_vec(vec![0xff]))],
            &INPUTS,
        );
        assert_eq!(
            given.problems[0].to_string(),
            "host: is not valid UTF-8. Save it as UTF-8 text."
        );
    }
}
