//! Defaults, and inputs that depend on each other.

use std::time::Duration;

use super::{problems_of, Inputs};
use crate::protocol::{Install, Restart};
use crate::settings::{Service, Surroundings};

#[test]
fn the_first_use_needs_few_inputs() {
    let settings = Inputs::new().settings();
    assert_eq!(settings.server.user.as_str(), "deploy");
    assert_eq!(settings.unit().unwrap().as_str(), "diting");
    assert_eq!(settings.target.as_str(), "/opt/diting");
    assert_eq!(settings.restart, Restart::Systemctl);
    assert_eq!(settings.staging.install, Install::Nothing);
    assert_eq!(settings.excludes.lines()[0], "__pycache__/");
    assert_eq!(settings.verification.health.unwrap().statuses, [200]);
    assert_eq!(settings.verification.settle, Duration::from_secs(5));
    assert_eq!(settings.timeout, Duration::from_secs(1800));
}

#[test]
fn a_flag_wins_and_an_empty_one_is_not_given() {
    let inputs = Inputs::new().with("user", "alice");
    let user = |flags: &[&str]| inputs.read_with(flags).0.unwrap().server.user.to_string();
    assert_eq!(user(&["--user", "bob"]), "bob");
    assert_eq!(user(&["--user", ""]), "alice");
}

#[test]
fn all_problems_are_found_at_once() {
    let inputs = Inputs::new()
        .without("host")
        .without("key")
        .without("known-hosts")
        .with("port", "x")
        .with("target", "opt")
        .with("source", "nowhere")
        .with("retention", "0")
        .with("health-status", "ok")
        .with("timeout", "7h");
    let subjects: Vec<String> = inputs
        .problems()
        .lines()
        .map(|line| line.split([':', ' ']).next().unwrap().to_owned())
        .collect();
    assert_eq!(
        subjects,
        [
            "host",
            "port",
            "key",
            "known-hosts",
            "target",
            "source",
            "health-status",
            "retention",
            "timeout"
        ]
    );
}

#[test]
fn the_warning_of_a_mistyped_variable_comes_with_the_problem_that_it_causes() {
    let inputs = Inputs::new().without("known-hosts").with("known-host", "x");
    assert!(inputs.warnings().contains("Did you mean `known-hosts`?"));
    assert!(inputs.problems().starts_with("known-hosts: is required"));
}

#[test]
fn without_systemd_restart_and_target_are_required() {
    insta::assert_snapshot!(Inputs::new().with("service", "none").problems(), @"
    restart: is required if `service` is `none`. Give the command that restarts the app, or `none`.
    target: is required if `service` is `none`. Give the folder on the server, as in /opt/diting.
    ");
    let settings = Inputs::new()
        .with("service", "none")
        .with("restart", "./restart")
        .with("target", "/srv/www/app")
        .settings();
    assert_eq!(settings.service, Service::None);
    assert_eq!(settings.restart, Restart::Commands("./restart".to_owned()));
    assert!(settings.unit().is_none());
}

#[test]
fn static_files_need_no_unit() {
    let settings = Inputs::new().with("restart", "none").settings();
    assert_eq!(
        (settings.target.as_str(), settings.unit()),
        ("/opt/diting", None)
    );
    assert_eq!(settings.restart, Restart::Nothing);
    let nowhere = |around: &mut Surroundings| around.repository = None;
    let inputs = Inputs::new()
        .with("restart", "none")
        .with("target", "/srv/www/app")
        .around(nowhere);
    assert_eq!(inputs.settings().service, Service::None);
    let inputs = Inputs::new()
        .with("restart", "none")
        .with("service", "none");
    assert!(inputs
        .problems()
        .starts_with("target: is required if `service` is `none`"));
}

#[test]
fn the_default_unit_is_checked_like_any_other() {
    let repository = |name: &'static str| {
        move |around: &mut Surroundings| around.repository = Some(name.to_owned())
    };
    let unit = |name| {
        Inputs::new()
            .around(repository(name))
            .settings()
            .service
            .unit()
            .unwrap()
            .to_string()
    };
    assert_eq!(unit("owner/none"), "none");
    insta::assert_snapshot!(Inputs::new().around(repository("owner/-x")).problems(), @r#"service = "-x": the default, the repository's name, is not a systemd unit name. Allowed are 1 to 255 letters, digits and `:_.@-`, no `-` first; or `none` for no systemd."#);
    insta::assert_snapshot!(Inputs::new().around(|around| around.repository = None).problems(), @"service: is required outside of GitHub Actions. Give the systemd unit, or `none` for no systemd.");
}

#[test]
fn b19_install_follows_the_source() {
    let uv = Inputs::new().file("pyproject.toml", "").file("uv.lock", "");
    assert_eq!(uv.settings().staging.install, Install::Uv);
    assert_eq!(
        uv.with("install", "none").settings().staging.install,
        Install::Nothing
    );
    let unlocked = Inputs::new().file("pyproject.toml", "");
    insta::assert_snapshot!(unlocked.problems(), @"install: the source has pyproject.toml, but no uv.lock. Commit the lock file that `uv lock` writes, or give `install` your own commands or `none`.");
    let plan = unlocked
        .with("install", "pip install .\n")
        .settings()
        .staging
        .install;
    assert_eq!(plan, Install::Commands("pip install .".to_owned()));
}

#[test]
fn a_deployignore_adds_to_the_list() {
    let inputs = Inputs::new()
        .with("exclude", "*.log")
        .file(".deployignore", "# mine\n/docs\n");
    assert_eq!(
        inputs.settings().excludes.lines(),
        ["*.log", "# mine", "/docs"]
    );
    insta::assert_snapshot!(inputs.file(".deployignore", "/docs\n*\n").problems(), @"exclude: the source's .deployignore line 2 excludes everything. Remove it, or say below it with `!` what is uploaded all the same.");
}

#[test]
fn b21_health_durations_fit_together() {
    let inputs = Inputs::new()
        .with("health-timeout", "5s")
        .with("health-interval", "6s");
    insta::assert_snapshot!(inputs.problems(), @r#"
    health-interval = "6s": is longer than health-timeout (5s). Lower health-interval, or raise health-timeout.
    health-settle = "5s": is not shorter than health-timeout (5s). Lower health-settle, or raise health-timeout.
    "#);
    let settings = Inputs::new()
        .with("health-settle", "0s")
        .with("health-timeout", "1s")
        .settings();
    assert_eq!(settings.verification.settle, Duration::ZERO);
    insta::assert_snapshot!(problems_of("health-interval", &["0s", "5", "-1s"]), @r#"
    health-interval = "0s": is too short. Allowed is 10ms to 1h.
    health-interval = "5": has no unit. Write it with a unit, as in 500ms, 90s, 5m or 1h 30m; for seconds append `s`.
    health-interval = "-1s": is negative. Write it with a unit, as in 500ms, 90s, 5m or 1h 30m.
    "#);
}

#[test]
fn b32_the_run_cannot_be_longer_than_a_job() {
    insta::assert_snapshot!(problems_of("timeout", &["0s", "361m"]), @r#"
    timeout = "0s": is too short. Allowed is 1s to 6h.
    timeout = "361m": is too long. Allowed is 1s to 6h.
    "#);
    assert_eq!(
        Inputs::new().with("timeout", "6h").settings().timeout,
        Duration::from_secs(21600)
    );
}

#[test]
fn what_is_not_checked_is_a_warning() {
    insta::assert_snapshot!(Inputs::new().without("health-url").with("health-status", "204").warnings(), @"
    health-status has no effect: health-url is empty.
    health-url is empty: only systemd's units are checked, and a release that runs but does not respond counts as healthy. If the app has no HTTP, write `health-url: none`.
    ");
    insta::assert_snapshot!(Inputs::new().without("health-url").with("restart", "none").warnings(), @"nothing is checked: there is no unit and no health check, so a broken release stays live. Give health-url or health-command.");
    insta::assert_snapshot!(Inputs::new().without("health-url").with("health-match", "ok").problems(), @"health-match: is given, but health-url is empty. Give `health-url`, or leave out `health-match`.");
}

#[test]
fn a_worker_says_that_it_has_no_http() {
    let worker = || Inputs::new().with("health-url", "none");
    assert_eq!(worker().warnings(), "");
    assert_eq!(worker().settings().verification.health, None);
    insta::assert_snapshot!(worker().with("health-status", "204").with("health-headers", "Host: a").warnings(), @"
    health-headers has no effect: health-url is none.
    health-status has no effect: health-url is none.
    ");
    insta::assert_snapshot!(worker().with("health-match", "ok").problems(), @"health-match: is given, but health-url is none. Give `health-url`, or leave out `health-match`.");
    insta::assert_snapshot!(problems_of("health-url", &["None", "no"]), @r#"
    health-url = "None": has no scheme. Write a URL as the server asks it, as in http://localhost:8000/health, or `none`.
    health-url = "no": has no scheme. Write a URL as the server asks it, as in http://localhost:8000/health, or `none`.
    "#);
    insta::assert_snapshot!(worker().with("restart", "none").warnings(), @"nothing is checked: there is no unit and no health check, so a broken release stays live. Give health-url or health-command.");
}

#[test]
fn a_command_can_be_the_health_check_or_a_part_of_it() {
    let command = |text| Inputs::new().with("health-command", text);
    let both = command("./queue-check\r\n./other\n")
        .settings()
        .verification;
    assert_eq!(both.command.as_deref(), Some("./queue-check\n./other"));
    assert!(both.health.is_some());
    for url in ["", "none"] {
        let alone = command("./queue-check").with("health-url", url);
        assert_eq!(alone.warnings(), "", "{url}");
        let verification = alone.settings().verification;
        assert_eq!(verification.format(), 4);
        assert_eq!(verification.health, None);
        let unwatched = alone.with("restart", "none");
        assert_eq!(unwatched.warnings(), "", "{url}");
    }
    assert_eq!(command("none").settings().verification.command, None);
    insta::assert_snapshot!(command("none").without("health-url").warnings(), @"health-url is empty: only systemd's units are checked, and a release that runs but does not respond counts as healthy. If the app has no HTTP, write `health-url: none`.");
    insta::assert_snapshot!(problems_of("health-command", &["NONE", "a\0b"]), @r#"
    health-command = "NONE": is not a command. Write `none` in lower case.
    health-command = "a\0b": holds a NUL. Write plain text.
    "#);
}

#[test]
fn b20_another_host_than_this_one_is_a_notice() {
    let url = |url| Inputs::new().with("health-url", url).warnings();
    assert_eq!(
        (
            url("https://server.example/"),
            url("http://[::1]/"),
            url("http://127.0.0.1:1/")
        ),
        Default::default()
    );
    insta::assert_snapshot!(url("https://www.example/"), @"health-url names www.example, which is neither localhost nor `host`: the request is sent from the server.");
}

#[test]
fn b37_white_space_at_the_ends_is_cut_off_with_a_notice_unless_it_ends_a_block() {
    let block = Inputs::new()
        .with("host", "server.example\n")
        .with("user", "deploy\r\n\n")
        .with("install", "make\n");
    let (settings, warnings) = block.read_with(&[]);
    assert_eq!(settings.unwrap().server.host.as_str(), "server.example");
    assert_eq!(warnings, []);
    let inputs = Inputs::new().with("host", "server.example \n");
    let (settings, warnings) = inputs.read_with(&[]);
    assert_eq!(settings.unwrap().server.host.as_str(), "server.example");
    assert!(warnings[0].is_notice());
    insta::assert_snapshot!(inputs.warnings(), @"host: white space around the value was removed.");
}

#[test]
fn b38_what_a_workflow_makes_by_mistake_is_named() {
    insta::assert_snapshot!(problems_of("host", &["${{ vars.HOST }}", "***", "null", "undefined"]), @r#"
    host = "${{ vars.HOST }}": holds an expression that was not expanded. Check where the workflow takes it from: a secret, a variable, an output.
    host = "***": looks like a masked value. Check where the workflow takes it from: a secret, a variable, an output.
    host = "null": looks like the result of an expression that found nothing. Check where the workflow takes it from: a secret, a variable, an output.
    host = "undefined": looks like the result of an expression that found nothing. Check where the workflow takes it from: a secret, a variable, an output.
    "#);
    insta::assert_snapshot!(problems_of("key", &["***"]), @"key: looks like a masked value. Check where the workflow takes it from: a secret, a variable, an output.");
}

#[test]
fn what_uv_needs_must_be_uploaded() {
    let uv = || Inputs::new().file("pyproject.toml", "").file("uv.lock", "");
    assert!(uv()
        .with("exclude", "*.pyc\n# uv.lock")
        .read_with(&[])
        .0
        .is_ok());
    for patterns in ["*.lock", "uv.lock", "/uv.*", "*.toml"] {
        let problems = uv().with("exclude", patterns).problems();
        assert!(
            problems.contains("which `install: auto` needs"),
            "{problems}"
        );
        let own = uv().with("exclude", patterns).with("install", "none");
        assert!(own.read_with(&[]).0.is_ok());
    }
    let but = uv().with("exclude", "*.lock\n!uv.lock");
    assert!(but.read_with(&[]).0.is_ok());
    insta::assert_snapshot!(uv().file(".deployignore", "*.lock\n").problems(), @"exclude: excludes uv.lock, which `install: auto` needs. Upload it, or give `install` your own commands or `none`.");
}

#[test]
#[expect(clippy::too_many_lines, reason = "two tables")]
fn a_shared_path_must_not_be_in_the_source() {
    let inputs = |shared: &str| {
        let inputs = Inputs::new().with("shared", shared);
        for folder in [
            "logs",
            "empty",
            "kept",
            "config",
            "deep/er",
            "storage/app/public",
            "storage/views",
        ] {
            std::fs::create_dir_all(inputs.path().join(folder)).unwrap();
        }
        let files = [
            "logs/a.log",
            "kept/.gitkeep",
            "storage/app/.gitignore",
            "storage/app/public/.keep",
            "config/app.yaml",
            "flat",
            "deep/er/x",
        ];
        std::os::unix::fs::symlink("logs", inputs.path().join("link")).unwrap();
        files
            .iter()
            .fold(inputs, |inputs, file| inputs.file(file, "x"))
    };
    for fits in [
        "data/",
        "empty/",
        "kept/",
        "storage/",
        "config/other.yaml",
        "deep/other/",
        "new",
    ] {
        assert!(inputs(fits).read_with(&[]).0.is_ok(), "{fits}");
    }
    for (shared, exclude) in [
        ("logs/", "*.log"),
        ("logs/", "/logs/"),
        ("config/app.yaml", "config/*.yaml"),
        ("flat/x", "flat"),
    ] {
        let inputs = inputs(shared).with("exclude", exclude);
        assert!(inputs.read_with(&[]).0.is_ok(), "{shared} {exclude}");
    }
    let values = [
        "logs/",
        "config/app.yaml",
        "flat/x",
        "empty",
        "link/",
        "deep/er/",
        "config",
    ];
    let problems: Vec<String> = values.map(|shared| inputs(shared).problems()).to_vec();
    insta::assert_snapshot!(problems.join("\n"), @"
    shared: `logs/a.log` is in the source too, where the link to `logs` would be. Remove `logs/a.log` from the source, exclude it, or do not share `logs`.
    shared: `config/app.yaml` is in the source too, where the link to it would be. Remove `config/app.yaml` from the source, exclude it, or do not share `config/app.yaml`.
    shared: `flat/x` would be below `flat`, which is a file in the source. Remove `flat` from the source, exclude it, or do not share `flat/x`.
    shared: `empty` is in the source too, where the link to it would be. Remove `empty` from the source, exclude it, or do not share `empty`.
    shared: `link` is in the source too, where the link to it would be. Remove `link` from the source, exclude it, or do not share `link`.
    shared: `deep/er/x` is in the source too, where the link to `deep/er` would be. Remove `deep/er/x` from the source, exclude it, or do not share `deep/er`.
    shared: `config` is in the source too, where the link to it would be. Remove `config` from the source, exclude it, or do not share `config`.
    ");
}

#[test]
fn a_body_can_only_be_matched_if_there_is_one() {
    let inputs = |statuses: &str, pattern: &str| {
        Inputs::new()
            .with("health-status", statuses)
            .with("health-match", pattern)
    };
    insta::assert_snapshot!(inputs("204, 304", "ok").problems(), @r#"health-match = "ok": cannot match: a response with a status of `health-status` has no body. Add a status with a body, or leave out `health-match`."#);
    for (statuses, pattern) in [("204, 200", "ok"), ("204", "^$"), ("204", "(ok)?")] {
        assert!(
            inputs(statuses, pattern).read_with(&[]).0.is_ok(),
            "{statuses} {pattern}"
        );
    }
}

#[test]
fn what_another_input_makes_meaningless_is_a_warning() {
    let without_unit = Inputs::new()
        .with("restart", "none")
        .with("log-pattern", "x");
    insta::assert_snapshot!(without_unit.with("service", "diting").with("target", "/srv/www/app").warnings(), @"
    service has no effect: restart is none and target is given.
    log-pattern has no effect: there is no unit whose log could be read.
    ");
    let short = Inputs::new().with("timeout", "20s");
    assert_eq!(short.warnings(), "", "defaults");
    insta::assert_snapshot!(short.with("wait-lock", "1m").with("connect-timeout", "30s").warnings(), @"
    connect-timeout has no effect: timeout is shorter.
    wait-lock has no effect: timeout is shorter.
    ");
    let env = || Inputs::new().with("env", "A=1");
    insta::assert_snapshot!(env().warnings(), @"env has no effect: neither install nor before-switch nor smoke-test runs anything.");
    assert_eq!(env().with("before-switch", "./migrate").warnings(), "");
    assert_eq!(env().with("install", "make").warnings(), "");
    insta::assert_snapshot!(env().with("before-switch", "none").warnings(), @"env has no effect: neither install nor before-switch nor smoke-test runs anything.");
}
