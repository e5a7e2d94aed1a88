//! The releases are on another file system than the rest of the target. Needs root.

use crate::app::App;
use crate::stub_server::StubServer;
use deploy_action::protocol::{Plan, Retention};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

struct Mount(PathBuf);

impl Mount {
    fn at(folder: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=8m,mode=755", "none"]);
        assert!(
            mount.arg(folder).status().unwrap().success(),
            "root may mount"
        );
        Self(folder.to_owned())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

fn keeps_two(plan: &mut Plan) {
    plan.retention = Retention {
        count: Some(2),
        age: None,
    };
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn keeps_two_of_four(server: &StubServer) {
    for name in ["a", "b", "c", "d"] {
        server.deploy_with(&App::good(name), keeps_two);
    }
    assert_eq!(server.releases(), ["c", "d"]);
    let releases = server.target().join("releases");
    assert_eq!(names(&releases).len(), 2, "{:?}", names(&releases));
    assert!(names(&server.own().join("trash")).is_empty());
}

#[test]
fn old_releases_on_a_file_system_of_their_own_are_deleted() {
    let server = StubServer::new();
    let _mount = Mount::at(&server.target().join("releases"));
    keeps_two_of_four(&server);
}

#[test]
fn old_releases_behind_a_link_to_another_file_system_are_deleted() {
    let server = StubServer::new();
    let elsewhere = TempDir::new().unwrap();
    let _mount = Mount::at(elsewhere.path());
    fs::set_permissions(
        elsewhere.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    symlink(elsewhere.path(), server.target().join("releases")).unwrap();
    keeps_two_of_four(&server);
}

/// A power cut came in the middle.
#[test]
fn what_is_left_of_a_deletion_is_no_release_and_is_deleted_by_the_next_run() {
    let server = StubServer::new();
    let releases = server.target().join("releases");
    let _mount = Mount::at(&releases);
    server.deploys(&App::good("old"));
    let half = releases.join(".deleting-1762147685");
    App::good("half").write(&half);
    fs::remove_file(half.join("behaviour")).unwrap();
    let told = server.roll_back(Some("1762147685"));
    assert!(told.verdict.unwrap().failure.is_some());
    server.deploys(&App::good("new"));
    assert!(!half.exists());
    assert_eq!(server.releases(), ["new", "old"]);
}
