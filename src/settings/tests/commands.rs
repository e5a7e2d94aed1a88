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
    command = "Deploy": there is no such command. Write `deploy`, `rollback` or `releases`, or leave it out.
    port = "x": is not a port. Write a whole number from 1 to 65535.
    "#);
}
