//! Servers that others have filled, by hand or by the old workflow.

use crate::app::{App, Node};
use crate::stub_server::StubServer;
use deploy_action::protocol::{Finding, Notice, Outcome, Reason, Warning, What};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

/// What the old workflow left: digits without records, `current` and `previous` in the way given.
fn filled(current: &str, previous: &str) -> StubServer {
    let server = StubServer::new();
    server.foreign_release(1_700_000_000, &App::good("older"));
    server.foreign_release(1_700_000_100, &App::good("old"));
    let absolute = |text: &str| text.replace('@', &server.target().display().to_string());
    server.link("current", absolute(current));
    server.link("previous", absolute(previous));
    server.unit("active", "running");
    server
}

#[test]
fn links_of_all_kinds_are_taken_over_and_written_as_ours() {
    let ways = [
        ("releases/1700000100", "releases/1700000000"),
        ("@/releases/1700000100", "@/releases/1700000000"),
        (
            "./releases/../releases/1700000100/",
            "releases/1700000000/.",
        ),
    ];
    for (current, previous) in ways {
        let server = filled(current, previous);
        let told = server.deploys(&App::good("new"));
        assert!(
            told.has(|what| matches!(what, What::Notice(Notice::TakenOver(_)))),
            "{told:?}"
        );
        assert_eq!(server.named_by("previous").as_deref(), Some("old"));
        for link in ["current", "previous"] {
            assert!(fs::read_link(server.target().join(link))
                .unwrap()
                .starts_with("releases"));
        }
        assert_eq!(
            told.staged().received,
            1,
            "what is there under the same path is copied"
        );
    }
}

#[test]
fn the_emergency_state_of_current_over_previous_is_a_way_back() {
    let server = filled("previous", "@/releases/1700000000");
    let told = server.deploy(&App::new("new", "crash"));
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    assert_eq!(server.restarts(), ["new", "older"]);
    assert_eq!(server.named_by("current").as_deref(), Some("older"));
    server.deploys(&App::good("next"));
    assert_eq!(server.named_by("previous").as_deref(), Some("older"));
}

#[test]
fn what_was_not_healthy_before_is_put_back_but_is_no_rollback() {
    let server = filled("releases/1700000100", "releases/1700000000");
    server.unit("failed", "failed");
    server.behaves("old", "failed");
    let told = server.deploy(&App::new("new", "crash"));
    assert!(told.has(|what| matches!(what, What::Warning(Warning::OldUnhealthy(_)))));
    let verdict = told.verdict.unwrap();
    assert_eq!(verdict.outcome, Outcome::Failed);
    assert!(verdict.rollback.is_some());
    assert_eq!(server.named_by("current").as_deref(), Some("old"));
    assert_eq!(server.restarts(), ["new", "old"]);
}

#[test]
fn what_was_not_healthy_before_does_not_become_the_way_back() {
    let server = filled("releases/1700000100", "releases/1700000000");
    server.unit("failed", "failed");
    server.deploys(&App::good("new"));
    assert_eq!(server.named_by("previous").as_deref(), Some("older"));
}

#[test]
fn a_current_that_is_no_link_to_a_release_is_refused_and_nothing_is_touched() {
    for found in [
        "a folder",
        "a file",
        "releases/1",
        "/",
        "/nowhere",
        "current",
        "releases",
        "releases/1700000100/src",
    ] {
        let server = filled("releases/1700000100", "releases/1700000000");
        let current = server.target().join("current");
        fs::remove_file(&current).unwrap();
        match found {
            "a folder" => fs::create_dir(&current).unwrap(),
            "a file" => fs::write(&current, "").unwrap(),
            to => server.link("current", to),
        }
        let before = listing(&server.target());
        let told = server.deploy(&App::good("new"));
        assert_eq!(told.outcome(), Some(Outcome::NotReady), "{found}");
        let reason = told.verdict.unwrap().failure.unwrap().reason;
        assert!(
            matches!(&reason, Reason::NotReady(all) if matches!(all[..], [Finding::Link { .. }])),
            "{reason:?}"
        );
        assert_eq!(listing(&server.target()), before, "{found}");
        assert!(server.restarts().is_empty());
    }
}

const COMMIT: &str = "3f2a1bc0de0a3f5a7f1d8f3c0b3b1f0f1a2b3c4d";

/// `old` is live in the folder with this name, and `current` is a link with this text: `@` stands for the target, `#` for
/// the name.
fn named(name: &str, current: &str) -> StubServer {
    let server = StubServer::new();
    server.foreign_release(name, &App::good("old"));
    let releases = server.target().join("releases");
    std::os::unix::fs::symlink(name, releases.join("1764324610")).unwrap();
    let target = server.target().display().to_string();
    server.link("current", current.replace('@', &target).replace('#', name));
    server.unit("active", "running");
    server
}

#[test]
fn a_folder_of_any_name_is_the_way_back_and_then_the_previous_one() {
    let names = ["20251128101010", "v1.4.2", COMMIT, "it's größe | 7 $(x)"];
    let links = ["releases/#", "@/releases/#", "releases/1764324610"];
    for (name, link) in names
        .into_iter()
        .flat_map(|name| links.map(|link| (name, link)))
    {
        let server = named(name, link);
        let inode = || {
            fs::metadata(server.target().join("releases").join(name))
                .unwrap()
                .ino()
        };
        let before = inode();
        // the first one is broken
        let told = server.deploy(&App::new("new", "crash"));
        assert!(told.has(
            |what| matches!(what, What::Notice(Notice::TakenOver(id)) if id.to_string() == name)
        ));
        let verdict = told.verdict.as_ref().unwrap();
        assert_eq!(
            verdict.outcome,
            Outcome::RolledBack,
            "{name} {link}: {told:?}"
        );
        let live = verdict.live.as_ref().unwrap().to_string();
        assert_eq!(live, name);
        assert_eq!(verdict.previous, verdict.live);
        assert_eq!(server.restarts(), ["new", "old"]);
        assert_eq!(server.named_by("current").as_deref(), Some("old"));
        // the next one is not
        server.deploys(&App::good("next"));
        let previous = fs::read_link(server.target().join("previous")).unwrap();
        assert_eq!(previous, Path::new("releases").join(name));
        // and back again, by name
        let told = server.roll_back(Some(name));
        assert_eq!(told.outcome(), Some(Outcome::Restored), "{told:?}");
        assert_eq!(server.named_by("current").as_deref(), Some("old"));
        assert_eq!(server.named_by("previous").as_deref(), Some("next"));
        assert_eq!(inode(), before, "it is never renamed");
    }
}

#[test]
fn a_taken_over_commit_is_named_by_its_beginning() {
    let server = named(COMMIT, "releases/#");
    server.deploys(&App::good("new"));
    let told = server.roll_back(Some(&COMMIT[..7]));
    assert_eq!(told.outcome(), Some(Outcome::Restored), "{told:?}");
    assert_eq!(server.id_by("current"), COMMIT);
}

#[test]
fn a_numbered_release_that_fails_after_a_named_one_goes_back_to_what_was_live() {
    let server = named("v1.4.2", "releases/v1.4.2");
    server.deploys(&App::good("new"));
    assert_eq!(server.roll_back(None).outcome(), Some(Outcome::Restored));
    let told = server.deploy(&App::new("broken", "crash"));
    assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
    assert_eq!(server.id_by("current"), "v1.4.2");
    assert_eq!(server.named_by("previous").as_deref(), Some("new"));
}

#[test]
fn retention_deletes_what_was_taken_over_and_nothing_else_of_others() {
    let server = named("v1.4.2", "releases/v1.4.2");
    server.foreign_release("v1.4.1", &App::good("older"));
    server.link("previous", "releases/v1.4.1");
    for other in ["backup", "2024-old", ".trash", "v1.4.0", "20251128101010"] {
        fs::create_dir(server.target().join("releases").join(other)).unwrap();
    }
    let one = |app: App| {
        let told = server.deploy_with(&app, |plan| plan.retention.count = Some(1));
        assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
        folders(&server)
    };
    let left = one(App::good("first"));
    assert!(
        left.contains(&"v1.4.2".to_owned()),
        "it is previous: {left:?}"
    );
    assert!(!left.contains(&"v1.4.1".to_owned()), "{left:?}");
    let left = one(App::good("second"));
    assert!(!left.contains(&"v1.4.2".to_owned()), "{left:?}");
    let others = |name: &&String| !name.starts_with("17") && !name.starts_with("18");
    let others: Vec<&String> = left.iter().filter(others).collect();
    assert_eq!(
        others,
        [".trash", "2024-old", "20251128101010", "backup", "v1.4.0"]
    );
    let records = fs::read_dir(server.own().join("records")).unwrap();
    let records = records.map(|entry| entry.unwrap().file_name());
    assert!(records
        .into_iter()
        .all(|name| !name.to_str().unwrap().starts_with('v')));
}

fn folders(server: &StubServer) -> Vec<String> {
    let found = fs::read_dir(server.target().join("releases")).unwrap();
    let mut names: Vec<String> = found
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_folder_that_was_not_taken_over_is_no_way_back() {
    let server = named("v1.4.2", "releases/v1.4.2");
    fs::create_dir(server.target().join("releases/v1.4.1")).unwrap();
    server.deploys(&App::good("new"));
    let refused = |to: &str| {
        let reason = server
            .roll_back(Some(to))
            .verdict
            .unwrap()
            .failure
            .unwrap()
            .reason;
        let Reason::NoSuchRelease { error, .. } = reason else {
            panic!("{reason:?}")
        };
        error.to_string()
    };
    assert!(refused("v1.4.1").starts_with("v1.4.1 has no record"));
    assert!(refused("v1.4.0").starts_with("no release on the server has this id"));
}

#[test]
fn a_transaction_with_a_name_that_was_killed_is_undone() {
    let server = named("v1.4.2", "releases/v1.4.2");
    server.program(
        "on-restart",
        "#!/bin/sh\n[ \"$1\" = old ] || kill -9 \"$(ps -o ppid= -p $PPID | tr -d ' ')\"\n",
    );
    let told = server.deploy(&App::good("new"));
    let verdict = told.verdict.unwrap();
    assert_eq!(verdict.outcome, Outcome::RolledBack);
    assert_eq!(server.id_by("current"), "v1.4.2");
}

#[test]
fn what_names_a_folder_of_others_has_a_format_that_older_versions_refuse() {
    let format = |server: &StubServer| {
        let kept = server.home().join("kept");
        server.program(
            "on-restart",
            &format!(
                "#!/bin/sh\ncp '{}/pending' '{}'\n",
                server.own().display(),
                kept.display()
            ),
        );
        server.deploys(&App::good("new"));
        let pending: serde_json::Value = serde_json::from_slice(&fs::read(kept).unwrap()).unwrap();
        (pending["format"].clone(), pending["old"]["release"].clone())
    };
    let server = named("v1.4.2", "releases/v1.4.2");
    assert_eq!(format(&server), (3.into(), "v1.4.2".into()));
    // `previous` is named now
    assert_eq!(format(&server).0, 3);
    assert_eq!(format(&server).0, 1);
}

fn listing(target: &Path) -> String {
    let mut find = Command::new("find");
    find.arg(target).args([
        "-path",
        "*/.deploy",
        "-prune",
        "-o",
        "-printf",
        "%P %y %l %m %i\n",
    ]);
    String::from_utf8(find.output().unwrap().stdout).unwrap()
}

#[test]
fn a_unit_that_is_not_there_is_not_ready() {
    let server = StubServer::new();
    fs::write(
        server.home().join("unit/state"),
        "LoadState=not-found\nActiveState=inactive\n",
    )
    .unwrap();
    let told = server.deploy(&App::good("new"));
    assert_eq!(told.outcome(), Some(Outcome::NotReady));
    server.program(
        ".local/bin/systemctl",
        "#!/bin/sh\necho System has not been booted with systemd >&2\nexit 1\n",
    );
    let told = server.deploy(&App::good("new"));
    let reason = told.verdict.unwrap().failure.unwrap().reason;
    assert!(
        matches!(&reason, Reason::NotReady(all) if matches!(all[..], [Finding::NoSystemd(_)])),
        "{reason:?}"
    );
}

#[test]
fn a_release_that_its_application_has_changed_is_no_source() {
    let server = StubServer::with(&App::good("old"));
    let file = server.target().join("current/src/main.py");
    let length = fs::metadata(&file).unwrap().len();
    fs::write(&file, vec![b'!'; usize::try_from(length).unwrap()]).unwrap();
    server.remember(
        &App::good("old").with("src/main.py", Node::File(0o644, fs::read(&file).unwrap())),
    );
    let told = server.deploys(&App::good("new"));
    assert_eq!(told.staged().received, 2);
}

#[test]
fn a_release_shares_no_file_with_one_that_is_full_of_hard_links() {
    let server = StubServer::with(
        &App::good("old").with("hard-linked", Node::File(0o644, b"shared".to_vec())),
    );
    let old = fs::canonicalize(server.target().join("current")).unwrap();
    fs::hard_link(old.join("hard-linked"), server.home().join("cache")).unwrap();
    let app = App::good("new").with("copied", Node::File(0o644, b"shared".to_vec()));
    assert_eq!(server.deploys(&app).staged().received, 1);
    fs::write(server.target().join("current/copied"), "mine").unwrap();
    assert_eq!(fs::read(old.join("hard-linked")).unwrap(), b"shared");
    fs::write(server.target().join("current/copied"), "shared").unwrap();
}
