//! A disk that breaks during the transaction, and state that someone deletes meanwhile: whoever follows learns the end at
//! once. Needs root.

use crate::app::App;
use crate::client::{Sending, Told};
use crate::interrupted::stopped_in_restart;
use crate::invariants::{processes_on, within_seconds, Invariants};
use crate::stub_server::StubServer;
use deploy_action::protocol::{Errand, IoKind, Outcome, Reason, Refusal, Step, What};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Far below every deadline.
const AT_ONCE: Duration = Duration::from_secs(20);

fn must(command: &mut Command) -> String {
    let done = command.output().unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {errors}");
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// A server whose target is on a disk that becomes read-only at its first error.
struct Fragile {
    server: StubServer,
    image: PathBuf,
    _folder: TempDir,
}

impl Fragile {
    fn new() -> Self {
        let (server, folder) = (StubServer::new(), TempDir::new().unwrap());
        let image = folder.path().join("image");
        fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
        must(Command::new("mkfs.ext4").arg("-q").arg(&image));
        let disk = Self {
            server,
            image,
            _folder: folder,
        };
        disk.mount();
        disk.server.deploys(&App::good("old"));
        disk
    }

    fn mount(&self) {
        must(
            Command::new("mount")
                .args(["-o", "loop,errors=remount-ro"])
                .arg(&self.image)
                .arg(self.server.target()),
        );
    }

    /// From the restart of `name` on it is broken.
    fn breaks_at(&self, name: &str) {
        let device = must(
            Command::new("findmnt")
                .args(["-no", "SOURCE"])
                .arg(self.server.target()),
        );
        let device = Path::new(&device).file_name().unwrap().to_str().unwrap();
        let trigger = format!("/sys/fs/ext4/{device}/trigger_fs_error");
        self.server.program(
            "on-restart",
            &format!("#!/bin/sh\n[ \"$1\" != {name} ] || echo 1 > {trigger}\n"),
        );
    }

    /// As after a reboot, which checks the disk.
    fn is_repaired(&self) {
        must(Command::new("umount").arg("-l").arg(self.server.target()));
        let mut check = Command::new("fsck.ext4");
        check.args(["-fy"]).arg(&self.image);
        assert!(check.output().unwrap().status.code().unwrap() <= 1);
        self.server.program("on-restart", "#!/bin/sh\n");
        self.mount();
    }

    fn deploys(&self, app: &App) -> Told {
        let plan = self.server.plan(app);
        let mut client = self.server.start(&plan);
        client.send_all(&plan, app, Sending::Ask);
        client.finish(app)
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        let target = self.server.target();
        drop(Command::new("umount").arg("-l").arg(target).status());
    }
}

fn is_read_only(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::Io {
            kind: IoKind::ReadOnly,
            ..
        }
    )
}

/// The links could not be restored, which is told with both causes.
fn cannot_go_back(told: &Told, failed: Step) {
    let verdict = told.verdict.as_ref().unwrap();
    assert_eq!(verdict.outcome, Outcome::RollbackFailed, "{told:?}");
    assert_eq!(verdict.live, verdict.release, "{told:?}");
    assert_eq!(verdict.failure.as_ref().unwrap().step, failed, "{told:?}");
    let rollback = verdict.rollback.as_ref().unwrap();
    assert!(is_read_only(&rollback.reason), "{told:?}");
}

#[test]
fn a_disk_that_is_read_only_after_the_switch_is_told_at_once() {
    for (behaviour, failed) in [("crash", Step::Verify), ("healthy", Step::Commit)] {
        let disk = Fragile::new();
        disk.breaks_at("new");
        let start = Instant::now();
        let told = disk.deploys(&App::new("new", behaviour));
        assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
        cannot_go_back(&told, failed);
        assert!(told.has(|what| *what == What::Step(Step::RollBack)));
        assert_eq!(disk.server.named_by("current").as_deref(), Some("new"));
        disk.is_repaired();
        let told = disk.server.look_in();
        let recovered = told.recovered().map(|verdict| verdict.outcome);
        assert_eq!(recovered, Some(Outcome::RolledBack), "{told:?}");
        assert_eq!(disk.server.runs().as_deref(), Some("old"));
    }
}

#[test]
fn a_disk_that_is_read_only_after_the_rollback_hides_nothing_of_it() {
    let disk = Fragile::new();
    disk.breaks_at("old");
    let told = disk.deploys(&App::new("new", "crash"));
    let verdict = told.verdict.as_ref().unwrap();
    assert_eq!(verdict.outcome, Outcome::RolledBack, "{told:?}");
    assert_eq!(verdict.failure.as_ref().unwrap().step, Step::Verify);
    assert_eq!(disk.server.named_by("current").as_deref(), Some("old"));
}

#[test]
fn whoever_comes_back_to_a_read_only_disk_learns_the_end_at_once() {
    for errand in [Errand::Resume, Errand::Follow { heard: 0 }] {
        let disk = Fragile::new();
        let app = App::new("new", "crash");
        let (mut first, gate) = stopped_in_restart(&disk.server, &app);
        let plan = first.plan().clone();
        first.kill();
        first.wait();
        disk.breaks_at("new");
        must(
            Command::new("sh")
                .arg(disk.server.home().join("on-restart"))
                .arg("new"),
        );
        fs::remove_file(gate).unwrap();
        let start = Instant::now();
        let mut again = disk.server.start_for(&plan, errand);
        if errand == Errand::Resume {
            again.come_back(&plan, 1, &app);
        }
        let told = again.finish(&app);
        assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
        let verdict = told.verdict.as_ref().unwrap();
        assert_eq!(verdict.outcome, Outcome::RollbackFailed, "{told:?}");
        assert!(is_read_only(&verdict.rollback.as_ref().unwrap().reason));
        assert_eq!(disk.server.restarts(), ["old", "new"]);
    }
}

#[test]
fn a_rollback_needs_nothing_that_someone_has_deleted() {
    for behaviour in ["crash", "healthy"] {
        let server = StubServer::with(&App::good("old"));
        let delete = "#!/bin/sh\n[ \"$1\" != new ] || rm -rf \"${0%/*}/../app/.deploy\"\n";
        server.program("on-restart", delete);
        let app = App::new("new", behaviour);
        let plan = server.plan(&app);
        let mut client = server.start(&plan);
        client.send_all(&plan, &app, Sending::Ask);
        let told = client.finish(&app);
        assert_eq!(told.outcome(), Some(Outcome::RolledBack), "{told:?}");
        assert_eq!(server.named_by("current").as_deref(), Some("old"));
        assert_eq!(server.restarts(), ["old", "new", "old"]);
    }
}

#[test]
fn a_transaction_without_a_trace_is_not_begun_again() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("new");
    let (mut first, gate) = stopped_in_restart(&server, &app);
    let plan = first.plan().clone();
    first.kill();
    first.wait();
    fs::remove_dir_all(server.own()).unwrap();
    fs::remove_file(gate).unwrap();
    assert!(within_seconds(|| processes_on(&server.target()).is_empty()));
    let mut again = server.start_for(&plan, Errand::Resume);
    again.come_back(&plan, 1, &app);
    let told = again.finish(&app);
    assert_eq!(
        (told.refused, told.verdict),
        (Some(Refusal::NoTrace), None),
        "{:?}",
        told.events
    );
    assert_eq!(server.restarts(), ["old", "new", "old"]);
}

#[test]
fn a_replaced_lock_does_not_let_another_run_into_a_transaction() {
    let server = StubServer::with(&App::good("old"));
    let (app, next) = (App::good("new"), App::good("next"));
    let (first, gate) = stopped_in_restart(&server, &app);
    fs::remove_file(server.own().join("lock")).unwrap();
    let plan = server.plan(&next);
    let mut second = server.start(&plan);
    second.send_all(&plan, &next, Sending::Ask);
    assert!(second.follow_until(&next, |what| matches!(what, What::Waiting(_))));
    fs::remove_file(gate).unwrap();
    assert_eq!(first.finish(&app).outcome(), Some(Outcome::Deployed));
    assert_eq!(second.finish(&next).outcome(), Some(Outcome::Deployed));
    Invariants::of(&server);
    assert_eq!(server.restarts(), ["old", "new", "next"]);
}
