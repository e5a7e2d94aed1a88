//! What makes a release out of the source, and what is watched when it runs.

use std::time::Duration;

use super::{problems_of, Inputs};
use crate::protocol::LogLevel;

#[test]
fn the_env_file_is_kept_byte_for_byte() {
    let text = "\n# why\nA='x y'  \r\nexport B=\"1\n2\"\n\n";
    let settings = Inputs::new().with("env-file", text).settings();
    assert_eq!(settings.staging.env_file.as_ref().unwrap().expose(), text);
    assert!(!format!("{settings:?}").contains("x y"));
    assert_eq!(Inputs::new().with("env-file", text).warnings(), "");
}

#[test]
fn b26_a_bad_env_file_is_named_by_its_line_and_shows_no_value() {
    let values = [
        "A=hunter2\nB hunter2",
        "1A=hunter2",
        "A.B=hunter2",
        "A=1\n\nA=hunter2",
        "A='hunter2",
        "A=\u{1b}hunter2",
        "=hunter2",
        "\u{feff}A=1",
    ];
    insta::assert_snapshot!(problems_of("env-file", &values), @r#"
    env-file: line 2 has no `=`. Write NAME=value; a value of several lines stands in quotes.
    env-file: line 1 has no valid name before its `=`. A name has letters, digits and `_`, no digit first.
    env-file: line 1 has no valid name before its `=`. A name has letters, digits and `_`, no digit first.
    env-file: line 3 has the same name as line 1. Keep the one that is meant.
    env-file: line 1 opens a quote that nothing closes. Close it, or put a value that begins with one into the other kind.
    env-file: line 1 has a control character. Write plain text.
    env-file: line 1 has no valid name before its `=`. A name has letters, digits and `_`, no digit first.
    env-file: line 1 has no valid name before its `=`. A name has letters, digits and `_`, no digit first.
    "#);
}

#[test]
fn variables_are_taken_as_they_stand() {
    let settings = Inputs::new()
        .with("env", "\n A=x = 'y' \r\n# why\n\n_B2=\n")
        .settings();
    let pairs: Vec<_> = settings
        .staging
        .env
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose()))
        .collect();
    assert_eq!(pairs, [("A", "x = 'y' "), ("_B2", "")]);
    assert!(!format!("{settings:?}").contains("x = "));
}

#[test]
fn b26_bad_variables_are_named_by_their_line_and_show_no_value() {
    let values = [
        "A=1\nhunter2",
        "A-B=hunter2",
        "export A=hunter2",
        "A=1\nA=hunter2",
        "A=\u{7}",
        "PATH=/x",
        "LD_PRELOAD=x",
        "A =1",
    ];
    insta::assert_snapshot!(problems_of("env", &values), @"
    env: line 2 has no `=`. Write NAME=value, one per line.
    env: line 1 has no valid name before its `=`. A name has letters, digits and `_`, no digit first.
    env: line 1 begins with `export`. Write only NAME=value.
    env: line 2 has the same name as line 1. Keep the one that is meant.
    env: line 1 has a control character. Write plain text.
    env: line 1 sets PATH, which the shell or the system depends on. Set it where it is needed: `export NAME=value` in `install`, `before-switch` or `smoke-test`.
    env: line 1 sets LD_*, which the shell or the system depends on. Set it where it is needed: `export NAME=value` in `install`, `before-switch` or `smoke-test`.
    env: line 1 has no valid name before its `=`. A name has letters, digits and `_`, no digit first.
    ");
}

#[test]
fn secrets_have_no_flag() {
    for name in ["passphrase", "env", "env-file"] {
        let problems = crate::settings::Flags::parse(
            [format!("--{name}=hunter2hunter2").into()],
            &crate::settings::INPUTS,
        )
        .unwrap_err();
        let text = problems[0].to_string();
        assert!(
            text.contains("a secret has no flag") && !text.contains("hunter2"),
            "{text}"
        );
    }
}

#[test]
fn a_shared_file_and_the_env_file_are_not_in_each_others_way() {
    assert_eq!(
        Inputs::new()
            .with("shared", ".env\nlogs/")
            .settings()
            .staging
            .shared
            .len(),
        2
    );
    let both = Inputs::new()
        .with("shared", "logs/\n.env")
        .with("env-file", "A=1");
    insta::assert_snapshot!(both.problems(), @r#"shared: holds `.env`, which `env-file` writes. Leave out one of the two."#);
}

#[test]
fn the_hook_the_disk_and_the_lock_have_defaults() {
    let settings = Inputs::new().settings();
    assert_eq!(
        (settings.staging.before_switch, settings.staging.min_free),
        (None, 500_000_000)
    );
    assert_eq!(settings.wait_lock, Duration::from_secs(120));
    for zero in ["0s", "0"] {
        assert_eq!(
            Inputs::new().with("wait-lock", zero).settings().wait_lock,
            Duration::ZERO
        );
    }
    assert_eq!(
        Inputs::new()
            .with("before-switch", "none")
            .settings()
            .staging
            .before_switch,
        None
    );
    assert_eq!(
        Inputs::new()
            .with("before-switch", "./migrate\n")
            .settings()
            .staging
            .before_switch
            .unwrap(),
        "./migrate"
    );
    insta::assert_snapshot!(problems_of("wait-lock", &["5", "7h"]), @r#"
    wait-lock = "5": has no unit. Write it with a unit, as in 500ms, 90s, 5m or 1h 30m; for seconds append `s`.
    wait-lock = "7h": is too long. Allowed is 0s to 6h.
    "#);
}

#[test]
fn the_log_is_checked_unless_it_is_switched_off() {
    let settings = Inputs::new().settings();
    assert_eq!(
        (
            settings.verification.log.level,
            settings.verification.log.pattern
        ),
        (LogLevel::Fail, None)
    );
    let off = Inputs::new()
        .with("log-check", "off")
        .with("log-pattern", "Oops");
    insta::assert_snapshot!(off.warnings(), @r#"log-pattern has no effect: log-check is off."#);
    insta::assert_snapshot!(Inputs::new().with("restart", "none").with("log-check", "warn").warnings(), @"log-check has no effect: there is no unit whose log could be read.");
    insta::assert_snapshot!(problems_of("log-check", &["no", "Fail"]), @r#"
    log-check = "no": is not a level. Write `fail`, `warn` or `off`.
    log-check = "Fail": is not a level. Write `fail`, `warn` or `off`.
    "#);
}
