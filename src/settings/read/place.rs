//! Service and target, which depend on each other and on what is restarted.

use crate::settings::commands::{Command, Restart};
use crate::settings::model::Surroundings;
use crate::settings::problem::Wrong;
use crate::settings::reader::{Found, Reader};
use crate::settings::service::{Service, UnitName};
use crate::settings::target::Target;

/// Service and target: each may stand in for the other in some cases.
pub(super) fn place(
    reader: &mut Reader<'_>,
    around: &Surroundings,
    command: Command,
    restart: Option<&Option<Restart>>,
) -> Option<(Service, Target)> {
    let target = reader.optional("target", Target::parse);
    let only_names_target =
        command == Command::Releases || matches!(restart, Some(Some(Restart::None)));
    let spare = only_names_target && !matches!(target, Some(None));
    let service = service(reader, around, spare);
    if service == Some(Service::None) && !spare {
        if matches!(restart, Some(None)) && command != Command::Releases {
            reader.problem(
                "restart",
                None,
                needed("Give the command that restarts the app, or `none`"),
            );
        }
        if matches!(target, Some(None)) {
            reader.problem(
                "target",
                None,
                needed("Give the folder on the server, as in /opt/diting"),
            );
            return None;
        }
    }
    match (service?, target?) {
        (service, Some(target)) => Some((service, target)),
        (service, None) => {
            let path = format!("/opt/{}", service.unit()?);
            Some((service, reader.check("target", &path, Target::parse)?))
        }
    }
}

fn needed(cure: &str) -> Wrong {
    Wrong::new("is required where `service` is `none`", cure)
}

/// The unit, by default the repository's name. `spare`: nothing needs it.
fn service(reader: &mut Reader<'_>, around: &Surroundings, spare: bool) -> Option<Service> {
    match reader.find("service") {
        Found::Text(text) => return reader.check("service", text, Service::parse),
        Found::Broken => return None,
        Found::Missing if spare => return Some(Service::None),
        Found::Missing => {}
    }
    let Some((_, name)) = around
        .repository
        .as_deref()
        .and_then(|repository| repository.split_once('/'))
    else {
        let wrong = Wrong::new(
            "is required outside of GitHub Actions",
            "Give the systemd unit, or `none` for no systemd",
        );
        reader.problem("service", None, wrong);
        return None;
    };
    // a repository that is called `none` does not mean that
    let unit =
        UnitName::parse(name).map_err(|wrong| wrong.at("the default, the repository's name,"));
    unit.map_err(|wrong| reader.problem("service", Some(name), wrong))
        .ok()
        .map(Service::Unit)
}
