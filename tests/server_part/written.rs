//! Data that an application writes into its release: listed before it is left behind, and before it is deleted.

use crate::app::{App, Node};
use crate::client::Told;
use crate::stub_server::StubServer;
use deploy_action::protocol::{
    Finding, Install, Notice, Outcome, Plan, Reason, SharedInRelease, SharedPath, Warning, What,
};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

fn live(server: &StubServer) -> PathBuf {
    server.target().join("current").canonicalize().unwrap()
}

fn write(server: &StubServer, path: &str, size: usize) {
    let path = live(server).join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, vec![b'x'; size]).unwrap();
}

/// What was listed of the live release.
fn left_behind(told: &Told) -> Vec<String> {
    let listed = told.events.iter().filter_map(|what| match what {
        What::Warning(Warning::DataLeftBehind(data)) => Some(data.to_string()),
        _ => None,
    });
    listed.collect()
}

/// What retention has kept.
fn kept(told: &Told) -> Vec<String> {
    let listed = told.events.iter().filter_map(|what| match what {
        What::Notice(Notice::DataKept(data)) => Some(data.to_string()),
        _ => None,
    });
    listed.collect()
}

fn keeps_one(plan: &mut Plan) {
    plan.retention.count = Some(1);
}

fn state_of(server: &StubServer) -> PathBuf {
    server
        .own()
        .join(format!("records/{}.state", server.id_by("current")))
}

fn journal(server: &StubServer) -> String {
    fs::read_to_string(server.own().join("journal")).unwrap()
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "what is written, and what of it counts"
)]
fn what_the_application_wrote_is_listed_before_the_switch() {
    let server =
        StubServer::with(&App::good("a").with("db.json", Node::File(0o644, b"{}".to_vec())));
    write(&server, "app.db", 8000);
    write(&server, "app.db-wal", 4000);
    write(&server, "uploads/1/a.png", 1_000_000);
    write(&server, "uploads/2/b.png", 2_000_000);
    write(&server, "src/data/x", 500);
    write(&server, "db.json", 300);
    // nobody misses these
    for path in [
        "src/__pycache__/main.pyc",
        "main.pyc",
        "app.pid",
        "app.sock",
        "logs/app.txt",
        "app.log",
        "app.log.1",
        "cache/x",
        ".next/cache/x",
        "node_modules/.cache/x",
        ".cache/x",
        ".pytest_cache/x",
        "tmp/x",
        "nohup.out",
    ] {
        write(&server, path, 5);
    }
    write(&server, "empty", 0);
    symlink("/etc/passwd", live(&server).join("link")).unwrap();
    let told = server.deploys(&App::good("b"));
    assert_eq!(
        left_behind(&told),
        ["uploads/ (2 files, 3.0 MB), app.db (12.0 kB), src/data/ (1 file, 500 B), db.json (300 B)"]
    );
    let Some(What::Warning(Warning::DataLeftBehind(data))) = told
        .events
        .iter()
        .find(|what| matches!(what, What::Warning(Warning::DataLeftBehind(_))))
    else {
        panic!()
    };
    assert_eq!(
        data.shared_lines(),
        ["uploads/", "app.db", "src/data/", "db.json"]
    );
    assert_eq!(data.changed(), ["db.json"]);
    assert!(journal(&server).contains("uploads"), "{}", journal(&server));
    assert!(
        left_behind(&server.deploys(&App::good("c"))).is_empty(),
        "b wrote nothing"
    );
}

#[test]
fn what_install_and_before_switch_made_is_no_data() {
    let server = StubServer::new();
    let install = |plan: &mut Plan| {
        plan.staging.install = Install::Commands(
            "mkdir -p .venv/lib gen && echo x > .venv/lib/x && echo y > gen/y".into(),
        );
        plan.staging.before_switch = Some("echo z > version.txt".into());
    };
    server.deploy_with(&App::good("a"), install);
    let told = server.deploy_with(&App::good("b"), install);
    assert_eq!(left_behind(&told), Vec::<String>::new());
    // but what was written into it is
    write(&server, "gen/mine", 7);
    write(&server, ".venv/lib/app.db", 7);
    let told = server.deploy_with(&App::good("c"), install);
    assert_eq!(
        left_behind(&told),
        ["gen/mine (7 B), .venv/lib/app.db (7 B)"]
    );
}

#[test]
fn data_is_deleted_only_after_an_earlier_run_has_listed_it() {
    let server = StubServer::with(&App::good("a"));
    write(&server, "app.db", 8000);
    assert_eq!(
        left_behind(&server.deploys(&App::good("b"))),
        ["app.db (8.0 kB)"]
    );
    server.deploy_with(&App::good("c"), keeps_one);
    assert_eq!(server.releases(), ["b", "c"], "it was listed");

    // written after the last look, as by a worker that still drains
    let folder = server.target().join("previous").canonicalize().unwrap();
    fs::write(folder.join("late.db"), "late").unwrap();
    let told = server.deploy_with(&App::good("d"), keeps_one);
    assert!(kept(&told).is_empty());
    assert_eq!(server.releases(), ["b", "c", "d"], "b was not listed");
    let told = server.deploy_with(&App::good("e"), keeps_one);
    assert_eq!(kept(&told), ["late.db (4 B)"]);
    assert!(journal(&server).lines().last().unwrap().contains("late.db"));
    assert_eq!(
        server.releases(),
        ["b", "d", "e"],
        "it was listed by this run only"
    );
    let told = server.deploy_with(&App::good("f"), keeps_one);
    assert!(kept(&told).is_empty());
    assert_eq!(server.releases(), ["e", "f"]);
    let names = fs::read_dir(server.own().join("records")).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 6, "{names:?}");
}

#[test]
fn a_failed_release_with_data_is_kept_until_it_was_listed() {
    let server = StubServer::with(&App::good("a"));
    server.program(
        "on-restart",
        "#!/bin/sh\n[ \"$1\" != bad ] || echo rows > \"${0%/*}/../app/current/app.db\"\n",
    );
    assert_eq!(
        server.deploy(&App::new("bad", "crash")).outcome(),
        Some(Outcome::RolledBack)
    );
    server.deploys(&App::good("b"));
    assert_eq!(server.releases(), ["a", "b", "bad"]);
    assert_eq!(kept(&server.deploys(&App::good("c"))), ["app.db (5 B)"]);
    server.deploys(&App::good("d"));
    assert!(!server.releases().contains(&"bad".to_owned()));
}

#[test]
fn going_back_leaves_data_behind_too() {
    let server = StubServer::with(&App::good("a"));
    server.deploys(&App::good("b"));
    write(&server, "app.db", 8000);
    assert_eq!(left_behind(&server.roll_back(None)), ["app.db (8.0 kB)"]);
}

/// As versions before 1.5 leave it.
#[test]
fn without_a_recorded_state_only_what_changed_after_the_switch_counts() {
    let server = StubServer::new();
    let install = |plan: &mut Plan| {
        plan.staging.install = Install::Commands(
            "mkdir -p node_modules/x && echo x > node_modules/x/y && echo y > generated".into(),
        );
    };
    server.deploy_with(
        &App::good("a").with("db.json", Node::File(0o644, b"{}".to_vec())),
        install,
    );
    for broken in [None, Some("state-2 of another version")] {
        fs::remove_file(state_of(&server)).unwrap();
        if let Some(text) = broken {
            fs::write(state_of(&server), text).unwrap();
        }
        thread::sleep(Duration::from_millis(20));
        for path in ["db.json", "app.db", "node_modules/x/new", "dist/new"] {
            write(&server, path, 300);
        }
        let told = server.deploy_with(
            &App::good("b").with("db.json", Node::File(0o644, b"{}".to_vec())),
            install,
        );
        assert_eq!(left_behind(&told), ["app.db (300 B), db.json (300 B)"]);
    }
}

/// As versions before 1.5 leave them.
fn forget_states(server: &StubServer) {
    for entry in fs::read_dir(server.own().join("records")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|it| it == "state" || it == "data")
        {
            fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn a_rollback_before_the_state_was_recorded_hides_no_data() {
    for (journal, starts) in [(true, true), (false, true), (true, false), (false, false)] {
        let server = StubServer::new();
        let install = |plan: &mut Plan| {
            plan.staging.install = Install::Commands("mkdir -p target && echo x > target/x".into());
        };
        server.deploy_with(
            &App::good("a").with("db.json", Node::File(0o644, b"{}".to_vec())),
            install,
        );
        write(&server, "uploads/1", 300);
        server.deploys(&App::good("b"));
        thread::sleep(Duration::from_millis(1300));
        server.roll_back(None);
        forget_states(&server);
        for (name, is_kept) in [("journal", journal), ("starts", starts)] {
            if !is_kept {
                fs::write(server.own().join(name), "").unwrap();
            }
        }
        let told = server.deploy_with(&App::good("c"), keeps_one);
        assert_eq!(
            left_behind(&told),
            ["uploads/ (1 file, 300 B)"],
            "{journal} {starts}"
        );
    }
}

#[test]
fn a_rollback_to_what_was_taken_over_hides_no_data() {
    let server = StubServer::new();
    server.foreign_release("v2", &App::good("old"));
    server.link("current", "releases/v2");
    server.unit("active", "running");
    thread::sleep(Duration::from_millis(20));
    write(&server, "uploads/1", 300);
    server.deploys(&App::good("b"));
    thread::sleep(Duration::from_millis(1300));
    server.roll_back(None);
    forget_states(&server);
    assert_eq!(
        left_behind(&server.deploys(&App::good("c"))),
        ["uploads/ (1 file, 300 B)"]
    );
}

#[test]
fn what_was_taken_over_lists_its_data() {
    let server = StubServer::new();
    server.foreign_release("v1", &App::good("older"));
    server.foreign_release("v2", &App::good("old"));
    for (link, to) in [("previous", "releases/v1"), ("current", "releases/v2")] {
        server.link(link, to);
    }
    server.unit("active", "running");
    thread::sleep(Duration::from_millis(20));
    write(&server, "app.db", 300);
    assert_eq!(
        left_behind(&server.deploys(&App::good("a"))),
        ["app.db (300 B)"]
    );
}

/// Versions before 1.5 delete a release without what belongs to it, and rewrite records.
#[test]
fn what_an_older_version_leaves_is_cleaned_up() {
    let server = StubServer::with(&App::good("a"));
    for name in ["1700000000.state", "1700000000.data", "v1.4.2.data"] {
        fs::write(server.own().join("records").join(name), "x").unwrap();
    }
    server.deploys(&App::good("b"));
    server.releases();
    assert!(!server.own().join("records/1700000000.state").exists());
    assert!(!server.own().join("records/v1.4.2.data").exists());
    assert!(state_of(&server).exists());
}

#[test]
fn a_large_tree_is_looked_through_in_little_time() {
    let server = StubServer::new();
    let script = "mkdir -p big && cd big && for d in $(seq 100); do mkdir $d; (cd $d && seq 100 | xargs touch); done";
    let install = |plan: &mut Plan| plan.staging.install = Install::Commands(script.into());
    server.deploy_with(&App::good("a"), install);
    assert_eq!(
        fs::metadata(state_of(&server)).unwrap().len() / 8,
        10_000 + 7
    );
    write(&server, "app.db", 300);
    let start = Instant::now();
    assert_eq!(
        left_behind(&server.deploys(&App::good("b"))),
        ["app.db (300 B)"]
    );
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}

fn shares(paths: &[&str]) -> impl Fn(&mut Plan) {
    let shared = |path: &&str| SharedPath {
        path: path.trim_end_matches('/').to_owned(),
        folder: path.ends_with('/'),
    };
    let shared: Vec<SharedPath> = paths.iter().map(shared).collect();
    move |plan| plan.staging.shared.clone_from(&shared)
}

fn findings(told: &Told) -> Vec<SharedInRelease> {
    let verdict = told.verdict.as_ref().unwrap();
    assert_eq!(verdict.outcome, Outcome::NotReady, "{told:?}");
    let Reason::NotReady(all) = &verdict.failure.as_ref().unwrap().reason else {
        panic!("{told:?}")
    };
    let one = |finding: &Finding| match finding {
        Finding::SharedInRelease(found) => found.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(all.len(), 1, "moved in one stop of the service");
    all.iter().flat_map(one).collect()
}

#[test]
fn an_empty_file_in_shared_replaces_no_data() {
    let server = StubServer::with(&App::good("a"));
    write(&server, "app.db", 300);
    write(&server, "app.db-wal", 30);
    let in_shared = server.target().join("shared/app.db");
    fs::create_dir_all(in_shared.parent().unwrap()).unwrap();
    fs::write(&in_shared, "").unwrap();
    let share = shares(&["app.db"]);
    let found = findings(&server.deploy_with(&App::good("b"), &share));
    assert!(found[0].in_the_way && found[0].siblings == ["app.db-wal"]);
    // someone has copied it
    fs::write(&in_shared, "rows").unwrap();
    let told = server.deploy_with(&App::good("b"), &share);
    assert_eq!(left_behind(&told), ["app.db (330 B)"]);
    let told = server.deploy_with(&App::good("c"), &share);
    assert_eq!(told.outcome(), Some(Outcome::Deployed));
    assert!(left_behind(&told).is_empty(), "it is shared");
}

#[test]
fn the_largest_of_many_files_are_named_and_others_are_no_longer_covered() {
    let server = StubServer::with(&App::good("a"));
    for size in 1..=7 {
        write(&server, &format!("{size}.dat"), size);
        write(&server, &format!("src/{size}.dat"), size);
    }
    let told = server.deploys(&App::good("b"));
    let Some(What::Warning(Warning::DataLeftBehind(data))) = told
        .events
        .iter()
        .find(|what| matches!(what, What::Warning(Warning::DataLeftBehind(_))))
    else {
        panic!()
    };
    let items: Vec<String> = data.items.iter().map(ToString::to_string).collect();
    assert!(items.contains(&"7.dat (7 B)".to_owned()), "{items:?}");
    assert!(items.contains(&"2 more files in the release's folder (3 B)".to_owned()));
    assert!(items.contains(&"2 more files in src/ (3 B)".to_owned()));
    assert_eq!(data.shared_lines().len(), 8);
    // as small as one that was listed
    let folder = server.target().join("previous").canonicalize().unwrap();
    fs::remove_file(folder.join("2.dat")).unwrap();
    for name in ["x.dat", "y.dat"] {
        fs::write(folder.join(name), "x").unwrap();
    }
    server.deploy_with(&App::good("c"), keeps_one);
    assert!(folder.exists());
    let told = server.deploy_with(&App::good("d"), keeps_one);
    assert_eq!(kept(&told).len(), 1, "three more files");
    server.deploy_with(&App::good("e"), keeps_one);
    assert!(!folder.exists());
}

#[test]
fn a_database_counts_wherever_it_is() {
    let server = StubServer::with(&App::good("a"));
    for path in [
        "tmp/x",
        "tmp/app.db",
        "tmp/app.db-wal",
        ".config/x",
        "cache/a/b.sqlite3",
        "core.1",
    ] {
        write(&server, path, 10);
    }
    let told = server.deploys(&App::good("b"));
    let mut listed: Vec<String> = left_behind(&told)[0]
        .split(", ")
        .map(str::to_owned)
        .collect();
    listed.sort();
    assert_eq!(listed, ["cache/a/b.sqlite3 (10 B)", "tmp/app.db (20 B)"]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "several shared paths")]
fn what_is_shared_but_only_in_the_live_release_is_found_before_the_upload() {
    let server = StubServer::with(&App::good("a"));
    write(&server, "data/app.db", 300);
    write(&server, "data/app.db-wal", 300);
    write(&server, "uploads/1.png", 300);
    write(&server, "logs/app.log", 300);
    let share = shares(&["data/app.db", "uploads/", "logs/"]);
    let told = server.deploy_with(&App::good("b"), &share);
    let found = findings(&told);
    assert_eq!(found[0].siblings, ["data/app.db-wal"]);
    assert_eq!(found[0].missing, ["", "data"]);
    assert_eq!(
        (found[1].path.as_str(), found[1].in_the_way),
        ("uploads", false)
    );
    assert_eq!(found.len(), 2);
    assert!(
        !server.target().join("shared").exists(),
        "nothing was changed"
    );

    // an empty folder, as it was created without a word before
    fs::create_dir_all(server.target().join("shared/uploads")).unwrap();
    let found = findings(&server.deploy_with(&App::good("b"), &share));
    assert!(found[1].in_the_way);

    // moved as the hint says
    let (shared, live) = (server.target().join("shared"), live(&server));
    fs::rename(shared.join("uploads"), shared.join("uploads.before")).unwrap();
    fs::create_dir(shared.join("data")).unwrap();
    for (finding, path) in found.iter().zip(["data/app.db", "uploads"]) {
        for path in std::iter::once(path).chain(finding.siblings.iter().map(String::as_str)) {
            fs::rename(live.join(path), shared.join(path)).unwrap();
        }
        symlink(&finding.link, live.join(path)).unwrap();
        assert!(live.join(path).exists(), "the link leads there");
    }
    let told = server.deploy_with(&App::good("b"), &share);
    assert_eq!(told.outcome(), Some(Outcome::Deployed), "{told:?}");
    assert!(left_behind(&told).is_empty());
    assert_eq!(
        fs::read_dir(server.target().join("current/uploads"))
            .unwrap()
            .count(),
        1
    );
}
