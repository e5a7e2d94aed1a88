//! A disk that is really full: a small file system of memory.

use crate::app::{App, Node};
use crate::client::{Sending, Told};
use crate::invariants::Invariants;
use crate::stub_server::StubServer;
use deploy_action::protocol::{IoKind, Outcome, Reason};
use std::fs::{self, File};
use std::io::Write;
use std::process::Command;

/// The target of a server on a file system of its own.
pub(crate) struct Small<'a>(&'a StubServer);

impl<'a> Small<'a> {
    fn of(server: &'a StubServer) -> Self {
        Self::with(server, "size=1m")
    }

    pub(crate) fn with(server: &'a StubServer, options: &str) -> Self {
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
    for behaviour in ["healthy", "crash"] {
        let server = StubServer::new();
        let disk = Small::of(&server);
        server.deploys(&App::good("old"));
        let fill =
            "#!/bin/sh\ndd if=/dev/zero of=\"${0%/*}/../app/filler\" bs=64 2>/dev/null\nexit 0\n";
        server.program("on-restart", fill);
        let told = disk.run(&App::new("new", behaviour));
        assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
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
