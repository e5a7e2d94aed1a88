//! What to do by hand after a failed rollback.

use super::steps::{on_server, steps, Hint};
use super::unit;
use crate::protocol::Verdict;
use crate::report::place::{shell, Place};
use crate::text::Prose;

/// Where the documents explain it.
const MORE: &str =
    "https://github.com/diting/deploy-action/blob/main/docs/troubleshooting.md#on-the-server";

/// Makes the rollback target live, with the ids and names of this server.
pub(super) fn by_hand(verdict: Option<&Verdict>, place: &Place) -> Hint {
    let now = Prose::of("now, on {} as {}: ", [&place.host, &place.user]);
    let link = verdict.and_then(|verdict| current(verdict, place));
    let restart = place.restart();
    let text = now.and(match restart.is_empty() {
        true => "point current to the old release:",
        false => "point current to the old release, restart the service, and see whether it runs:",
    });
    let reload = match (place.unit_files, place.user.as_str()) {
        (false, _) => None,
        (true, "root") => Some(place.own("systemctl daemon-reload")),
        (true, _) => Some(place.own("sudo -n systemctl daemon-reload")),
    };
    let mut commands: Vec<String> = link.into_iter().chain(reload).chain(restart).collect();
    if place.service.is_none() {
        return steps(text, &commands).then(more(place));
    }
    commands.extend(place.of_units("systemctl status"));
    let failed = verdict.and_then(|verdict| verdict.rollback.as_ref());
    let failed = failed.map(|failure| place.about(failure));
    let failed = failed.filter(|it| it.service.is_some());
    steps(text, &commands)
        .then(on_server(
            "its log",
            unit::log(failed.as_ref().unwrap_or(place)),
        ))
        .then(more(place))
}

fn more(place: &Place) -> Hint {
    let copies = match place.unit_files {
        true => "to put back unit files that are copies, ",
        false => "",
    };
    Prose::from(copies)
        .and("to check its health, or to roll back further: ")
        .and(Prose::link("commands for the server", MORE))
        .into()
}

fn current(verdict: &Verdict, place: &Place) -> Option<String> {
    let link = shell(&format!("releases/{}", verdict.previous.as_ref()?));
    let target = shell(&place.target);
    Some(format!(
        "cd {target} && ln -sfn {link} current.new && mv -T current.new current"
    ))
}
