//! Inputs as a person gives them, read as a whole.

mod commands;
mod commit;
mod generated_keys;
mod host;
mod jump;
mod key;
mod known_hosts;
mod secrecy;
mod smoke_test;
mod stage;
mod together;
mod units;

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{read, Environment, Flags, InputWarning, Settings, Surroundings, INPUTS};

pub(super) const KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACBub3QgYSByZWFsIGtleSwgb25seSBzaGFwZWQgbGlrZQAAAIgBAgMEAQID
BAAAAAtzc2gtZWQyNTUxOQAAACBub3QgYSByZWFsIGtleSwgb25seSBzaGFwZWQgbGlrZQ
AAAEBvbmUuIEl0IGhhcyBubyBzZWVkLCBubyBzaWduIGtleW5vdCBhIHJlYWwga2V5LCBv
bmx5IHNoYXBlZCBsaWtlAAAAAAECAwQF
-----END OPENSSH PRIVATE KEY-----
";

pub(super) const KNOWN: &str =
    "server.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJYtRl0pPvrV3iQK0m8Q2u1xZ4b7c9d0e1f2g3h4i5j6";

/// A checkout with a file, and inputs that are all right.
pub(in crate::settings) struct Inputs {
    folder: TempDir,
    given: Vec<(String, String)>,
    around: Surroundings,
}

impl Inputs {
    pub(in crate::settings) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("main.py"), "x").unwrap();
        let around = Surroundings {
            workspace: Some(folder.path().to_owned()),
            repository: Some("owner/diting".to_owned()),
            agent: false,
            on_actions: true,
            current_dir: folder.path().to_owned(),
            ..Surroundings::default()
        };
        Self {
            folder,
            given: Vec::new(),
            around,
        }
        .with("host", "server.example")
        .with("key", KEY)
        .with("known-hosts", KNOWN)
        .with("health-url", "http://localhost:8000/health")
        .with("github-token", "ghs_of-the-job")
    }

    pub(in crate::settings) fn with(mut self, name: &str, value: &str) -> Self {
        self.given.retain(|(other, _)| other != name);
        self.given.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(in crate::settings) fn without(self, name: &str) -> Self {
        self.with(name, "")
    }

    pub(in crate::settings) fn around(mut self, change: impl FnOnce(&mut Surroundings)) -> Self {
        change(&mut self.around);
        self
    }

    pub(in crate::settings) fn file(self, name: &str, text: &str) -> Self {
        fs::write(self.path().join(name), text).unwrap();
        self
    }

    pub(in crate::settings) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(in crate::settings) fn environment(&self) -> Environment {
        let variable = |(name, value): &(String, String)| -> (OsString, OsString) {
            (
                format!("INPUT_{}", name.to_uppercase().replace('-', "_")).into(),
                value.into(),
            )
        };
        Environment::from_variables(self.given.iter().map(variable), &INPUTS)
    }

    /// What is read, or the problems, one a line.
    pub(in crate::settings) fn read_with(
        &self,
        flags: &[&str],
    ) -> (Result<Settings, String>, Vec<InputWarning>) {
        let given = self.environment();
        let flags = Flags::parse(flags.iter().map(Into::into), &INPUTS).unwrap();
        let (result, warnings) = read(&given, &flags, &self.around);
        let lines = |problems: Vec<_>| {
            problems
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<String>>()
                .join("\n")
        };
        (result.map_err(lines), warnings)
    }

    pub(in crate::settings) fn settings(&self) -> Settings {
        self.read_with(&[]).0.unwrap()
    }

    pub(in crate::settings) fn problems(&self) -> String {
        self.read_with(&[]).0.unwrap_err()
    }

    /// The warnings, one a line.
    pub(in crate::settings) fn warnings(&self) -> String {
        self.read_with(&[])
            .1
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// The problem that each of these values of an input causes.
pub(super) fn problems_of(name: &str, values: &[&str]) -> String {
    let problems = values
        .iter()
        .map(|value| Inputs::new().with(name, value).problems());
    problems.collect::<Vec<_>>().join("\n")
}
