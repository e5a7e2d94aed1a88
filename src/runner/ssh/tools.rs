//! OpenSSH's programs, and how they are started.

use crate::protocol::{RunError, ToolError};
use rustix::fs::{access, Access};
use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// What a child of ours may see of our environment.
const PASSED_ON: [&str; 3] = ["PATH", "HOME", "LANG"];

/// Checks that all `programs` are there before anything is begun.
///
/// # Errors
/// The first that is missing.
pub(super) fn require(programs: &[&str]) -> Result<(), RunError> {
    let path = env::var_os("PATH").unwrap_or_default();
    match programs
        .iter()
        .find(|program| find(program, &path).is_none())
    {
        None => Ok(()),
        Some(program) => Err(RunError::Tool {
            program: (*program).to_owned(),
            error: ToolError::NotFound,
        }),
    }
}

fn find(program: &str, path: &OsStr) -> Option<PathBuf> {
    env::split_paths(path)
        .map(|folder| folder.join(program))
        .find(|file| executable(file))
}

fn executable(file: &Path) -> bool {
    file.is_file() && access(file, Access::EXEC_OK).is_ok()
}

/// A command that sees nothing of our environment but what it needs, and does not outlive our interest in it.
pub(super) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(passed_on()).kill_on_drop(true);
    command
}

fn passed_on() -> impl Iterator<Item = (&'static str, OsString)> {
    PASSED_ON
        .into_iter()
        .filter_map(|name| env::var_os(name).map(|value| (name, value)))
}

pub(super) fn unusable(program: &str, error: ToolError) -> RunError {
    RunError::Tool {
        program: program.to_owned(),
        error,
    }
}

/// The system cannot start it, or not communicate with it.
pub(super) fn failed(program: &str, error: &io::Error) -> RunError {
    let error = error.to_string();
    unusable(program, ToolError::Io { error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named() {
        assert_eq!(require(&["sh"]), Ok(()));
        let Err(RunError::Tool { program, .. }) = require(&["sh", "no-such-program"]) else {
            panic!("found")
        };
        assert_eq!(program, "no-such-program");
    }

    #[test]
    fn a_file_that_cannot_be_run_is_no_program() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ssh"), "").unwrap();
        assert_eq!(find("ssh", folder.path().as_os_str()), None);
    }

    #[tokio::test]
    async fn children_see_only_what_they_need() {
        let output = command("env").output().await.unwrap();
        let seen = String::from_utf8(output.stdout).unwrap();
        for line in seen.lines() {
            let name = line.split('=').next().unwrap();
            assert!(PASSED_ON.contains(&name), "{name}");
        }
    }
}
