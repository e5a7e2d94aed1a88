//! What stays on the server, and how it looks there.

use crate::app::App;
use crate::server::{Server, TARGET};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{symlink, PermissionsExt};

#[test]
fn retention_keeps_what_it_should_and_what_cannot_be_deleted_is_a_warning_of_the_next_run() {
    let server = Server::up();
    server.drop_in("[Unit]\nStartLimitIntervalSec=0\n");
    let deploy = |app: &App| server.deployment(app).input("retention", "2").run();
    let mut ids = Vec::new();
    for version in ["1", "2", "3"] {
        ids.push(deploy(&App::version(version)).assert_deployed(ids.last().map(String::as_str)));
    }
    server.assert_quiet();
    assert_eq!(server.releases(), ids[1..]);
    let failed = deploy(&App::import_error("4")).assert_rolled_back("verify", &ids[2]);
    server.assert_quiet();
    assert_eq!(server.releases(), [ids[1].clone(), ids[2].clone(), failed]);

    // an app that runs as root may leave such a thing
    let stubborn = format!("{TARGET}/releases/{}/cache", ids[1]);
    server.exec(&format!(
        "mkdir {stubborn} && touch {stubborn}/file && chmod 700 {stubborn}"
    ));
    ids.push(deploy(&App::version("5")).assert_deployed(Some(&ids[2])));
    server.assert_quiet();
    assert_eq!(server.releases(), ids[2..]);
    let run = deploy(&App::version("6"));
    ids.push(run.assert_deployed(Some(&ids[3])));
    server.assert_quiet();
    run.assert_says("an old release could not be deleted");
    let path = format!("{TARGET}/.deploy/trash/{}", ids[1]);
    run.assert_says(&path);
    assert_eq!(server.releases(), ids[3..]);

    // the cure that the warning names
    server.exec(&format!("rm -rf {path}"));
    deploy(&App::version("7")).assert_deployed(Some(&ids[4]));
    server.assert_quiet();
    deploy(&App::version("8")).assert_silent_about("could not be deleted");
}

#[test]
fn names_links_and_modes_arrive_as_they_should_whatever_the_umask() {
    let server = Server::up();
    let rc = server.read("/home/deploy/.bashrc");
    fs::write(
        server.path("/home/deploy/.bashrc"),
        format!("umask 077\n{rc}"),
    )
    .unwrap();
    server.exec("echo 'session optional pam_umask.so umask=0077' >>/etc/pam.d/common-session");
    assert_eq!(server.exec("su -l deploy -c umask"), "0077");

    let app = odd_app();
    let folder = app.path();
    let release = server.deploy_well(&app, None);
    let there = server.path(&format!("{TARGET}/releases/{release}"));
    let bytes = |name: &[u8]| fs::read(there.join(OsStr::from_bytes(name))).unwrap();
    let names: [&[u8]; 6] = [
        b"with space",
        b"new\nline",
        b"-rf",
        b"$(touch x); 'quoted\"",
        b"\xff\xfe",
        b"deep/er/est",
    ];
    let contents: Vec<u8> = names.into_iter().flat_map(bytes).collect();
    assert_eq!(contents, b"abcdfe");
    for (link, to) in [
        ("to a file", "with space"),
        ("dangling", "nowhere/../at all"),
        ("to a folder", "deep"),
    ] {
        assert_eq!(
            fs::read_link(there.join(link)).unwrap(),
            folder.join(link).read_link().unwrap(),
            "{to}"
        );
    }
    let mode = |name: &str| {
        fs::symlink_metadata(there.join(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o7777
    };
    let modes = [
        ("with space", 0o644),
        ("new\nline", 0o644),
        ("$(touch x); 'quoted\"", 0o755),
        ("deep", 0o755),
        ("deep/er/est", 0o644),
        ("-rf", 0o600),
        ("empty", 0o444),
        ("nothing in it", 0o755),
        ("", 0o755),
    ];
    for (name, wanted) in modes {
        assert_eq!(mode(name), wanted, "{name:?} is {:o}", mode(name));
    }
}

fn odd_app() -> App {
    let app = App::version("1")
        .file("with space", "a", 0o664)
        .file("new\nline", "b", 0o666)
        .file("-rf", "c", 0o600)
        .file("$(touch x); 'quoted\"", "d", 0o777)
        .file("empty", "", 0o444)
        .file("deep/er/est", "e", 0o644);
    let folder = app.path();
    fs::write(folder.join(OsStr::from_bytes(b"\xff\xfe")), "f").unwrap();
    symlink("with space", folder.join("to a file")).unwrap();
    symlink("nowhere/../at all", folder.join("dangling")).unwrap();
    symlink("deep", folder.join("to a folder")).unwrap();
    fs::set_permissions(folder.join("deep"), fs::Permissions::from_mode(0o775)).unwrap();
    fs::create_dir(folder.join("nothing in it")).unwrap();
    app
}
