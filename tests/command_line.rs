//! The program on a command line, without a server: what it refuses, what it prints and where.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not know as such"
)]

use serde_json::Value;
use std::fs;
use std::process::{Command, Output};
use tempfile::TempDir;

const KNOWN: &str =
    "127.0.0.1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJYtRl0pPvrV3iQK0m8Q2u1xZ4b7c9d0e1f2g3h4i5j6";

/// Run in an empty folder, with nothing in the environment but where programs are.
fn run(arguments: &[&str]) -> Output {
    run_in(&tempfile::tempdir().unwrap(), arguments)
}

fn run_in(folder: &TempDir, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_deploy-action"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", folder.path())
        .env("SSH_AUTH_SOCK", folder.path().join("no-agent"))
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What standard output is as a whole.
fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_command_without_its_flag_or_with_a_typing_error_is_suggested() {
    for arguments in [
        &["rollback"][..],
        &["--host", "a", "rolback"],
        &["--command", "rolback"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2));
        let text = out(&output).replace('`', "");
        assert!(text.contains("Did you mean"), "{text}");
        assert!(text.contains("rollback?"), "{text}");
    }
}

#[test]
fn the_path_of_a_known_hosts_file_is_recognized() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hosts"), KNOWN).unwrap();
    for path in ["hosts", "./hosts", "known_hosts"] {
        let output = run_in(&folder, &["--known-hosts", path]);
        assert_eq!(output.status.code(), Some(2));
        let problem = "known-hosts: is the path of a file. Give the file's content";
        assert!(out(&output).contains(problem), "{}", out(&output));
    }
}

#[test]
fn only_where_the_runner_reads_the_output_are_secrets_named_as_masks() {
    let folder = tempfile::tempdir().unwrap();
    let run = |step: &[(&str, &str)], arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_deploy-action"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("GITHUB_ACTIONS", "true")
            .env("INPUT_GITHUB_TOKEN", "tok3n-of-the-job")
            .envs(step.iter().copied())
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        out(&output).contains("::add-mask::tok3n-of-the-job")
    };
    let action = [("GITHUB_ACTION_PATH", "/action")];
    assert!(run(&action, &[]));
    // a `run:` step may write it to a file
    assert!(!run(&[], &[]));
    assert!(!run(&action, &["--command", "releases", "--json"]));
}

#[test]
fn json_is_refused_where_it_has_no_effect() {
    for command in ["deploy", "rollback"] {
        let output = run(&["--command", command, "--json"]);
        assert_eq!(output.status.code(), Some(2));
        let problems = json(&output)["problems"].to_string();
        assert!(problems.contains("--json: has no effect"), "{problems}");
    }
}

#[test]
fn a_listing_that_fails_is_json_as_well() {
    let invalid = ["--command", "releases", "--json", "--port", "x"];
    let unknown_flag = ["--command", "releases", "--hots", "x", "--json"];
    for (arguments, problem) in [
        (&invalid[..], "port = "),
        (&unknown_flag, "Did you mean `--host`?"),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2));
        let value = json(&output);
        assert_eq!(value["outcome"], "invalid");
        assert!(value["problems"].to_string().contains(problem), "{value}");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains("nothing was contacted"), "{errors}");
    }
    // nobody listens on port 1
    let place = [
        "--host",
        "127.0.0.1",
        "--port",
        "1",
        "--service",
        "app",
        "--connect-attempts",
        "1",
    ];
    let listing = ["--command", "releases", "--json", "--known-hosts", KNOWN];
    let output = run(&[&place[..], &listing].concat());
    assert_eq!(output.status.code(), Some(3));
    let value = json(&output);
    assert_eq!(value["outcome"], "unreachable");
    assert!(value["problems"].to_string().contains("connect"), "{value}");
}

#[test]
fn a_commit_that_is_not_known_is_a_problem_only_if_it_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("app.py"), "").unwrap();
    let place = [
        "--host",
        "127.0.0.1",
        "--port",
        "1",
        "--service",
        "app",
        "--connect-attempts",
        "1",
    ];
    let health = [
        "--known-hosts",
        KNOWN,
        "--health-url",
        "http://localhost/",
        "--health-match",
    ];
    let deploy = |pattern| run_in(&folder, &[&place[..], &health, &[pattern]].concat());
    let refused = deploy("{sha}");
    assert_eq!(refused.status.code(), Some(2), "{}", out(&refused));
    assert!(
        out(&refused).contains("the commit is unknown"),
        "{}",
        out(&refused)
    );
    assert_eq!(deploy("{release}").status.code(), Some(3));
    let git = folder.path().join(".git");
    fs::create_dir(&git).unwrap();
    let hash = "3f2a1bc0de0a3f5a7f1d8f3c0b3b1f0f1a2b3c4d";
    fs::write(git.join("HEAD"), hash).unwrap();
    let known = deploy("{sha}");
    assert_eq!(known.status.code(), Some(3), "{}", out(&known));
    assert!(
        out(&known).contains(&format!("deploy {} ", &hash[..7])),
        "{}",
        out(&known)
    );
}

#[test]
fn the_jobs_log_has_colours_unless_no_color_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let summary = folder.path().join("summary");
    let run = |variables: &[(&str, &str)]| {
        let output = Command::new(env!("CARGO_BIN_EXE_deploy-action"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_STEP_SUMMARY", &summary)
            .envs(variables.iter().copied())
            .current_dir(folder.path())
            .output()
            .unwrap();
        out(&output)
    };
    // an empty value does not count: https://no-color.org
    for variables in [&[][..], &[("NO_COLOR", "")]] {
        let log = run(variables);
        assert!(log.contains("\n\x1b[1;31minvalid: "), "{log}");
        let error = log.lines().find(|line| line.contains("::error")).unwrap();
        assert!(!error.contains('\x1b'), "{error}");
    }
    for value in ["1", "0"] {
        let log = run(&[("NO_COLOR", value)]);
        assert!(
            log.contains("\ninvalid: ") && !log.contains('\x1b'),
            "{log}"
        );
    }
    assert!(!fs::read_to_string(summary).unwrap().contains('\x1b'));
}

/// The variables of a job whose server does not answer: nobody listens on port 1.
fn unreachable_job(folder: &TempDir, subcommand: Option<&str>) -> Command {
    fs::write(folder.path().join("app.py"), "").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_deploy-action"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", folder.path())
        .env("SSH_AUTH_SOCK", folder.path().join("no-agent"))
        .env("GITHUB_OUTPUT", folder.path().join("outputs"))
        .env("GITHUB_STEP_SUMMARY", folder.path().join("summary"))
        .args(subcommand)
        .args(["--host", "127.0.0.1", "--port", "1", "--service", "app"])
        .args(["--connect-attempts", "1", "--known-hosts", KNOWN])
        .current_dir(folder.path());
    command
}

/// Names and values in the order in which they were written; all of them are of one line.
fn outputs(folder: &TempDir) -> Vec<(String, String)> {
    let text = fs::read_to_string(folder.path().join("outputs")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let pair = |lines: &[&str]| {
        let (name, end) = lines[0].split_once("<<").unwrap();
        assert_eq!(end, lines[2], "{text}");
        (name.to_owned(), lines[1].to_owned())
    };
    lines.chunks(3).map(pair).collect()
}

#[test]
fn a_second_step_that_cannot_reach_the_server_replaces_all_outputs_and_is_not_finished() {
    let folder = tempfile::tempdir().unwrap();
    let output = unreachable_job(&folder, Some("finish"))
        .env("DEPLOY_ACTION_STEP", "cancelled")
        .env("DEPLOY_ACTION_TRANSACTION", "0123456789abcdef".repeat(2))
        .env("DEPLOY_ACTION_RELEASE", "1762147999")
        .env("DEPLOY_ACTION_PREVIOUS_RELEASE", "1762147685")
        .env("DEPLOY_ACTION_DEADLINE", "1762148300")
        .output()
        .unwrap();
    let written = outputs(&folder);
    let last = |name: &str| {
        let found = written.iter().rfind(|(it, _)| it == name);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!(written[0], ("replaces".into(), "true".into()));
    assert_eq!(last("outcome"), Some("unknown"), "{}", out(&output));
    assert_eq!(last("release"), Some("1762147999"));
    assert_eq!(last("previous-release"), Some("1762147685"));
    assert_eq!(last("finished"), None, "{written:?}");
    assert!(!out(&output).contains("run it again"), "{}", out(&output));
}

#[test]
fn the_summary_says_why_there_is_no_issue() {
    let folder = tempfile::tempdir().unwrap();
    for (issue, token, expected) in [
        ("failure", "ghs_0123456789abcdef", Some("No issue: cannot ")),
        (
            "failure",
            "",
            Some("No issue: the input github-token is empty"),
        ),
        ("rollback", "ghs_0123456789abcdef", None),
    ] {
        let output = unreachable_job(&folder, None)
            .env("GITHUB_REPOSITORY", "diting/app")
            .env("GITHUB_API_URL", "http://127.0.0.1:1")
            .env("INPUT_GITHUB_TOKEN", token)
            .args(["--issue", issue])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", out(&output));
        let file = folder.path().join("summary");
        let summary = fs::read_to_string(&file).unwrap();
        let last = summary.trim_end().lines().last().unwrap();
        match expected {
            Some(line) => assert!(last.replace('`', "").starts_with(line), "{summary}"),
            None => assert!(!summary.contains("No issue"), "{summary}"),
        }
        assert_eq!(outputs(&folder).last().unwrap().0, "finished");
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn half_an_output_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("outputs");
    let theirs = format!("theirs={}\n", "x".repeat(500));
    fs::write(&file, &theirs).unwrap();
    // room for a few bytes more
    let limited = "trap '' XFSZ; exec prlimit --fsize=540 \"$0\"";
    let output = Command::new("sh")
        .args(["-c", limited, env!("CARGO_BIN_EXE_deploy-action")])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("GITHUB_OUTPUT", &file)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let log = out(&output);
    assert!(log.contains("cannot write the outputs: "), "{log}");
    assert_eq!(fs::read_to_string(&file).unwrap(), theirs);
}
