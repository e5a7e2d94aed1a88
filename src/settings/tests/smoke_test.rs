//! How a release is tried before it goes live.

use super::{problems_of, Inputs};
use crate::protocol::SmokeTest;

fn smoke_test(inputs: &Inputs) -> Option<SmokeTest> {
    inputs.settings().staging.smoke_test
}

#[test]
fn it_is_the_units_program_or_commands_and_opt_in() {
    let with = |text| smoke_test(&Inputs::new().with("smoke-test", text));
    assert_eq!(smoke_test(&Inputs::new()), None);
    assert_eq!(with("none"), None);
    assert_eq!(with("auto"), Some(SmokeTest::Auto));
    let commands = "node server.js --port=$PORT\r\n";
    let expected = "node server.js --port=$PORT".to_owned();
    assert_eq!(with(commands), Some(SmokeTest::Commands(expected)));
    insta::assert_snapshot!(problems_of("smoke-test", &["Auto", "NONE", "a\0b"]), @r#"
    smoke-test = "Auto": is not a command. Write `auto` in lower case.
    smoke-test = "NONE": is not a command. Write `none` in lower case.
    smoke-test = "a\0b": holds a NUL. Write plain text.
    "#);
}

#[test]
fn auto_needs_a_unit_that_is_restarted() {
    let auto = || Inputs::new().with("smoke-test", "auto");
    let no_service = auto()
        .with("service", "none")
        .with("target", "/srv/app")
        .with("restart", "./restart");
    insta::assert_snapshot!(no_service.problems(), @"smoke-test: is auto, but service is none. Give commands that start the app on 127.0.0.1 and `$PORT`, or leave it out.");
    // found although other inputs of the place are wrong
    let all = auto().with("restart", "none").with("target", "srv");
    insta::assert_snapshot!(all.problems(), @r#"
    target = "srv": is not absolute. Write a path from the root, as in /opt/diting.
    smoke-test: is auto, but restart is none. Give commands that start the app on 127.0.0.1 and `$PORT`, or leave it out.
    "#);
    for inputs in [no_service, auto().with("restart", "none")] {
        let inputs = inputs.with("smoke-test", "./serve --port $PORT");
        assert!(smoke_test(&inputs).is_some());
    }
}

#[test]
fn without_a_url_it_only_sees_whether_the_app_stays_up() {
    let auto = || Inputs::new().with("smoke-test", "auto");
    assert_eq!(auto().warnings(), "");
    insta::assert_snapshot!(auto().without("health-url").warnings(), @"
    smoke-test: without health-url the app gets no request and only has to stay up for 5s.
    health-url is empty: only systemd's units are checked, and a release that runs but does not respond counts as healthy. If the app has no HTTP, write `health-url: none`.
    ");
    // the app has no HTTP
    assert_eq!(auto().with("health-url", "none").warnings(), "");
}

#[test]
fn it_uses_what_else_had_no_effect() {
    let inputs = Inputs::new()
        .with("install", "none")
        .with("restart", "none")
        .with("env", "TOKEN=hunter2")
        .with("log-check", "warn");
    insta::assert_snapshot!(inputs.warnings(), @"
    env has no effect: neither install nor before-switch nor smoke-test runs anything.
    log-check has no effect: there is no unit whose log could be read.
    ");
    assert_eq!(inputs.with("smoke-test", "./serve").warnings(), "");
}

#[test]
fn other_commands_do_not_use_it() {
    for command in ["rollback", "releases"] {
        let inputs = Inputs::new()
            .with("command", command)
            .without("health-url")
            .with("restart", "none")
            .with("smoke-test", "auto");
        assert_eq!(smoke_test(&inputs), None);
        let warnings = inputs.warnings();
        assert!(warnings.contains("smoke-test"), "{warnings}");
    }
}
