//! Several units, whose systemd runs them, and their files in the source.

use super::{problems_of, Inputs};
use crate::protocol::{Restart, Scope, Units};
use crate::settings::{Service, Surroundings};
use std::fs;
use std::os::unix::fs::symlink;

fn names(units: &Units) -> Vec<&str> {
    units.all().map(|unit| unit.name).collect()
}

#[test]
fn the_first_unit_names_the_target_and_all_are_restarted() {
    for (service, target) in [
        ("web, worker, dump.timer", "/opt/web"),
        ("web.service\nworker", "/opt/web.service"),
        ("web@1,worker", "/opt/web@1"),
    ] {
        let settings = Inputs::new().with("service", service).settings();
        assert_eq!(settings.target.as_str(), target);
        assert_eq!(settings.restart, Restart::Systemctl);
        let (units, given) = (settings.units(), service.split([',', '\n']).map(str::trim));
        assert_eq!(names(&units), given.collect::<Vec<_>>());
        assert_eq!(units.scope, Scope::System);
        assert_eq!(
            settings.unit().map(ToString::to_string),
            names(&units).first().map(ToString::to_string)
        );
    }
}

#[test]
fn without_units_there_is_nothing_to_check() {
    let settings = Inputs::new()
        .with("service", "web\nworker")
        .with("restart", "none")
        .settings();
    assert_eq!(names(&settings.units()), [""; 0]);
    assert_eq!(settings.service.units().len(), 2);
    let settings = Inputs::new().settings();
    assert_eq!(names(&settings.units()), ["diting"]);
    let twice = Inputs::new().with("service", "web, web.service");
    insta::assert_snapshot!(twice.problems(), @r#"service = "web, web.service": `web.service` is there twice. Name each unit once."#);
}

#[test]
fn the_scope_says_which_systemd_is_meant() {
    let user = || Inputs::new().with("scope", "user");
    assert_eq!(user().settings().units().scope, Scope::User);
    assert_eq!(user().warnings(), "");
    insta::assert_snapshot!(problems_of("scope", &["User", "root"]), @r#"
    scope = "User": does not say whose units. Write `system` or `user`.
    scope = "root": does not say whose units. Write `system` or `user`.
    "#);
    let none = user()
        .with("service", "none")
        .with("restart", "./restart")
        .with("target", "/srv/www/app");
    insta::assert_snapshot!(none.warnings(), @"scope has no effect: service is none.");
    insta::assert_snapshot!(user().with("restart", "none").warnings(), @"scope has no effect: restart is none.");
    insta::assert_snapshot!(user().with("command", "releases").without("health-url").warnings(), @"scope has no effect: `command` is releases.");
}

/// A source with unit files and others.
fn source(units: &str) -> Inputs {
    let inputs = Inputs::new().with("units", units);
    for folder in ["deploy/web.service.d", "old", "deploy/a b"] {
        fs::create_dir_all(inputs.path().join(folder)).unwrap();
    }
    symlink("web.service", inputs.path().join("deploy/link.service")).unwrap();
    symlink("deploy", inputs.path().join("linked")).unwrap();
    [
        "deploy/web.service",
        "deploy/worker@.service",
        "deploy/dump.timer",
        "deploy/web.service.d/port.conf",
        "deploy/nginx.conf",
        "deploy/a b/space.service",
        "old/web.service",
        "top.socket",
    ]
    .iter()
    .fold(inputs, |inputs, file| inputs.file(file, "x"))
}

#[test]
fn unit_files_are_named_by_paths_and_patterns() {
    for units in [
        "deploy/web.service\ntop.socket",
        "deploy/w*.service\ndeploy/*.timer",
        "deploy/web.service.d/*.conf",
        "deploy/*.{timer,path}\ndeploy/w???*.service",
        "**/*.timer\n*.socket",
        "**/dump.timer\ndeploy/dump.timer",
        "deploy/[w]*.service",
        "deploy/**/port.conf",
    ] {
        let settings = source(units).settings();
        assert_eq!(settings.units().files, units.lines().collect::<Vec<_>>());
    }
    assert_eq!(Inputs::new().settings().units().files, [""; 0]);
}

#[test]
fn what_a_pattern_matches_must_be_an_uploaded_unit_file_with_a_name_of_its_own() {
    let problems = |units| source(units).problems();
    let all = [
        "deploy/nothing.service\n*.timer",
        "deploy/*",
        "deploy/nginx.conf",
        "deploy/link.service",
        "linked/web.service",
        "deploy",
        "deploy/a b/*",
        "**/web.service",
        "old/*.service\ndeploy/web.service\nmissing/*",
    ];
    insta::assert_snapshot!(all.map(problems).join("\n"), @"
    units: `deploy/nothing.service` matches no file that is uploaded. Write paths from the source's folder; what `exclude` leaves out does not count.
    units: `*.timer` matches no file that is uploaded. Write paths from the source's folder; what `exclude` leaves out does not count.
    units: `deploy/*` matches what is no unit file: `deploy/link.service`, `deploy/nginx.conf`. Match only plain files as `web.service` and drop-ins as `web.service.d/port.conf`, no links, in paths of letters, digits and `._@:+,/-`.
    units: `deploy/nginx.conf` matches what is no unit file: `deploy/nginx.conf`. Match only plain files as `web.service` and drop-ins as `web.service.d/port.conf`, no links, in paths of letters, digits and `._@:+,/-`.
    units: `deploy/link.service` matches what is no unit file: `deploy/link.service`. Match only plain files as `web.service` and drop-ins as `web.service.d/port.conf`, no links, in paths of letters, digits and `._@:+,/-`.
    units: `linked/web.service` matches no file that is uploaded. Write paths from the source's folder; what `exclude` leaves out does not count.
    units: `deploy` matches no file that is uploaded. Write paths from the source's folder; what `exclude` leaves out does not count.
    units: `deploy/a b/*` matches what is no unit file: `deploy/a b/space.service`. Match only plain files as `web.service` and drop-ins as `web.service.d/port.conf`, no links, in paths of letters, digits and `._@:+,/-`.
    units: match several files that systemd would call `web.service`: `deploy/web.service`, `old/web.service`. Match only one of them.
    units: `missing/*` matches no file that is uploaded. Write paths from the source's folder; what `exclude` leaves out does not count.
    units: match several files that systemd would call `web.service`: `deploy/web.service`, `old/web.service`. Match only one of them.
    ");
    let excluded = source("deploy/web.service\ndeploy/*.timer").with("exclude", "*.service");
    insta::assert_snapshot!(excluded.problems(), @"units: `deploy/web.service` matches no file that is uploaded. Write paths from the source's folder; what `exclude` leaves out does not count.");
    let many = (0..=100).fold(source("many/*.timer"), |inputs, n| {
        fs::create_dir_all(inputs.path().join("many")).unwrap();
        inputs.file(&format!("many/u{n}.timer"), "x")
    });
    insta::assert_snapshot!(many.problems(), @"units: match more than 100 files. Match only those of this service.");
}

#[test]
fn unit_files_belong_to_units_that_are_restarted() {
    let inputs = || source("top.socket");
    insta::assert_snapshot!(inputs().with("restart", "none").problems(), @"units: is given, but restart is none. Leave it out, or name the units in `service` and let them be restarted.");
    let none = inputs()
        .with("service", "none")
        .with("restart", "./restart")
        .with("target", "/srv/www/app");
    insta::assert_snapshot!(none.problems(), @"units: is given, but service is none. Leave it out, or name the units in `service` and let them be restarted.");
}

#[test]
fn only_a_deployment_looks_for_unit_files_in_the_source() {
    let inputs = |command| {
        Inputs::new()
            .with("command", command)
            .with("units", "deploy/missing.service")
            .without("health-url")
    };
    assert!(inputs("deploy").read_with(&[]).0.is_err());
    let rollback = inputs("rollback").settings();
    assert_eq!(rollback.units().files, ["deploy/missing.service"]);
    assert_eq!(inputs("rollback").warnings(), "");
    assert_eq!(inputs("releases").settings().units().files, [""; 0]);
    let broken = inputs("rollback").with("units", "/etc/x.service");
    assert!(broken.problems().starts_with("units = "));
}

#[test]
fn units_and_their_files_are_shown_as_they_are() {
    let inputs = Inputs::new()
        .with("service", "web-frontend, mail-worker\nnightly.timer")
        .with("units", "deploy/web-frontend.service");
    let flags = crate::settings::Flags::default();
    let names = crate::settings::names(&inputs.environment(), &flags, &crate::settings::INPUTS);
    for name in [
        "web-frontend",
        "mail-worker",
        "nightly.timer",
        "deploy/web-frontend.service",
    ] {
        assert!(names.iter().any(|it| it == name), "{name}");
    }
}

#[test]
fn a_repository_is_one_unit() {
    let name = |name: &'static str| {
        move |around: &mut Surroundings| around.repository = Some(name.to_owned())
    };
    let settings = Inputs::new().around(name("owner/app.service")).settings();
    assert_eq!(settings.service.units().len(), 1);
    assert!(matches!(settings.service, Service::Units(_)));
}
