//! Service, target and restart, which depend on each other.

use crate::protocol::{Restart, Target};
use crate::settings::input::{Definition, Fallback, Input};
use crate::settings::model::{Command, Surroundings};
use crate::settings::problem::Invalid;
use crate::settings::reader::{Found, Reader};
use crate::settings::staging::scripts;
use crate::settings::values::service::{self, Service};
use crate::settings::values::target;

pub(super) static INPUTS: [&Input; 3] = [&SERVICE.input, &TARGET.input, &RESTART.input];

pub(super) static SERVICE: Definition<Service> = Definition::optional(
    "service",
    "systemd unit, used exactly as written. `none`: no systemd; `restart` and `target` are then required.",
    service::parse,
)
.or(Fallback::Words("the repository's name"));

pub(super) static TARGET: Definition<Target> =
    Definition::optional("target", "Folder on the server.", target::parse)
        .or(Fallback::Derived("/opt/<service>"));

pub(super) static RESTART: Definition<Restart> = Definition::optional(
    "restart",
    "Command that restarts the service. `none`: nothing is restarted and no unit is checked (static files); `service` \
     then only gives the default target.",
    restart,
)
.or(Fallback::Derived("sudo -n systemctl restart <service>"))
.lines()
.only(&[Command::Deploy, Command::Rollback]);

fn restart(text: &str) -> Result<Restart, Invalid> {
    match text {
        "none" => Ok(Restart::Nothing),
        _ => scripts::script(text, &["none"]).map(Restart::Commands),
    }
}

/// Service and target: each may replace the other in some cases.
pub(super) fn place(
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
    if !is_used && matches!(service, Some(Service::Unit(_))) {
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

/// The unit, by default the repository's name; none is needed if it is `dispensable`.
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
        .map(Service::Unit)
}
