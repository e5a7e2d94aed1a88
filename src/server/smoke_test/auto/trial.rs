//! Puts together what is started.

use super::directories::{joined, runtime};
use super::environment::{given, own, SEARCH_PATH};
use super::look::{variable, words, Look};
use super::places::marked::{Marked, Which};
use super::service::Service;
use super::variables::Variables;
use crate::protocol::{ReleaseId, Scope, SmokeTestObstacle, SmokeTestProblem, Units};
use crate::server::exec::process::is_program;
use crate::server::exec::user::login;
use crate::server::smoke_test::start::Start;
use crate::server::store::layout::Layout;
use crate::server::unit::definition::current::{with_path_replaced, Current};
use crate::server::unit::files::lines::Lines;
use crate::server::unit::files::staged::Staged;
use crate::server::unit::files::words::ExecCommand;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// What is started of one release.
pub(in crate::server::smoke_test) struct Auto<'a> {
    pub(in crate::server::smoke_test) layout: &'a Layout,
    pub(in crate::server::smoke_test) units: &'a Units,
    /// The port of the health check.
    pub(in crate::server::smoke_test) health_port: Option<u16>,
    pub(in crate::server::smoke_test) release: &'a ReleaseId,
    /// What stands in its place.
    pub(in crate::server::smoke_test) port: u16,
}

impl Auto<'_> {
    /// The program of the first unit.
    ///
    /// # Errors
    /// It cannot be started beside the live one.
    pub(in crate::server::smoke_test) fn start(&self) -> Result<Start, SmokeTestProblem> {
        let (staged, current) = (self.staged(), Current::of(self.layout));
        let look = self.look(&staged, &current);
        let found = match look.service()? {
            Some(service) => look.find(service)?,
            None => return Err(look.problem(SmokeTestObstacle::Commands { count: 0 }, None)),
        };
        let lines = &found.service.lines;
        let places = self.places(lines, &current);
        let environment = self.filled(&places, lines, &found.own.variables, found.which);
        let word = |word: &Marked| word.replaced(found.which, self.port);
        let mut arguments = vec![places.placed(&found.command.arguments[0])];
        arguments.extend(self.marked(&places, &found.command).iter().map(word));
        if !found.command.prefixes.contains(':') {
            arguments = environment.expanded(&arguments);
        }
        let program = found_program(&places.placed(&found.command.program), lines);
        let name = (!arguments.is_empty()).then(|| arguments.remove(0));
        Ok(Start {
            name: name.filter(|name| *name != program),
            program,
            arguments,
            folder: folder(lines, &places),
            environment: environment.0,
            sockets: found.sockets,
        })
    }

    /// The environment of the first unit, for commands of the user's own, which find programs where all others do unless the
    /// unit says where. What cannot be read is left out, and so is any doubt: only what surely means the port becomes that of
    /// the trial.
    pub(in crate::server::smoke_test) fn environment(&self) -> Vec<(String, String)> {
        let (staged, current) = (self.staged(), Current::of(self.layout));
        let look = self.look(&staged, &current);
        let Ok(Some(Service { lines, .. })) = look.service() else {
            return Vec::new();
        };
        let places = self.places(&lines, &current);
        let own = own(&lines, &current, Some(&places.release)).variables;
        let mut all = self.filled(&places, &lines, &own, Which::Sure);
        if own.get("PATH").is_none() {
            all.unset("PATH");
        }
        all.0
    }

    fn staged(&self) -> Staged {
        Staged::of(self.layout, self.release, self.units)
    }

    fn folder(&self) -> PathBuf {
        let folder = self.layout.release(self.release);
        folder.canonicalize().unwrap_or(folder)
    }

    fn look<'a>(&'a self, staged: &'a Staged, current: &'a Current) -> Look<'a> {
        Look {
            units: self.units,
            port: self.health_port,
            staged,
            current,
            release: Some(self.folder()),
        }
    }

    fn places<'a>(&self, lines: &Lines, current: &'a Current) -> Places<'a> {
        Places {
            current,
            release: self.folder(),
            runtime: runtime(lines, &self.layout.smoke_test()),
        }
    }

    fn marked(&self, places: &Places<'_>, command: &ExecCommand) -> Vec<Marked> {
        words(command, &|text| places.placed(text), self.health_port)
    }

    /// What systemd gives the unit, with the unit's own variables as they are in the trial.
    fn filled(
        &self,
        places: &Places<'_>,
        lines: &Lines,
        own: &Variables,
        which: Which,
    ) -> Variables {
        let mut all = given(lines);
        if let Some(folders) = places.create_runtime() {
            all.set("RUNTIME_DIRECTORY", folders);
        }
        for (name, value) in &own.0 {
            let value = variable(name, &places.placed(value), self.health_port);
            all.set(name, value.replaced(which, self.port));
        }
        for what in lines.words("UnsetEnvironment") {
            all.unset(&what);
        }
        all
    }
}

/// Where the unit's paths lead in the trial.
struct Places<'a> {
    current: &'a Current,
    release: PathBuf,
    /// The runtime folders of the live unit, and those of the trial.
    runtime: Vec<(PathBuf, PathBuf)>,
}

impl Places<'_> {
    fn placed(&self, text: &str) -> String {
        let mut placed = self.current.replaced(text, &self.release);
        for (of_live, own) in &self.runtime {
            let (from, to) = (of_live.display().to_string(), own.display().to_string());
            placed = with_path_replaced(&placed, &from, &to);
        }
        if placed == text && text.starts_with('/') {
            let below = self.current.below(Path::new(text), &self.release);
            placed = below.map_or(placed, |below| below.display().to_string());
        }
        placed
    }

    /// Private folders in place of those that the live service uses.
    fn create_runtime(&self) -> Option<String> {
        let folders = || self.runtime.iter().map(|(_, own)| own.clone());
        for folder in folders() {
            drop(fs::remove_dir_all(&folder));
            // the program will say what it lacks
            drop(
                DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(&folder),
            );
        }
        (!self.runtime.is_empty()).then(|| joined(folders()))
    }
}

/// The path that systemd would start.
fn found_program(program: &str, lines: &Lines) -> String {
    if program.contains('/') {
        return program.to_owned();
    }
    let mut folders = lines.words("ExecSearchPath");
    if folders.is_empty() {
        folders = SEARCH_PATH.split(':').map(str::to_owned).collect();
    }
    let files = folders.iter().map(|folder| Path::new(folder).join(program));
    let found = files.into_iter().find(|file| is_program(file));
    found.map_or_else(|| program.to_owned(), |file| file.display().to_string())
}

fn folder(lines: &Lines, places: &Places<'_>) -> PathBuf {
    let value = lines.get("WorkingDirectory");
    let home = || login().map_or_else(|| PathBuf::from("/"), |login| PathBuf::from(login.home));
    let path = value.trim_start_matches('-');
    match path {
        "~" => home(),
        "" if lines.scope == Scope::User => home(),
        "" => PathBuf::from("/"),
        path => {
            let placed = PathBuf::from(places.placed(path));
            let may_lack = value.starts_with('-') && !placed.is_dir();
            if may_lack {
                PathBuf::from("/")
            } else {
                placed
            }
        }
    }
}
