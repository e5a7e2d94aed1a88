//! What other users of the server may do in the target, and below `.deploy`.

use crate::app::App;
use crate::invariants::Invariants;
use crate::stub_server::StubServer;
use deploy_action::protocol::{Errand, Warning, What};
use std::fs::{self, Permissions};
use std::os::unix::fs::{chown, PermissionsExt};
use std::path::Path;

fn open_to_all(path: &Path) {
    let found = fs::symlink_metadata(path).unwrap();
    if found.is_symlink() {
        return;
    }
    let mode = if found.is_dir() { 0o755 } else { 0o644 };
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    if found.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            open_to_all(&entry.unwrap().path());
        }
    }
}

#[test]
fn what_an_older_version_left_open_is_closed_whatever_the_login_is_for() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("new");
    let (plan, back) = (server.plan(&app), server.plan_back(None));
    for errand in [Errand::List, Errand::Follow { heard: 0 }] {
        open_to_all(&server.own());
        let client = server.start_for(&plan, errand);
        match errand {
            Errand::List => drop(client.list()),
            _ => drop(client.finish(&app)),
        }
        Invariants::of(&server);
    }
    open_to_all(&server.own());
    crate::interrupted::guard(&server);
    Invariants::of(&server);
    open_to_all(&server.own());
    server.deploys(&app);
    open_to_all(&server.own());
    server.run(&back, &App::empty(""), crate::client::Sending::Unasked);
    assert_eq!(server.named_by("current").as_deref(), Some("old"));
}

#[test]
fn a_group_that_can_write_to_the_target_is_warned_of_unless_nobody_else_is_in_it() {
    let server = StubServer::new();
    let warned = |mode: u32, group: u32| {
        fs::set_permissions(server.target(), Permissions::from_mode(mode)).unwrap();
        chown(server.target(), None, Some(group)).unwrap();
        let told = server.deploys(&App::good(&format!("{mode:o}-{group}")));
        let group_of = |what: &What| match what {
            What::Warning(Warning::GroupWritable { group, .. }) => Some(group.clone()),
            _ => None,
        };
        told.events.iter().find_map(group_of)
    };
    assert_eq!(warned(0o755, 4711), None);
    assert_eq!(warned(0o775, 0), None);
    assert_eq!(warned(0o2775, 4711).as_deref(), Some("4711"));
    assert_eq!(warned(0o775, 1).as_deref(), Some("daemon"));
}
