//! A disk without space for the release, and one that breaks.

use crate::app::App;
use crate::throwaway::{ThrowawayServer, TARGET};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

#[test]
fn a_full_disk_fails_before_the_switch_and_changes_nothing() {
    let server = ThrowawayServer::up();
    server.exec(&format!(
        "mount -t tmpfs -o size=60m,mode=755,uid=1000,gid=1000 full {TARGET}"
    ));
    let refused = server.deploy(&App::version("1"));
    refused.assert_ended(4, "not-ready", "check");
    refused.assert_verdict("500.0 MB must stay free");
    let deploy = |app: &App| server.deployment(app).input("min-free", "0B").run();
    let first = deploy(&App::version("1")).assert_deployed(None);
    let free = server
        .exec(&format!("df --output=avail -k {TARGET} | tail -n 1"))
        .trim()
        .parse::<u64>()
        .unwrap();
    server.exec_as_deploy(&format!(
        "head -c {}k /dev/zero >{TARGET}/filler",
        free - 300
    ));
    for app in [App::version("2").large(), App::version("3")] {
        let run = deploy(&app);
        assert_eq!(
            (run.code, run.output("outcome")),
            (5, "failed"),
            "{}",
            run.log
        );
        run.assert_says("No space left on device");
        run.assert_verdict(&format!("{first} is still live"));
        server.assert_answers(&first, "1");
    }
    server.exec(&format!("rm {TARGET}/filler"));
    let run = deploy(&App::version("4"));
    let second = run.assert_deployed(Some(&first));
    server.assert_answers(&second, "4");
}

fn must(command: &mut Command) -> String {
    let done = command.output().unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {errors}");
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

/// A disk for the target of a server, which becomes read-only at its first error. The server boots with it.
struct Fragile {
    place: PathBuf,
    _image: TempDir,
}

impl Fragile {
    fn of(server: &ThrowawayServer) -> Self {
        let folder = TempDir::new().unwrap();
        let image = folder.path().join("image");
        fs::File::create(&image)
            .unwrap()
            .set_len(512 << 20)
            .unwrap();
        must(Command::new("mkfs.ext4").arg("-q").arg(&image));
        let place = server.path(TARGET);
        let owner = must(Command::new("stat").args(["-c", "%u:%g"]).arg(&place));
        server.cut_power();
        let options = ["-o", "loop,errors=remount-ro"];
        must(Command::new("mount").args(options).arg(&image).arg(&place));
        fs::create_dir(place.join("releases")).unwrap();
        must(Command::new("chown").args(["-R", &owner]).arg(&place));
        server.boot();
        Self {
            place,
            _image: folder,
        }
    }

    fn breaks(&self) {
        let device = must(
            Command::new("findmnt")
                .args(["-no", "SOURCE"])
                .arg(&self.place),
        );
        let name = Path::new(&device).file_name().unwrap().to_str().unwrap();
        fs::write(format!("/sys/fs/ext4/{name}/trigger_fs_error"), "1").unwrap();
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.place).status());
    }
}

#[test]
fn a_disk_that_becomes_read_only_after_the_switch_is_told_at_once() {
    let server = ThrowawayServer::up();
    let disk = Fragile::of(&server);
    let deploy = |app: &App| server.deployment(app).input("min-free", "0B");
    deploy(&App::version("1")).run().assert_deployed(None);
    let run = deploy(&App::health_500("2"))
        .input("health-timeout", "8s")
        .start();
    run.wait_for("attempt 1");
    disk.breaks();
    let broken = Instant::now();
    let run = run.finish();
    assert!(
        broken.elapsed() < Duration::from_secs(30),
        "{:?}",
        broken.elapsed()
    );
    run.assert_ended(7, "rollback-failed", "verify");
    let second = run.output("release").to_owned();
    run.assert_verdict(&format!(
        "{second}, which failed, is still current, because the rollback failed"
    ));
    run.assert_verdict("Read-only file system");
    run.assert_says("findmnt -T");
    server.cut_power();
}
