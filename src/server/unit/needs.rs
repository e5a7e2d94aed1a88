//! What a unit needs of a release: the paths below `current` without which systemd does not start it. They are checked
//! before the switch, because the old release has been stopped when systemd notices.

pub(in crate::server) mod pattern;

use self::pattern::{fits_any, is_missing};
use super::definition::{self, current::Current, definitions, Definition};
use super::files::specifiers::UNKNOWN;
use super::files::staged::Staged;
use super::systemd::{self, Unit};
use crate::protocol::{
    Ending, PathError, Reason, ReleaseId, Restart, Scope, UnitPath, UnitRef, Units,
};
use crate::server::exec::process::{self, quick};
use crate::server::store::layout::Layout;
use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
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
const BINDS: [&str; 2] = ["BindPaths", "BindReadOnlyPaths"];
/// These put other files in the unit's view: nothing there can be told.
const IMAGES: [&str; 3] = ["MountImages", "ExtensionImages", "ExtensionDirectories"];
/// Programs that create nothing that a later command could be.
const HARMLESS: [&str; 7] = ["true", "test", "[", "sleep", "echo", "rm", "chown"];

/// Checks that the release has what the units, and each unit that one of them starts, need below `current`. If the release
/// changes a unit's files, these count.
///
/// # Errors
/// All that cannot be used, with the unit that needs the first of it, if there are several.
pub(in crate::server) fn check(
    layout: &Layout,
    release: &ReleaseId,
    staged: &Staged,
    units: &Units,
    restart: &Restart,
) -> Result<(), (Reason, Option<String>)> {
    let folder = layout.release(release);
    let release = Release {
        current: Current::of(layout),
        folder: folder.canonicalize().unwrap_or(folder),
    };
    let reloads = definition::is_reload(restart);
    let mut unusable: Vec<UnitPath> = Vec::new();
    for unit in units.all() {
        let label = (units.names.len() > 1).then(|| unit.name.to_owned());
        let lacking = release.lacks_of(unit, staged, reloads).into_iter();
        unusable.extend(lacking.map(|path| UnitPath {
            unit: label.clone(),
            ..path
        }));
    }
    if unusable.is_empty() {
        return Ok(());
    }
    let UnitPath {
        property,
        path,
        error,
        unit,
    } = unusable.remove(0);
    let reason = Reason::Program {
        property,
        path,
        error,
        others: unusable,
    };
    Err((reason, unit))
}

fn text(definition: &Definition, scope: Scope) -> String {
    let text = definition.text.clone();
    text.unwrap_or_else(|| file(&definition.unit, scope))
}

/// The unit's file and its drop-ins: `systemctl show` does not print all that is in them.
fn file(unit: &Unit, scope: Scope) -> String {
    let unit = UnitRef {
        name: unit.get("Id"),
        scope,
    };
    match quick(&mut systemd::cat(unit), TIMEOUT) {
        Ok((Ending::Exit(0), output)) => String::from_utf8_lossy(&output).into_owned(),
        _ => String::new(),
    }
}

/// The files that systemd loads as credentials.
pub(super) fn credentials(definition: &Definition, scope: Scope) -> Vec<String> {
    let lines = lines_that_count(&text(definition, scope)).into_iter();
    let lines = lines.filter(|line| line.name.starts_with("LoadCredential"));
    let path = |line: Line| Some(line.value.split_once(':')?.1.to_owned());
    lines.filter_map(path).collect()
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
    /// It is looked for where the unit's own mounts hide what is there.
    in_view: bool,
    /// A command of the unit that runs before may create it.
    may_come: bool,
}

/// The paths without which systemd does not start the unit.
///
/// A command may create what is needed after it: the program of a later command, or, as it runs outside the unit's view with
/// a `+`, what is mounted there. Not so `ExecStart`: its program is looked for whatever runs before, because that is mostly a
/// migration or the like. Thus a program that is missing for a later `ExecStartPre` is not found if an earlier command
/// could create it, and a unit that creates the program of its `ExecStart` is refused.
fn needs(unit: &Unit, lines: &[Line], reloads: bool) -> Vec<Need> {
    let mut all = Vec::new();
    let mut add = |property: &str, path: &str, kind, in_view, may_come| {
        all.push(Need {
            property: property.to_owned(),
            path: path.to_owned(),
            kind,
            in_view,
            may_come,
        });
    };
    for line in unit.all("EnvironmentFiles").lines() {
        if let Some(path) = line.strip_suffix(" (ignore_errors=no)") {
            add("EnvironmentFile", path, Kind::File, false, false);
        }
    }
    let folder = unit.get("WorkingDirectory");
    add("WorkingDirectory", folder, Kind::Folder, true, false);
    for (property, program, may_come) in programs_needed(unit, reloads) {
        add(property, program, Kind::Program, true, may_come);
    }
    let before = ["ExecCondition", "ExecStartPre"];
    let mut programs = before.iter().flat_map(|it| unit.commands(it));
    let creates = programs.any(|(program, _)| may_create(program));
    let outside = creates && (lines.is_empty() || lines.iter().any(runs_outside));
    for (property, path, kind, in_view) in mounted(unit) {
        add(property, path, kind, in_view, outside);
    }
    for Line { name, value } in lines {
        if let Some((path, kind)) = need_of_line(name, value) {
            let may_come = creates && name.starts_with("LoadCredential");
            add(name, path, kind, false, may_come);
        }
    }
    // a mark says that the path may be missing, or cannot be told
    all.retain(|need| need.path.starts_with('/') && !need.path.contains(UNKNOWN));
    all
}

/// What the unit's view is made of, and whether it is looked for there.
fn mounted(unit: &Unit) -> Vec<(&'static str, &str, Kind, bool)> {
    let root = |property, kind| (property, unit.get(property), kind, false);
    let mut all = vec![
        root("RootDirectory", Kind::Folder),
        root("RootImage", Kind::File),
    ];
    for property in BINDS {
        let binds = binds(unit.get(property)).flatten();
        all.extend(binds.map(|(from, _)| (property, from, Kind::Any, false)));
    }
    for property in ACCESS {
        let paths = access(unit.get(property)).into_iter();
        all.extend(paths.map(|path| (property, path, Kind::Any, true)));
    }
    all
}

/// The programs of the commands, and whether an earlier command may create them.
fn programs_needed(unit: &Unit, reloads: bool) -> Vec<(&'static str, &str, bool)> {
    let mut all = Vec::new();
    let is_oneshot = unit.get("Type") == "oneshot";
    let reload = Some("ExecReload").filter(|_| reloads);
    // with any other mode, systemd ends the processes by itself
    let stop = Some("ExecStop").filter(|_| unit.get("KillMode") == "none");
    let mut may_come = false;
    for property in STARTS.into_iter().chain(reload).chain(stop) {
        let is_main = property == "ExecStart";
        // a reload and a stop do not follow a start of this release
        may_come &= STARTS.contains(&property);
        for (program, ignored) in unit.commands(property) {
            // a service whose only process is not started does not run, whether that is ignored or not
            if is_main && !is_oneshot || !ignored {
                all.push((property, program, may_come && !is_main));
            }
            // other services' main process still runs
            may_come |= (is_oneshot || !is_main) && may_create(program);
        }
    }
    all
}

fn may_create(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or_default();
    !HARMLESS.contains(&name)
}

/// Whether it is a command that runs before `ExecStart` and is not kept in the unit's view.
fn runs_outside(line: &Line) -> bool {
    let command = line.value.trim_start_matches(['-', '@', ':', '!', '|']);
    match line.name.as_str() {
        "ExecCondition" | "ExecStartPre" => {
            let program = command.split_whitespace().next().unwrap_or_default();
            command.starts_with('+') && may_create(program)
        }
        "PermissionsStartOnly" => true,
        _ => false,
    }
}

/// The paths in the value, without one inside another one: systemd leaves it out. None if it cannot be told where they end.
fn access(value: &str) -> Vec<&str> {
    let words = || value.split_whitespace();
    let is_path = |word: &str| word.trim_start_matches(['-', '+']).starts_with('/');
    if !words().all(is_path) {
        return Vec::new();
    }
    let paths = || words().map(|it| it.strip_prefix('+').unwrap_or(it));
    let is_inside = |path: &str, it: &str| it != path && Path::new(path).starts_with(it);
    paths()
        .filter(|path| !paths().any(|it| is_inside(path, it)))
        .collect()
}

/// The two paths of each bind mount, which systemctl prints without quotes; `None`: it cannot be told where they end.
fn binds(value: &str) -> impl Iterator<Item = Option<(&str, &str)>> {
    let parts = value.split("rbind").map(str::trim);
    let parts = parts.filter(|part| !["", "[unprintable]"].contains(part));
    parts.map(|part| {
        let paths = part.strip_suffix("no").unwrap_or(part).strip_suffix(':')?;
        let (from, to) = paths.split_once(':')?;
        (to.starts_with('/') && !to.contains(':')).then_some((from, to))
    })
}

/// Whether the unit sees other files than what can be looked at, at some places at least.
pub(super) fn has_own_view(unit: &Unit, text: &str) -> bool {
    !mounts(unit, &lines_that_count(text)).is_empty()
}

/// The folders below which the unit sees something else than what can be looked at: all, if that cannot be told.
fn mounts<'a>(unit: &'a Unit, lines: &[Line]) -> Vec<&'a str> {
    let has = |property: &&str| !unit.get(property).is_empty();
    let is_image = |line: &Line| IMAGES.contains(&line.name.as_str());
    if ["RootDirectory", "RootImage"].iter().any(has) || lines.iter().any(is_image) {
        return vec!["/"];
    }
    let destination = |bind: Option<(&'a str, &'a str)>| bind.map_or("/", |(_, to)| to);
    let binds = BINDS.iter().flat_map(|it| binds(unit.get(it)));
    let temporary = unit.get("TemporaryFileSystem").split_whitespace();
    let temporary = temporary.map(|word| word.split(':').next().unwrap_or_default());
    let temporary = temporary.map(|path| if path.starts_with('/') { path } else { "/" });
    binds.map(destination).chain(temporary).collect()
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
    let is_code = |line: &&str| !line.trim_start().starts_with(['#', ';']);
    let code: Vec<&str> = file.lines().filter(is_code).collect();
    let text = code.join("\n").replace("\\\n", " ");
    for (name, value) in text.lines().filter_map(|line| line.split_once('=')) {
        let (name, value) = (name.trim(), value.trim());
        let kinds = ["Condition", "Assert", "LoadCredential"];
        let kind = kinds.into_iter().find(|kind| name.starts_with(kind));
        match kind {
            Some(kind) if value.is_empty() => all.retain(|it| !it.name.starts_with(kind)),
            // a later one with the same name replaces it
            Some("LoadCredential") => {
                let id = value.split_once(':').map(|(id, _)| format!("{id}:"));
                let is_same = |it: &Line| {
                    let starts = |id: &String| it.value.starts_with(id.as_str());
                    it.name.starts_with("LoadCredential") && id.as_ref().is_some_and(starts)
                };
                all.retain(|it| !is_same(it));
            }
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

/// The path that a line needs. One with a specifier or quotes cannot be told.
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
    (!path.contains(['%', '"', '\'', '\\'])).then_some((path, kind))
}

/// A release, as the unit will find it.
struct Release {
    current: Current,
    folder: PathBuf,
}

impl Release {
    /// What cannot be used of what the unit, or each unit that it starts, needs.
    fn lacks_of(&self, unit: UnitRef<'_>, staged: &Staged, reloads: bool) -> Vec<UnitPath> {
        let mut unusable = Vec::new();
        let definitions = definitions(unit, Some(staged)).unwrap_or_default();
        for (at, definition) in definitions.iter().enumerate() {
            let text = text(definition, unit.scope);
            let lacking = self.lacks_for(&definition.unit, &text, reloads);
            // of the others, those whose condition fails are not started
            let is_condition = |it: &UnitPath| it.property.starts_with("Condition");
            if at == 0 || !lacking.iter().any(is_condition) {
                unusable.extend(lacking);
            }
        }
        unusable
    }

    /// What cannot be used, if it lies below `current`. `file` is the text of the unit's file.
    fn lacks_for(&self, unit: &Unit, file: &str, reloads: bool) -> Vec<UnitPath> {
        let lines = lines_that_count(file);
        let mut hidden: Vec<PathBuf> = Vec::new();
        for mount in mounts(unit, &lines) {
            hidden.extend(self.follow(mount));
            hidden.push(PathBuf::from(mount));
        }
        let needs = needs(unit, &lines, reloads).into_iter();
        let lacking = needs.filter_map(|need| Some((need.may_come, self.lacks(need, &hidden)?)));
        let lacking: Vec<(bool, UnitPath)> = lacking.collect();
        // by itself, what may yet come is no reason
        match lacking.iter().all(|(may_come, _)| *may_come) {
            true => Vec::new(),
            false => lacking.into_iter().map(|(_, path)| path).collect(),
        }
    }

    /// Why it cannot be used, if it lies below `current` and not below what is hidden.
    fn lacks(&self, need: Need, hidden: &[PathBuf]) -> Option<UnitPath> {
        let found = self.follow(&need.path)?;
        let is_hidden =
            |path: &Path| need.in_view && hidden.iter().any(|folder| path.starts_with(folder));
        if is_hidden(Path::new(&need.path)) || is_hidden(&found) {
            return None;
        }
        let error = match need.kind {
            Kind::Program => self.unusable_program(&found, &is_hidden),
            kind => self.unusable(&found, kind),
        }?;
        Some(UnitPath {
            property: need.property,
            path: need.path,
            error,
            unit: None,
        })
    }

    fn follow(&self, path: impl AsRef<Path>) -> Option<PathBuf> {
        self.current.follow(path.as_ref(), &self.folder)
    }

    fn unusable(&self, path: &Path, kind: Kind) -> Option<PathError> {
        let follow = |path: PathBuf| self.follow(&path).unwrap_or(path);
        match fs::metadata(path) {
            Ok(found) if kind == Kind::Folder && !found.is_dir() => Some(PathError::NotFolder),
            Ok(found) if kind == Kind::File && found.is_dir() => Some(PathError::NotFile),
            Ok(_) => None,
            // systemd may see what the deploy user may not
            Err(error) if !is_missing(&error) || fits_any(path, &follow) => None,
            Err(_) => Some(self.missing(path)),
        }
    }

    fn missing(&self, path: &Path) -> PathError {
        match path.starts_with(&self.folder) {
            true => PathError::Missing,
            false => PathError::DeadLink(path.display().to_string()),
        }
    }

    fn unusable_program(
        &self,
        file: &Path,
        is_hidden: &dyn Fn(&Path) -> bool,
    ) -> Option<PathError> {
        match fs::metadata(file) {
            Err(error) if is_missing(&error) => return Some(self.missing(file)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return None,
            Err(error) => return Some(PathError::Other(error.to_string())),
            Ok(found) if !found.is_file() => return Some(PathError::NotFile),
            Ok(_) if !may_run(file) => return Some(PathError::NotExecutable),
            Ok(_) => {}
        }
        let interpreter = interpreter_of(file).filter(|path| path.is_absolute())?;
        let found = self.follow(&interpreter);
        let found = found.as_ref().unwrap_or(&interpreter);
        let may_be_there = is_hidden(&interpreter)
            || is_hidden(found)
            || fs::metadata(found).is_err_and(|error| !is_missing(&error))
            || may_run(found);
        (!may_be_there).then(|| PathError::Interpreter(interpreter.display().to_string()))
    }
}

/// Whether the program can be run. That of another user may be for the unit's user only.
fn may_run(file: &Path) -> bool {
    let is_others = |found: fs::Metadata| {
        let own = rustix::process::geteuid().as_raw();
        found.is_file() && found.mode() & 0o111 != 0 && found.uid() != own
    };
    process::is_program(file) || fs::metadata(file).is_ok_and(is_others)
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
