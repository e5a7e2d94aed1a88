//! What a unit's definition says: whether it leads to `current`, and whether a restart command only reloads.

pub(in crate::server) mod current;

use super::files::staged::Staged;
use super::systemd::{self, Unit};
use crate::protocol::{Ending, Finding, Plan, Restart, UnitRef, Verification};
use crate::server::exec::process::quick;
use crate::server::exec::processes::Traces;
use crate::server::exec::user::{home_of, login_name, user};
use crate::server::store::layout::Layout;
use current::Current;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// The properties that say what a unit runs, where, and with what; from `Triggers` on, those that do not lead to `current`.
const PROPERTIES: &str =
    "Id,User,ExecCondition,ExecStartPre,ExecStart,ExecStartPost,ExecReload,WorkingDirectory,RootDirectory,RootImage,\
     Environment,EnvironmentFiles,BindPaths,BindReadOnlyPaths,Triggers,Wants,Requires,ConsistsOf,Type,KillMode,ExecStop,\
     TemporaryFileSystem,ReadWritePaths,ReadOnlyPaths,InaccessiblePaths,ExecPaths,NoExecPaths,Group,SupplementaryGroups,\
     DynamicUser";
const TIMEOUT: Duration = Duration::from_secs(20);
/// Units that a timer, socket or target starts.
const MAX_UNITS: usize = 20;
/// Scripts and environment files are read up to this length, in bytes.
const MAX_SCRIPT: u64 = 64 << 10;
/// How many files are read: a script may start another one.
const MAX_FILES: usize = 30;

/// Whether a unit runs what `current` leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LeadsToCurrent {
    /// Its definition leads there.
    Yes,
    /// Not by its definition, but one of its processes works in a release.
    ByProcess,
    /// It starts this instead.
    No { starts: String },
    /// It starts nothing by itself, or its definition cannot be read.
    Unknown,
}

/// Why the unit will not run the release that `current` leads to, or why that will not be seen. `staged`: the unit files of
/// the release that goes live, if they are known yet.
pub(in crate::server) fn elsewhere(
    layout: &Layout,
    plan: &Plan,
    unit: UnitRef<'_>,
    staged: Option<&Staged>,
) -> Option<Finding> {
    if plan.restart == Restart::Nothing {
        return None;
    }
    let service = unit.name.to_owned();
    if let LeadsToCurrent::No { starts } = LeadsToCurrent::of(unit, layout, staged) {
        return Some(Finding::UnitElsewhere {
            service,
            starts,
            target: plan.target.to_string(),
        });
    }
    let is_hidden = || Unit::show(unit).is_ok_and(|unit| is_hidden(&unit));
    (is_reload(&plan.restart) && is_hidden()).then(|| Finding::ReloadUnseen {
        service,
        user: user(),
    })
}

/// Whether the health response names the release.
pub(in crate::server) fn is_shown(verification: &Verification) -> bool {
    let health = verification.health.as_ref();
    let pattern = health.and_then(|health| health.pattern.as_ref());
    pattern.is_some_and(|pattern| pattern.names_release() || pattern.names_commit())
}

/// Whether the unit's definition leads to `current`.
pub(super) fn leads_to_current(unit: UnitRef<'_>, layout: &Layout) -> bool {
    let current = Current::of(layout);
    let leads = |unit: &Definition| unit.search(&current) == Found::Leads;
    definitions(unit, None).iter().flatten().any(leads)
}

impl LeadsToCurrent {
    /// `staged`: the unit files of the release that goes live, if they are known yet.
    fn of(unit: UnitRef<'_>, layout: &Layout, staged: Option<&Staged>) -> Self {
        let Some(units) = definitions(unit, staged) else {
            return Self::Unknown;
        };
        let current = Current::of(layout);
        let found: Vec<Found> = units.iter().map(|unit| unit.search(&current)).collect();
        if found.contains(&Found::Leads) {
            return Self::Yes;
        }
        // what runs now says nothing about other definitions
        let is_loaded = units.iter().all(|unit| unit.text.is_none());
        let running = Unit::show(unit).ok().filter(|_| is_loaded);
        if running.is_some_and(|unit| works_in_a_release(&unit, layout)) {
            return Self::ByProcess;
        }
        if found.contains(&Found::Unreadable) {
            return Self::Unknown;
        }
        match units.iter().find_map(Definition::starts) {
            Some(starts) => Self::No { starts },
            None => Self::Unknown,
        }
    }
}

/// Whether a process of the unit works in a release, or was started with a path below `current`.
fn works_in_a_release(unit: &Unit, layout: &Layout) -> bool {
    let mut folders = vec![layout.releases(), layout.current()];
    folders.extend(layout.releases().canonicalize().ok());
    let works = |pid| {
        let traces = Traces::of(pid);
        let is_below = |path: &PathBuf| folders.iter().any(|folder| path.starts_with(folder));
        traces.paths.iter().any(is_below)
    };
    unit.processes().into_iter().any(works)
}

/// The unit's own definition and, of a timer, socket or target, those of the units that it starts: as they are loaded or, if
/// a release changes them, as they will be.
pub(super) fn definitions(unit: UnitRef<'_>, staged: Option<&Staged>) -> Option<Vec<Definition>> {
    let first = Definition::of(unit, staged)?;
    let starts_others = first.starts().is_none();
    let mut all = vec![first];
    if starts_others {
        let others: Vec<String> = ["Triggers", "Wants", "Requires", "ConsistsOf"]
            .into_iter()
            .flat_map(|property| all[0].unit.get(property).split_whitespace())
            .filter(|name| name.ends_with(".service"))
            .take(MAX_UNITS)
            .map(str::to_owned)
            .collect();
        let of = |name: &String| Definition::of(UnitRef { name, ..unit }, staged);
        all.extend(others.iter().filter_map(of));
    }
    Some(all)
}

/// What a definition was found to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Leads,
    Elsewhere,
    /// A script or an environment file cannot be read.
    Unreadable,
}

/// What systemd reports of a unit's definition, or would report after the switch.
pub(super) struct Definition {
    pub(super) unit: Unit,
    /// The lines of its files, if a release changes them.
    pub(super) text: Option<String>,
}

impl Definition {
    fn of(unit: UnitRef<'_>, staged: Option<&Staged>) -> Option<Self> {
        match staged.and_then(|staged| staged.definition(unit)) {
            Some((unit, text)) => Some(Self {
                unit,
                text: Some(text),
            }),
            None => Self::show(unit),
        }
    }

    fn show(unit: UnitRef<'_>) -> Option<Self> {
        match quick(&mut systemd::show(unit, PROPERTIES), TIMEOUT) {
            Ok((Ending::Exit(0), output)) => Some(Self {
                unit: Unit::shown(&String::from_utf8_lossy(&output), unit.scope),
                text: None,
            }),
            _ => None,
        }
    }

    /// The program that it starts.
    fn starts(&self) -> Option<String> {
        self.unit
            .programs()
            .first()
            .map(|program| (*program).to_owned())
    }

    fn search(&self, current: &Current) -> Found {
        let mut search = Search {
            current,
            folder: self.folder(),
            home: home_of(self.unit.get("User")),
            files: VecDeque::new(),
            read: 0,
            names_target: false,
            names_current: false,
            unreadable: false,
        };
        let properties = PROPERTIES.split(',').skip(2);
        let definition = properties.take_while(|property| *property != "Triggers");
        let leads = |property| search.text(self.unit.all(property).as_bytes());
        if definition.into_iter().any(leads) || search.files() {
            return Found::Leads;
        }
        match search.unreadable {
            true => Found::Unreadable,
            false => Found::Elsewhere,
        }
    }

    /// The unit's folder; `~` is its user's home.
    fn folder(&self) -> PathBuf {
        let folder = self.unit.get("WorkingDirectory");
        let folder = folder.trim_start_matches(['-', '!']);
        match folder {
            "" => PathBuf::from("/"),
            "~" => home_of(self.unit.get("User")).unwrap_or_else(|| PathBuf::from("/")),
            folder => PathBuf::from(folder),
        }
    }
}

/// Searches texts for paths that lead to `current`.
struct Search<'a> {
    current: &'a Current,
    /// Relative paths begin here.
    folder: PathBuf,
    home: Option<PathBuf>,
    /// Files named by the texts: scripts and environment files.
    files: VecDeque<PathBuf>,
    read: usize,
    /// The target itself is named, as in `cd /opt/app` or `APP=/opt/app`.
    names_target: bool,
    /// `current` is named from there, as in `exec current/run` or `$APP/current`.
    names_current: bool,
    /// A file that was named cannot be read.
    unreadable: bool,
}

impl Search<'_> {
    /// Whether a path in the text leads to `current`. Remembers the others.
    fn text(&mut self, text: &[u8]) -> bool {
        for word in text.split(ends_word).filter(|word| !word.is_empty()) {
            let Some(path) = self.path(word) else {
                continue;
            };
            self.names_target |= self.current.is_in(&path);
            if self.current.is_on_the_way_of(&path) || self.names_target && self.names_current {
                return true;
            }
            if path.is_absolute() && !self.files.contains(&path) {
                self.files.push_back(path);
            }
        }
        false
    }

    /// Whether a script or an environment file that was named leads to `current`.
    fn files(&mut self) -> bool {
        while let Some(path) = self.files.pop_front() {
            if self.read >= MAX_FILES {
                return false;
            }
            match read_text(&path) {
                Ok(Some(text)) => {
                    self.read += 1;
                    // it may begin where it lies: `cd "$(dirname "$0")"`
                    self.names_target |= path.parent().is_some_and(|it| self.current.is_in(it));
                    if self.text(&without_comments(&text)) {
                        return true;
                    }
                }
                Ok(None) => {}
                Err(error) => self.unreadable |= error.kind() == ErrorKind::PermissionDenied,
            }
        }
        false
    }

    fn path(&mut self, word: &[u8]) -> Option<PathBuf> {
        let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
        for home in [&b"~/"[..], b"$HOME/", b"HOME}/"] {
            if let (Some(rest), Some(home)) = (word.strip_prefix(home), &self.home) {
                return Some(home.join(path(rest)));
            }
        }
        // `-C/opt/app`, and systemd's marks before a path
        let is_marked = word.starts_with(b"-") || word.starts_with(b"!");
        let slash = word.iter().position(|byte| *byte == b'/');
        let path = match slash.filter(|_| is_marked) {
            Some(at) => path(&word[at..]),
            None => path(word),
        };
        // what follows `$(dirname "$0")`
        self.names_current |= path.starts_with("/current");
        if path.is_absolute() {
            return Some(path);
        }
        let parts = path.components().filter(|part| *part != Component::CurDir);
        let mut parts = parts.map(|part| part.as_os_str().as_bytes());
        let first = parts.next()?;
        let is_variable = first.starts_with(b"$") || first.ends_with(b"}");
        let names_current = first == b"current" || is_variable && parts.next() == Some(b"current");
        self.names_current |= names_current;
        names_current.then(|| self.folder.join(path))
    }
}

/// The characters that end a path in a property, a shell script or an environment file.
fn ends_word(byte: &u8) -> bool {
    byte.is_ascii_whitespace() || byte.is_ascii_control() || b"\"'`=:;,|&<>(){[]".contains(byte)
}

/// The text of a script or an environment file, if it is one.
fn read_text(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let found = fs::metadata(path)?;
    if !found.is_file() || found.len() > MAX_SCRIPT {
        return Ok(None);
    }
    let mut text = Vec::new();
    let file = fs::File::open(path)?;
    file.take(MAX_SCRIPT).read_to_end(&mut text)?;
    // a program is no text
    Ok((!text.contains(&0)).then_some(text))
}

fn without_comments(text: &[u8]) -> Vec<u8> {
    let is_code = |line: &&[u8]| !line.trim_ascii_start().starts_with(b"#");
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(is_code).collect();
    lines.join(&b'\n')
}

/// Whether the restart command seems to keep the unit's process: it reloads or sends a signal, and starts nothing.
pub(super) fn is_reload(restart: &Restart) -> bool {
    let Restart::Commands(script) = restart else {
        return false;
    };
    let is_any = |words: &[&str], of: &[&str]| words.iter().any(|word| of.contains(word));
    let mut reloads = false;
    for command in script.split(['\n', ';', '&', '|']) {
        let ends_word = |c: char| c.is_whitespace() || "/\"'()`".contains(c);
        let words: Vec<&str> = command.split(ends_word).collect();
        if is_any(&words, &["restart", "start", "try-restart"]) {
            return false;
        }
        reloads |=
            is_any(&words, &RELOADS) || is_any(&words, &KILLS) && sends_gentle_signal(&words);
    }
    reloads
}

const RELOADS: [&str; 5] = [
    "reload",
    "reload-or-restart",
    "try-reload-or-restart",
    "force-reload",
    "graceful",
];
const KILLS: [&str; 3] = ["kill", "pkill", "killall"];
/// What servers reload for.
const GENTLE: [&str; 7] = ["HUP", "USR1", "USR2", "WINCH", "1", "10", "12"];

fn sends_gentle_signal(words: &[&str]) -> bool {
    let is_gentle = |text: &str| GENTLE.contains(&text.trim_start_matches("SIG"));
    let by_option = |word: &&str| {
        let option = word.trim_start_matches("--signal=");
        let option = option.trim_start_matches("-s").trim_start_matches('-');
        word.starts_with('-') && is_gentle(option)
    };
    let after_option = |pair: &[&str]| ["-s", "--signal"].contains(&pair[0]) && is_gentle(pair[1]);
    words.iter().any(by_option) || words.windows(2).any(after_option)
}

/// Whether the deploy user cannot look at the unit's processes.
fn is_hidden(unit: &Unit) -> bool {
    let own = rustix::process::geteuid();
    let user = unit.get("User");
    let is_own = user == own.as_raw().to_string() || Some(user) == login_name().as_deref();
    !own.is_root() && !is_own
}

#[cfg(test)]
mod tests;
