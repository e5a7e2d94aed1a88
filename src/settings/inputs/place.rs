//! Service and what belongs to it: scope, unit files, target and restart, which depend on each other.

use crate::protocol::{Restart, Scope, Target};
use crate::settings::input::{Definition, Fallback, Input};
use crate::settings::model::{Command, Surroundings};
use crate::settings::problem::Invalid;
use crate::settings::reader::{Found, Reader};
use crate::settings::staging::{scripts, unit_files};
use crate::settings::values::service::{self, Service};
use crate::settings::values::target;
use crate::text::Prose;

const RESTARTING: &[Command] = &[Command::Deploy, Command::Rollback];

pub(super) static INPUTS: [&Input; 5] = [
    &SERVICE.input,
    &SCOPE.input,
    &UNITS.input,
    &TARGET.input,
    &RESTART.input,
];

pub(super) static SERVICE: Definition<Service> = Definition::optional(
    "service",
    "systemd units, one per line or separated by commas, used exactly as written: services, timers, sockets and paths. \
     All are verified. The first one is the service that answers the health check. `none`: no systemd; `restart` and \
     `target` are then required.",
    service::parse,
)
.or(Fallback::Words("the repository's name"))
.lines();

pub(super) static SCOPE: Definition<Scope> = Definition::with_default(
    "scope",
    "system",
    "Which systemd runs the units: `system`; `user`, the deploy user's own (`systemctl --user`), which needs no sudo.",
    service::scope,
)
.only(RESTARTING);

pub(super) static UNITS: Definition<Vec<String>> = Definition::optional(
    "units",
    "Unit files and drop-ins in the source that go live with the release and come back with a rollback: paths or patterns \
     as in `deploy/*.service`, one per line.",
    unit_files::parse,
)
.lines()
.only(RESTARTING);

pub(super) static TARGET: Definition<Target> =
    Definition::optional("target", "Folder on the server.", target::parse)
        .or(Fallback::Derived("/opt/<first unit>"));

pub(super) static RESTART: Definition<Restart> = Definition::optional(
    "restart",
    "Command that restarts the units. `none`: nothing is restarted and no unit is checked (static files); `service` \
     then only gives the default target.",
    restart,
)
.or(Fallback::Words(
    "`sudo -n systemctl restart <unit>` for each service",
))
.lines()
.only(RESTARTING);

/// What runs the app, and where it is.
pub(super) struct Where {
    pub(super) service: Service,
    pub(super) scope: Scope,
    pub(super) unit_files: Vec<String>,
    pub(super) target: Target,
}

fn restart(text: &str) -> Result<Restart, Invalid> {
    match text {
        "none" => Ok(Restart::Nothing),
        _ => scripts::script(text, &["none"]).map(Restart::Commands),
    }
}

/// The same, or `None` after a problem.
pub(super) struct Placed {
    pub(super) place: Option<Where>,
    /// Why no unit is restarted, if none is.
    pub(super) no_unit: Option<&'static str>,
}

/// All of it; `restart` was read before.
pub(super) fn place(
    reader: &mut Reader<'_>,
    around: &Surroundings,
    command: Command,
    restart: Option<&Option<Restart>>,
) -> Placed {
    let place = service_and_target(reader, around, command, restart);
    let scope = reader.with_default(&SCOPE);
    let unit_files = reader.optional(&UNITS);
    let no_unit = match (&place, restart) {
        (_, Some(Some(Restart::Nothing))) => Some("restart is none"),
        (Some((Service::None, _)), _) => Some("service is none"),
        _ => None,
    };
    if let Some(because) = no_unit {
        if reader.is_given(&SCOPE.input) {
            reader.no_effect(&SCOPE.input, because);
        }
        if matches!(unit_files, Some(Some(_))) {
            let fix = "Leave it out, or name the units in `service` and let them be restarted";
            let invalid = Invalid::new(Prose::of("is given, but {}", [&because]), fix);
            reader.problem(&UNITS.input, None, invalid);
        }
    }
    let all = place.zip(scope).zip(unit_files);
    let place = all.map(|(((service, target), scope), unit_files)| Where {
        service,
        scope,
        unit_files: unit_files.unwrap_or_default(),
        target,
    });
    Placed { place, no_unit }
}

/// Service and target: each may replace the other in some cases.
pub(super) fn service_and_target(
    reader: &mut Reader<'_>,
    around: &Surroundings,
    command: Command,
    restart: Option<&Option<Restart>>,
) -> Option<(Service, Target)> {
    let target = reader.optional(&TARGET);
    let only_names_target =
        command == Command::Releases || matches!(restart, Some(Some(Restart::Nothing)));
    let dispensable = only_names_target && !matches!(target, Some(None));
    let service = service(reader, around, dispensable);
    let is_used = !dispensable || command == Command::Releases;
    if !is_used && matches!(service, Some(Service::Units(_))) {
        reader.no_effect(&SERVICE.input, "restart is none and target is given");
    }
    if service == Some(Service::None) && !dispensable {
        if matches!(restart, Some(None)) && command != Command::Releases {
            let fix = "Give the command that restarts the app, or `none`";
            reader.problem(&RESTART.input, None, needed(fix));
        }
        if matches!(target, Some(None)) {
            let fix = "Give the folder on the server, as in /opt/diting";
            reader.problem(&TARGET.input, None, needed(fix));
            return None;
        }
    }
    match (service?, target?) {
        (service, Some(target)) => Some((service, target)),
        (service, None) => {
            let path = format!("/opt/{}", service.unit()?);
            Some((service, reader.parse(&TARGET, &path)?))
        }
    }
}

fn needed(fix: &'static str) -> Invalid {
    Invalid::new("is required if `service` is `none`", fix)
}

/// The units, by default one with the repository's name; none is needed if it is `dispensable`.
fn service(reader: &mut Reader<'_>, around: &Surroundings, dispensable: bool) -> Option<Service> {
    match reader.find(&SERVICE.input) {
        Found::Text(text) => return reader.parse(&SERVICE, text),
        Found::Broken => return None,
        Found::Missing if dispensable => return Some(Service::None),
        Found::Missing => {}
    }
    let Some((_, name)) = around
        .repository
        .as_deref()
        .and_then(|repository| repository.split_once('/'))
    else {
        let fix = "Give the systemd unit, or `none` for no systemd";
        let invalid = Invalid::new("is required outside of GitHub Actions", fix);
        reader.problem(&SERVICE.input, None, invalid);
        return None;
    };
    // a repository called `none` is a unit's name
    let unit = service::unit_name(name).map_err(|it| it.at("the default, the repository's name,"));
    unit.map_err(|invalid| reader.problem(&SERVICE.input, Some(name), invalid))
        .ok()
        .map(|unit| Service::Units(vec![unit]))
}
