//! Finds and starts OpenSSH's programs.

use crate::protocol::{RunError, ToolError};
use rustix::fs::{access, Access};
use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// The only environment variables that child processes get.
const PASSED_ON: [&str; 3] = ["PATH", "HOME", "LANG"];

/// Checks that all `programs` are installed.
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
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    file.is_file() && access(file, Access::EXEC_OK).is_ok()
}

/// A command with a minimal environment. Its process is killed when the handle is dropped.
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

/// The system cannot start the program or cannot communicate with it.
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
    fn a_file_that_is_not_executable_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ssh"), "").unwrap();
        assert_eq!(find("ssh", folder.path().as_os_str()), None);
    }

    #[tokio::test]
    async fn child_processes_get_only_the_variables_they_need() {
        let output = command("env").output().await.unwrap();
        let seen = String::from_utf8(output.stdout).unwrap();
        for line in seen.lines() {
            let name = line.split('=').next().unwrap();
            assert!(PASSED_ON.contains(&name), "{name}");
        }
    }
}
