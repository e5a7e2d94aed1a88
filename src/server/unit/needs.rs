//! What a unit needs of a release: the paths below `current` without which systemd does not start it. They are checked
//! before the switch, because the old release has been stopped when systemd notices.

use super::definition::{self, definitions, Current};
use super::systemd::Unit;
use crate::protocol::{Ending, PathError, Reason, ReleaseId, Restart, UnitName, UnitPath};
use crate::server::exec::process::{self, command, quick};
use crate::server::store::layout::Layout;
use std::ffi::OsString;
use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(20);
/// If one of these programs cannot be started, the unit cannot either.
const STARTS: [&str; 4] = [
    "ExecCondition",
    "ExecStartPre",
    "ExecStart",
    "ExecStartPost",
];
/// Paths that must exist to be made writable, hidden and so on.
const ACCESS: [&str; 5] = [
    "ReadWritePaths",
    "ReadOnlyPaths",
    "InaccessiblePaths",
    "ExecPaths",
    "NoExecPaths",
];
/// What another file system hides or adds.
const MOUNTS: [&str; 3] = ["BindPaths", "BindReadOnlyPaths", "TemporaryFileSystem"];

/// Checks that the release has what the unit, or each unit that it starts, needs below `current`.
///
/// # Errors
/// All that cannot be used.
pub(in crate::server) fn check(
    layout: &Layout,
    release: &ReleaseId,
    service: Option<&UnitName>,
    restart: &Restart,
) -> Result<(), Reason> {
    let units = service.and_then(|service| definitions(service.as_str()));
    let folder = layout.release(release);
    let release = Release {
        current: Current::of(layout),
        folder: folder.canonicalize().unwrap_or(folder),
    };
    let mut unusable: Vec<UnitPath> = Vec::new();
    for (at, unit) in units.unwrap_or_default().iter().enumerate() {
        let mut needs = needs(
            &unit.unit,
            &file(&unit.unit),
            definition::is_reload(restart),
        );
        // whether it starts the others may depend on a condition
        needs.retain(|need| at == 0 || !need.property.starts_with("Condition"));
        unusable.extend(needs.into_iter().filter_map(|need| release.lacks(need)));
    }
    if unusable.is_empty() {
        return Ok(());
    }
    let UnitPath {
        property,
        path,
        error,
    } = unusable.remove(0);
    Err(Reason::Program {
        property,
        path,
        error,
        others: unusable,
    })
}

/// The unit's file and its drop-ins: `systemctl show` does not print all that is in them.
fn file(unit: &Unit) -> String {
    let mut cat = command("systemctl");
    cat.args(["cat", "--no-pager", "--", unit.get("Id")]);
    match quick(&mut cat, TIMEOUT) {
        Ok((Ending::Exit(0), output)) => String::from_utf8_lossy(&output).into_owned(),
        _ => String::new(),
    }
}

/// What a path must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Program,
    File,
    Folder,
    /// A file or a folder.
    Any,
}

/// A path that must be there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Need {
    property: String,
    path: String,
    kind: Kind,
}

/// The paths without which systemd does not start the unit. `file` is the text of its file.
fn needs(unit: &Unit, file: &str, reloads: bool) -> Vec<Need> {
    let mut all = Vec::new();
    let mut add = |property: &str, path: &str, kind| {
        all.push(Need {
            property: property.to_owned(),
            path: path.to_owned(),
            kind,
        });
    };
    for line in unit.all("EnvironmentFiles").lines() {
        if let Some(path) = line.strip_suffix(" (ignore_errors=no)") {
            add("EnvironmentFile", path, Kind::File);
        }
    }
    add("RootDirectory", unit.get("RootDirectory"), Kind::Folder);
    add("RootImage", unit.get("RootImage"), Kind::File);
    for property in ["BindPaths", "BindReadOnlyPaths"] {
        for bind in unit.get(property).split_whitespace() {
            add(
                property,
                bind.split(':').next().unwrap_or_default(),
                Kind::Any,
            );
        }
    }
    let view = View::of(unit);
    for (property, path, kind) in view.needs(unit, reloads) {
        if !view.hides(path) {
            add(property, path, kind);
        }
    }
    for Line { name, value } in lines_that_count(file) {
        if let Some((path, kind)) = need_of_line(&name, &value) {
            add(&name, path, kind);
        }
    }
    // a mark says that the path may be missing
    all.retain(|need| need.path.starts_with('/'));
    all
}

/// The file system as the unit sees it.
struct View<'a> {
    /// It has another root, or what is below these folders is something else.
    has_root: bool,
    mounts: Vec<&'a str>,
}

impl<'a> View<'a> {
    fn of(unit: &'a Unit) -> Self {
        let has = |property| !unit.get(property).is_empty();
        let words = MOUNTS.iter().flat_map(|it| unit.get(it).split_whitespace());
        let mounts = words.filter_map(|word| {
            let mut parts = word.split(':').filter(|part| part.starts_with('/'));
            parts.next_back()
        });
        Self {
            has_root: has("RootDirectory") || has("RootImage"),
            mounts: mounts.collect(),
        }
    }

    /// Whether the path is not the one that can be looked at.
    fn hides(&self, path: &str) -> bool {
        let is_below = |folder: &&str| Path::new(path).starts_with(folder);
        self.has_root || self.mounts.iter().any(is_below)
    }

    /// What must be there in this view.
    fn needs(&self, unit: &'a Unit, reloads: bool) -> Vec<(&'a str, &'a str, Kind)> {
        let mut all = vec![(
            "WorkingDirectory",
            unit.get("WorkingDirectory"),
            Kind::Folder,
        )];
        let is_oneshot = unit.get("Type") == "oneshot";
        let reload = Some("ExecReload").filter(|_| reloads);
        // with any other mode, systemd ends the processes by itself
        let stop = Some("ExecStop").filter(|_| unit.get("KillMode") == "none");
        for property in STARTS.into_iter().chain(reload).chain(stop) {
            // a service whose only process is not started does not run, whether that is ignored or not
            let never_ignored = property == "ExecStart" && !is_oneshot;
            for (program, ignored) in unit.commands(property) {
                if never_ignored || !ignored {
                    all.push((property, program, Kind::Program));
                }
            }
        }
        for property in ACCESS {
            let paths = || {
                let words = unit.get(property).split_whitespace();
                words.map(|it| it.strip_prefix('+').unwrap_or(it))
            };
            for path in paths() {
                // one inside another one of the same kind is left out by systemd
                let is_inside = |it: &str| it != path && Path::new(path).starts_with(it);
                if !paths().any(is_inside) {
                    all.push((property, path, Kind::Any));
                }
            }
        }
        all
    }
}

/// A line of a unit's file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    name: String,
    value: String,
}

/// The lines whose values `systemctl show` does not print, as far as they count: a later one replaces a single value, and an
/// empty one takes back a list.
fn lines_that_count(file: &str) -> Vec<Line> {
    let mut all: Vec<Line> = Vec::new();
    let text = file.replace("\\\n", " ");
    for line in text.lines().map(str::trim) {
        let Some((name, value)) = line
            .split_once('=')
            .filter(|_| !line.starts_with(['#', ';']))
        else {
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        let kinds = ["Condition", "Assert"];
        let kind = kinds.into_iter().find(|kind| name.starts_with(kind));
        match kind {
            Some(kind) if value.is_empty() => all.retain(|it| !it.name.starts_with(kind)),
            None if value.is_empty() || name.starts_with("Standard") => {
                all.retain(|it| it.name != name);
            }
            _ => {}
        }
        all.push(Line {
            name: name.to_owned(),
            value: value.to_owned(),
        });
    }
    let defaults: Vec<String> = all.iter().filter_map(default_of_credential).collect();
    let has_default = |line: &Line| {
        defaults
            .iter()
            .any(|id| line.value.starts_with(id.as_str()))
    };
    all.retain(|line| !line.name.starts_with("LoadCredential") || !has_default(line));
    all
}

/// The start of the line of a credential that has a default.
fn default_of_credential(line: &Line) -> Option<String> {
    let is_default = line.name.starts_with("SetCredential");
    let (id, _) = line.value.split_once(':').filter(|_| is_default)?;
    Some(format!("{id}:"))
}

/// The path that a line needs. One with a specifier cannot be told.
fn need_of_line<'a>(name: &str, value: &'a str) -> Option<(&'a str, Kind)> {
    let (path, kind) = match name {
        "LoadCredential" | "LoadCredentialEncrypted" => (value.split_once(':')?.1, Kind::Any),
        "StandardInput" => (value.strip_prefix("file:")?, Kind::Any),
        "StandardOutput" | "StandardError" => {
            let (_, path) = value.split_once(':')?;
            // systemd creates the file, but not its folder
            (path.rsplit_once('/')?.0, Kind::Folder)
        }
        "ConditionPathExists"
        | "AssertPathExists"
        | "ConditionPathExistsGlob"
        | "AssertPathExistsGlob" => (value, Kind::Any),
        "ConditionPathIsDirectory"
        | "AssertPathIsDirectory"
        | "ConditionDirectoryNotEmpty"
        | "AssertDirectoryNotEmpty" => (value, Kind::Folder),
        "ConditionFileNotEmpty" | "AssertFileNotEmpty" => (value, Kind::File),
        "ConditionFileIsExecutable" | "AssertFileIsExecutable" => (value, Kind::Program),
        _ => return None,
    };
    (!path.contains('%')).then_some((path, kind))
}

/// A release, as the unit will find it.
struct Release {
    current: Current,
    folder: PathBuf,
}

impl Release {
    /// Why it cannot be used, if it lies below `current`.
    fn lacks(&self, need: Need) -> Option<UnitPath> {
        let found = self.follow(&need.path)?;
        let error = match need.kind {
            Kind::Program => self.unusable_program(&found),
            kind => self.unusable(&found, kind),
        }?;
        Some(UnitPath {
            property: need.property,
            path: need.path,
            error,
        })
    }

    fn follow(&self, path: impl AsRef<Path>) -> Option<PathBuf> {
        self.current.follow(path.as_ref(), &self.folder)
    }

    fn unusable(&self, path: &Path, kind: Kind) -> Option<PathError> {
        match fs::metadata(path) {
            Ok(found) if kind == Kind::Folder && !found.is_dir() => Some(PathError::NotFolder),
            Ok(found) if kind == Kind::File && found.is_dir() => Some(PathError::NotFile),
            Ok(_) => None,
            Err(error) => match error.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory if fits_any(path) => None,
                ErrorKind::NotFound | ErrorKind::NotADirectory => Some(self.missing(path)),
                // systemd may see what the deploy user may not
                _ => None,
            },
        }
    }

    fn missing(&self, path: &Path) -> PathError {
        match path.starts_with(&self.folder) {
            true => PathError::Missing,
            false => PathError::DeadLink(path.display().to_string()),
        }
    }

    fn unusable_program(&self, file: &Path) -> Option<PathError> {
        match fs::metadata(file) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Some(self.missing(file)),
            Err(error) => return Some(PathError::Other(error.to_string())),
            Ok(found) if !found.is_file() => return Some(PathError::NotFile),
            Ok(_) if !process::is_program(file) => return Some(PathError::NotExecutable),
            Ok(_) => {}
        }
        let interpreter = interpreter_of(file)?;
        let found = self.follow(&interpreter);
        (!process::is_program(found.as_ref().unwrap_or(&interpreter)))
            .then(|| PathError::Interpreter(interpreter.display().to_string()))
    }
}

/// Whether the path is a pattern that something fits.
fn fits_any(path: &Path) -> bool {
    let pattern = path.file_name().unwrap_or_default().to_string_lossy();
    let folder = path.parent().and_then(|folder| fs::read_dir(folder).ok());
    let is_pattern = pattern.contains(['*', '?', '[']);
    let names = folder.into_iter().flatten().flatten();
    let mut names = names.map(|entry| entry.file_name());
    let fits = |name: OsString| {
        let name = name.as_bytes();
        let is_hidden = name.starts_with(b".") && !pattern.starts_with('.');
        !is_hidden && fits(pattern.as_bytes(), name)
    };
    is_pattern && names.any(fits)
}

/// As glob(7) compares, but a list in brackets fits whatever follows.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], name) => name.is_empty(),
        ([b'[', ..], _) => true,
        ([b'*', rest @ ..], [_, more @ ..]) => fits(rest, name) || fits(pattern, more),
        ([b'*', rest @ ..], []) => fits(rest, name),
        ([b'?', rest @ ..], [_, more @ ..]) => fits(rest, more),
        ([wanted, rest @ ..], [found, more @ ..]) => wanted == found && fits(rest, more),
        (_, []) => false,
    }
}

/// The interpreter in a script's first line.
fn interpreter_of(file: &Path) -> Option<PathBuf> {
    let mut start = Vec::new();
    fs::File::open(file)
        .ok()?
        .take(512)
        .read_to_end(&mut start)
        .ok()?;
    let line = start.strip_prefix(b"#!")?.split(|b| *b == b'\n').next()?;
    let line = String::from_utf8_lossy(line).into_owned();
    line.split_whitespace().next().map(PathBuf::from)
}

#[cfg(test)]
mod tests;
