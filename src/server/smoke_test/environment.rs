//! What a process finds in its environment.

use super::subject::Trial;
use crate::server::exec::process::search_path;
use crate::server::exec::shell;
use crate::server::store::layout::Layout;

/// Whose smoke test a process is of: the target. The app can see by it that it is tried, and the next run finds what is left.
pub(super) const MARKER: &str = "DEPLOY_ACTION_SMOKE_TEST";
/// What is taken from the login.
const OF_LOGIN: [&str; 5] = ["HOME", "USER", "LOGNAME", "SHELL", "LANG"];

/// Of two values of a variable, the later one counts.
pub(super) struct Environment(Vec<(String, String)>);

impl Environment {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    /// What commands in a release find.
    pub(super) fn of_commands() -> Self {
        let mut environment = Self::new();
        environment.set("PATH", &search_path().to_string_lossy());
        for name in OF_LOGIN {
            if let Ok(value) = std::env::var(name) {
                environment.set(name, &value);
            }
        }
        environment.set("LC_ALL", "C.UTF-8");
        for (name, value) in shell::environment() {
            environment.set(name, value);
        }
        environment
    }

    pub(super) fn with(mut self, variables: &[(String, String)]) -> Self {
        for (name, value) in variables {
            self.set(name, value);
        }
        self
    }

    /// Adds the input `env`, and what no input may change.
    pub(super) fn of_trial(mut self, trial: &Trial<'_>, port: u16) -> Vec<(String, String)> {
        for (name, value) in &trial.plan.staging.env {
            self.set(name, value.expose());
        }
        self.set("PORT", &port.to_string());
        self.set("HOST", "127.0.0.1");
        let (name, target) = marker(trial.layout);
        self.set(name, &target);
        self.0
    }

    pub(super) fn into_variables(self) -> Vec<(String, String)> {
        self.0
    }

    fn set(&mut self, name: &str, value: &str) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value.to_owned()));
    }
}

/// The variable that marks the processes of this target.
pub(super) fn marker(layout: &Layout) -> (&'static str, String) {
    (MARKER, layout.target().display().to_string())
}
