//! The environment that systemd gives a service: systemd.exec(5), "Environment Variables in Spawned Processes".

use super::directories::directories;
use super::env_file::{self, is_name};
use super::variables::Variables;
use crate::protocol::{Ending, Scope};
use crate::server::exec::process::quick;
use crate::server::exec::user::{login, Login};
use crate::server::unit::definition::current::Current;
use crate::server::unit::files::lines::Lines;
use crate::server::unit::files::words::unquoted;
use crate::server::unit::needs::pattern::fits;
use crate::server::unit::systemd::systemctl;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(20);
/// Where systemd looks for programs, unless a unit says otherwise.
pub(super) const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Of an environment file, in bytes.
const MAX_FILE: u64 = 1 << 20;
/// Shells of accounts that cannot log in.
const NO_SHELLS: [&str; 4] = ["nologin", "false", "true", ""];

/// What all services of a systemd get, and what this one gets because of its settings.
pub(super) fn given(lines: &Lines) -> Variables {
    let mut all = of_manager(lines.scope);
    if all.get("PATH").is_none() {
        all.set("PATH", SEARCH_PATH);
    }
    if lines.scope == Scope::System && !lines.get("User").is_empty() {
        let account = login().into_iter().flat_map(of_account);
        account.for_each(|(name, value)| all.set(name, value));
    }
    let folders = lines.words("ExecSearchPath");
    if !folders.is_empty() {
        all.set("PATH", folders.join(":"));
    }
    for (name, value) in directories(lines, all.get("HOME")) {
        all.set(name, value);
    }
    all
}

fn of_account(Login { name, home, shell }: Login) -> Vec<(&'static str, String)> {
    let mut all = vec![("LOGNAME", name.clone()), ("USER", name)];
    if !["", "/"].contains(&home.as_str()) {
        all.push(("HOME", home));
    }
    if !NO_SHELLS.contains(&shell.rsplit('/').next().unwrap_or_default()) {
        all.push(("SHELL", shell));
    }
    all
}

/// What this systemd gives all its services.
fn of_manager(scope: Scope) -> Variables {
    let mut all = Variables::default();
    let mut show = systemctl(scope);
    show.arg("show-environment");
    if let Ok((Ending::Exit(0), output)) = quick(&mut show, TIMEOUT) {
        let output = String::from_utf8_lossy(&output).into_owned();
        for (name, value) in output.lines().filter_map(|line| line.split_once('=')) {
            all.set(name, unquoted(value));
        }
    }
    all
}

/// The variables that the unit's own settings say.
#[derive(Default)]
pub(super) struct Own {
    pub(super) variables: Variables,
    /// A file of which only systemd can read the content, or that is missing.
    pub(super) unreadable: Option<(PathBuf, io::Error)>,
    /// A file comes with the release, which is not there yet.
    pub(super) comes: bool,
}

/// `release`: its folder, once it is there.
pub(super) fn own(lines: &Lines, current: &Current, release: Option<&Path>) -> Own {
    let mut own = Own::default();
    for word in lines.words("Environment") {
        if let Some((name, value)) = word.split_once('=').filter(|(name, _)| is_name(name)) {
            own.variables.set(name, value);
        }
    }
    for value in lines.all("EnvironmentFile") {
        let path = lines.expand(value);
        let (path, optional) = match path.strip_prefix('-') {
            Some(path) => (Path::new(path), true),
            None => (Path::new(&path), false),
        };
        match (
            current.below(path, release.unwrap_or(Path::new("/"))),
            release,
        ) {
            (Some(_), None) => own.comes = true,
            (below, _) => own.read(&below.unwrap_or_else(|| path.to_owned()), optional),
        }
    }
    for what in lines.words("UnsetEnvironment") {
        own.variables.unset(&what);
    }
    own
}

impl Own {
    fn read(&mut self, path: &Path, optional: bool) {
        for path in fitting(path) {
            match text(&path) {
                Ok(text) => {
                    for (name, value) in env_file::parse(&text) {
                        self.variables.set(&name, value);
                    }
                }
                // it is there, and systemd reads it
                Err(error) if !optional || error.kind() == ErrorKind::PermissionDenied => {
                    self.unreadable.get_or_insert((path, error));
                }
                Err(_) => {}
            }
        }
    }
}

fn text(path: &Path) -> io::Result<String> {
    let mut text = Vec::new();
    let file = fs::File::open(path)?;
    file.take(MAX_FILE).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The files that a path with a pattern as its name stands for; itself, if there are none.
fn fitting(path: &Path) -> Vec<PathBuf> {
    let own = || vec![path.to_owned()];
    let (Some(folder), Some(pattern)) = (path.parent(), path.file_name()) else {
        return own();
    };
    if !pattern.as_bytes().iter().any(|byte| b"*?".contains(byte)) {
        return own();
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name());
    let names = names.filter(|name| fits(pattern.as_bytes(), name.as_bytes()));
    let mut all: Vec<PathBuf> = names.map(|name| folder.join(name)).collect();
    all.sort();
    if all.is_empty() {
        own()
    } else {
        all
    }
}
