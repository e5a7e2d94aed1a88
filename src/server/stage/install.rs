//! Runs the install and before-switch commands in the release.

use crate::protocol::{Ending, Install, Reason, ReleaseId, Secret, Step};
use crate::server::channel::events::Events;
use crate::server::channel::output::Output;
use crate::server::exec::shell::{self, Script};
use crate::server::limits::Limits;
use crate::server::store::layout::Layout;

/// Runs the user's commands in a release that is not sealed yet.
pub(super) struct Shell<'a> {
    layout: &'a Layout,
    release: &'a ReleaseId,
    environment: Vec<(&'a str, &'a str)>,
    limits: Limits,
}

impl<'a> Shell<'a> {
    /// `env` is added to the commands' environment, never to a command line, which every user of the server can read.
    pub(super) fn new(
        layout: &'a Layout,
        release: &'a ReleaseId,
        env: &'a [(String, Secret)],
        limits: &Limits,
    ) -> Self {
        let env = env
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose()));
        // of two values the later one counts
        let environment = shell::environment().chain(env).collect();
        Self {
            layout,
            release,
            environment,
            limits: limits.clone(),
        }
    }

    /// Runs the install step.
    pub(super) fn install(&self, install: &Install, events: &mut dyn Events) -> Result<(), Reason> {
        match install {
            Install::Nothing => Ok(()),
            Install::Uv => self.run("uv sync --frozen", Step::Install, events),
            Install::Commands(script) => self.run(script, Step::Install, events),
        }
    }

    /// Runs the script of a step and reports its output.
    pub(super) fn run(
        &self,
        script: &str,
        step: Step,
        events: &mut dyn Events,
    ) -> Result<(), Reason> {
        let stop = || self.limits.check().is_err();
        let script = Script {
            text: script,
            folder: &self.layout.release(self.release),
            environment: &self.environment,
        };
        let mut output = Output::new(events, self.layout.output(self.release, step));
        let done = shell::run(&script, stop, |line| output.line(line));
        output.finish();
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
