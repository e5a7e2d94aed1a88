//! Looks at the unit: what it starts, or why that cannot be started.

use super::environment::{own, Own};
use super::obstacles;
use super::places::marked::{Marked, Which};
use super::service::{self, unreadable, Service};
use super::sockets;
use super::suggestion::Suggestion;
use crate::protocol::{
    Plan, SmokeTest, SmokeTestObstacle, SmokeTestProblem, Task, UnitFile, UnitKind, Units,
};
use crate::server::store::layout::Layout;
use crate::server::unit::definition::current::Current;
use crate::server::unit::files::full_name;
use crate::server::unit::files::lines::Lines;
use crate::server::unit::files::staged::{has_files_of, Staged};
use crate::server::unit::files::words::ExecCommand;
use std::path::PathBuf;

/// What keeps the unit's program from being started, as far as it is known before the upload. `files`: the unit files of the
/// release; what they change is known after the upload only.
pub(in crate::server::smoke_test) fn check(
    layout: &Layout,
    plan: &Plan,
    files: &[UnitFile],
) -> Option<SmokeTestProblem> {
    if plan.task != Task::Deploy || plan.staging.smoke_test != Some(SmokeTest::Auto) {
        return None;
    }
    let first = full_name(plan.units.first()?.name);
    if has_files_of(files, &first) {
        return None;
    }
    let health = plan.verification.health.as_ref();
    let look = Look {
        units: &plan.units,
        port: health.map(|health| health.url.port),
        staged: &Staged::nothing(layout),
        current: &Current::of(layout),
        release: None,
    };
    let is_changed = |service: &Service| {
        let sockets = service.sockets.iter().map(|it| it.name.as_str());
        let mut names = sockets.chain([service.lines.name.as_str()]);
        names.any(|name| has_files_of(files, name))
    };
    match look.service() {
        // the check of the units says so
        Ok(None) => None,
        Ok(Some(service)) if is_changed(&service) => None,
        Ok(Some(service)) => look.find(service).err(),
        Err(problem) => Some(problem),
    }
}

/// A look at the unit, before or after the upload.
pub(super) struct Look<'a> {
    pub(super) units: &'a Units,
    /// That of the health check.
    pub(super) port: Option<u16>,
    pub(super) staged: &'a Staged,
    pub(super) current: &'a Current,
    /// Its folder, once it is there.
    pub(super) release: Option<PathBuf>,
}

/// What can be started.
pub(super) struct Found {
    pub(super) service: Service,
    pub(super) command: ExecCommand,
    pub(super) own: Own,
    pub(super) which: Which,
    pub(super) sockets: Vec<String>,
}

impl Look<'_> {
    pub(super) fn service(&self) -> Result<Option<Service>, SmokeTestProblem> {
        service::find(self.staged, self.units).map_err(|obstacle| self.problem(obstacle, None))
    }

    pub(super) fn find(&self, service: Service) -> Result<Found, SmokeTestProblem> {
        let lines = &service.lines;
        let command = obstacles::command(lines)
            .map_err(|(obstacle, command)| self.problem(obstacle, command.map(|it| (lines, it))))?;
        let problem = |obstacle| self.problem(obstacle, Some((lines, command.clone())));
        let port = self.port;
        let sockets = sockets::names(&service.sockets, port).map_err(problem)?;
        let own = own(lines, self.current, self.release.as_deref());
        if let Some((path, error)) = &own.unreadable {
            return Err(problem(unreadable(path, error)));
        }
        let which = self
            .which(&command, &own, !sockets.is_empty())
            .map_err(problem)?;
        Ok(Found {
            command,
            own,
            which,
            sockets,
            service,
        })
    }

    /// Which places of the number become the port of the trial.
    fn which(
        &self,
        command: &ExecCommand,
        own: &Own,
        has_sockets: bool,
    ) -> Result<Which, SmokeTestObstacle> {
        let Some(port) = self.port else {
            return Ok(Which::All);
        };
        let words = words(command, &str::to_owned, Some(port));
        let variables = own.variables.0.iter();
        let variables: Vec<(&String, Marked)> = variables
            .map(|(name, value)| (name, variable(name, value, Some(port))))
            // what a file of the release says may count instead
            .filter(|_| !own.comes)
            .collect();
        let all = words.iter().chain(variables.iter().map(|(_, value)| value));
        let count: usize = all.map(|it| it.ports.len()).sum();
        let unsure = |it: &&Marked| it.unsure().next().is_some();
        let mut places: Vec<String> = words.iter().flat_map(Marked::unsure).collect();
        let in_variables = variables.iter().filter(|(_, value)| unsure(&value));
        places.extend(in_variables.map(|(name, _)| format!("the variable {name}")));
        places.dedup();
        match (count, has_sockets) {
            (0, false) if !own.comes => Err(SmokeTestObstacle::NoPort { port }),
            (0 | 1, _) => Ok(Which::All),
            _ if places.is_empty() => Ok(Which::All),
            (_, true) => Ok(Which::Sure),
            _ => Err(SmokeTestObstacle::AmbiguousPort { port, places }),
        }
    }

    pub(super) fn problem(
        &self,
        error: SmokeTestObstacle,
        command: Option<(&Lines, ExecCommand)>,
    ) -> SmokeTestProblem {
        let first = self.units.first();
        let configured = first.map_or("", |first| first.name);
        let is_service = first.is_some_and(|first| first.kind() == UnitKind::Service);
        let service = match &command {
            Some((lines, _)) if !is_service => lines.name.clone(),
            _ => configured.to_owned(),
        };
        let text = command.map(|(lines, command)| {
            let suggestion = Suggestion {
                command: &command,
                folder: &lines.get("WorkingDirectory"),
                current: self.current,
                port: self.port,
                lacks_port: matches!(error, SmokeTestObstacle::NoPort { .. }),
            };
            suggestion.text()
        });
        SmokeTestProblem {
            service,
            error,
            command: text.unwrap_or_default(),
        }
    }
}
/// The arguments after the program's name.
pub(super) fn words(
    command: &ExecCommand,
    placed: &dyn Fn(&str) -> String,
    port: Option<u16>,
) -> Vec<Marked> {
    let mut before = String::new();
    let mut all = Vec::new();
    for argument in command.arguments.iter().skip(1) {
        all.push(Marked::new(&before, &placed(argument), port));
        before = format!("{argument} ");
    }
    all
}

pub(super) fn variable(name: &str, value: &str, port: Option<u16>) -> Marked {
    Marked::new(&format!("{name}="), value, port)
}
