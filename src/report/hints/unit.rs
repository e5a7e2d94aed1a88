//! Hints for a unit that does not run.

use super::steps::{steps, Hint};
use crate::protocol::{Ending, ProcessEnd};
use crate::report::place::{shell, Place};
use crate::text::excerpt::excerpt;

/// How to see the state of the unit.
pub(super) fn look(place: &Place) -> Hint {
    steps("on the server:", &commands(place))
}

pub(super) fn commands(place: &Place) -> [String; 2] {
    let unit = place.unit();
    [
        format!("systemctl status {unit}"),
        format!("sudo journalctl -u {unit} -n 50 --no-pager"),
    ]
}

/// How to see its conditions.
pub(super) fn conditions(place: &Place) -> [String; 2] {
    let unit = place.unit();
    [
        format!("systemctl cat {unit}"),
        format!("systemctl status {unit}"),
    ]
}

/// What to do about a unit that systemd cannot use.
pub(super) fn unusable(service: &str, state: &str) -> Hint {
    let name = shell(service);
    match excerpt(state).as_str() {
        "masked" => steps("on the server's console:", &[format!("sudo systemctl unmask {name}")]),
        "not-found" => steps(
            "is the input service the unit's name? The server has these units; a new unit file needs a daemon-reload:",
            &["systemctl list-unit-files --type=service".to_owned(), "sudo systemctl daemon-reload".to_owned()],
        ),
        _ => steps(
            "the unit file has an error; on the server:",
            &[format!("systemctl cat {name}"), format!("sudo systemd-analyze verify {name}")],
        ),
    }
}

/// What to do about a process that ended; the numbers are systemd's.
pub(super) fn ended(end: &ProcessEnd, place: &Place) -> Hint {
    let text = match end {
        ProcessEnd::Exited { status: 203, .. } => {
            "203/EXEC: the program of ExecStart cannot be run; compare its path, and the first line of a script:"
        }
        ProcessEnd::Exited { status: 200, .. } => {
            "200/CHDIR: the unit's WorkingDirectory is not in the new release; compare:"
        }
        ProcessEnd::Exited { status: 217, .. } => {
            "217/USER: the unit's User does not exist on the server; compare:"
        }
        ProcessEnd::Exited { status: 137, .. } | ProcessEnd::Killed { signal: 9, .. } => {
            return out_of_memory();
        }
        ProcessEnd::Exited { result, .. } if result == "oom-kill" => return out_of_memory(),
        ProcessEnd::Exited { .. }
        | ProcessEnd::Killed { .. }
        | ProcessEnd::StartLimit
        | ProcessEnd::Other(_) => return in_its_log(place),
    };
    steps(text, &[format!("systemctl cat {}", place.unit())])
}

pub(super) fn in_its_log(place: &Place) -> Hint {
    let text = "its log shows why; most often an import error, a missing dependency or a missing configuration file:";
    steps(text, &commands(place))
}

/// What to do about a restart command that failed.
pub(super) fn restart(ending: Ending, place: &Place) -> Hint {
    match ending {
        Ending::OutOfTime => steps(
            "the unit stops or starts too slowly; does the old process react to SIGTERM? On the server:",
            &commands(place),
        ),
        Ending::Exit(_) | Ending::Signal(_) => look(place),
    }
}

pub(super) fn start_limit(place: &Place) -> Hint {
    let unit = place.unit();
    steps(
        "it crashed too often; first find out why, then reset systemd's counter:",
        &[
            format!("sudo journalctl -u {unit} -n 50 --no-pager"),
            format!("sudo systemctl reset-failed {unit} && sudo systemctl restart {unit}"),
        ],
    )
}

pub(super) fn out_of_memory() -> Hint {
    steps(
        "most likely the server ran out of memory; on the server:",
        &[
            "sudo dmesg -T | grep -iE 'oom|out of memory'".to_owned(),
            "free -h".to_owned(),
        ],
    )
}
