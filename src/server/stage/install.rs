//! Runs the install and before-switch commands in the release, and checks the programs that the unit starts.

use crate::protocol::{Ending, Install, ProgramError, Reason, ReleaseId, Secret, What};
use crate::server::channel::events::Events;
use crate::server::exec::process;
use crate::server::exec::shell::{self, Script};
use crate::server::limits::Limits;
use crate::server::store::layout::Layout;
use crate::server::unit::systemd::Unit;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// By default uv shares files between releases through its cache.
const ENVIRONMENT: [(&str, &str); 2] = [("UV_LINK_MODE", "copy"), ("UV_NO_PROGRESS", "1")];

/// Runs the user's commands in a release that is not sealed yet.
pub(super) struct Shell<'a> {
    folder: PathBuf,
    environment: Vec<(&'a str, &'a str)>,
    limits: Limits,
}

impl<'a> Shell<'a> {
    /// `env` is added to the commands' environment, never to a command line, which every user of the server can read.
    pub(super) fn new(folder: PathBuf, env: &'a [(String, Secret)], limits: &Limits) -> Self {
        let unset = |(name, _): &(&str, &str)| std::env::var_os(name).is_none();
        let env = env
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose()));
        // of two values the later one counts
        let environment = ENVIRONMENT.into_iter().filter(unset).chain(env).collect();
        Self {
            folder,
            environment,
            limits: limits.clone(),
        }
    }

    /// Runs the install step.
    pub(super) fn install(&self, install: &Install, events: &mut dyn Events) -> Result<(), Reason> {
        match install {
            Install::Nothing => Ok(()),
            Install::Uv => self.run("uv sync --frozen", events),
            Install::Commands(script) => self.run(script, events),
        }
    }

    /// Runs a script and reports its output line by line.
    pub(super) fn run(&self, script: &str, events: &mut dyn Events) -> Result<(), Reason> {
        let stop = || self.limits.check().is_err();
        let script = Script {
            text: script,
            folder: &self.folder,
            environment: &self.environment,
        };
        let done = shell::run(&script, stop, |line| events.emit(What::Output(line)));
        match done {
            // a script that was stopped did not fail by itself: a limit was reached
            Err(
                reason @ Reason::Command {
                    ending: Ending::OutOfTime,
                    ..
                },
            ) if !self.limits.disconnected() => Err(reason),
            Err(reason) => self.limits.check().and(Err(reason)),
            Ok(()) => Ok(()),
        }
    }
}

/// Checks that every program of `ExecStart` below `current` can be run in the release.
pub(in crate::server) fn check_programs(
    layout: &Layout,
    release: &ReleaseId,
    unit: Option<&Unit>,
) -> Result<(), Reason> {
    for program in unit.map(Unit::programs).unwrap_or_default() {
        if let Ok(inside) = Path::new(program).strip_prefix(layout.current()) {
            let file = layout.release(release).join(inside);
            if let Some(error) = unusable(&file) {
                return Err(Reason::Program {
                    program: program.to_owned(),
                    error,
                });
            }
        }
    }
    Ok(())
}

fn unusable(file: &Path) -> Option<ProgramError> {
    match fs::metadata(file) {
        Err(error) => return Some(ProgramError::Other(error.to_string())),
        Ok(found) if !found.is_file() => return Some(ProgramError::NotFile),
        Ok(_) if !process::is_program(file) => return Some(ProgramError::NotExecutable),
        Ok(_) => {}
    }
    let interpreter = interpreter_of(file)?;
    (!process::is_program(&interpreter))
        .then(|| ProgramError::Interpreter(interpreter.display().to_string()))
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
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_program_needs_its_interpreter_and_the_right_to_execute() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("uvicorn");
        assert!(unusable(&file).is_some());
        fs::write(&file, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(unusable(&file), Some(ProgramError::NotExecutable));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(unusable(&file), None);
        fs::write(&file, "#!/nowhere/python -sE\n").unwrap();
        assert_eq!(
            unusable(&file),
            Some(ProgramError::Interpreter("/nowhere/python".to_owned()))
        );
    }
}
