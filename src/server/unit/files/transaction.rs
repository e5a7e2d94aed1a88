//! Gives systemd the unit files of the release that goes live, and those of the release before again if it is rolled
//! back.

use super::own;
use super::place::Place;
use super::{full_name, is_of, of_release};
use crate::protocol::{Ending, Operation, Reason, ReleaseId, Scope, UnitFile, Units, Warning};
use crate::server::exec::process::quick;
use crate::server::store::durable::{self, failed};
use crate::server::store::layout::Layout;
use crate::server::store::pending::Pending;
use crate::server::unit::systemd;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// For one command: systemd may have many units to read.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How long the commands with unit files may take in a transaction.
pub(in crate::server) fn limit(units: &Units) -> Duration {
    match units.files.is_empty() {
        true => Duration::ZERO,
        false => 2 * TIMEOUT,
    }
}

/// What the files of a transaction have in them, by systemd's names; `None`: there is none.
type Contents = BTreeMap<String, Option<Vec<u8>>>;

/// The unit files of one transaction.
pub(in crate::server) struct UnitFiles<'a> {
    layout: &'a Layout,
    pending: &'a Pending,
    units: Units,
    /// Those of the release that goes live.
    new: Vec<UnitFile>,
    /// Those of the release before.
    old: Vec<UnitFile>,
    /// What systemd has read; `None`: not known.
    loaded: Option<Contents>,
}

impl<'a> UnitFiles<'a> {
    pub(in crate::server) fn of(layout: &'a Layout, pending: &'a Pending) -> Self {
        let in_release = |release: &ReleaseId| of_release(layout, release, &pending.files);
        Self {
            layout,
            pending,
            units: pending.units(),
            new: in_release(&pending.release),
            old: pending
                .old
                .as_ref()
                .map_or_else(Vec::new, |old| in_release(&old.release)),
            loaded: None,
        }
    }

    fn place(&self, file: &UnitFile) -> Place {
        Place::of(self.layout, self.units.scope, file)
    }

    fn own(&self) -> &[UnitFile] {
        match self.units.scope {
            Scope::User => &self.new,
            Scope::System => &[],
        }
    }

    /// Before the point of no return: whatever needs disk space.
    pub(in crate::server) fn prepare(&mut self) -> Result<(), Reason> {
        self.loaded = Some(self.contents());
        let release = self.layout.release(&self.pending.release);
        let with_release = |file: &UnitFile| (self.place(file), release.join(&file.path));
        let all: Vec<(Place, PathBuf)> = self.own().iter().map(with_release).collect();
        own::prepare(&all)
    }

    /// After the switch. Returns the full names of the units whose file has changed.
    ///
    /// # Errors
    /// If systemd may not have all of them.
    pub(in crate::server) fn go_live(&mut self) -> Result<Vec<String>, Reason> {
        for file in self.own() {
            own::put(&self.place(file).file)?;
        }
        self.install(&self.new)?;
        let changed = self.reload()?;
        self.enable()?;
        Ok(changed)
    }

    /// After the release before is live again, or none is. Returns the full names of the units whose file has changed,
    /// and what failed first: it goes on all the same, and may be done again.
    pub(in crate::server) fn restore(&mut self) -> (Vec<String>, Option<Reason>) {
        let mut first = None;
        for file in self.own() {
            let place = self.place(file).file;
            if own::is_new(&place) && place.is_file() {
                first = first.or(self.disable(file).err());
            }
            first = first.or(own::restore(&place).err());
        }
        first = first.or(self.install(&self.old).err());
        match self.reload() {
            Ok(changed) => (changed, first),
            Err(reason) => (Vec::new(), first.or(Some(reason))),
        }
    }

    /// What the release before has no file for stays: systemd's file, unless it is not that of the new release.
    pub(in crate::server) fn staying(&self) -> Vec<Warning> {
        let is_new = |file: &&UnitFile| !self.old.iter().any(|old| old.name == file.name);
        let added = self.new.iter().filter(is_new);
        let stays = |file: &UnitFile| {
            let place = self.place(file);
            let release = self.layout.release(&self.pending.release).join(&file.path);
            let is_ours = place.is_link() || fs::read(&place.file).ok() == fs::read(release).ok();
            is_ours.then(|| Warning::UnitFileStays {
                path: file.path.clone(),
            })
        };
        match self.units.scope {
            Scope::System => added.filter_map(stays).collect(),
            Scope::User => Vec::new(),
        }
    }

    /// The transaction has ended.
    pub(in crate::server) fn clean_up(&self) {
        for file in self.own() {
            own::clean_up(&self.place(file).file);
        }
    }

    /// What systemd would read now.
    fn contents(&self) -> Contents {
        let all = self.old.iter().chain(&self.new);
        all.map(|file| (file.name.clone(), fs::read(self.place(file).file).ok()))
            .collect()
    }

    /// Renews the copies that differ, through `current`.
    fn install(&self, files: &[UnitFile]) -> Result<(), Reason> {
        if self.units.scope == Scope::User {
            return Ok(());
        }
        let mut first = Ok(());
        for file in files {
            let place = self.place(file);
            let is_same = fs::read(&place.source).ok() == fs::read(&place.file).ok();
            if !place.is_link() && !is_same {
                first = first.and(install(&place));
            }
        }
        first
    }

    /// Lets systemd read the files again, unless it has read what is there. Not even systemd knows that: it compares times.
    fn reload(&mut self) -> Result<Vec<String>, Reason> {
        let now = self.contents();
        let loaded = self.loaded.take();
        let has_changed = |name: &str| {
            loaded
                .as_ref()
                .is_none_or(|loaded| loaded.get(name) != now.get(name))
        };
        let changed: Vec<&UnitFile> = self
            .new
            .iter()
            .chain(&self.old)
            .filter(|file| has_changed(&file.name))
            .collect();
        if !changed.is_empty() {
            let mut command = match self.units.scope {
                Scope::System => systemd::as_root(&systemd::RELOAD),
                Scope::User => self.systemctl(&RELOAD),
            };
            run(&mut command)?;
        }
        // what has no file any more cannot be restarted
        let is_there = |file: &&&UnitFile| now.get(&file.name).is_some_and(Option::is_some);
        let changed: Vec<&UnitFile> = changed.iter().filter(is_there).copied().collect();
        let names = self.units.all().map(|unit| full_name(unit.name));
        let names = names
            .filter(|name| changed.iter().any(|file| is_of(file, name)))
            .collect();
        self.loaded = Some(now);
        Ok(names)
    }

    fn systemctl(&self, arguments: &[&str]) -> Command {
        let mut systemctl = systemd::systemctl(self.units.scope);
        systemctl.args(arguments);
        systemctl
    }

    /// Lets the deploy user's systemd start them as their `[Install]` says.
    fn enable(&self) -> Result<(), Reason> {
        for file in self.own() {
            for unit in self.units_of(file) {
                let enabled = quick(&mut self.systemctl(&["is-enabled", &unit]), TIMEOUT);
                if enabled.is_ok_and(|(_, output)| output.starts_with(b"disabled")) {
                    run(&mut self.systemctl(&["enable", &unit]))?;
                    self.sync(file)?;
                }
            }
        }
        Ok(())
    }

    fn disable(&self, file: &UnitFile) -> Result<(), Reason> {
        let disable = |unit: String| run(&mut self.systemctl(&["disable", "--now", &unit]));
        self.units_of(file).into_iter().try_for_each(disable)?;
        self.sync(file)
    }

    /// systemctl syncs nothing.
    fn sync(&self, file: &UnitFile) -> Result<(), Reason> {
        let place = self.place(file).file;
        durable::sync_file_system(place.parent().unwrap_or(&place))
    }

    /// The units that the file defines: those of a template are the ones in the list.
    fn units_of(&self, file: &UnitFile) -> Vec<String> {
        match file.unit().contains("@.") {
            _ if file.is_drop_in() => Vec::new(),
            false => vec![file.unit().to_owned()],
            true => {
                let names = self.units.all().map(|unit| full_name(unit.name));
                names.filter(|name| is_of(file, name)).collect()
            }
        }
    }
}

const RELOAD: [&str; 1] = ["daemon-reload"];

/// Renews a copy, durably.
fn install(place: &Place) -> Result<(), Reason> {
    run(&mut systemd::as_root(
        &place.install().each_ref().map(String::as_str),
    ))?;
    let folder = place.file.parent().unwrap_or(&place.file);
    [&*place.file, folder].into_iter().try_for_each(|path| {
        let sync = File::open(path).and_then(|file| file.sync_all());
        sync.map_err(failed(Operation::Write, path))
    })
}

fn run(command: &mut Command) -> Result<(), Reason> {
    let (ending, output) = quick(command, TIMEOUT).map_err(|error| systemd::not_run(&error))?;
    if ending == Ending::Exit(0) {
        return Ok(());
    }
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    Err(Reason::UnitFiles {
        command: words.join(" "),
        ending,
        output,
    })
}
