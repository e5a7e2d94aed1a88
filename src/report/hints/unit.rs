use super::steps;
use crate::protocol::Ending;
use crate::report::place::{shell, Place};
use crate::text::excerpt::excerpt;

/// How to see what the unit does.
pub(super) fn look(place: &Place) -> String {
    steps("on the server:", &commands(place))
}

pub(super) fn commands(place: &Place) -> [String; 2] {
    let unit = place.unit();
    [
        format!("systemctl status {unit}"),
        format!("sudo journalctl -u {unit} -n 50 --no-pager"),
    ]
}

/// How to see what must be so for systemd to start it.
pub(super) fn conditions(place: &Place) -> [String; 2] {
    let unit = place.unit();
    [
        format!("systemctl cat {unit}"),
        format!("systemctl status {unit}"),
    ]
}

/// What to do about a unit that systemd can't use.
pub(super) fn unusable(service: &str, state: &str) -> String {
    let name = shell(service);
    match excerpt(state).as_str() {
        "masked" => steps("on the server's console:", &[format!("sudo systemctl unmask {name}")]),
        "not-found" => steps(
            "is the input service the unit's name? The server knows these; a new unit file needs a daemon-reload:",
            &["systemctl list-unit-files --type=service".to_owned(), "sudo systemctl daemon-reload".to_owned()],
        ),
        _ => steps(
            "the unit's file has a mistake; on the server:",
            &[format!("systemctl cat {name}"), format!("sudo systemd-analyze verify {name}")],
        ),
    }
}

/// What to do about a process that ended by itself, by systemd's words for it.
pub(super) fn crashed(result: &str, place: &Place) -> String {
    let cat = [format!("systemctl cat {}", place.unit())];
    let text = match end_of(result) {
        (_, Some(203)) => {
            "203/EXEC: the program of ExecStart cannot be run; compare its path, and a script's first line:"
        }
        (_, Some(200)) => "200/CHDIR: the unit's WorkingDirectory is not in the new release; compare:",
        (_, Some(217)) => "217/USER: the unit's User does not exist on the server; compare:",
        (true, Some(9)) | (_, Some(137)) => return out_of_memory(),
        _ => return in_its_log(place),
    };
    steps(text, &cat)
}

/// Whether a signal ended it, and the number of signal or exit status: the last one in systemd's words.
fn end_of(result: &str) -> (bool, Option<u32>) {
    let number = result
        .rsplit(|c: char| !c.is_ascii_digit())
        .find(|digits| !digits.is_empty());
    (
        result.contains("signal") || result.contains("oom-kill"),
        number.and_then(|digits| digits.parse().ok()),
    )
}

fn in_its_log(place: &Place) -> String {
    let text = "its log says why; most often an import error, a missing dependency or a missing configuration file:";
    steps(text, &commands(place))
}

/// What to do about a restart command that failed.
pub(super) fn restart(ending: Ending, place: &Place) -> String {
    match ending {
        Ending::OutOfTime => steps(
            "the unit stops or starts too slowly; does the old process react to SIGTERM? On the server:",
            &commands(place),
        ),
        Ending::Exit(_) | Ending::Signal(_) => look(place),
    }
}

pub(super) fn start_limit(place: &Place) -> String {
    let unit = place.unit();
    steps(
        "it crashed too often; first find out why, then let systemd forget it:",
        &[
            format!("sudo journalctl -u {unit} -n 50 --no-pager"),
            format!("sudo systemctl reset-failed {unit} && sudo systemctl restart {unit}"),
        ],
    )
}

pub(super) fn out_of_memory() -> String {
    steps(
        "most likely the server ran out of memory; on the server:",
        &[
            "sudo dmesg -T | grep -iE 'oom|out of memory'".to_owned(),
            "free -h".to_owned(),
        ],
    )
}
