//! What README and docs say is so.

#![expect(clippy::unwrap_used, reason = "a test that can't read the texts has failed")]

use deploy_action::protocol::Outcome;
use deploy_action::settings::INPUTS;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

/// The contents of the text's code blocks of one language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let start = format!("```{language}\n");
    text.split(&start).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_first_example_names_only_inputs_that_exist_and_all_that_are_needed() {
    let example = blocks(&readme(), "yaml").remove(0);
    let workflow: serde_yaml_ng::Value = serde_yaml_ng::from_str(&example).unwrap();
    let step = &workflow["jobs"]["deploy"]["steps"][1];
    assert!(step["uses"].as_str().unwrap().starts_with("diting/deploy-action@v"));
    let given: Vec<&str> = step["with"].as_mapping().unwrap().keys().map(|key| key.as_str().unwrap()).collect();
    for name in &given {
        assert!(INPUTS.iter().any(|input| input.name == *name), "{name} is no input");
    }
    for needed in ["host", "key", "known-hosts"] {
        assert!(given.contains(&needed), "{needed} is missing");
    }
}

#[test]
fn the_table_of_outcomes_is_the_programs() {
    let mut rows = readme().lines().filter_map(row).flatten().collect::<Vec<_>>();
    rows.sort();
    let mut meant: Vec<(u8, String)> = Outcome::ALL.iter().map(|o| (o.code(), o.word().to_owned())).collect();
    meant.sort();
    assert_eq!(rows, meant);
}

/// An exit code and the words that stand for it.
fn row(line: &str) -> Option<Vec<(u8, String)>> {
    let mut cells = line.split('|').map(str::trim).skip(1);
    let code: u8 = cells.next()?.parse().ok()?;
    Some(cells.next()?.split(',').map(|word| (code, word.trim().trim_matches('`').to_owned())).collect())
}

#[test]
fn the_outputs_named_are_those_of_action_yml() {
    let action: serde_yaml_ng::Value =
        serde_yaml_ng::from_str(&fs::read_to_string(root().join("action.yml")).unwrap()).unwrap();
    for name in action["outputs"].as_mapping().unwrap().keys() {
        assert!(readme().contains(&format!("`{}`", name.as_str().unwrap())), "{name:?} is not in the README");
    }
}

/// What people read, by its path.
fn texts() -> Vec<(PathBuf, String)> {
    let ours = ["README.md", "SECURITY.md", "CHANGELOG.md"].iter().map(|name| root().join(name));
    let below = ["docs", "examples/uvicorn", "examples/node", "examples/static"];
    let entries = below.iter().flat_map(|folder| fs::read_dir(root().join(folder)).unwrap());
    let paths = ours.chain(entries.map(|entry| entry.unwrap().path()));
    let paths = paths.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_link_leads_to_a_file() {
    for (path, text) in texts() {
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let found = link.starts_with("https://") || path.parent().unwrap().join(link).exists();
            assert!(found, "{link} in {} leads nowhere", path.display());
        }
    }
}

#[test]
fn every_example_names_the_version_that_is_built() {
    let ours = "diting/deploy-action@";
    let mut found = 0;
    for (path, text) in texts() {
        for version in text.split(ours).skip(1).map(|rest| rest.split_whitespace().next().unwrap()) {
            assert_eq!(version, concat!("v", env!("CARGO_PKG_VERSION")), "{}", path.display());
            found += 1;
        }
    }
    assert!(found >= 3, "{found}");
}

#[test]
fn the_two_commands_are_there_to_be_run() {
    let commands: Vec<String> = blocks(&readme(), "sh").into_iter().map(|block| block.trim().to_owned()).collect();
    for command in ["scripts/demo", "scripts/test"] {
        assert!(commands.iter().any(|block| block == command), "{command} is not in the README");
        let mode = fs::metadata(Path::new(&root()).join(command)).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{command} is not executable");
    }
}

#[test]
fn the_changelog_begins_with_the_version_that_is_built() {
    let changelog = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let first = changelog.lines().find(|line| line.starts_with("## [")).unwrap();
    let version = format!("## [{}]", env!("CARGO_PKG_VERSION"));
    assert!(first.starts_with(&version) || first == "## [Unreleased]", "{first}");
}
