//! What is started.

use super::environment::Environment;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A program with all that it gets. It travels over a pipe, because its environment has secrets.
#[derive(Serialize, Deserialize)]
pub(super) struct Start {
    /// An absolute path, or a name on the search path of its own environment.
    pub(super) program: String,
    /// What the program is called instead, if it is (`@` before a path in a unit file).
    pub(super) name: Option<String>,
    pub(super) arguments: Vec<String>,
    pub(super) folder: PathBuf,
    /// All of it: nothing is inherited.
    pub(super) environment: Vec<(String, String)>,
    /// The names (`FileDescriptorName=`) of the sockets that it gets from file descriptor 3 on, each listening on `$PORT`;
    /// empty: it listens by itself.
    pub(super) sockets: Vec<String>,
}

impl Start {
    /// Commands of the user's own, in the release. `variables`: those of the unit.
    pub(super) fn of_commands(
        script: &str,
        folder: PathBuf,
        variables: &[(String, String)],
    ) -> Self {
        Self {
            program: "sh".to_owned(),
            name: None,
            // they may begin with `-`
            arguments: vec!["-c".to_owned(), format!("set -eu\n{script}")],
            folder,
            environment: Environment::of_commands().with(variables).into_variables(),
            sockets: Vec::new(),
        }
    }
}
