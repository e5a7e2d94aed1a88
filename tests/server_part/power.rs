//! The power goes: the disk as it is at a moment, without what only memory had. The target is a file system in an image,
//! and a copy of the image is what a cut would leave. Copies are made whenever systemctl is called, so also between the
//! switch and the verdict, and in the way back.

use crate::app::App;
use crate::stub_server::StubServer;
use crate::unit_files;
use deploy_action::protocol::Outcome;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

fn must(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(
        done.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// An image that is mounted.
struct Mounted(PathBuf);

impl Mounted {
    fn at(image: &Path, folder: &Path) -> Self {
        must(
            Command::new("mount")
                .args(["-o", "loop"])
                .arg(image)
                .arg(folder),
        );
        Self(folder.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// A server whose target is an image's file system; its disk is copied whenever systemctl is called.
struct Cut {
    server: StubServer,
    images: TempDir,
    _disk: Mounted,
}

impl Cut {
    fn new() -> Self {
        Self::of(StubServer::new(), |server| {
            server.deploys(&App::good("old"));
        })
    }

    fn of(server: StubServer, deploy_old: impl FnOnce(&StubServer)) -> Self {
        let images = TempDir::new().unwrap();
        let image = images.path().join("live");
        fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
        must(Command::new("mkfs.ext4").arg("-q").arg(&image));
        let disk = Mounted::at(&image, &server.target());
        deploy_old(&server);
        must(Command::new("sync").arg("-f").arg(server.target()));
        let copying = format!(
            "#!/bin/sh\nn=$(ls {0} | wc -l)\ncp --reflink=never --sparse=always {0}/live {0}/cut.$n\nexec {1}/.local/bin/systemctl-itself \"$@\"\n",
            images.path().display(),
            server.home().display(),
        );
        server.before_systemctl(&copying);
        Self {
            server,
            images,
            _disk: disk,
        }
    }

    /// One more, now.
    fn cut(&self) {
        let (from, to) = (
            self.images.path().join("live"),
            self.images.path().join("cut.end"),
        );
        must(
            Command::new("cp")
                .args(["--reflink=never", "--sparse=always"])
                .arg(from)
                .arg(to),
        );
    }

    /// What `current` leads to on each copy, and that each is whole; then a next run there, which must end well.
    fn look(&self) -> Vec<(String, String)> {
        let mut cuts: Vec<PathBuf> = fs::read_dir(self.images.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        cuts.retain(|path| !path.ends_with("live"));
        cuts.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
        let look = |cut: &PathBuf| {
            let server = self.server.copy();
            server.program(
                ".local/bin/systemctl",
                &fs::read_to_string(self.server.home().join(".local/bin/systemctl-itself"))
                    .unwrap(),
            );
            fs::remove_dir_all(server.target()).unwrap();
            fs::create_dir(server.target()).unwrap();
            let _disk = Mounted::at(cut, &server.target());
            unit_files::on_disk(&server);
            let live = whole(&server);
            server.look_in();
            let after = whole(&server);
            unit_files::check_disk(&server);
            server.deploys(&App::good("next"));
            (live, after)
        };
        cuts.iter().map(look).collect()
    }
}

/// What is live, complete to the last byte.
fn whole(server: &StubServer) -> String {
    let folder = fs::canonicalize(server.target().join("current")).unwrap();
    let app = server
        .tree_of(&folder)
        .unwrap_or_else(|| panic!("{} has lost its files", folder.display()));
    assert_eq!(app.differences(&folder), Vec::<String>::new());
    app.name
}

#[test]
fn a_cut_at_any_moment_of_a_good_deployment_leaves_a_whole_release_and_the_next_run_the_right_one()
{
    let cut = Cut::new();
    cut.server.deploys(&App::good("new"));
    cut.cut();
    let seen = cut.look();
    assert!(seen.len() > 4, "{seen:?}");
    // unconfirmed means old, whatever was live; committed stays
    let (last, trials) = seen.split_last().unwrap();
    assert_eq!((last.0.as_str(), last.1.as_str()), ("new", "new"));
    assert!(trials.iter().all(|(_, after)| after == "old"), "{seen:?}");
    assert!(
        trials.iter().any(|(live, _)| live == "new"),
        "the switch was not durable: {seen:?}"
    );
}

#[test]
fn a_cut_at_any_moment_of_the_way_back_does_not_lose_it() {
    let cut = Cut::new();
    let told = cut.server.deploy(&App::new("new", "crash"));
    assert_eq!(told.outcome(), Some(Outcome::RolledBack));
    cut.cut();
    let seen = cut.look();
    assert!(seen.iter().all(|(_, after)| after == "old"), "{seen:?}");
    let back = seen
        .iter()
        .rposition(|(live, _)| live == "new")
        .expect("the switch was not durable");
    assert!(
        back + 2 < seen.len(),
        "the way back was not durable when the old release was started: {seen:?}"
    );
}

/// The copy of the unit file is on the same disk.
#[test]
fn a_cut_at_any_moment_leaves_the_unit_file_of_the_release_that_ends_up_live() {
    let cut = Cut::of(unit_files::set_up_copy(), |server| {
        unit_files::on_disk(server);
        unit_files::deploys_copy(server, "old");
    });
    unit_files::deploys_copy(&cut.server, "new");
    cut.cut();
    let seen = cut.look();
    let (last, trials) = seen.split_last().unwrap();
    assert_eq!((last.0.as_str(), last.1.as_str()), ("new", "new"));
    assert!(trials.iter().all(|(_, after)| after == "old"), "{seen:?}");
    assert!(trials.iter().any(|(live, _)| live == "new"), "{seen:?}");
}
