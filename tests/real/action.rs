//! action.yml's step as GitHub's runner runs it: its bash, its flags, only the mapped environment, standard input closed.

use crate::app::App;
use crate::server::Server;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The action as it is checked out for a step, with the program of this very source in dist/.
fn checked_out() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let dist = folder.path().join("dist");
    fs::create_dir(&dist).unwrap();
    let program = dist.join(format!("deploy-action-{}", std::env::consts::ARCH));
    fs::copy(env!("CARGO_BIN_EXE_deploy-action"), program).unwrap();
    folder
}

fn action() -> serde_yaml_ng::Value {
    serde_yaml_ng::from_str(&fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/action.yml")).unwrap()).unwrap()
}

/// Runs the step with these inputs; `${{ inputs.x }}` is filled in as the runner does, empty where not given.
fn step(checkout: &Path, workspace: &Path, with: &[(&str, &str)]) -> Output {
    let action = action();
    let step = &action["runs"]["steps"][0];
    assert_eq!(step["shell"], "bash");
    let script = checkout.join("step.sh");
    fs::write(&script, step["run"].as_str().unwrap()).unwrap();
    let mut bash = Command::new("bash");
    bash.args(["--noprofile", "--norc", "-e", "-o", "pipefail"]).arg(script).current_dir(workspace).env_clear();
    for (name, value) in step["env"].as_mapping().unwrap() {
        let input = value.as_str().unwrap().trim_start_matches("${{ inputs.").trim_end_matches(" }}");
        let given = with.iter().find(|(name, _)| *name == input).map_or("", |(_, value)| value);
        bash.env(name.as_str().unwrap(), given);
    }
    bash.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", workspace);
    bash.env("GITHUB_ACTIONS", "true").env("GITHUB_ACTION_PATH", checkout).env("GITHUB_WORKSPACE", workspace);
    bash.env("GITHUB_REPOSITORY", "diting/diting").env("GITHUB_OUTPUT", checkout.join("output"));
    bash.stdin(Stdio::null()).output().unwrap()
}

#[test]
fn the_readmes_inputs_deploy_through_action_yml_and_no_default_is_needed() {
    let (server, checkout, app) = (Server::up(), checked_out(), App::version("1"));
    let (host, key) = (format!("127.0.0.1:{}", server.ssh_port), server.key());
    let (known_hosts, health) = (server.known_hosts(server.ssh_port), server.health_url());
    let with = [
        ("host", host.as_str()),
        ("user", "deploy"),
        ("key", &key),
        ("known-hosts", &known_hosts),
        // the service is the repository's name
        ("health-url", &health),
        ("health-settle", "1s"),
    ];
    let done = step(checkout.path(), &app.path(), &with);
    let log = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(0), "{log}{}", String::from_utf8_lossy(&done.stderr));
    assert!(log.lines().last().unwrap().starts_with("deployed: "), "{log}");
    let output = fs::read_to_string(checkout.path().join("output")).unwrap();
    for name in ["transaction<<", "outcome<<", "live-release<<", "finished<<"] {
        assert!(output.contains(name), "{output}");
    }
    assert!(server.get("/").unwrap().1.starts_with("version 1,"));
}

#[test]
fn a_step_without_inputs_says_all_that_is_missing_and_a_missing_program_is_said_too() {
    let (checkout, app) = (checked_out(), App::version("1"));
    let done = step(checkout.path(), &app.path(), &[]);
    let log = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(2), "{log}");
    for input in ["host", "key", "known-hosts"] {
        assert!(log.contains(&format!("bad input: {input}")), "{log}");
    }
    assert_eq!(log.matches("::error").count(), 1, "{log}");

    fs::remove_dir_all(checkout.path().join("dist")).unwrap();
    let done = step(checkout.path(), &app.path(), &[]);
    assert_eq!(done.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&done.stdout).contains("::error title=deploy-action::"));
}
