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
    let mut commands: Vec<String> = link.into_iter().chain(restart).collect();
    if place.service.is_none() {
        return steps(text, &commands).then(more());
    }
    commands.extend(place.of_unit("systemctl status"));
    steps(text, &commands)
        .then(on_server("its log", unit::log(place)))
        .then(more())
}

fn more() -> Hint {
    Prose::from("to check its health, or to roll back further: ")
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
