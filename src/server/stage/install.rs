//! Runs the install and before-switch commands in the release.

use crate::protocol::{Ending, Install, Reason, Secret, What};
use crate::server::channel::events::Events;
use crate::server::exec::shell::{self, Script};
use crate::server::limits::Limits;
use std::path::PathBuf;

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
