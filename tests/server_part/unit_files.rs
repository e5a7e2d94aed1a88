//! Unit files that come with the release: in systemd's folder as a link or a copy, or in the deploy user's own. The stub of
//! systemctl notes with which unit file each release was started.

use crate::app::{App, Node};
use crate::client::Told;
use crate::faults::{all_of, Fault, Prepared, ERRORS, KILL};
use crate::stub_server::StubServer;
use deploy_action::protocol::{
    Finding, Outcome, Plan, Reason, Scope, Step, UnitFileError, UnitName, Warning, What,
};
use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::PathBuf;

const FILE: &str = "deploy/app.service";

/// How systemd gets the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Link,
    Copy,
    Own,
}

const ALL: [Kind; 3] = [Kind::Link, Kind::Copy, Kind::Own];

/// The unit file of a release, whose first line names it.
fn unit(server: &StubServer, name: &str) -> String {
    let current = server.target().join("current");
    let current = current.display();
    format!("# unit of {name}\n[Service]\nExecStart=/bin/true\nWorkingDirectory={current}\n[Install]\nWantedBy=multi-user.target\n")
}

fn with(server: &StubServer, app: App, of: &str) -> App {
    let text = unit(server, of).into_bytes();
    app.with("deploy", Node::Folder)
        .with(FILE, Node::File(0o600, text))
}

fn good(server: &StubServer, name: &str) -> App {
    with(server, App::good(name), name)
}

fn broken(server: &StubServer) -> App {
    with(server, App::new("broken", "crash"), "broken")
}

fn set_up(kind: Kind) -> StubServer {
    let server = StubServer::new();
    fs::write(server.home().join("unit/loaded"), "nothing\n").unwrap();
    if kind != Kind::Own {
        fs::create_dir(server.system_units()).unwrap();
    }
    if kind == Kind::Own {
        let linger = server.systemd_state().join("linger");
        fs::create_dir_all(&linger).unwrap();
        fs::write(linger.join("root"), "").unwrap();
    }
    if kind == Kind::Link {
        symlink(server.target().join("current").join(FILE), place(&server)).unwrap();
    }
    server
}

fn place(server: &StubServer) -> PathBuf {
    match server.system_units().exists() {
        true => server.system_units().join("app.service"),
        false => server.home().join(".config/systemd/user/app.service"),
    }
}

fn units(kind: Kind) -> impl FnOnce(&mut Plan) {
    move |plan| {
        plan.units.files = vec!["deploy/*.service".to_owned()];
        if kind == Kind::Own {
            plan.units.scope = Scope::User;
        }
    }
}

fn deploy(server: &StubServer, kind: Kind, app: &App) -> Told {
    server.deploy_with(app, units(kind))
}

fn deploys(server: &StubServer, kind: Kind, app: &App) -> Told {
    let told = deploy(server, kind, app);
    assert_eq!(
        told.outcome(),
        Some(Outcome::Deployed),
        "{kind:?}: {told:?}"
    );
    check(server);
    assert_eq!(started(server).last(), Some(&as_own(&app.name)));
    told
}

/// For the tests with a disk: a server whose unit file is a copy.
pub(crate) fn set_up_copy() -> StubServer {
    set_up(Kind::Copy)
}

pub(crate) fn deploys_copy(server: &StubServer, name: &str) {
    deploys(server, Kind::Copy, &good(server, name));
}

/// The file there is that of the live release, to the last byte.
pub(crate) fn check_disk(server: &StubServer) {
    if server.system_units().exists() {
        let live = fs::read_to_string(server.target().join("current").join(FILE));
        assert_eq!(content(server), live.ok());
    }
}

/// On such a server, systemd's folder is on the disk of the target.
pub(crate) fn on_disk(server: &StubServer) {
    let units = server.system_units();
    if units.exists() || units.is_symlink() {
        let folder = server.target().join("etc");
        fs::create_dir_all(&folder).unwrap();
        fs::remove_file(&units)
            .or_else(|_| fs::remove_dir(&units))
            .unwrap();
        symlink(folder, units).unwrap();
    }
}

/// How the releases were started.
fn started(server: &StubServer) -> Vec<String> {
    let text = fs::read_to_string(server.home().join("unit/definitions")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn as_own(name: &str) -> String {
    format!("{name} as # unit of {name}")
}

fn content(server: &StubServer) -> Option<String> {
    fs::read_to_string(place(server)).ok()
}

/// On a server with unit files: systemd has, and has read, that of the live release, and has started it so. Nothing is left
/// beside it.
pub(crate) fn check(server: &StubServer) {
    if !server.home().join("unit/loaded").exists() {
        return;
    }
    let live = fs::read_to_string(server.target().join("current").join(FILE)).ok();
    let loaded = fs::read_to_string(server.home().join("unit/loaded")).unwrap();
    let is_copy = fs::symlink_metadata(place(server)).is_ok_and(|found| found.is_file());
    if live.is_some() || !is_copy || !server.system_units().exists() {
        assert_eq!(
            content(server),
            live,
            "the unit file is not that of the live release"
        );
        let first = live.iter().flat_map(|text| text.lines()).next();
        assert_eq!(
            loaded.trim_end(),
            first.unwrap_or("nothing"),
            "systemd has not read it"
        );
    }
    if let Some(name) = server.named_by("current") {
        assert_eq!(started(server).last(), Some(&as_own(&name)));
    }
    let beside = place(server).parent().unwrap().read_dir();
    let hidden = beside.into_iter().flatten().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_str().unwrap().starts_with('.')
    });
    assert_eq!(hidden.count(), 0, "something is left beside the unit file");
}

fn findings(told: &Told) -> &[Finding] {
    match told
        .verdict
        .as_ref()
        .and_then(|verdict| verdict.failure.as_ref())
    {
        Some(failure) => match &failure.reason {
            Reason::NotReady(findings) => findings,
            _ => panic!("{told:?}"),
        },
        None => panic!("{told:?}"),
    }
}

fn errors(told: &Told) -> Vec<&UnitFileError> {
    let error = |it: &'_ Finding| matches!(it, Finding::UnitFile(_));
    findings(told)
        .iter()
        .filter(|it| error(it))
        .map(|it| match it {
            Finding::UnitFile(found) => &found.error,
            _ => unreachable!(),
        })
        .collect()
}

#[test]
fn a_unit_file_goes_live_with_the_release_and_comes_back_with_a_rollback() {
    for kind in ALL {
        let server = set_up(kind);
        for name in ["one", "two"] {
            deploys(&server, kind, &good(&server, name));
        }
        let told = deploy(&server, kind, &broken(&server));
        assert_eq!(
            told.outcome(),
            Some(Outcome::RolledBack),
            "{kind:?}: {told:?}"
        );
        check(&server);
        let last: Vec<String> = started(&server).split_off(2);
        assert_eq!(last, [as_own("broken"), as_own("two")], "{kind:?}");
        let mut plan = server.plan_back(None);
        units(kind)(&mut plan);
        let told = server.run(&plan, &App::empty(""), crate::client::Sending::Unasked);
        assert_eq!(
            told.outcome(),
            Some(Outcome::Restored),
            "{kind:?}: {told:?}"
        );
        check(&server);
        assert_eq!(server.named_by("current").as_deref(), Some("one"));
    }
}

#[test]
fn an_unchanged_unit_file_is_not_read_again() {
    for kind in ALL {
        let server = set_up(kind);
        deploys(&server, kind, &good(&server, "one"));
        let loaded = server.home().join("unit/loaded");
        let read = fs::metadata(&loaded).unwrap().modified().unwrap();
        let same = with(&server, App::good("two"), "one");
        let told = deploy(&server, kind, &same);
        assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
        assert_eq!(
            fs::metadata(&loaded).unwrap().modified().unwrap(),
            read,
            "{kind:?}"
        );
    }
}

#[test]
fn a_failed_first_deployment_ends_the_process_before_systemd_forgets_the_unit() {
    for kind in ALL {
        let server = set_up(kind);
        let told = deploy(&server, kind, &broken(&server));
        assert_eq!(told.outcome(), Some(Outcome::Failed), "{kind:?}: {told:?}");
        check(&server);
        assert_eq!(server.runs().as_deref(), Some("none"), "{kind:?}");
        let stays = told.has(
            |what| matches!(what, What::Warning(Warning::UnitFileStays { path }) if path == FILE),
        );
        assert_eq!(stays, kind != Kind::Own, "{kind:?}: {told:?}");
        deploys(&server, kind, &good(&server, "next"));
    }
}

#[test]
fn an_own_unit_file_that_was_made_by_hand_comes_back_and_a_new_unit_is_disabled() {
    let server = set_up(Kind::Own);
    let enabled = server.home().join("unit/enabled");
    let told = deploy(&server, Kind::Own, &broken(&server));
    assert_eq!(
        (told.outcome(), enabled.exists()),
        (Some(Outcome::Failed), false)
    );
    assert!(fs::symlink_metadata(place(&server)).is_err());
    deploys(&server, Kind::Own, &good(&server, "one"));
    assert!(enabled.exists(), "it is not started at boot");
    assert_eq!(
        fs::metadata(place(&server)).unwrap().permissions().mode() & 0o777,
        0o644
    );
    fs::write(place(&server), "# by hand\n").unwrap();
    let told = deploy(&server, Kind::Own, &broken(&server));
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    assert_eq!(content(&server).as_deref(), Some("# by hand\n"));
    assert_eq!(started(&server).last().unwrap(), "one as # by hand");
    assert!(enabled.exists());
}

#[test]
fn a_copy_that_cannot_be_renewed_fails_the_restart_and_a_rollback_goes_on() {
    let server = set_up(Kind::Copy);
    deploys(&server, Kind::Copy, &good(&server, "old"));
    let refuse = "#!/bin/sh\necho 'install: No space left on device' >&2; exit 1\n";
    server.program(".local/bin/install", refuse);
    let told = deploy(&server, Kind::Copy, &good(&server, "new"));
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    let failure = told.verdict.as_ref().unwrap().failure.clone().unwrap();
    assert_eq!(failure.step, Step::Restart);
    assert!(
        failure.reason.to_string().contains("install -m 644"),
        "{failure}"
    );
    check(&server);
    // it fails on the way back only
    let once = format!(
        "#!/bin/sh\ngrep -q broken \"$3\" && exec /usr/bin/install \"$@\"\n{}",
        &refuse[10..]
    );
    server.program(".local/bin/install", &once);
    let told = deploy(&server, Kind::Copy, &broken(&server));
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    let warned = |what: &What| matches!(what, What::Warning(Warning::UnitFilesNotRestored(_)));
    assert!(told.has(warned), "{told:?}");
    assert_eq!(started(&server).last().unwrap(), "old as # unit of broken");
}

/// The old release need not have the worker, and the failed one must not go on in it.
#[test]
fn a_unit_that_came_with_the_failed_release_is_no_part_of_the_rollback() {
    for kind in [Kind::Copy, Kind::Own] {
        let server = set_up(kind);
        deploys(&server, kind, &good(&server, "old"));
        let worker = server.home().join("unit-worker");
        fs::create_dir(&worker).unwrap();
        fs::write(worker.join("state"), "LoadState=not-found\nInvocationID=\n").unwrap();
        for name in ["count", "restarts"] {
            fs::write(worker.join(name), "0\n").unwrap();
        }
        server.behaves("worker-old", "failed");
        let text = unit(&server, "worker").into_bytes();
        let app = broken(&server).with("deploy/worker.service", Node::File(0o644, text));
        let told = server.deploy_with(&app, |plan| {
            units(kind)(plan);
            plan.units.names.push(UnitName::checked("worker"));
        });
        assert_eq!(
            told.outcome(),
            Some(Outcome::RolledBack),
            "{kind:?}: {told:?}"
        );
        check(&server);
        let restarts = fs::read_to_string(worker.join("restarts")).unwrap();
        let ended = if kind == Kind::Own { "none" } else { "old" };
        assert_eq!(restarts.lines().last(), Some(ended), "{kind:?}: {restarts}");
    }
}

#[test]
fn a_release_without_the_file_cannot_be_rolled_back_to_through_a_link() {
    let server = set_up(Kind::Copy);
    server.foreign_release("1762147685", &App::good("taken"));
    server.link("current", "releases/1762147685");
    server.unit("active", "running");
    fs::write(place(&server), "# by hand\n").unwrap();
    let link = || {
        fs::remove_file(place(&server)).unwrap();
        symlink(server.target().join("current").join(FILE), place(&server)).unwrap();
    };
    link();
    let told = deploy(&server, Kind::Link, &good(&server, "new"));
    let lacks = UnitFileError::LackedBy("1762147685".parse().unwrap());
    assert_eq!(errors(&told), [&lacks]);
    assert!(
        !told.has(|what| matches!(what, What::Step(Step::Upload))),
        "{told:?}"
    );
    // a copy stays
    fs::remove_file(place(&server)).unwrap();
    fs::write(place(&server), "# by hand\n").unwrap();
    let told = deploy(&server, Kind::Copy, &broken(&server));
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    assert!(told.has(|what| matches!(what, What::Warning(Warning::UnitFileStays { .. }))));
    deploys(&server, Kind::Copy, &good(&server, "new"));
    link();
    deploys(&server, Kind::Link, &good(&server, "newer"));
    // and by command
    let mut plan = server.plan_back(Some("1762147685"));
    units(Kind::Link)(&mut plan);
    let told = server.run(&plan, &App::empty(""), crate::client::Sending::Unasked);
    assert_eq!(errors(&told), [&lacks], "{told:?}");
}

#[test]
fn what_systemd_would_not_get_is_found_before_the_upload() {
    let server = set_up(Kind::Copy);
    // as root everything is allowed, but no folder for drop-ins is there
    let app = good(&server, "one").with("deploy/app.service.d", Node::Folder);
    let app = app.with(
        "deploy/app.service.d/x.conf",
        Node::File(0o644, b"[Service]\n".to_vec()),
    );
    let told = server.deploy_with(&app, |plan| plan.units.files = vec!["deploy/**".to_owned()]);
    assert_eq!(errors(&told), [&UnitFileError::Absent], "{told:?}");
    fs::create_dir(server.system_units().join("app.service.d")).unwrap();
    let told = server.deploy_with(&app, |plan| plan.units.files = vec!["deploy/**".to_owned()]);
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    assert!(server.system_units().join("app.service.d/x.conf").exists());
}

#[test]
fn a_damaged_unit_file_is_restored_by_the_next_run() {
    for kind in [Kind::Copy, Kind::Own] {
        let prepared = prepared(kind, "crash");
        for damage in [None, Some(""), Some("# unit"), Some("= ]garbage\n")] {
            let case = prepared.case();
            let verify = |(call, _): &&(String, usize)| call == "write";
            let calls = prepared.learn();
            let last = calls.iter().rfind(verify).unwrap().1;
            case.transact(Some(&Fault::once("write", last.min(4), KILL)));
            drop(fs::remove_file(place(&case.server)));
            if let Some(text) = damage {
                fs::write(place(&case.server), text).unwrap();
            }
            let told = case.server.look_in();
            assert!(told.recovered().is_some(), "{kind:?}, {damage:?}: {told:?}");
            check(&case.server);
            assert_eq!(case.server.named_by("current").as_deref(), Some("old"));
        }
    }
}

fn prepared(kind: Kind, behaviour: &str) -> Prepared {
    let server = set_up(kind);
    for name in ["first", "old"] {
        deploys(&server, kind, &good(&server, name));
    }
    begin(server, kind, behaviour)
}

fn begin(server: StubServer, kind: Kind, behaviour: &str) -> Prepared {
    let app = with(&server, App::new("new", behaviour), "new");
    let mut plan = server.plan(&app);
    units(kind)(&mut plan);
    Prepared::begin(server, &plan, &app)
}

const GOOD: [&str; 4] = [
    "deployed, then told",
    "nothing, then failed",
    "nothing, then nothing",
    "nothing, then rolled-back",
];
const BROKEN: [&str; 4] = [
    "nothing, then failed",
    "nothing, then nothing",
    "nothing, then rolled-back",
    "rolled-back, then told",
];

#[test]
fn killed_before_any_call_the_release_and_its_copied_unit_file_are_one() {
    all_of(&prepared(Kind::Copy, "healthy"), &[KILL], &GOOD);
    all_of(&prepared(Kind::Copy, "crash"), &[KILL], &BROKEN);
}

#[test]
fn killed_before_any_call_the_release_and_its_linked_unit_file_are_one() {
    all_of(&prepared(Kind::Link, "healthy"), &[KILL], &GOOD);
    all_of(&prepared(Kind::Link, "crash"), &[KILL], &BROKEN);
}

#[test]
fn killed_before_any_call_the_release_and_the_users_own_unit_file_are_one() {
    all_of(&prepared(Kind::Own, "healthy"), &[KILL], &GOOD);
    all_of(&prepared(Kind::Own, "crash"), &[KILL], &BROKEN);
}

#[test]
fn killed_before_any_call_a_broken_first_release_leaves_no_unit_file_that_systemd_would_start() {
    let ends = [
        "failed, then told",
        "nothing, then failed",
        "nothing, then nothing",
    ];
    for kind in [Kind::Link, Kind::Own] {
        all_of(&begin(set_up(kind), kind, "crash"), &[KILL], &ends);
    }
}

#[test]
fn whatever_call_fails_the_release_and_its_unit_file_are_one() {
    for kind in [Kind::Copy, Kind::Own] {
        let ends = [
            "failed, then nothing",
            "failed, then told",
            "nothing, then rolled-back",
            "rolled-back, then told",
        ];
        all_of(&prepared(kind, "crash"), ERRORS, &ends);
    }
}
