//! A target on a small file system in memory: full, or with too little space for a release. Needs root.

use crate::app::{App, Node};
use crate::client::{Sending, Told};
use crate::invariants::Invariants;
use crate::plan_options::{failed_before_the_switch, is_deployed};
use crate::stub_server::StubServer;
use deploy_action::protocol::{
    Finding, Install, IoKind, Outcome, Plan, Reason, Step, Warning, What,
};
use std::fs::{self, File};
use std::io::Write;
use std::process::Command;

/// The target of a server on a file system of its own.
struct Small<'a>(&'a StubServer);

impl<'a> Small<'a> {
    fn of(server: &'a StubServer) -> Self {
        Self::with(server, "size=1m")
    }

    fn with(server: &'a StubServer, options: &str) -> Self {
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &format!("{options},mode=755"), "none"])
            .arg(server.target());
        assert!(mount.status().unwrap().success(), "root may mount");
        Self(server)
    }

    fn run(&self, app: &App) -> Told {
        let plan = self.0.plan(app);
        let mut client = self.0.start(&plan);
        client.send_all(&plan, app, Sending::Unasked);
        let told = client.finish(app);
        Invariants::of(self.0).current_is_whole();
        told
    }

    fn fill(&self) {
        let mut file = File::create(self.0.target().join("filler")).unwrap();
        while file.write_all(&[1; 512]).is_ok() {}
    }

    fn free(&self) {
        fs::remove_file(self.0.target().join("filler")).unwrap();
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        drop(
            Command::new("umount")
                .arg("-l")
                .arg(self.0.target())
                .status(),
        );
    }
}

#[test]
fn an_upload_that_does_not_fit_says_so_and_leaves_what_runs() {
    let server = StubServer::new();
    let disk = Small::of(&server);
    server.deploys(&App::good("old"));
    let told = disk.run(&App::good("new").with("big", Node::File(0o644, vec![b'x'; 2 << 20])));
    assert_eq!(told.outcome(), Some(Outcome::Failed));
    let reason = told.verdict.unwrap().failure.unwrap().reason;
    assert!(
        matches!(
            reason,
            Reason::Io {
                kind: IoKind::Full,
                ..
            }
        ),
        "{reason:?}"
    );
    disk.fill();
    let told = disk.run(&App::good("new"));
    assert_eq!(told.outcome(), Some(Outcome::Failed), "{told:?}");
    assert_eq!(
        (server.named_by("current").as_deref(), server.restarts()),
        (Some("old"), vec!["old".to_owned()])
    );
    disk.free();
    server.deploys(&App::good("next"));
}

#[test]
fn a_disk_that_is_full_from_the_restart_on_still_gets_its_old_release_back() {
    for (behaviour, failed) in [("healthy", Step::Commit), ("crash", Step::Verify)] {
        let server = StubServer::new();
        let disk = Small::of(&server);
        server.deploys(&App::good("old"));
        let fill =
            "#!/bin/sh\ndd if=/dev/zero of=\"${0%/*}/../app/filler\" bs=64 2>/dev/null\nexit 0\n";
        server.program("on-restart", fill);
        let told = disk.run(&App::new("new", behaviour));
        assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
        assert_eq!(failed_step(&told), failed);
        assert_eq!(server.named_by("current").as_deref(), Some("old"));
        assert_eq!(server.restarts(), ["old", "new", "old"]);
        disk.free();
        server.program("on-restart", "#!/bin/sh\n");
        let told = server.look_in();
        assert!(
            told.recovered()
                .is_none_or(|verdict| verdict.outcome == Outcome::RolledBack),
            "{told:?}"
        );
        server.deploys(&App::good("next"));
    }
}

/// What is told of a verdict that the disk could not take.
fn failed_step(told: &Told) -> Step {
    let failure = told.verdict.as_ref().unwrap().failure.as_ref();
    failure.unwrap().step
}

#[test]
fn a_disk_without_inodes_from_the_restart_on_hides_nothing() {
    for (behaviour, failed) in [("healthy", Step::Commit), ("crash", Step::Verify)] {
        let server = StubServer::new();
        let disk = Small::with(&server, "size=4m,nr_inodes=300");
        server.deploys(&App::good("old"));
        let fill = "#!/bin/sh\ncd \"${0%/*}/../app\"; n=0\nwhile ln -s x filler.$n; do n=$((n+1)); done 2>/dev/null\nexit 0\n";
        server.program("on-restart", fill);
        let told = disk.run(&App::new("new", behaviour));
        assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
        assert_eq!(failed_step(&told), failed);
        assert_eq!(server.restarts(), ["old", "new", "old"]);
    }
}

fn room_lacking(told: &Told) -> &Finding {
    assert_eq!(told.outcome(), Some(Outcome::NotReady), "{told:?}");
    let failure = told.verdict.as_ref().unwrap().failure.as_ref().unwrap();
    match &failure.reason {
        Reason::NotReady(found) if failure.step == Step::Check && found.len() == 1 => &found[0],
        other => panic!("{other:?}"),
    }
}

fn keeping_free(bytes: u64) -> impl FnOnce(&mut Plan) {
    move |plan| plan.staging.min_free = bytes
}

#[test]
fn a_release_that_leaves_too_little_room_is_not_begun() {
    let server = StubServer::new();
    let _disk = Small::with(&server, "size=4m");
    let big = |name| App::good(name).with("big", Node::File(0o644, vec![b'x'; 1 << 20]));
    let old = big("old");
    is_deployed(&server.deploy_with(&old, keeping_free(1 << 20)));
    // a copy on the server takes its room as well
    let told = server.deploy_with(&big("new"), keeping_free(5 << 19));
    match room_lacking(&told) {
        Finding::NoSpace {
            needed,
            free,
            min_free,
            inodes: None,
        } => {
            assert!(
                *needed > 1 << 20 && needed + min_free > *free && *free < 3 << 20,
                "{told:?}"
            );
        }
        other => panic!("{other:?}"),
    }
    failed_before_the_switch(&server, &told);
    assert_eq!(server.releases(), ["old"]);
    assert_eq!(
        fs::read_dir(server.own().join("records")).unwrap().count(),
        3,
        "the old one's record, index and state"
    );
    is_deployed(&server.deploy_with(&big("new"), keeping_free(3 << 19)));
}

#[test]
fn files_count_as_bytes_do() {
    let server = StubServer::new();
    let _disk = Small::with(&server, "size=4m,nr_inodes=500");
    let told = server.deploy_with(&App::good("new"), keeping_free(1));
    assert!(
        matches!(
            room_lacking(&told),
            Finding::NoSpace {
                inodes: Some(1..500),
                ..
            }
        ),
        "{told:?}"
    );
    let other = StubServer::new();
    let _unlimited = Small::with(&other, "size=4m,nr_inodes=0");
    is_deployed(&other.deploy_with(&App::good("new"), keeping_free(1)));
}

#[test]
fn what_a_broken_upload_left_does_not_keep_the_next_run_from_having_room() {
    let server = StubServer::new();
    let _disk = Small::with(&server, "size=4m");
    server.deploys(&App::good("old"));
    let big = App::good("big").with("big", Node::File(0o644, vec![b'x'; 2 << 20]));
    server.deploy_with(&big, |plan| {
        plan.staging.install = Install::Commands("exit 3".to_owned())
    });
    assert_eq!(server.releases(), ["big", "old"]);
    is_deployed(&server.deploy_with(&big, keeping_free(1 << 20)));
    assert_eq!(server.releases(), ["big", "old"]);
    // nor one that was sealed and cancelled; what lives stays, whatever is asked for
    let more = App::good("more").with("big", Node::File(0o644, vec![b'y'; 1 << 20]));
    server.deploy_with(&more, |plan| {
        plan.staging.before_switch = Some("exit 3".to_owned())
    });
    assert_eq!(server.releases(), ["big", "more", "old"]);
    room_lacking(&server.deploy_with(&more, keeping_free(3 << 20)));
    assert_eq!(server.releases(), ["big", "old"]);
    assert_eq!(server.named_by("current").as_deref(), Some("big"));
    assert_eq!(server.named_by("previous").as_deref(), Some("old"));
}

#[test]
fn a_disk_that_is_nearly_full_is_warned_of() {
    let server = StubServer::new();
    let _disk = Small::with(&server, "size=4m");
    let is_warned =
        |told: &Told| told.has(|what| matches!(what, What::Warning(Warning::DiskNearlyFull(80..))));
    let told = server.deploys(&App::good("one"));
    assert!(!is_warned(&told), "{told:?}");
    fs::write(server.target().join("filler"), vec![1; 3 << 20]).unwrap();
    fs::write(server.target().join("more"), vec![1; 300 << 10]).unwrap();
    let told = server.deploys(&App::good("two"));
    assert!(is_warned(&told), "{told:?}");
}
