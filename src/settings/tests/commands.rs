//! What each command needs.

use super::{problems_of, Inputs};
use crate::settings::{Command, Service, Surroundings};

fn bare(command: &str) -> Inputs {
    Inputs::new().with("command", command).without("health-url")
}

#[test]
fn a_rollback_goes_to_the_previous_release_or_to_a_named_one() {
    let settings = bare("rollback").settings();
    assert_eq!(
        (settings.command, settings.release, settings.source),
        (Command::Rollback, None, None)
    );
    let settings = bare("rollback").with("release", "DEADBEEF").settings();
    assert_eq!(settings.release.unwrap(), "DEADBEEF");
    assert_eq!(bare("rollback").warnings(), "");
    insta::assert_snapshot!(problems_of("release", &["../x", "1762147685"]), @r#"
    release = "../x": is neither an id nor the beginning of a commit hash. Write a release's id, as `command: releases` lists it, or at least the first four digits of its commit.
    release: is given, but `command` is `deploy`. Write `command: rollback` to roll back to it, or leave out `release`.
    "#);
}

#[test]
fn listing_needs_the_server_and_the_target_only() {
    let inputs = bare("releases")
        .with("service", "none")
        .with("target", "/srv/app/x");
    assert_eq!(inputs.settings().service, Service::None);
    assert_eq!(inputs.warnings(), "");
    insta::assert_snapshot!(bare("releases").with("service", "none").without("host").problems(), @"
    host: is required. Give the server's name or address.
    target: is required if `service` is `none`. Give the folder on the server, as in /opt/diting.
    ");
}

#[test]
fn what_means_nothing_to_a_command_is_one_warning_and_is_not_checked() {
    let all = |command| {
        Inputs::new()
            .with("command", command)
            .with("source", "nowhere")
            .with("install", "none")
            .with("env-file", "hunter2hunter2")
            .with("env", "hunter2hunter2")
            .with("health-url", "http://localhost/")
            .with("wait-lock", "5s")
    };
    insta::assert_snapshot!(all("rollback").warnings(), @r#"source, env-file, install, env have no effect: `command` is rollback."#);
    insta::assert_snapshot!(all("releases").with("release", "abcd").warnings(), @"release, source, env-file, install, env, health-url, wait-lock have no effect: `command` is releases.");
    assert!(all("rollback").settings().staging.env_file.is_none());
    assert!(all("releases").settings().verification.health.is_none());
}

#[test]
fn a_mistyped_command_is_one_problem_among_all() {
    let inputs = Inputs::new()
        .with("command", "Deploy")
        .with("port", "x")
        .around(|around: &mut Surroundings| around.agent = true);
    insta::assert_snapshot!(inputs.problems(), @r#"
    command = "Deploy": there is no such command. Did you mean `deploy`?
    port = "x": is not a port. Write a whole number from 1 to 65535.
    "#);
}

#[test]
fn a_command_that_is_nearly_written_is_suggested() {
    let values = ["rolback", "roll-back", "release", "list", "undo"];
    insta::assert_snapshot!(problems_of("command", &values), @r#"
    command = "rolback": there is no such command. Did you mean `rollback`?
    command = "roll-back": there is no such command. Did you mean `rollback`?
    command = "release": there is no such command. Did you mean `releases`?
    command = "list": there is no such command. Write `deploy`, `rollback` or `releases`, or leave it out.
    command = "undo": there is no such command. Write `deploy`, `rollback` or `releases`, or leave it out.
    "#);
}

#[test]
fn json_is_for_the_listing_only() {
    let problems = |inputs: Inputs| inputs.read_with(&["--json"]).0.map(drop).unwrap_err();
    insta::assert_snapshot!(problems(Inputs::new()), @"--json: has no effect: `command` is deploy. Leave it out, or write `--command releases`.");
    insta::assert_snapshot!(problems(bare("rollback").without("host")), @"
    --json: has no effect: `command` is rollback. Leave it out, or write `--command releases`.
    host: is required. Give the server's name or address.
    ");
    assert!(bare("releases").read_with(&["--json"]).0.is_ok());
    assert!(
        !problems(bare("relases")).contains("--json"),
        "the command is the problem"
    );
}
