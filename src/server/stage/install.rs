//! Runs install and before-switch in the release, and proves that the program which the unit starts is there.

use crate::protocol::{Ending, Install, Reason, ReleaseId, Secret, What};
use crate::server::channel::events::Events;
use crate::server::exec::{process, shell};
use crate::server::limits::Limits;
use crate::server::store::durable::Result;
use crate::server::store::layout::Layout;
use crate::server::unit::systemd::Unit;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// uv's default shares files between releases through its cache.
const ENVIRONMENT: [(&str, &str); 2] = [("UV_LINK_MODE", "copy"), ("UV_NO_PROGRESS", "1")];

/// The user's commands in a release that is not sealed yet.
pub(in crate::server) struct Shell<'a> {
    folder: PathBuf,
    environment: Vec<(&'a str, &'a str)>,
    limits: Limits,
}

impl<'a> Shell<'a> {
    /// With `wanted` in the commands' environment: never in a command line, which every user of the server may read.
    pub(in crate::server) fn new(
        folder: PathBuf,
        wanted: &'a [(String, Secret)],
        limits: &Limits,
    ) -> Self {
        let unset = |(name, _): &(&str, &str)| std::env::var_os(name).is_none();
        let wanted = wanted
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose()));
        // the later one counts
        let environment = ENVIRONMENT
            .into_iter()
            .filter(unset)
            .chain(wanted)
            .collect();
        Self {
            folder,
            environment,
            limits: limits.clone(),
        }
    }

    /// Runs install.
    pub(in crate::server) fn install(
        &self,
        install: &Install,
        events: &mut dyn Events,
    ) -> Result<()> {
        match install {
            Install::Nothing => Ok(()),
            Install::Uv => self.run("uv sync --frozen", events),
            Install::Commands(script) => self.run(script, events),
        }
    }

    /// Runs a script; its output is told line by line.
    pub(in crate::server) fn run(&self, script: &str, events: &mut dyn Events) -> Result<()> {
        let stop = || self.limits.check().is_err();
        let done = shell::run(script, &self.folder, &self.environment, stop, |line| {
            events.emit(What::Output(line))
        });
        match done {
            // the cause of the cause: whoever left, or the time that is up
            Err(
                reason @ Reason::Command {
                    ending: Ending::OutOfTime,
                    ..
                },
            ) if !self.limits.gone() => Err(reason),
            Err(reason) => self.limits.check().and(Err(reason)),
            Ok(()) => Ok(()),
        }
    }
}

/// Every program that `ExecStart` names below `current` must be usable in the new release.
pub(in crate::server) fn check_programs(
    layout: &Layout,
    release: ReleaseId,
    unit: &Unit,
) -> Result<()> {
    for program in unit.programs() {
        if let Ok(inside) = Path::new(program).strip_prefix(layout.current()) {
            let file = layout.release(release).join(inside);
            if let Some(problem) = problem_with(&file) {
                return Err(Reason::Program {
                    program: program.to_owned(),
                    problem,
                });
            }
        }
    }
    Ok(())
}

fn problem_with(file: &Path) -> Option<String> {
    match fs::metadata(file) {
        Err(error) => return Some(error.to_string()),
        Ok(found) if !found.is_file() => return Some("it is no file".to_owned()),
        Ok(_) if !process::is_program(file) => return Some("it is not executable".to_owned()),
        Ok(_) => {}
    }
    let interpreter = interpreter_of(file)?;
    (!process::is_program(&interpreter)).then(|| {
        format!(
            "its interpreter {} is not there or not executable",
            interpreter.display()
        )
    })
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
    fn a_program_needs_its_interpreter_and_its_x_bit() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("uvicorn");
        assert!(problem_with(&file).is_some());
        fs::write(&file, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(problem_with(&file).as_deref(), Some("it is not executable"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(problem_with(&file), None);
        fs::write(&file, "#!/nowhere/python -sE\n").unwrap();
        assert!(problem_with(&file).unwrap().contains("/nowhere/python"));
    }
}
