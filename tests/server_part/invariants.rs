//! What must hold whenever nothing is running: after every run, and after every injected error and the run that follows.

use crate::client::Told;
use crate::stub_server::StubServer;
use deploy_action::protocol::{Outcome, ReleaseId, Step, Verdict, What};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

pub(crate) struct Invariants<'a> {
    server: &'a StubServer,
}

impl<'a> Invariants<'a> {
    /// Waits for retention, which nobody waits for, then looks at what holds at any time.
    pub(crate) fn of(server: &'a StubServer) -> Self {
        let invariants = Self { server };
        invariants.wait_until_alone();
        invariants.always();
        invariants
    }

    /// While something runs; nothing is looked at.
    pub(crate) fn of_running(server: &'a StubServer) -> Self {
        Self { server }
    }

    /// After a run that ended by itself.
    pub(crate) fn after(&self, told: &Told) {
        if matches!(
            told.outcome(),
            None | Some(Outcome::Busy | Outcome::NotReady)
        ) {
            return;
        }
        for name in ["pending", "switch", "rollback"] {
            assert!(
                fs::symlink_metadata(self.server.own().join(name)).is_err(),
                "{name} is left over: {told:?}"
            );
        }
        let verdict = told.verdict.as_ref().unwrap();
        self.verdict(verdict);
        let newest = self
            .releases()
            .iter()
            .filter_map(|folder| id_of(folder))
            .max();
        let made_none = !told.has(|what| matches!(what, What::Step(Step::Upload)));
        assert!(
            made_none
                || verdict
                    .release
                    .as_ref()
                    .is_none_or(|release| newest.as_ref() <= Some(release)),
            "ids do not increase: {told:?}"
        );
    }

    /// `current` is absent, or a whole release, at every moment.
    pub(crate) fn current_is_whole(&self) {
        let current = self.server.target().join("current");
        let Ok(found) = fs::symlink_metadata(&current) else {
            return;
        };
        if !found.is_symlink() {
            return;
        }
        let Ok(folder) = fs::canonicalize(&current) else {
            return;
        };
        if let Some(app) = self.server.tree_of(&folder) {
            assert_eq!(app.differences(&folder), Vec::<String>::new());
        }
        assert!(
            !self.is_half(&folder),
            "current is not complete: {folder:?}"
        );
    }

    fn always(&self) {
        self.current_is_whole();
        self.own_is_private(&self.server.own());
        for release in self.releases() {
            self.shares_nothing(&release);
        }
    }

    /// What deploy-action keeps for itself, no other user can read or lock.
    fn own_is_private(&self, path: &Path) {
        let Ok(found) = fs::symlink_metadata(path) else {
            return;
        };
        if !found.is_symlink() {
            assert_eq!(found.mode() & 0o077, 0, "{path:?} is open to other users");
        }
        // releases that are being deleted have their own modes
        if found.is_dir() && !path.ends_with("trash") {
            for entry in fs::read_dir(path).unwrap() {
                self.own_is_private(&entry.unwrap().path());
            }
        }
    }

    fn verdict(&self, told: &Verdict) {
        let kept = self
            .server
            .own()
            .join("verdicts")
            .join(told.transaction.to_string());
        match fs::read(kept) {
            // the event has the reason's parts, the file its text
            Ok(bytes) => assert_eq!(bytes, serde_json::to_vec_pretty(told).unwrap()),
            Err(_) => assert!(!told.switched, "no verdict is kept: {told:?}"),
        }
        assert_eq!(self.id_by("current"), told.live, "{told:?}");
        if told.outcome.is_success() {
            assert_eq!(told.live, told.release, "{told:?}");
        }
    }

    pub(crate) fn id_by(&self, link: &str) -> Option<ReleaseId> {
        id_of(&fs::canonicalize(self.server.target().join(link)).ok()?)
    }

    pub(crate) fn releases(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.server.target().join("releases"));
        entries
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .collect()
    }

    /// Our record of it says that it was never sealed.
    fn is_half(&self, folder: &Path) -> bool {
        let Some(name) = folder.file_name().and_then(|name| name.to_str()) else {
            return false;
        };
        let record =
            fs::read(self.server.own().join(format!("records/{name}.json"))).unwrap_or_default();
        let record: serde_json::Value = serde_json::from_slice(&record).unwrap_or_default();
        record["state"] == "Incomplete"
    }

    /// An application that writes into its release changes no other.
    fn shares_nothing(&self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let found = fs::symlink_metadata(&path).unwrap();
            if found.is_dir() {
                self.shares_nothing(&path);
            } else if !path.ends_with("hard-linked") {
                assert_eq!(found.nlink(), 1, "{path:?} is shared");
            }
        }
    }

    /// No process of ours is left, and the lock is free.
    fn wait_until_alone(&self) {
        let target = self.server.target();
        let alone = within_seconds(|| self.lock_is_free() && processes_on(&target).is_empty());
        assert!(
            alone,
            "left running: {:?}, the lock is free: {}",
            processes_on(&target),
            self.lock_is_free()
        );
    }

    pub(crate) fn lock_is_free(&self) -> bool {
        File::open(self.server.own().join("lock")).map_or(true, |file| file.try_lock().is_ok())
    }
}

fn id_of(folder: &Path) -> Option<ReleaseId> {
    folder.file_name()?.to_str()?.parse().ok()
}

/// Whether it becomes so in time.
pub(crate) fn within_seconds(mut is_so: impl FnMut() -> bool) -> bool {
    (0..2000).any(|_| {
        let so = is_so();
        if !so {
            thread::sleep(Duration::from_millis(5));
        }
        so
    })
}

#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: String,
    pub(crate) command: String,
}

/// The server part's processes that work on `target`.
pub(crate) fn processes_on(target: &Path) -> Vec<Process> {
    let wanted = format!("\0{}\0", target.display());
    let process = |entry: fs::DirEntry| {
        let command =
            String::from_utf8_lossy(&fs::read(entry.path().join("cmdline")).ok()?).into_owned();
        let pid = entry.file_name().to_str()?.to_owned();
        (command.contains("server-part") && command.contains(&wanted))
            .then_some(Process { pid, command })
    };
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(process)
        .collect()
}
