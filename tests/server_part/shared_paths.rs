//! Shared paths of a plan.

use crate::app::{App, Node};
use crate::client::{Client, Sending, Told};
use crate::plan_options::{
    failed_before_the_switch, in_current, is_deployed, mode, put, read, share, sharing,
};
use crate::stub_server::{StubServer, BINARY};
use deploy_action::protocol::{Outcome, Reason, Retention, Step};
use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::Path;
use std::process::Command;

fn problem_of_shared(server: &StubServer, told: &Told) -> String {
    assert_eq!(told.outcome(), Some(Outcome::Failed), "{told:?}");
    match failed_before_the_switch(server, told).1 {
        Reason::Shared { path, error } => format!("{path} {error}"),
        other => panic!("{other:?}"),
    }
}

/// What the check found; nothing was uploaded.
#[track_caller]
fn found_of_shared(server: &StubServer, told: &Told) -> Vec<String> {
    assert_eq!(told.outcome(), Some(Outcome::NotReady), "{told:?}");
    let (step, reason) = failed_before_the_switch(server, told);
    assert_eq!(
        (step, server.releases()),
        (Step::Check, vec!["old".to_owned()])
    );
    match reason {
        Reason::NotReady(found) => found.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_shared_is_linked_into_each_release_and_moves_with_the_target() {
    let server = StubServer::new();
    put(&server, "config/deep/wechat.yaml", "token: 1\n");
    let app = App::good("one")
        .with("config", Node::Folder)
        .with("config/own.yaml", Node::File(0o644, b"own".to_vec()));
    is_deployed(&server.deploy_with(
        &app,
        sharing(&["config/deep/wechat.yaml", "logs/", "data/up/loads/"]),
    ));
    assert_eq!(
        read(in_current(&server, "config/deep/wechat.yaml")),
        "token: 1\n"
    );
    assert_eq!(read(in_current(&server, "config/own.yaml")), "own");
    for folder in ["logs", "data/up/loads"] {
        let made = server.target().join("shared").join(folder);
        assert_eq!(
            fs::metadata(&made).unwrap().permissions().mode() & 0o7777,
            0o755
        );
        fs::write(in_current(&server, folder).join("kept"), folder).unwrap();
        assert_eq!(read(made.join("kept")), folder);
    }
    let text = fs::read_link(in_current(&server, "data/up/loads")).unwrap();
    assert_eq!(text, Path::new("../../../../shared/data/up/loads"));
    let moved = server.home().join("moved");
    fs::rename(server.target(), &moved).unwrap();
    assert_eq!(read(moved.join("current/logs/kept")), "logs");
}

#[test]
fn links_into_what_is_shared_are_absolute_where_releases_lies_on_another_disk() {
    let server = StubServer::new();
    put(&server, "secret", "x");
    fs::create_dir(server.home().join("big")).unwrap();
    symlink(server.home().join("big"), server.target().join("releases")).unwrap();
    is_deployed(&server.deploy_with(&App::good("one"), sharing(&["secret"])));
    assert_eq!(read(in_current(&server, "secret")), "x");
}

#[test]
fn every_path_that_cannot_be_shared_is_found_at_once_before_anything_is_uploaded() {
    let server = StubServer::with(&App::good("old"));
    put(&server, "folder/inside", "");
    symlink("nowhere", server.target().join("shared/dangling")).unwrap();
    let all = [
        "made/",
        "config.yaml",
        "dangling",
        "folder",
        "folder/inside/",
        "folder/inside/below",
        "../current",
        "/etc/",
    ];
    let told = server.deploy_with(&App::good("new"), sharing(&all));
    assert_eq!(
        found_of_shared(&server, &told),
        [
            "shared/config.yaml on the server is missing",
            "shared/dangling on the server is a link to nothing",
            "shared/folder on the server is a folder; write it with a / at the end",
            "shared/folder/inside on the server is a file, not a folder",
            "shared/folder/inside/below on the server cannot be inspected: Not a directory (os error 20)",
            "shared/../current on the server is not a path below the release",
            "shared//etc on the server is not a path below the release",
        ]
    );
    assert!(!server.target().join("shared/made").exists());
}

#[test]
fn what_is_missing_is_found_together_with_what_lies_in_a_release() {
    let server = StubServer::with(&App::good("old"));
    let live = server.target().join("current/app.db");
    fs::write(live, "data").unwrap();
    let told = server.deploy_with(&App::good("new"), sharing(&["app.db", "key.pem"]));
    let found = found_of_shared(&server, &told);
    assert!(
        found[0].starts_with("app.db is named in shared, but only release "),
        "{found:?}"
    );
    assert_eq!(&found[1..], ["shared/key.pem on the server is missing"]);
}

/// By a deploy user without rights of its own.
fn unprivileged(server: &StubServer, paths: &[&str]) -> Vec<String> {
    for folder in [server.target(), server.home()] {
        let mut chown = Command::new("chown");
        let owned = chown.args(["-R", "65534:65534"]).arg(folder).status();
        assert!(owned.unwrap().success());
    }
    let app = App::good("new");
    let mut plan = server.plan(&app);
    plan.staging.shared = share(paths);
    let mut serve = Command::new("setpriv");
    serve.args(["--reuid=65534", "--regid=65534", "--clear-groups", BINARY]);
    serve.args(server.serve_arguments(&plan));
    let mut client = Client::start(server.in_surroundings(serve), &plan);
    client.send_all(&plan, &app, Sending::Unasked);
    found_of_shared(server, &client.finish(&app))
}

#[test]
fn a_folder_that_cannot_be_created_is_found_together_with_a_right_that_is_missing() {
    let server = StubServer::with(&App::good("old"));
    put(&server, "closed/file", "");
    let closed = server.target().join("shared/closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    server.program(
        ".local/bin/sudo",
        "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n",
    );
    let found = unprivileged(&server, &["closed/a/b/", "open/", "missing"]);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(
        found[0].contains("may not run sudo -n systemctl restart app"),
        "{found:?}"
    );
    let expected = "shared/closed/a/b on the server is missing, and ";
    assert!(found[1].starts_with(expected), "{found:?}");
    let expected = format!(
        " cannot create it in {}: Permission denied (os error 13)",
        closed.display()
    );
    assert!(found[1].ends_with(&expected), "{found:?}");
    assert_eq!(found[2], "shared/missing on the server is missing");
}

#[test]
fn what_the_tree_holds_is_never_hidden_but_for_an_empty_folder() {
    let server = StubServer::with(&App::good("old"));
    put(&server, "conf", "shared");
    // otherwise only the live release has it
    put(&server, "src/kept", "shared");
    let file = |content: &[u8]| Node::File(0o644, content.to_vec());
    let tree = App::good("new")
        .with("logs", Node::Folder)
        .with("logs/yesterday", file(b"precious"));
    let tree = tree
        .with("conf", file(b"of the tree"))
        .with("link", Node::Link(b"src".to_vec()));
    let tree = tree
        .with("nested", Node::Folder)
        .with("nested/.gitkeep", Node::Link(b"x".to_vec()));
    for path in ["logs/", "conf", "link/", "nested/", "src/"] {
        let told = server.deploy_with(&tree, sharing(&[path]));
        let problem = problem_of_shared(&server, &told);
        assert!(problem.contains("is in the tree too"), "{problem}");
    }
    let placed = App::good("placed")
        .with("empty", Node::Folder)
        .with("kept", Node::Folder);
    let placed = placed.with("kept/.gitkeep", file(b""));
    let mut plan = server.plan(&placed);
    plan.staging.shared = share(&["empty/", "kept/"]);
    // what is checked of the release from now on
    server.remember(&App::good("placed"));
    is_deployed(&server.run(&plan, &placed, Sending::Ask));
    assert!(in_current(&server, "empty").is_symlink() && in_current(&server, "kept").is_symlink());
}

/// As Laravel has it, and Rails' `log/.keep`.
fn with_skeletons(name: &str) -> App {
    let folders = [
        "log",
        "storage",
        "storage/app",
        "storage/app/public",
        "storage/framework",
        "storage/framework/views",
    ];
    let files = [
        "log/.keep",
        "storage/app/.gitignore",
        "storage/app/public/.gitkeep",
        "storage/framework/.gitignore",
        "storage/framework/views/.gitignore",
    ];
    let app = folders
        .into_iter()
        .fold(App::good(name), |app, path| app.with(path, Node::Folder));
    let file = || Node::File(0o644, b"*\n!.gitignore\n".to_vec());
    files
        .into_iter()
        .fold(app, |app, path| app.with(path, file()))
}

fn deploy_with_skeletons(server: &StubServer, name: &str) {
    let app = with_skeletons(name);
    let mut plan = server.plan(&app);
    plan.staging.shared = share(&["log/", "storage/"]);
    // what is checked of the release from now on
    server.remember(&App::good(name));
    is_deployed(&server.run(&plan, &app, Sending::Ask));
}

#[test]
fn a_skeleton_in_the_tree_is_created_in_what_is_shared() {
    let server = StubServer::new();
    deploy_with_skeletons(&server, "one");
    let shared = |path: &str| server.target().join("shared").join(path);
    for folder in ["log", "storage/app/public", "storage/framework/views"] {
        assert!(shared(folder).is_dir(), "{folder}");
        assert!(in_current(&server, folder).is_dir(), "{folder}");
    }
    assert!(in_current(&server, "storage").is_symlink());
    assert_eq!(
        fs::read_dir(shared("storage/framework/views"))
            .unwrap()
            .count(),
        0
    );
    // what is there stays as it is, and what is missing is created
    put(&server, "storage/app/public/photo", "precious");
    put(&server, "storage/app/.gitignore", "own");
    fs::remove_dir_all(shared("storage/framework")).unwrap();
    symlink("app", shared("storage/framework")).unwrap();
    fs::set_permissions(shared("storage/app"), fs::Permissions::from_mode(0o700)).unwrap();
    deploy_with_skeletons(&server, "two");
    assert_eq!(
        read(in_current(&server, "storage/app/public/photo")),
        "precious"
    );
    assert_eq!(read(shared("storage/app/.gitignore")), "own");
    assert_eq!(mode(shared("storage/app")), 0o700);
    assert!(
        shared("storage/app/views").is_dir(),
        "through the server's link"
    );
}

#[test]
fn a_file_between_placeholders_is_named_and_nothing_is_created() {
    let server = StubServer::with(&App::good("old"));
    for (path, node) in [
        (
            "storage/framework/views/page.php",
            Node::File(0o644, b"x".to_vec()),
        ),
        ("storage/app/link", Node::Link(b"public".to_vec())),
        ("storage/app/.gitkeep.txt", Node::File(0o644, Vec::new())),
    ] {
        let app = with_skeletons("new").with(path, node);
        let told = server.deploy_with(&app, sharing(&["storage/"]));
        let problem = problem_of_shared(&server, &told);
        assert!(problem.contains(path), "{problem}");
        assert!(!server.target().join("shared/storage/app").exists());
    }
}

#[test]
fn nothing_is_made_through_a_link_of_the_tree() {
    let server = StubServer::with(&App::good("old"));
    let outside = server.home().join("outside");
    fs::create_dir(&outside).unwrap();
    let to = outside.to_str().unwrap().as_bytes().to_vec();
    let tree = App::good("new")
        .with("out", Node::Link(to))
        .with("file", Node::File(0o644, b"x".to_vec()));
    for path in ["out/logs/", "out/a/b/", "file/logs/"] {
        let problem = problem_of_shared(&server, &server.deploy_with(&tree, sharing(&[path])));
        assert!(
            problem.contains("which is not a folder of the tree"),
            "{problem}"
        );
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    }
    assert_eq!(
        read(server.target().join("current/src/main.py")).len(),
        900 * 26
    );
}

#[test]
fn what_is_shared_outlives_the_releases_that_link_to_it() {
    let server = StubServer::new();
    let file = put(&server, "config.yaml", "precious");
    let log = put(&server, "logs/today", "precious");
    for name in ["one", "two", "three", "four"] {
        let told = server.deploy_with(&App::good(name), |plan| {
            plan.staging.shared = share(&["config.yaml", "logs/"]);
            plan.retention = Retention {
                count: Some(1),
                age: None,
            };
        });
        is_deployed(&told);
    }
    assert_eq!(server.releases(), ["four", "three"]);
    assert_eq!(
        (read(file), read(log)),
        ("precious".to_owned(), "precious".to_owned())
    );
}
