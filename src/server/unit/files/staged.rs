//! The unit files of a release that is not live, as systemd will read them after the switch: in place of the server's files
//! of the same names, beside its others.

use super::effective::effective;
use super::lines::Lines;
use super::place::folder;
use super::settings::settings;
use super::specifiers::Specifiers;
use super::{full_name, is_of, of_release, read, try_read};
use crate::protocol::{Ending, ReleaseId, Scope, UnitFile, UnitRef, Units};
use crate::server::exec::process::quick;
use crate::server::store::layout::Layout;
use crate::server::unit::definition::current::Current;
use crate::server::unit::systemd::{self, Unit};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(20);

/// The unit files of a release.
pub(in crate::server) struct Staged {
    pub(super) current: Current,
    /// The release's folder.
    pub(super) folder: PathBuf,
    pub(super) files: Vec<UnitFile>,
}

/// A file that makes up a unit.
pub(super) struct Part<'a> {
    /// Below a folder of systemd's.
    pub(super) name: String,
    /// Where it will be read from.
    pub(super) path: PathBuf,
    /// That of the release, if it is one.
    pub(super) file: Option<&'a UnitFile>,
    /// Where systemd reads it now.
    now: PathBuf,
}

impl Part<'_> {
    fn is_changed(&self) -> bool {
        self.path != self.now && read(&self.path) != read(&self.now)
    }
}

impl Staged {
    /// Of no release: what systemd reads now.
    pub(in crate::server) fn nothing(layout: &Layout) -> Self {
        Self {
            current: Current::of(layout),
            folder: layout.current(),
            files: Vec::new(),
        }
    }

    pub(in crate::server) fn of(layout: &Layout, release: &ReleaseId, units: &Units) -> Self {
        let folder = layout.release(release);
        Self {
            current: Current::of(layout),
            files: of_release(layout, release, &units.files),
            folder: folder.canonicalize().unwrap_or(folder),
        }
    }

    /// The lines of the unit's files. `None`: it has none.
    ///
    /// # Errors
    /// A file that cannot be read, and why.
    pub(in crate::server) fn lines(
        &self,
        unit: UnitRef<'_>,
    ) -> Result<Option<Lines>, (PathBuf, io::Error)> {
        let (name, loaded) = load(unit);
        let parts = self.parts(&name, unit, &loaded);
        if parts.is_empty() {
            return Ok(None);
        }
        let mut all = Vec::new();
        for Part { path, .. } in parts {
            let text = try_read(&path).map_err(|error| (path, error))?;
            all.extend(settings(&text));
        }
        let triggered_by = loaded.get("TriggeredBy").to_owned();
        Ok(Some(Lines::new(name, unit.scope, all, &triggered_by)))
    }

    /// The unit's definition, and the lines of its files. `None`: the release changes nothing about it.
    pub(in crate::server) fn definition(&self, unit: UnitRef<'_>) -> Option<(Unit, String)> {
        if self.files.is_empty() {
            return None;
        }
        let (name, loaded) = load(unit);
        let parts = self.changed(&name, unit, &loaded)?;
        Some(self.effective(&name, unit.scope, &parts))
    }

    /// What systemd makes of these parts, and their lines.
    pub(super) fn effective(&self, unit: &str, scope: Scope, parts: &[Part<'_>]) -> (Unit, String) {
        let texts = parts.iter().filter_map(|part| read(&part.path));
        let all: Vec<_> = texts.flat_map(|text| settings(&text)).collect();
        effective(&all, Specifiers { unit, scope })
    }

    /// The files that make up the unit, if the release changes one of them.
    pub(super) fn changed(
        &self,
        name: &str,
        unit: UnitRef<'_>,
        loaded: &Unit,
    ) -> Option<Vec<Part<'_>>> {
        let parts = self.parts(name, unit, loaded);
        parts.iter().any(Part::is_changed).then_some(parts)
    }

    /// The unit's file, then its drop-ins in the order in which they count.
    fn parts(&self, name: &str, unit: UnitRef<'_>, loaded: &Unit) -> Vec<Part<'_>> {
        let own = folder(unit.scope);
        let mut parts = Vec::new();
        parts.extend(self.file(name, &own, Path::new(loaded.get("FragmentPath"))));
        parts.extend(self.drop_ins(name, &own, loaded.get("DropInPaths")));
        parts
    }

    /// The unit's file: an instance may have one of its own. `now`: where systemd reads it; `own`: where those of the server's
    /// owner are.
    fn file(&self, name: &str, own: &Path, now: &Path) -> Option<Part<'_>> {
        let named_now = file_name(now);
        let names = [Some(name.to_owned()), template(name)];
        for name in names.into_iter().flatten() {
            let is_now = named_now.as_ref() == Some(&name);
            if let Some(file) = self.files.iter().find(|file| file.name == name) {
                let place = if is_now {
                    now.to_owned()
                } else {
                    own.join(&file.name)
                };
                return Some(self.of_release(file, place));
            }
            if is_now {
                break;
            }
        }
        named_now.map(|name| self.of_server(name, now))
    }

    /// The drop-ins by the names of their files. `now`: the paths that systemd reads.
    fn drop_ins(&self, name: &str, own: &Path, now: &str) -> impl Iterator<Item = Part<'_>> {
        let folders = folders(name);
        let rank = |path: &Path| {
            let folder = path.parent().and_then(file_name);
            folders.iter().position(|it| Some(it) == folder.as_ref())
        };
        let mut drop_ins: BTreeMap<String, (Option<usize>, Part<'_>)> = BTreeMap::new();
        for now in now.split_whitespace().map(Path::new) {
            if let Some((folder, file)) = now.parent().and_then(file_name).zip(file_name(now)) {
                let part = self.of_server(format!("{folder}/{file}"), now);
                drop_ins.insert(file, (rank(now), part));
            }
        }
        for file in self.files.iter().filter(|file| file.is_drop_in()) {
            let path = Path::new(&file.name);
            let Some((at, name)) = rank(path).zip(file_name(path)) else {
                continue;
            };
            let known = drop_ins.get(&name);
            if known.is_some_and(|(rank, _)| rank.is_some_and(|rank| rank < at)) {
                continue;
            }
            let now = known.map(|(_, part)| part.now.clone());
            let now = now.filter(|now| now.ends_with(path));
            let part = self.of_release(file, now.unwrap_or_else(|| own.join(path)));
            drop_ins.insert(name, (Some(at), part));
        }
        drop_ins.into_values().map(|(_, part)| part)
    }

    fn of_release<'a>(&self, file: &'a UnitFile, now: PathBuf) -> Part<'a> {
        Part {
            name: file.name.clone(),
            path: self.folder.join(&file.path),
            file: Some(file),
            now,
        }
    }

    /// A file of the server, which may be a link to `current`.
    fn of_server(&self, name: String, now: &Path) -> Part<'static> {
        let path = self.current.follow(now, &self.folder);
        Part {
            name,
            path: path.unwrap_or_else(|| now.to_owned()),
            file: None,
            now: now.to_owned(),
        }
    }

    /// The path below the release that the unit's file leads to on the server although the release has no such file.
    pub(super) fn dangling(&self, loaded: &Unit) -> Option<String> {
        let path = Path::new(loaded.get("FragmentPath"));
        let path = self.current.follow(path, &self.folder)?;
        let below = path.strip_prefix(&self.folder).ok()?;
        (!path.is_file()).then(|| below.display().to_string())
    }
}

/// The unit's full name, and where its files are now.
pub(super) fn load(unit: UnitRef<'_>) -> (String, Unit) {
    let mut show = systemd::show(unit, "Id,FragmentPath,DropInPaths,TriggeredBy");
    let loaded = match quick(&mut show, TIMEOUT) {
        Ok((Ending::Exit(0), output)) => Unit::parse(&String::from_utf8_lossy(&output)),
        _ => Unit::default(),
    };
    let name = match loaded.get("Id") {
        "" => full_name(unit.name),
        id => id.to_owned(),
    };
    (name, loaded)
}

/// Whether one of the files is of the unit with this full name.
pub(in crate::server) fn has_files_of(files: &[UnitFile], name: &str) -> bool {
    files.iter().any(|file| is_of(file, name))
}

fn file_name(path: &Path) -> Option<String> {
    path.file_name().map(|it| it.to_string_lossy().into_owned())
}

/// The template that an instance is made from.
pub(super) fn template(name: &str) -> Option<String> {
    let (prefix, rest) = name.split_once('@')?;
    let (instance, kind) = rest.rsplit_once('.')?;
    (!instance.is_empty()).then(|| format!("{prefix}@.{kind}"))
}

/// The names of the folders with the unit's drop-ins, those that come first before the others: systemd.unit(5).
fn folders(name: &str) -> Vec<String> {
    let mut all = vec![format!("{name}.d")];
    all.extend(template(name).map(|name| format!("{name}.d")));
    if let Some((stem, kind)) = name.rsplit_once('.') {
        let stem = stem.split('@').next().unwrap_or(stem);
        let dashes = stem.char_indices().filter(|(_, c)| *c == '-');
        let ends: Vec<usize> = dashes
            .map(|(at, _)| at + 1)
            .filter(|at| *at < stem.len())
            .collect();
        all.extend(
            ends.iter()
                .rev()
                .map(|at| format!("{}.{kind}.d", &stem[..*at])),
        );
        all.push(format!("{kind}.d"));
    }
    all
}
