//! The list of inputs, action.yml and the documentation say the same; and the environment is left without inputs.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not know as such"
)]

use std::collections::BTreeSet;
use std::{env, fs};

use deploy_action::report::{outputs_table, OUTPUTS};
use deploy_action::settings::{
    anchored_table, markdown_table, read, take_environment, Fallback, Flags, Input, Surroundings,
    INPUTS,
};
use serde_yaml_ng::{Mapping, Value};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn action() -> Value {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/action.yml")).unwrap();
    serde_yaml_ng::from_str(&text).unwrap()
}

fn mapping<'a>(value: &'a Value, key: &str) -> &'a Mapping {
    value[key]
        .as_mapping()
        .unwrap_or_else(|| panic!("{key} is no mapping"))
}

fn keys(mapping: &Mapping) -> BTreeSet<&str> {
    mapping.keys().map(|key| key.as_str().unwrap()).collect()
}

/// The step that deploys, and the one behind it.
fn steps(action: &Value) -> [&Value; 2] {
    match action["runs"]["steps"].as_sequence().unwrap().as_slice() {
        [deploy, finish] => [deploy, finish],
        steps => panic!("{} steps", steps.len()),
    }
}

#[test]
fn action_yml_has_every_input_and_no_other() {
    let action = action();
    let names: BTreeSet<&str> = INPUTS.iter().map(|input| input.name).collect();
    assert_eq!(names.len(), INPUTS.len());
    assert_eq!(keys(mapping(&action, "inputs")), names);
}

#[test]
fn action_yml_describes_inputs_as_the_program_does_and_sets_no_default_but_the_token() {
    let action = action();
    for input in INPUTS.iter() {
        let entry = &action["inputs"][input.name];
        assert_eq!(
            entry["description"].as_str(),
            Some(input.description().as_str()),
            "{}",
            input.name
        );
        let default = entry["default"].as_str();
        assert_eq!(
            default,
            (input.name == "github-token").then_some("${{ github.token }}"),
            "{}",
            input.name
        );
        let others: Vec<_> = keys(entry.as_mapping().unwrap())
            .into_iter()
            .filter(|key| *key != "default")
            .collect();
        let required = entry["required"].as_bool();
        let is_required = input.fallback == Fallback::Required;
        assert_eq!(required, is_required.then_some(true), "{}", input.name);
        let expected: &[&str] = match is_required {
            true => &["description", "required"],
            false => &["description"],
        };
        assert_eq!(others, expected, "{}", input.name);
    }
}

#[test]
fn every_input_is_mapped_to_its_variable_once() {
    let action = action();
    let [deploy, finish] = steps(&action).map(|step| mapping(step, "env").clone());
    let mut deploy = deploy;
    let next = deploy.remove("DEPLOY_ACTION_HAS_NEXT_STEP");
    assert_eq!(next.unwrap().as_str(), Some("true"));
    let variables: Vec<String> = INPUTS.iter().map(|input| input.variable()).collect();
    assert_eq!(
        keys(&deploy),
        variables.iter().map(String::as_str).collect()
    );
    for input in INPUTS.iter() {
        let value = deploy[input.variable().as_str()].as_str().unwrap();
        assert_eq!(value, format!("${{{{ inputs.{} }}}}", input.name));
    }
    // it connects as the first one does, and is to know besides what the first one knew, and how it ended
    let mut both = finish;
    let step = both.remove("DEPLOY_ACTION_STEP");
    assert_eq!(step.unwrap().as_str(), Some("${{ steps.deploy.outcome }}"));
    for name in [
        "transaction",
        "outcome",
        "release",
        "previous-release",
        "live-release",
        "failed-step",
        "started",
        "deadline",
    ] {
        let variable = name.to_uppercase().replace('-', "_");
        let found = both.remove(format!("DEPLOY_ACTION_{variable}").as_str());
        let value = format!("${{{{ steps.deploy.outputs.{name} }}}}");
        assert_eq!(found.unwrap().as_str(), Some(value.as_str()));
    }
    assert_eq!(both, deploy);
}

#[test]
fn every_output_is_that_of_the_last_step_that_has_begun() {
    let action = action();
    assert_eq!(
        keys(mapping(&action, "outputs")),
        OUTPUTS.iter().map(|(name, _)| *name).collect()
    );
    for (name, meaning) in OUTPUTS {
        let output = &action["outputs"][*name];
        assert_eq!(output["value"].as_str().unwrap(), output_value(name));
        assert_eq!(output["description"].as_str(), Some(*meaning), "{name}");
    }
}

#[test]
fn both_steps_end_in_exec() {
    let action = action();
    let [deploy, finish] = steps(&action);
    for (step, id) in [(deploy, "deploy"), (finish, "finish")] {
        let script = step["run"].as_str().unwrap();
        assert_eq!(
            (step["id"].as_str(), step["shell"].as_str()),
            (Some(id), Some("sh"))
        );
        assert!(script
            .trim_end()
            .lines()
            .last()
            .unwrap()
            .starts_with("exec "));
    }
    assert_eq!(
        deploy["if"],
        Value::Null,
        "a step that always runs is not told of a cancellation"
    );
    assert_eq!(
        finish["if"].as_str(),
        Some("always() && steps.deploy.outputs.finished != 'true'")
    );
}

/// What inputs say is text that a stranger may have chosen. In a comment it does nothing, as long as it has no line end.
#[test]
fn only_the_title_of_a_script_has_an_expression_and_that_is_one_line() {
    let action = action();
    let title = format!(
        "# deploy-action {}: ${{{{ toJSON(",
        env!("CARGO_PKG_VERSION")
    );
    for step in steps(&action) {
        let script = step["run"].as_str().unwrap();
        let (first, rest) = script.split_once('\n').unwrap();
        assert!(!rest.contains("${{"), "{rest}");
        let inner = first.strip_prefix(&title).unwrap();
        let inner = inner.strip_suffix(") }}").unwrap();
        assert!(!inner.contains("${{") && !inner.contains("}}"), "{inner}");
        // all of it is what toJSON escapes
        let depths = inner.chars().scan(1, |depth, letter| {
            *depth += i32::from(letter == '(') - i32::from(letter == ')');
            Some(*depth)
        });
        assert!(depths.min() > Some(0), "{inner}");
    }
}

/// Compares the text between two marks with what the program generates, wherever the marks are; with `UPDATE_DOCS`,
/// replaces it.
fn assert_generated(file: &str, mark: &str, generated: &str) {
    let path = format!("{ROOT}/{file}");
    let text = fs::read_to_string(&path).unwrap();
    let (start, end) = (format!("<!-- {mark} -->\n"), format!("<!-- /{mark} -->"));
    let mut parts = text.split(&start);
    let mut new = parts.next().unwrap().to_owned();
    let mut count = 0;
    for part in parts {
        let (old, rest) = part.split_once(&end).unwrap();
        // the line of the end mark may begin with a comment sign
        let comment = old.rfind('\n').map_or("", |at| &old[at + 1..]);
        new += &format!("{start}{generated}{comment}{end}{rest}");
        count += 1;
    }
    assert!(count > 0, "{file} has no {start}");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, new).unwrap();
    } else {
        let renew = "renew it with UPDATE_DOCS=1 cargo test --test inputs";
        assert!(text == new, "{file}, {mark}: {renew}");
    }
}

/// A text as a folded YAML block, in lines of at most 120 characters.
fn folded(text: &str, indent: &str) -> String {
    let mut lines = vec![indent.to_owned()];
    for word in text.split(' ') {
        let line = lines.last_mut().unwrap();
        if line.len() > indent.len() && line.len() + 1 + word.len() > 120 {
            lines.push(format!("{indent}{word}"));
        } else {
            let space = if line.len() > indent.len() { " " } else { "" };
            *line += &format!("{space}{word}");
        }
    }
    lines.join("\n") + "\n"
}

fn action_inputs() -> String {
    let mut yaml = "inputs:\n".to_owned();
    for input in INPUTS.iter() {
        yaml += &format!("  {}:\n    description: >-\n", input.name);
        yaml += &folded(&input.description(), "      ");
        if input.fallback == Fallback::Required {
            yaml += "    required: true\n";
        }
        if input.name == "github-token" {
            yaml += "    default: ${{ github.token }}\n";
        }
    }
    yaml
}

fn action_outputs() -> String {
    let mut yaml = "outputs:\n".to_owned();
    for (name, meaning) in OUTPUTS {
        yaml += &format!("  {name}:\n    description: >-\n");
        yaml += &folded(meaning, "      ");
        yaml += &format!("    value: {}\n", output_value(name));
    }
    yaml
}

/// All outputs are those of one step: of the second if it has begun, even where they are empty.
fn output_value(name: &str) -> String {
    let (second, first) = ("steps.finish.outputs", "steps.deploy.outputs");
    format!("${{{{ {second}.{name} || {second}.replaces != 'true' && {first}.{name} || '' }}}}")
}

fn action_variables() -> String {
    let line = |input: &&Input| {
        let (variable, name) = (input.variable(), input.name);
        format!("        {variable}: ${{{{ inputs.{name} }}}}\n")
    };
    INPUTS.iter().map(line).collect()
}

#[test]
fn action_yml_and_the_documentation_are_generated_from_the_programs_lists() {
    assert_generated("action.yml", "inputs", &action_inputs());
    assert_generated("action.yml", "outputs", &action_outputs());
    assert_generated("action.yml", "variables", &action_variables());
    assert_generated("docs/inputs.md", "inputs", &anchored_table());
    assert_generated("README.md", "inputs", &markdown_table());
    assert_generated("README.md", "outputs", &outputs_table());
}

#[test]
fn inputs_and_tokens_leave_the_environment() {
    let variables = [
        "INPUT_HOST",
        "INPUT_KNOWN-HOSTS",
        "INPUT_UNKNOWN",
        "INPUT_GITHUB_TOKEN",
        "GITHUB_TOKEN",
        "ACTIONS_RUNTIME_TOKEN",
    ];
    for name in variables {
        env::set_var(name, "a;b");
    }
    let given = take_environment(&INPUTS);
    assert!(variables.iter().all(|name| env::var_os(name).is_none()));
    let (result, warnings) = read(&given, &Flags::default(), &Surroundings::default());
    let problems = result.unwrap_err();
    assert!(problems
        .iter()
        .any(|problem| problem.to_string().starts_with("host = \"a;b\": ")));
    assert!(problems
        .iter()
        .any(|problem| problem.subject() == "known-hosts"));
    assert_eq!(warnings.len(), 1);
}
