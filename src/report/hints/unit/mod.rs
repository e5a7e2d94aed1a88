//! Hints for a unit that does not run.

pub(super) mod file;

use super::cause;
use super::steps::{on_server, steps, Hint};
use crate::protocol::{Ending, LogPlace, ProcessEnd, Scope, Trouble};
use crate::report::place::{shell, Place};
use crate::text::amounts::utc;
use crate::text::excerpt::excerpt;
use crate::text::Prose;

/// How to see the state of the unit; of a start that failed and is over, its log.
pub(super) fn look(place: &Place) -> Hint {
    look_at("on the server", place)
}

/// The same after other words.
pub(super) fn look_at(words: &'static str, place: &Place) -> Hint {
    let mut commands = place.of_unit("systemctl status");
    commands.retain(|_| place.start.is_none() || place.about_now);
    commands.extend(log(place));
    on_server(words, commands).then(log_elsewhere(place))
}

/// Where the log is, if that is a file which only the server has named.
fn log_elsewhere(place: &Place) -> Hint {
    match place.start.as_ref().map(|start| &start.log) {
        Some(LogPlace::File { path, .. }) if place.log_path(path).is_none() => {
            Prose::of("its log is in the file {}", [&excerpt(path)]).into()
        }
        _ => Hint::default(),
    }
}

/// The log of the start that failed, whatever was started since; else that of the unit. Where the log of a service without a
/// unit is, nobody knows.
pub(super) fn log(place: &Place) -> Option<String> {
    let unit = place.unit();
    let Some(start) = &place.start else {
        let journal = place.own("sudo journalctl");
        return Some(format!("{journal} -u {} -n 50 --no-pager", unit?));
    };
    let is_own = place.scope == Scope::User;
    let sudo = match &start.log {
        LogPlace::File { path, readable } => {
            let sudo = if *readable { "" } else { "sudo " };
            let path = place.log_path(path)?;
            return Some(format!("{sudo}tail -n 50 {path}"));
        }
        LogPlace::Journal => "sudo ",
        LogPlace::ReadableJournal => "",
    };
    // root reads the lines of the user's units in the journal of the system
    let (journal, unit) = match (is_own, sudo) {
        (true, "") => ("journalctl --user", unit.map(|it| format!("-u {it}"))),
        (true, _) => ("sudo journalctl", place.service.as_deref().map(of_user)),
        (false, "") => ("journalctl", unit.map(|it| format!("-u {it}"))),
        (false, _) => ("sudo journalctl", unit.map(|it| format!("-u {it}"))),
    };
    Some(match &start.invocation {
        _ if place.about_now => format!("{journal} {} -n 50 --no-pager", unit?),
        Some(id) if is_id(id) => {
            let manager = match is_own {
                true => format!("USER_INVOCATION_ID={id}"),
                false => format!("INVOCATION_ID={id} _UID=0"),
            };
            format!("{journal} --no-pager _SYSTEMD_INVOCATION_ID={id} + {manager}")
        }
        _ => {
            let (since, until) = (utc(start.since), utc(start.until.saturating_add(1)));
            format!(
                "{journal} --no-pager {} --since '{since}' --until '{until}'",
                unit?
            )
        }
    })
}

/// What selects the lines of a unit of the deploy user in the journal of the system.
fn of_user(unit: &str) -> String {
    let suffixes = [".service", ".timer", ".socket", ".path"];
    let is_full = suffixes.iter().any(|it| unit.ends_with(it));
    let unit = shell(&format!("{unit}{}", if is_full { "" } else { suffixes[0] }));
    format!("_SYSTEMD_USER_UNIT={unit} + USER_UNIT={unit}")
}

fn is_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn definition(place: &Place) -> Vec<String> {
    place.of_unit("systemctl cat")
}

/// How to see its conditions.
pub(super) fn conditions(place: &Place) -> Vec<String> {
    let mut commands = definition(place);
    commands.extend(place.of_unit("systemctl status"));
    commands
}

/// What to do about a unit that systemd cannot use.
pub(super) fn unusable(state: &str, place: &Place) -> Hint {
    match excerpt(state).as_str() {
        "masked" => on_server("unmask it; on the server", place.of_unit("sudo systemctl unmask")),
        "not-found" => on_server(
            "is the input service the unit's name? The server has these units; a new unit file needs a daemon-reload",
            ["systemctl list-unit-files --type=service", "sudo systemctl daemon-reload"].map(|it| place.own(it)),
        ),
        _ => on_server(
            "the unit file has an error; on the server",
            ["systemctl cat", "sudo systemd-analyze verify"].map(|it| place.of_unit(it)).concat(),
        ),
    }
}

/// What to do about a process that ended; the numbers are systemd's.
pub(super) fn ended(end: &ProcessEnd, log_line: Option<&str>, place: &Place) -> Hint {
    let (ProcessEnd::Exited { result, .. } | ProcessEnd::Killed { result, .. }) = end else {
        return in_its_log(log_line, place);
    };
    match (result.as_str(), end) {
        ("oom-kill", _) => {
            out_of_memory("the kernel ended it because memory ran out; on the server")
        }
        ("watchdog", _) => look_at(
            "systemd ended it because it did not report within WatchdogSec; its log",
            place,
        ),
        ("timeout", _) => never_ready(NeverReady::TimedOut, place),
        ("protocol", _) => never_ready(NeverReady::Ended, place),
        (_, ProcessEnd::Killed { signal: 9, .. } | ProcessEnd::Exited { status: 137, .. }) => {
            out_of_memory("most likely the server ran out of memory; on the server")
        }
        (_, ProcessEnd::Exited { status, .. }) => match by_systemd(*status) {
            Some(text) => steps(text, &definition(place)),
            None => exited(*status, log_line, place),
        },
        _ => in_its_log(log_line, place),
    }
}

/// The statuses with which systemd reports that it could not start the program:
/// <https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html>.
fn by_systemd(status: i32) -> Option<&'static str> {
    Some(match status {
        200 => "200/CHDIR: the unit's WorkingDirectory is not in the new release, or its User may not enter it; compare:",
        203 => "203/EXEC: the program of ExecStart cannot be run; compare its path, and the first line of a script:",
        209 => "209/STDOUT: the file of the unit's StandardOutput cannot be written; compare:",
        216 => "216/GROUP: the unit's Group does not exist on the server; compare:",
        217 => "217/USER: the unit's User does not exist on the server; compare:",
        222 => "222/STDERR: the file of the unit's StandardError cannot be written; compare:",
        226 => "226/NAMESPACE: a path of the unit, as in ReadWritePaths or BindPaths, is not there; compare:",
        233 => "233: the unit's RuntimeDirectory cannot be created; compare:",
        238 => "238: the unit's StateDirectory cannot be created; compare:",
        239 => "239: the unit's CacheDirectory cannot be created; compare:",
        240 => "240: the unit's LogsDirectory cannot be created; compare:",
        _ => return None,
    })
}

fn exited(status: i32, log_line: Option<&str>, place: &Place) -> Hint {
    match (status, log_line.and_then(Trouble::in_line)) {
        (127, Some(Trouble::Missing(program))) => steps(
            Prose::of(
                "{} was not found in the PATH that the unit gives its processes; compare:",
                [&excerpt(program)],
            ),
            &definition(place),
        ),
        (127, _) => look_at(
            "a program was not found in the PATH that the unit gives its processes; its log",
            place,
        ),
        (126, _) => look_at(
            "a program of the unit cannot be executed: check its mode and its first line; its log",
            place,
        ),
        _ => in_its_log(log_line, place),
    }
}

/// What to do about a cause that its log shows, or about one that it may show.
pub(super) fn in_its_log(log_line: Option<&str>, place: &Place) -> Hint {
    let known = log_line.and_then(Trouble::in_line);
    match known.and_then(|it| trouble(&it, place)) {
        Some(hint) => hint,
        None if log_line.is_some() => {
            let change = log_line.and_then(cause::in_the_app).unwrap_or_default();
            change.then(look_at("more of its log", place))
        }
        None => look_at(
            "its log shows why; most often an import error, a missing dependency or a missing configuration file; on the server",
            place,
        ),
    }
}

fn compared(place: &Place, with: String) -> Vec<String> {
    let mut commands = definition(place);
    commands.push(with);
    commands
}

fn trouble(trouble: &Trouble, place: &Place) -> Option<Hint> {
    Some(match trouble {
        Trouble::AddressInUse => on_server(
            "another process listens on the app's port; find it on the server",
            ["sudo ss -tlnp".to_owned()],
        ),
        Trouble::Full => full(place),
        Trouble::OutOfMemory => out_of_memory("it needs more memory than there is; on the server"),
        Trouble::Denied => steps(
            "the unit's User lacks a permission; compare:",
            &compared(place, format!("ls -la {}", place.below("current/"))),
        ),
        Trouble::ReadOnly => steps(
            "the file system is read-only, by the unit (ProtectSystem, ReadOnlyPaths) or after an error of the disk; compare:",
            &compared(place, format!("findmnt -T {}", place.below("current"))),
        ),
        Trouble::Dns
        | Trouble::Missing(_)
        | Trouble::NotExecutable(_)
        | Trouble::LockFile
        | Trouble::Host => return None,
    })
}

/// What to do about a full disk.
pub(super) fn full(place: &Place) -> Hint {
    on_server(
        "free disk space on the server (inodes may be used up, too)",
        [
            format!("df -h {0} /tmp; df -i {0} /tmp", shell(&place.target)),
            format!("sudo du -xsh {} /var/log", place.below("releases")),
            "sudo journalctl --vacuum-time=7d".to_owned(),
        ],
    )
}

/// Why a start has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NeverReady {
    /// systemd gave up.
    TimedOut,
    /// The process ended before it was ready.
    Ended,
    /// It was still starting when the time limit of the health check was over.
    StillStarting,
}

/// What to do about a start that systemd gave up, or whose process ended without a report that systemd waits for.
pub(super) fn never_ready(why: NeverReady, place: &Place) -> Hint {
    let start = place.start.as_ref();
    let limit = start.map(|start| excerpt(&start.start_timeout));
    let limit = limit.filter(|limit| !limit.is_empty());
    let within = match (why, limit) {
        (NeverReady::StillStarting, _) => " in time".to_owned(),
        (_, Some(limit)) => format!(" within TimeoutStartSec ({limit})"),
        (_, None) => " within TimeoutStartSec".to_owned(),
    };
    let text = match (start.map(|start| start.unit_type.as_str()), why) {
        (Some("notify" | "notify-reload"), NeverReady::Ended) => Prose::from(
            "the unit has Type=notify, but its process ended without reporting READY=1: let the app call `sd_notify`, or set \
             Type=exec; compare:",
        ),
        (Some("notify" | "notify-reload"), _) => Prose::of(
            "the unit has Type=notify, but never reported READY=1{}: let the app call `sd_notify` (with \
             NotifyAccess=all if a child of it does), or set Type=exec; compare:",
            [&within],
        ),
        (Some("forking"), _) => Prose::of(
            "the unit has Type=forking, but its program did not go to the background{}: set Type=exec, or \
             let it write its PIDFile; compare:",
            [&within],
        ),
        (Some("dbus"), _) => Prose::of(
            "the unit has Type=dbus, but did not take its BusName{}; compare:",
            [&within],
        ),
        _ => Prose::of(
            "the unit was not ready{}: with Type=notify it must report READY=1 in that time; otherwise one \
             of its commands takes too long; compare:",
            [&within],
        ),
    };
    steps(text, &definition(place)).then(look_at("its log", place))
}

/// What to do about a restart command that failed.
pub(super) fn restart(
    ending: Ending,
    output: &[u8],
    log_line: Option<&str>,
    place: &Place,
) -> Hint {
    let output = String::from_utf8_lossy(output);
    if output.contains("a timeout was exceeded") {
        return never_ready(NeverReady::TimedOut, place);
    }
    if output.contains("did not take the steps required") {
        return never_ready(NeverReady::Ended, place);
    }
    match ending {
        Ending::OutOfTime => look_at(
            "the unit stops or starts too slowly; does the old process react to SIGTERM? On the server",
            place,
        ),
        Ending::Exit(_) | Ending::Signal(_) if log_line.is_some() => in_its_log(log_line, place),
        Ending::Exit(_) | Ending::Signal(_) => look(place),
    }
}

/// Whether an error says that nothing can be written at all.
pub(super) fn is_read_only(error: &str) -> bool {
    Trouble::in_line(error) == Some(Trouble::ReadOnly)
}

/// No right that anyone gives changes it.
pub(super) fn read_only(place: &Place) -> Hint {
    on_server(
        "the file system is read-only, often after an error of the disk; on the server",
        [
            format!("findmnt -T {}", shell(&place.target)),
            "sudo dmesg -T | tail -n 30".to_owned(),
        ],
    )
}

pub(super) fn start_limit(place: &Place) -> Hint {
    let systemctl = place.own("sudo systemctl");
    let reset = |unit| format!("{systemctl} reset-failed {unit} && {systemctl} restart {unit}");
    look_at("it crashed too often; first find out why", place).then(on_server(
        "then reset systemd's counter",
        place.unit().map(reset),
    ))
}

pub(super) fn out_of_memory(words: &'static str) -> Hint {
    on_server(
        words,
        [
            "free -h".to_owned(),
            "sudo dmesg -T | grep -iE 'oom|out of memory'".to_owned(),
        ],
    )
}
