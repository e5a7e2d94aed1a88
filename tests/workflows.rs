//! The workflows' own rules, and their scripts as GitHub's runner would run them, with a `gh` that writes down what it is asked.

#![expect(
    clippy::unwrap_used,
    reason = "a test that can't read the workflows has failed"
)]

use serde_yaml_ng::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Answers with what the folder holds: `tags`, and whether there is a `major` one.
const GH: &str = r#"#!/bin/sh
echo "gh $*" >>"$RUNNER_TEMP/asked"
case "$*" in
    *matching-refs*) cat "$RUNNER_TEMP/tags" ;;
    *"git/ref/tags/"*) [ -e "$RUNNER_TEMP/major" ] ;;
esac
"#;

fn workflow(name: &str) -> Value {
    serde_yaml_ng::from_str(
        &fs::read_to_string(format!("{ROOT}/.github/workflows/{name}.yml")).unwrap(),
    )
    .unwrap()
}

/// The script of the step of release.yml whose name begins so.
fn script(job: &str, name: &str) -> String {
    let release = workflow("release");
    assert_eq!(release["defaults"]["run"]["shell"], "bash");
    let steps = release["jobs"][job]["steps"].as_sequence().unwrap();
    let named = |step: &&Value| {
        step["name"]
            .as_str()
            .is_some_and(|text| text.starts_with(name))
    };
    steps.iter().find(named).unwrap()["run"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// A runner's temporary folder.
struct Runner(TempDir);

impl Runner {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let gh = folder.path().join("gh");
        fs::write(&gh, GH).unwrap();
        fs::set_permissions(gh, fs::Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.path().join(name)).unwrap_or_default()
    }

    /// Runs a script for this tag; gives whether it succeeded and what it printed.
    fn run(&self, script: &str, tag: &str, workspace: &Path) -> (bool, String) {
        self.write("step.sh", script);
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-e", "-o", "pipefail"])
            .arg(self.0.path().join("step.sh"));
        bash.env_clear().env(
            "PATH",
            format!(
                "{}:{}",
                self.0.path().display(),
                std::env::var("PATH").unwrap()
            ),
        );
        bash.env("RUNNER_TEMP", self.0.path())
            .env("GITHUB_REF_NAME", tag)
            .env("GITHUB_SHA", "5ea");
        let done = bash
            .env("GITHUB_REPOSITORY", "o/r")
            .current_dir(workspace)
            .output()
            .unwrap();
        (
            done.status.success(),
            String::from_utf8(done.stdout).unwrap(),
        )
    }

    /// What `gh` was told to change.
    fn changes(&self) -> Vec<String> {
        let changing =
            |line: &&str| line.contains(" --method ") || line.contains(" release create ");
        self.read("asked")
            .lines()
            .filter(changing)
            .map(str::to_owned)
            .collect()
    }
}

#[test]
fn the_major_tag_moves_to_the_newest_release_of_its_kind_only() {
    let follow = script("follow", "Move the major tag");
    let tags = "v1.0.0\nv1.2.0\nv1.10.0\nv1.11.0-rc.1\nv1.x\n";
    let moved = |tag: &str, there: bool| {
        let runner = Runner::new();
        runner.write("tags", tags);
        if there {
            runner.write("major", "");
        }
        let (good, log) = runner.run(&follow, tag, Path::new(ROOT));
        assert!(good, "{log}");
        runner.changes()
    };
    assert_eq!(
        moved("v1.10.0", true),
        ["gh api --method PATCH repos/o/r/git/refs/tags/v1 -f sha=5ea -F force=true --silent"]
    );
    assert_eq!(
        moved("v1.10.0", false),
        ["gh api --method POST repos/o/r/git/refs -f ref=refs/tags/v1 -f sha=5ea --silent"]
    );
    assert!(moved("v1.2.0", true).is_empty());
}

#[test]
fn a_release_is_told_by_its_section_of_the_changelog_and_there_is_none_without() {
    let create = script("release", "Create the release");
    let runner = Runner::new();
    let (good, log) = runner.run(&create, "v0.0.1", Path::new(ROOT));
    assert!(good, "{log}");
    let notes = runner.read("notes.md");
    assert!(
        notes.contains("The first release: the heart") && !notes.contains("\n## "),
        "{notes}"
    );
    assert!(
        runner.changes()[0].starts_with("gh release create v0.0.1 --verify-tag "),
        "{:?}",
        runner.changes()
    );

    let runner = Runner::new();
    let (good, log) = runner.run(&create, "v0.0.99", Path::new(ROOT));
    assert!(!good && log.contains("no section for v0.0.99"), "{log}");
    assert!(runner.changes().is_empty());
}

#[test]
fn a_tag_of_another_version_or_off_main_and_other_bytes_are_refused() {
    let (check, compare) = (
        script("rebuild", "The tag is"),
        script("rebuild", "Compare"),
    );
    let (runner, checkout) = (Runner::new(), tempfile::tempdir().unwrap());
    let git = "git init -q . && git add -A && git -c user.name=a -c user.email=a@example.com commit -qm a";
    let prepare = format!("cp {ROOT}/Cargo.toml . && mkdir dist && echo a >dist/a && {git}");
    assert!(runner.run(&prepare, "", checkout.path()).0);
    let tag = concat!("v", env!("CARGO_PKG_VERSION"));
    assert!(
        !runner.run(&check, tag, checkout.path()).0,
        "no main holds it"
    );
    assert!(
        runner
            .run(
                "git update-ref refs/remotes/origin/main HEAD",
                "",
                checkout.path()
            )
            .0
    );
    assert_eq!(
        runner.run(&check, tag, checkout.path()),
        (true, String::new())
    );
    assert!(
        !runner.run(&check, "v99.0.0", checkout.path()).0,
        "another version"
    );

    assert!(
        runner
            .run("cp -r dist \"$RUNNER_TEMP\"", "", checkout.path())
            .0
    );
    assert!(runner.run(&compare, tag, checkout.path()).0);
    runner.write("dist/a", "b\n");
    assert!(!runner.run(&compare, tag, checkout.path()).0, "other bytes");
}

#[test]
fn what_runs_the_code_of_others_may_only_read_and_only_a_protected_job_moves_a_tag() {
    for name in ["ci", "release", "reproduce"] {
        assert!(
            workflow(name)["permissions"]
                .as_mapping()
                .unwrap()
                .is_empty(),
            "{name}"
        );
    }
    let building = [
        ("ci", "test"),
        ("ci", "advisories"),
        ("release", "rebuild"),
        ("reproduce", "reproduce"),
    ];
    for (name, job) in building {
        for (right, value) in workflow(name)["jobs"][job]["permissions"]
            .as_mapping()
            .unwrap()
        {
            assert_eq!(value, "read", "{name} {right:?}");
        }
    }
    let follow = &workflow("release")["jobs"]["follow"];
    assert_eq!(
        (
            follow["environment"]["name"].as_str(),
            follow["needs"].as_str()
        ),
        (Some("major-tag"), Some("release"))
    );
    assert_eq!(workflow("release")["jobs"]["release"]["needs"], "rebuild");
}

#[test]
fn a_rollback_that_waits_is_not_cancelled_by_a_newer_run() {
    let text = fs::read_to_string(format!("{ROOT}/examples/rollback.yml")).unwrap();
    let example: Value = serde_yaml_ng::from_str(&text).unwrap();
    // of a group, GitHub keeps one waiting run, the newest, unless it is told to queue them
    let job = &example["jobs"]["roll-back"];
    for group in [&example["concurrency"], &job["concurrency"]] {
        assert!(group.is_null() || group["queue"] == "max", "{group:?}");
    }
    let wait = job["steps"][0]["with"]["wait-lock"].as_str().unwrap();
    assert!(
        wait.ends_with('m'),
        "the lock makes it wait instead: {wait}"
    );
}
