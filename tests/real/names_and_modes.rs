//! Names, links and modes of files as they arrive on the server.

use crate::app::App;
use crate::throwaway::{ThrowawayServer, TARGET};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::Path;

#[test]
fn names_links_and_modes_arrive_as_they_should_whatever_the_umask() {
    let server = ThrowawayServer::up();
    let rc = server.read("/home/deploy/.bashrc");
    fs::write(
        server.path("/home/deploy/.bashrc"),
        format!("umask 077\n{rc}"),
    )
    .unwrap();
    server.exec("echo 'session optional pam_umask.so umask=0077' >>/etc/pam.d/common-session");
    assert_eq!(server.exec("su -l deploy -c umask"), "0077");

    let app = odd_app();
    let release = server.deploy_well(&app, None);
    let there = server.path(&format!("{TARGET}/releases/{release}"));
    assert_contents(&there);
    assert_links(&there, &app.path());
    assert_modes(&there);
}

fn assert_contents(release: &Path) {
    let bytes = |name: &[u8]| fs::read(release.join(OsStr::from_bytes(name))).unwrap();
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
}

fn assert_links(release: &Path, source: &Path) {
    for (link, to) in [
        ("to a file", "with space"),
        ("dangling", "nowhere/../at all"),
        ("to a folder", "deep"),
    ] {
        assert_eq!(
            fs::read_link(release.join(link)).unwrap(),
            source.join(link).read_link().unwrap(),
            "{to}"
        );
    }
}

fn assert_modes(release: &Path) {
    let mode = |name: &str| {
        fs::symlink_metadata(release.join(name))
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
