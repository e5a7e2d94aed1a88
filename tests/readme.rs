//! What README and docs say is so.

#![expect(
    clippy::unwrap_used,
    reason = "a test that can't read the texts has failed"
)]

use deploy_action::protocol::{known_hosts_command, Outcome};
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
    text.split(&start)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_first_example_names_only_inputs_that_exist_and_all_that_are_needed() {
    let example = blocks(&readme(), "yaml").remove(0);
    let workflow: serde_yaml_ng::Value = serde_yaml_ng::from_str(&example).unwrap();
    let step = &workflow["jobs"]["deploy"]["steps"][1];
    assert!(step["uses"]
        .as_str()
        .unwrap()
        .starts_with("diting/deploy-action@v"));
    let given: Vec<&str> = step["with"]
        .as_mapping()
        .unwrap()
        .keys()
        .map(|key| key.as_str().unwrap())
        .collect();
    for name in &given {
        assert!(
            INPUTS.iter().any(|input| input.name == *name),
            "{name} is no input"
        );
    }
    for needed in ["host", "key", "known-hosts"] {
        assert!(given.contains(&needed), "{needed} is missing");
    }
}

#[test]
fn every_workflow_of_the_examples_names_inputs_that_exist() {
    for path in ["rollback.yml", "diting/deploy.yml"] {
        let text = fs::read_to_string(root().join("examples").join(path)).unwrap();
        let workflow: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text).unwrap();
        let jobs = workflow["jobs"].as_mapping().unwrap().values();
        let steps = jobs.flat_map(|job| job["steps"].as_sequence().unwrap());
        let is_ours = |step: &&serde_yaml_ng::Value| {
            let uses = step["uses"].as_str().unwrap_or_default();
            uses.starts_with("diting/deploy-action@")
        };
        let ours: Vec<_> = steps.filter(is_ours).collect();
        assert_eq!(ours.len(), 1, "{path}");
        for name in ours[0]["with"].as_mapping().unwrap().keys() {
            let name = name.as_str().unwrap();
            assert!(INPUTS.iter().any(|it| it.name == name), "{path}: {name}");
        }
    }
}

#[test]
fn every_recipe_names_inputs_that_exist_and_is_deployed_by_a_test() {
    let page = fs::read_to_string(root().join("docs/recipes.md")).unwrap();
    let tests = sources(&root().join("tests/real_apps"));
    let mut sections = page.split("\n## ");
    let table = sections.next().unwrap();
    let mut found = 0;
    for section in sections {
        let heading = section.lines().next().unwrap();
        assert!(
            table.contains(&format!("[{heading}](")),
            "{heading} is not in the table"
        );
        assert!(
            tests.contains(&format!("Program::new(\"{heading}\"")),
            "{heading} has no test"
        );
        for part in ["Shared: ", "- Pitfall: "] {
            assert!(section.contains(part), "{heading}: {part}");
        }
        let steps: serde_yaml_ng::Value =
            serde_yaml_ng::from_str(&blocks(section, "yaml").remove(0)).unwrap();
        let step = steps.as_sequence().unwrap().last().unwrap();
        for name in step["with"].as_mapping().unwrap().keys() {
            let name = name.as_str().unwrap();
            assert!(
                INPUTS.iter().any(|input| input.name == name),
                "{heading}: {name}"
            );
        }
        found += 1;
    }
    assert!(found >= 15, "{found}");
}

#[test]
fn the_table_of_outcomes_is_the_programs() {
    let mut rows = readme()
        .lines()
        .filter_map(row)
        .flatten()
        .collect::<Vec<_>>();
    rows.sort();
    let mut meant: Vec<(u8, String)> = Outcome::ALL
        .iter()
        .map(|o| (o.code(), o.word().to_owned()))
        .collect();
    meant.sort();
    assert_eq!(rows, meant);
}

/// An exit code and the words that stand for it.
fn row(line: &str) -> Option<Vec<(u8, String)>> {
    let mut cells = line.split('|').map(str::trim).skip(1);
    let code: u8 = cells.next()?.parse().ok()?;
    Some(
        cells
            .next()?
            .split(',')
            .map(|word| (code, word.trim().trim_matches('`').to_owned()))
            .collect(),
    )
}

#[test]
fn the_outputs_named_are_those_of_action_yml() {
    let action: serde_yaml_ng::Value =
        serde_yaml_ng::from_str(&fs::read_to_string(root().join("action.yml")).unwrap()).unwrap();
    for name in action["outputs"].as_mapping().unwrap().keys() {
        assert!(
            readme().contains(&format!("`{}`", name.as_str().unwrap())),
            "{name:?} is not in the README"
        );
    }
}

/// What people read, by its path.
fn texts() -> Vec<(PathBuf, String)> {
    let ours = [
        "README.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
    ]
    .iter()
    .map(|name| root().join(name));
    let below = [
        "docs",
        "docs/zh",
        "examples",
        "examples/uvicorn",
        "examples/node",
        "examples/static",
        "examples/diting",
    ];
    let entries = below
        .iter()
        .flat_map(|folder| fs::read_dir(root().join(folder)).unwrap());
    let paths = ours.chain(entries.map(|entry| entry.unwrap().path()));
    let paths = paths.filter(|path| {
        path.extension()
            .is_some_and(|extension| extension == "md" || extension == "yml")
    });
    paths
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
fn every_link_leads_to_a_file_and_its_part() {
    for (path, text) in texts() {
        let links = text
            .split("](")
            .skip(1)
            .map(|rest| rest.split(')').next().unwrap());
        for link in links.filter(|link| !link.starts_with("https://")) {
            let (file, part) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                path.clone()
            } else {
                path.parent().unwrap().join(file)
            };
            let is_part = || {
                fs::read_to_string(&target)
                    .unwrap()
                    .lines()
                    .any(|line| anchor(line) == part)
            };
            let leads = target.exists() && (part.is_empty() || is_part());
            assert!(leads, "{link} in {} leads nowhere", path.display());
        }
    }
}

/// What GitHub calls the part of a page that this heading begins.
fn anchor(line: &str) -> String {
    let Some(heading) = line.trim_start_matches('#').strip_prefix(' ') else {
        return String::new();
    };
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.flat_map(char::to_lowercase)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// What stands in the text as code.
fn code(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// What the rows of a text's tables are about: the code in their first cells.
fn subjects(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" |").next())
        .flat_map(code)
        .collect()
}

/// All that the program's texts are made of, with the tests that show them whole.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            if path.is_dir() {
                sources(&path)
            } else {
                fs::read_to_string(path).unwrap()
            }
        })
        .collect()
}

#[test]
fn what_the_log_says_by_the_guide_it_says() {
    let guide = fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    let (first, rest) = guide.split_once("\n## The inputs\n").unwrap();
    let said: String = ["protocol", "report", "github"]
        .iter()
        .map(|room| sources(&root().join("src").join(room)))
        .collect();
    let messages: Vec<&str> = subjects(rest);
    assert!(messages.len() > 25, "{messages:?}");
    for message in messages {
        assert!(said.contains(message), "the log never says: {message}");
    }
    let mut outcomes = subjects(first);
    let mut red: Vec<&str> = Outcome::ALL
        .iter()
        .filter(|outcome| outcome.code() != 0)
        .map(|it| it.word())
        .collect();
    outcomes.sort_unstable();
    red.sort_unstable();
    assert_eq!(outcomes, red);
}

/// What a translation leaves as it is: blocks of code, the code in a table's rows, and how deep the headings are.
fn frame(text: &str) -> Vec<String> {
    let mut is_code = false;
    let kept = |line: &str| {
        is_code ^= line.starts_with("```");
        match line.chars().next() {
            _ if is_code || line.starts_with("```") => Some(line.to_owned()),
            Some('#') => line.split(' ').next().map(str::to_owned),
            Some('|') => {
                let mut row = code(line);
                row.sort_unstable();
                Some(row.join(" "))
            }
            _ => None,
        }
    };
    text.lines().filter_map(kept).collect()
}

#[test]
fn the_chinese_pages_say_as_much_as_the_english_ones() {
    for (english, chinese) in [
        ("README.md", "docs/zh/README.md"),
        ("docs/server.md", "docs/zh/server.md"),
        ("docs/recipes.md", "docs/zh/recipes.md"),
        ("docs/troubleshooting.md", "docs/zh/troubleshooting.md"),
    ] {
        let [ours, theirs] =
            [english, chinese].map(|path| frame(&fs::read_to_string(root().join(path)).unwrap()));
        for (theirs, ours) in theirs.iter().zip(&ours) {
            assert_eq!(theirs, ours, "{chinese}");
        }
        assert_eq!(theirs.len(), ours.len(), "{chinese}");
    }
}

#[test]
fn every_example_names_the_version_that_is_built() {
    let ours = "diting/deploy-action@";
    let mut found = 0;
    for (path, text) in texts() {
        for version in text
            .split(ours)
            .skip(1)
            .map(|rest| rest.split_whitespace().next().unwrap())
        {
            assert_eq!(
                version,
                concat!("v", env!("CARGO_PKG_VERSION")),
                "{}",
                path.display()
            );
            found += 1;
        }
    }
    assert!(found >= 3, "{found}");
}

#[test]
fn the_two_commands_are_there_to_be_run() {
    let commands: Vec<String> = blocks(&readme(), "sh")
        .into_iter()
        .map(|block| block.trim().to_owned())
        .collect();
    for command in ["scripts/demo", "scripts/test"] {
        assert!(
            commands.iter().any(|block| block == command),
            "{command} is not in the README"
        );
        let mode = fs::metadata(Path::new(&root()).join(command))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o111, 0o111, "{command} is not executable");
    }
}

#[test]
fn the_pages_get_the_known_hosts_line_as_the_messages_do() {
    for page in ["docs/server.md", "docs/zh/server.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let command = known_hosts_command("203.0.113.7");
        assert!(
            blocks(&text, "sh")
                .iter()
                .any(|block| block.trim() == command),
            "{page}"
        );
    }
    for (path, text) in texts() {
        assert!(!text.contains("keyscan"), "{}", path.display());
    }
}

#[test]
fn the_changelog_begins_with_the_version_that_is_built() {
    let changelog = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let first = changelog
        .lines()
        .find(|line| line.starts_with("## ["))
        .unwrap();
    let version = format!("## [{}]", env!("CARGO_PKG_VERSION"));
    assert!(
        first.starts_with(&version) || first == "## [Unreleased]",
        "{first}"
    );
}
