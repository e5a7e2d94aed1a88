//! In which order units are restarted by systemctl, and which of them.

use crate::protocol::{Notice, UnitKind};
use crate::server::unit::known_unit::KnownUnit;
use crate::server::unit::systemd::Unit;

/// One command of systemctl.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) verb: &'static str,
    /// For this unit of the list.
    pub(super) at: usize,
    /// What the command interrupts.
    pub(super) notice: Option<Notice>,
}

/// The commands in the list's order: for every service and, of the other units, for those that are not active or whose file
/// has changed. systemd does not start a socket whose service runs, so that service is stopped around it.
pub(super) fn order(units: &[KnownUnit<'_>], shown: &[Unit], changed: &[String]) -> Vec<Command> {
    let is_service = |at: usize| units[at].name.kind() == UnitKind::Service;
    let full_name = |at: usize| shown[at].full_name(units[at].name.name);
    let is_needed = |at: usize| {
        let is_always = is_service(at) || units.len() == 1;
        let is_now = !shown[at].is_up() || changed.contains(&full_name(at));
        !units[at].is_done && (is_always || is_now)
    };
    let triggers = |socket: usize, service: usize| {
        let is_socket = units[socket].name.kind() == UnitKind::Socket;
        let mut triggered = shown[socket].get("Triggers").split_whitespace();
        is_socket && is_service(service) && triggered.any(|it| it == full_name(service))
    };
    let mut commands = Vec::new();
    let mut add = |verb, at, notice| commands.push(Command { verb, at, notice });
    for at in (0..units.len()).filter(|at| is_needed(*at)) {
        if (0..units.len()).any(|service| is_needed(service) && triggers(at, service)) {
            // with its service
            continue;
        }
        let sockets = (0..units.len()).filter(|it| is_needed(*it) && triggers(*it, at));
        let sockets: Vec<usize> = sockets.collect();
        let Some(socket) = sockets.first() else {
            add("restart", at, None);
            continue;
        };
        let notice = Notice::SocketRestart {
            socket: units[*socket].name.name.to_owned(),
            service: units[at].name.name.to_owned(),
        };
        add("stop", at, Some(notice));
        for socket in sockets {
            add("restart", socket, None);
        }
        add("start", at, None);
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Scope, UnitRef};

    const UP: &str = "ActiveState=active\nSubState=running";
    const NAMES: [&str; 5] = ["web.socket", "web", "worker", "dump.timer", "in.path"];

    fn units() -> Vec<(&'static str, String)> {
        let state = |name: &str| match name {
            "web.socket" => format!("{UP}\nId=web.socket\nTriggers=web.service"),
            "web" => format!("{UP}\nId=web.service"),
            name => format!("{UP}\nId={name}"),
        };
        NAMES.map(|name| (name, state(name))).to_vec()
    }

    fn commands(units: &[(&'static str, String)], changed: &[&str]) -> Vec<String> {
        let known: Vec<KnownUnit<'_>> = KnownUnit::all(units.iter().map(|(name, _)| UnitRef {
            name,
            scope: Scope::System,
        }));
        let shown: Vec<Unit> = units.iter().map(|(_, text)| Unit::parse(text)).collect();
        let changed: Vec<String> = changed.iter().map(|it| (*it).to_owned()).collect();
        let text = |it: Command| {
            let notice = it.notice.map_or("", |_| " (announced)");
            format!("{} {}{notice}", it.verb, known[it.at].name.name)
        };
        let commands = order(&known, &shown, &changed);
        commands.into_iter().map(text).collect()
    }

    #[test]
    fn only_services_are_restarted_every_time() {
        assert_eq!(commands(&units(), &[]), ["restart web", "restart worker"]);
        // alone, any unit is
        assert_eq!(commands(&units()[3..4], &[]), ["restart dump.timer"]);
    }

    #[test]
    fn a_unit_with_another_file_or_one_that_is_down_is_restarted_in_its_place() {
        let mut units = units();
        units[4].1 = "ActiveState=inactive\nSubState=dead\nId=in.path".to_owned();
        assert_eq!(
            commands(&units, &["dump.timer"]),
            [
                "restart web",
                "restart worker",
                "restart dump.timer",
                "restart in.path"
            ]
        );
    }

    #[test]
    fn a_service_is_stopped_while_its_socket_is_restarted() {
        let together = [
            "stop web (announced)",
            "restart web.socket",
            "start web",
            "restart worker",
        ];
        let mut units = units();
        assert_eq!(commands(&units, &["web.socket"]), together);
        units[0].1 = "ActiveState=failed\nId=web.socket\nTriggers=web.service".to_owned();
        assert_eq!(commands(&units, &[]), together);
        // of a service that is not in the list, nothing may be known
        assert_eq!(
            commands(&[units[0].clone(), units[2].clone()], &[]),
            ["restart web.socket", "restart worker"]
        );
    }
}
