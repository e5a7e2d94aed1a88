//! Reads the log of one invocation of a unit, never an earlier one's. An empty log does not prove health: a
//! user without the right to read the journal gets an empty one and exit code 0.

use super::fields;
use super::invocation::{FailedStart, Invocation, PreviousInvocation};
use super::output::{last_lines, last_lines_within};
use super::status;
use crate::protocol::{Scope, UnitRef, UnreadLog};
use crate::server::exec::process::command;
use crate::server::exec::recent::MAX_LINES;
use crate::server::exec::user::user;
use crate::server::unit::systemd::{self, is_root, Unit};
use serde::Deserialize;
use serde_json::Value;
use std::process::Command;
use std::time::Duration;

/// For one command while a rollback waits, and how many of the last lines are read then.
const QUICK_TIMEOUT: Duration = Duration::from_secs(1);
const QUICK_LINES: usize = 500;
/// How many lines `systemctl status` shows.
pub(super) const STATUS_LINES: usize = 10;

/// The last lines of a log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LogLines {
    pub(in crate::server::unit) lines: Vec<Vec<u8>>,
    /// Why part of the log or all of it could not be read.
    pub(super) unread: Option<UnreadLog>,
}

/// The last lines of the invocation's log.
pub(super) fn read(invocation: &Invocation<'_>) -> LogLines {
    if invocation.id.is_empty() {
        return nothing(UnreadLog::NoInvocation);
    }
    let unread = other_output(invocation.unit);
    match last_lines(&mut journal(invocation, MAX_LINES)) {
        Some(lines) if !lines.is_empty() => LogLines { lines, unread },
        _ => {
            let read = by_status(invocation);
            LogLines {
                unread: read.unread.or(unread),
                ..read
            }
        }
    }
}

/// Removes the lines that processes of the previous invocation logged. Returns whether there were any.
pub(super) fn remove_previous(lines: &mut Vec<Vec<u8>>, invocation: &Invocation<'_>) -> bool {
    let Some(PreviousInvocation {
        processes: processes @ [_, ..],
        ..
    }) = invocation.previous
    else {
        return false;
    };
    let mut journal = journal_of_processes(invocation, MAX_LINES);
    journal.args(processes.iter().map(|pid| format!("_PID={pid}")));
    let before = lines.len();
    for logged in last_lines(&mut journal).unwrap_or_default() {
        // once each: the new invocation may have logged the same line
        if let Some(at) = lines.iter().position(|line| *line == logged) {
            lines.remove(at);
        }
    }
    lines.len() < before
}

/// The application's own last lines since a failed start, if they can be read quickly. They are not selected by the
/// current invocation, because systemd may have started the unit once more since then.
pub(super) fn quickly(failed: &FailedStart<'_>) -> Option<Vec<Vec<u8>>> {
    let output = last_lines_within(&mut journal_since(failed), QUICK_TIMEOUT).unwrap_or_default();
    let lines = own_lines(&output, failed.previous);
    if !lines.is_empty() {
        return Some(lines);
    }
    // systemctl shows the lines since the unit's last start, which must be a new one
    let previous = failed.previous?;
    let own = |process: &str| !process.starts_with("systemd[") && !status::is_of(previous, process);
    let output = last_lines_within(&mut status::status(failed.unit), QUICK_TIMEOUT)?;
    let lines = status::messages(&output, own);
    Unit::show_within(failed.unit, QUICK_TIMEOUT)
        .is_ok_and(|unit| unit.invocation() != previous.id)
        .then_some(lines)
}

/// What systemd logged about a failed start, if that can be read quickly.
pub(super) fn of_systemd(failed: &FailedStart<'_>) -> Vec<Vec<u8>> {
    let mut journal = command("journalctl");
    journal.args([
        "-q",
        "--no-pager",
        "-o",
        "cat",
        "-n",
        &QUICK_LINES.to_string(),
    ]);
    journal.arg(format!("--since={}", timestamp(failed.since)));
    let unit = unit_name(failed.unit);
    journal.args(fields::about_unit(failed.unit.scope, &unit));
    let in_journal = last_lines_within(&mut journal, QUICK_TIMEOUT).unwrap_or_default();
    let lines = if in_journal.is_empty() {
        let output = last_lines_within(&mut status::status(failed.unit), QUICK_TIMEOUT);
        status::messages(&output.unwrap_or_default(), |process| {
            process.starts_with("systemd[")
        })
    } else {
        in_journal
    };
    let name = format!("{unit}: ");
    let without_name = |line: Vec<u8>| {
        line.strip_prefix(name.as_bytes())
            .map_or(line.clone(), <[u8]>::to_vec)
    };
    lines.into_iter().map(without_name).collect()
}

/// The name of a unit in the journal.
fn unit_name(unit: UnitRef<'_>) -> String {
    let shown = Unit::show_within(unit, QUICK_TIMEOUT).unwrap_or_default();
    shown.full_name(unit.name)
}

fn journal_since(failed: &FailedStart<'_>) -> Command {
    let name = unit_name(failed.unit);
    let mut journal = command("journalctl");
    journal.args([
        "-q",
        "--no-pager",
        "--all",
        "-o",
        "json",
        "-n",
        &QUICK_LINES.to_string(),
    ]);
    journal.arg("--output-fields=MESSAGE,_SYSTEMD_INVOCATION_ID,_PID");
    journal.arg(format!("--since={}", timestamp(failed.since)));
    journal.args(fields::of_unit(failed.unit.scope, &name));
    journal
}

/// A journal entry in JSON. A message that is not plain text is an array of bytes.
#[derive(Deserialize)]
struct JournalEntry {
    #[serde(rename = "MESSAGE")]
    message: Value,
    #[serde(rename = "_SYSTEMD_INVOCATION_ID", default)]
    invocation: String,
    #[serde(rename = "_PID", default)]
    process: String,
}

impl JournalEntry {
    fn is_of(&self, previous: PreviousInvocation<'_>) -> bool {
        self.invocation == previous.id
            || self
                .process
                .parse()
                .is_ok_and(|pid| previous.processes.contains(&pid))
    }
}

fn own_lines(output: &[Vec<u8>], previous: Option<PreviousInvocation<'_>>) -> Vec<Vec<u8>> {
    let entries = output
        .iter()
        .filter_map(|line| serde_json::from_slice::<JournalEntry>(line).ok());
    let own = entries.filter(|entry| !previous.is_some_and(|previous| entry.is_of(previous)));
    let messages = own.map(|entry| match entry.message {
        Value::String(text) => text.into_bytes(),
        Value::Array(bytes) => bytes
            .iter()
            .filter_map(Value::as_u64)
            .filter_map(|byte| u8::try_from(byte).ok())
            .collect(),
        _ => Vec::new(),
    });
    messages
        .flat_map(|text| {
            text.split(|byte| *byte == b'\n')
                .map(<[u8]>::to_vec)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// In the format of `--since`.
pub(super) fn timestamp(since: Duration) -> String {
    format!("@{}.{:03}", since.as_secs(), since.subsec_millis())
}

/// The invocation's journal: the lines of its processes and, if the user may read them, systemd's about it.
pub(in crate::server::unit) fn journal(invocation: &Invocation<'_>, lines: usize) -> Command {
    let mut journal = journal_of_processes(invocation, lines);
    journal.arg("+");
    journal.args(fields::about_invocation(
        invocation.unit.scope,
        invocation.id,
    ));
    journal
}

fn journal_of_processes(invocation: &Invocation<'_>, lines: usize) -> Command {
    let mut journal = command("journalctl");
    journal.args(["-q", "--no-pager", "-o", "cat", "-n", &lines.to_string()]);
    if let Some(since) = invocation.since {
        journal.arg(format!("--since={}", timestamp(since)));
    }
    let unit = unit_name(invocation.unit);
    journal.args(fields::of_invocation(
        invocation.unit.scope,
        &unit,
        invocation.id,
    ));
    journal
}

/// Whether the user may read the journal: what systemd itself logged is in it on every server.
fn reads_journal(scope: Scope) -> bool {
    let mut journal = command("journalctl");
    journal.args(["-q", "--no-pager", "-o", "cat", "-n", "1"]);
    journal.args(fields::of_systemd(scope));
    if scope == Scope::User {
        // an older journal may be all that it may read
        journal.arg("-b");
    }
    last_lines(&mut journal).is_some_and(|lines| !lines.is_empty())
}

fn by_status(invocation: &Invocation<'_>) -> LogLines {
    let Invocation {
        unit,
        id,
        since,
        previous,
    } = invocation;
    if since.is_some() && reads_journal(unit.scope) {
        // nothing was logged since the reload
        return LogLines::default();
    }
    if since.is_some() {
        // systemctl shows times, but only to the second and in the server's time zone
        return nothing(UnreadLog::NothingSinceReload { user: user() });
    }
    let output = last_lines(&mut status::status(*unit)).unwrap_or_default();
    let lines = status::messages(&output, |process| {
        !previous.is_some_and(|previous| status::is_of(previous, process))
    });
    // systemctl shows no invocation: the lines belong to this one only if it is still the current one
    let same = !lines.is_empty() && Unit::show(*unit).is_ok_and(|shown| shown.invocation() == *id);
    if !same {
        let (service, user) = (unit.name.to_owned(), user());
        return nothing(match unit.scope {
            Scope::User => UnreadLog::NothingOfOwnUnit { service, user },
            Scope::System => UnreadLog::Nothing {
                service,
                user,
                sudo: !is_root(),
            },
        });
    }
    let part = || UnreadLog::OnlyLast {
        lines: u32::try_from(STATUS_LINES).unwrap_or(u32::MAX),
        user: user(),
    };
    LogLines {
        unread: (lines.len() >= STATUS_LINES).then(part),
        lines,
    }
}

fn nothing(why: UnreadLog) -> LogLines {
    LogLines {
        lines: Vec::new(),
        unread: Some(why),
    }
}

/// Where the unit logs to, if not to the journal.
fn other_output(unit: UnitRef<'_>) -> Option<UnreadLog> {
    not_journal(&outputs(unit)?).map(UnreadLog::Elsewhere)
}

/// The file that the unit logs to, if it does not log to the journal.
pub(in crate::server::unit) fn log_file(unit: UnitRef<'_>) -> Option<String> {
    let output = not_journal(&outputs(unit)?)?;
    let (_, path) = output.split_once(':')?;
    path.starts_with('/').then(|| path.to_owned())
}

fn outputs(unit: UnitRef<'_>) -> Option<Unit> {
    let mut show = systemd::show(unit, "StandardOutput,StandardError");
    let mut shown = last_lines(&mut show)?;
    if shown.iter().any(|line| is_without_path(line)) {
        // systemctl shows the path of such a file in no property
        shown.extend(
            last_lines(&mut systemd::cat(unit))
                .unwrap_or_default()
                .into_iter()
                .filter(|line| {
                    let text = String::from_utf8_lossy(line);
                    let value = text
                        .strip_prefix("StandardOutput=")
                        .or(text.strip_prefix("StandardError="));
                    value.is_some_and(|value| value.contains(":/"))
                }),
        );
    }
    let output = String::from_utf8_lossy(&shown.join(&b'\n')).into_owned();
    Some(Unit::parse(&with_specifiers(&output, unit.name)))
}

fn is_without_path(line: &[u8]) -> bool {
    ["=file", "=append", "=truncate"]
        .iter()
        .any(|end| line.ends_with(end.as_bytes()))
}

/// The most common specifiers of unit files.
fn with_specifiers(text: &str, service: &str) -> String {
    let name = service.strip_suffix(".service").unwrap_or(service);
    text.replace("%n", &format!("{name}.service"))
        .replace("%N", name)
        .replace("%p", name)
}

fn not_journal(unit: &Unit) -> Option<String> {
    let output = unit.get("StandardOutput");
    let errors = match unit.get("StandardError") {
        "inherit" => output,
        other => other,
    };
    let is = |to: &str, kinds: &[&str]| kinds.iter().any(|kind| to.starts_with(kind));
    let files = ["file", "append", "truncate"];
    if is(errors, &files) || is(errors, &["null", "tty", "fd"]) {
        return Some(errors.to_owned());
    }
    // the errors go to the journal, but what else it logs does not
    is(output, &files).then(|| output.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Vec<u8>> {
        text.lines().map(|line| line.as_bytes().to_vec()).collect()
    }

    #[test]
    fn lines_of_the_previous_invocation_are_left_out() {
        let entries = r#"
            {"MESSAGE":"KeyboardInterrupt","_SYSTEMD_INVOCATION_ID":"old","_PID":"11"}
            {"MESSAGE":"last words","_SYSTEMD_INVOCATION_ID":"new","_PID":"12"}
            {"MESSAGE":"two\nlines","_SYSTEMD_INVOCATION_ID":"new"}
            {"MESSAGE":[27,91,255],"_SYSTEMD_INVOCATION_ID":"next"}
            {"MESSAGE":null,"_SYSTEMD_INVOCATION_ID":"next"}
            {"_SYSTEMD_INVOCATION_ID":"next"}
            no entry"#;
        let own = |previous| own_lines(&lines(entries), previous);
        let new = [&b"two"[..], b"lines", b"\x1b[\xff", b""].map(<[u8]>::to_vec);
        assert_eq!(
            own(Some(PreviousInvocation {
                id: "old",
                processes: &[12]
            })),
            new
        );
        assert_eq!(own(None)[2..], new);
    }

    #[test]
    fn a_unit_that_does_not_log_to_the_journal_is_recognised() {
        let unit = |output: &str, error: &str| {
            not_journal(&Unit::parse(&format!(
                "StandardOutput={output}\nStandardError={error}"
            )))
        };
        assert_eq!(unit("journal", "inherit"), None);
        assert_eq!(unit("null", "journal"), None);
        assert_eq!(not_journal(&Unit::parse("")), None);
        assert_eq!(
            unit("append:/var/log/diting.log", "inherit"),
            Some("append:/var/log/diting.log".to_owned())
        );
        assert_eq!(
            unit("append:/var/log/diting.log", "journal"),
            Some("append:/var/log/diting.log".to_owned())
        );
        assert!(unit("journal", "null").is_some());
        // the later of two lines counts
        let shown =
            "StandardOutput=append\nStandardError=inherit\nStandardOutput=append:/var/log/%N.log";
        let shown = with_specifiers(shown, "diting.service");
        assert_eq!(
            not_journal(&Unit::parse(&shown)),
            Some("append:/var/log/diting.log".to_owned())
        );
        assert!(
            is_without_path(b"StandardError=append") && !is_without_path(b"StandardError=journal")
        );
    }
}
