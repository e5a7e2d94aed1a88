//! The log of one start of a unit, never an earlier one's. That no line can be seen is no sign of health: who may not
//! read the journal gets an empty one and exit code 0.

use super::{Ended, Failed};
use crate::protocol::Ending;
use crate::server::exec::process;
use crate::server::exec::process::command;
use crate::server::exec::user::user;
use crate::server::unit::systemd::{is_root, privileged, Unit};
use serde::Deserialize;
use serde_json::Value;
use std::collections::VecDeque;
use std::process::Command;
use std::time::{Duration, Instant};

/// How much of the end is looked at.
const LINES: usize = 2000;
const BYTES: usize = 1 << 20;
/// For one command; they answer in milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same while the old release is to come back, and how much of the end is looked at then.
const SOON: Duration = Duration::from_secs(1);
const LINES_SOON: usize = 500;
/// So many lines `systemctl status` shows.
const STATUS_LINES: usize = 10;

/// Whose log.
pub(in crate::server) struct Start<'a> {
    pub(in crate::server) service: &'a str,
    /// Which start.
    pub(in crate::server) invocation: &'a str,
    /// Where the unit goes on in the same invocation: from when on, since the epoch.
    pub(in crate::server) since: Option<Duration>,
    /// The one before it.
    pub(in crate::server) ended: Option<Ended<'a>>,
}

/// What was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::server) struct Read {
    pub(in crate::server) lines: Vec<Vec<u8>>,
    /// In words: what could not be read, so that nothing is known of it.
    pub(in crate::server) unread: Option<String>,
}

/// The last lines of the log.
pub(in crate::server) fn read(start: &Start<'_>) -> Read {
    if start.invocation.is_empty() {
        return nothing("systemd names no invocation of it");
    }
    let unread = elsewhere(start.service);
    match run(&mut journal(start, LINES)) {
        Some(lines) if !lines.is_empty() => Read { lines, unread },
        _ => {
            let read = by_status(start);
            Read {
                unread: read.unread.or(unread),
                ..read
            }
        }
    }
}

/// Takes away the lines that processes of the start before have said; whether there were any.
pub(in crate::server) fn leave_out_the_ended(lines: &mut Vec<Vec<u8>>, start: &Start<'_>) -> bool {
    let Some(Ended {
        processes: processes @ [_, ..],
        ..
    }) = start.ended
    else {
        return false;
    };
    let mut journal = journal_of(start, LINES);
    journal.args(processes.iter().map(|pid| format!("_PID={pid}")));
    let before = lines.len();
    for said in run(&mut journal).unwrap_or_default() {
        // the same words of the new start are its own
        if let Some(at) = lines.iter().position(|line| *line == said) {
            lines.remove(at);
        }
    }
    lines.len() < before
}

/// The application's own last lines since a start that failed, as far as they can be read soon. By then systemd may have
/// started it once more, so they are not asked for by the invocation that it names.
pub(in crate::server) fn soon(failed: &Failed<'_>) -> Option<Vec<Vec<u8>>> {
    let said = run_within(&mut own_journal(failed), SOON).unwrap_or_default();
    let lines = own_lines(&said, failed.ended);
    if !lines.is_empty() {
        return Some(lines);
    }
    // it shows what was said since the unit's last start, which must be a new one
    let ended = failed.ended?;
    let own = |process: &str| !process.starts_with("systemd[") && !is_of(ended, process);
    let lines = log_lines(&run_within(&mut status(failed.service), SOON)?, own);
    Unit::show_within(failed.service, SOON)
        .is_ok_and(|unit| unit.invocation() != ended.invocation)
        .then_some(lines)
}

fn own_journal(failed: &Failed<'_>) -> Command {
    let unit = Unit::show_within(failed.service, SOON).unwrap_or_default();
    let name = Some(unit.get("Id"))
        .filter(|name| !name.is_empty())
        .unwrap_or(failed.service);
    let mut journal = command("journalctl");
    journal.args([
        "-q",
        "--no-pager",
        "--all",
        "-o",
        "json",
        "-n",
        &LINES_SOON.to_string(),
    ]);
    journal.arg("--output-fields=MESSAGE,_SYSTEMD_INVOCATION_ID,_PID");
    journal.arg(format!("--since={}", moment(failed.since)));
    journal.arg(format!("_SYSTEMD_UNIT={name}"));
    journal
}

/// An entry of the journal as JSON. A message that is no plain text is an array of bytes.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "MESSAGE")]
    message: Value,
    #[serde(rename = "_SYSTEMD_INVOCATION_ID", default)]
    invocation: String,
    #[serde(rename = "_PID", default)]
    process: String,
}

impl Entry {
    fn is_of(&self, ended: Ended<'_>) -> bool {
        self.invocation == ended.invocation
            || self
                .process
                .parse()
                .is_ok_and(|pid| ended.processes.contains(&pid))
    }
}

fn own_lines(said: &[Vec<u8>], ended: Option<Ended<'_>>) -> Vec<Vec<u8>> {
    let entries = said
        .iter()
        .filter_map(|line| serde_json::from_slice::<Entry>(line).ok());
    let own = entries.filter(|entry| !ended.is_some_and(|ended| entry.is_of(ended)));
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

/// As `--since` takes it.
fn moment(since: Duration) -> String {
    format!("@{}.{:03}", since.as_secs(), since.subsec_millis())
}

/// The journal of this start: its processes' lines, and - where they may be read - systemd's about it.
pub(in crate::server) fn journal(start: &Start<'_>, lines: usize) -> Command {
    let mut journal = journal_of(start, lines);
    journal.args([
        "+".to_owned(),
        format!("INVOCATION_ID={}", start.invocation),
    ]);
    journal
}

/// Its processes' lines only.
fn journal_of(start: &Start<'_>, lines: usize) -> Command {
    let mut journal = command("journalctl");
    journal.args(["-q", "--no-pager", "-o", "cat", "-n", &lines.to_string()]);
    if let Some(since) = start.since {
        journal.arg(format!("--since={}", moment(since)));
    }
    journal.arg(format!("_SYSTEMD_INVOCATION_ID={}", start.invocation));
    journal
}

/// The one literal line that a server's set-up may allow; further arguments are not.
pub(in crate::server) fn status(service: &str) -> Command {
    let mut status = privileged("status", service);
    status.env("SYSTEMD_PAGER", "cat");
    status
}

fn by_status(start: &Start<'_>) -> Read {
    let Start {
        service,
        invocation,
        since,
        ended,
    } = start;
    let cure = format!("on the server: sudo usermod -aG systemd-journal {}", user());
    if since.is_some() {
        // it shows times, but to the second and of the server's zone
        return nothing(&format!(
            "the journal shows {} no line since the reload; {cure}",
            user()
        ));
    }
    let said = run(&mut status(service)).unwrap_or_default();
    let lines = log_lines(&said, |process| {
        !ended.is_some_and(|ended| is_of(ended, process))
    });
    // it knows no invocation: only if that is still the same, the lines are of it
    let same =
        !lines.is_empty() && Unit::show(service).is_ok_and(|unit| unit.invocation() == *invocation);
    if !same {
        let both = if is_root() {
            "journalctl and"
        } else {
            "journalctl and sudo -n"
        };
        return nothing(&format!(
            "neither {both} systemctl status {service} shows a line of it; {cure}"
        ));
    }
    let part = || format!("only its last {STATUS_LINES} lines can be read; {cure}");
    Read {
        unread: (lines.len() >= STATUS_LINES).then(part),
        lines,
    }
}

fn nothing(why: &str) -> Read {
    Read {
        lines: Vec::new(),
        unread: Some(why.to_owned()),
    }
}

/// Where the unit writes what it has to say, if that is not the journal.
fn elsewhere(service: &str) -> Option<String> {
    let mut show = command("systemctl");
    show.args([
        "show",
        "--no-pager",
        "--property",
        "StandardOutput,StandardError",
        "--",
        service,
    ]);
    let said = run(&mut show)?.join(&b'\n');
    unjournaled(&Unit::parse(&String::from_utf8_lossy(&said)))
}

fn unjournaled(unit: &Unit) -> Option<String> {
    let output = unit.get("StandardOutput");
    let errors = match unit.get("StandardError") {
        "inherit" => output,
        other => other,
    };
    let is_elsewhere = ["file", "append", "truncate", "null", "tty", "fd"]
        .iter()
        .any(|kind| errors.starts_with(kind));
    is_elsewhere.then(|| format!("the unit's errors go to {errors}, not to the journal"))
}

/// The end of what a command says; `None`: it failed.
fn run(command: &mut Command) -> Option<Vec<Vec<u8>>> {
    run_within(command, PATIENCE)
}

fn run_within(command: &mut Command, limit: Duration) -> Option<Vec<Vec<u8>>> {
    let (start, mut tail) = (Instant::now(), Tail::default());
    let ending = process::run(command, || start.elapsed() > limit, |line| tail.push(line)).ok()?;
    // systemctl status ends with 3 where the unit is not running any more
    matches!(ending, Ending::Exit(0 | 3)).then(|| tail.lines.into())
}

/// The last lines, in bounded memory.
#[derive(Default)]
struct Tail {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Tail {
    fn push(&mut self, line: Vec<u8>) {
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.lines.len() > LINES || self.bytes > BYTES {
            self.bytes -= self.lines.pop_front().map_or(0, |line| line.len());
        }
    }
}

/// Whether it is `diting[12]`, and 12 was a process of the start before.
fn is_of(ended: Ended<'_>, process: &str) -> bool {
    let pid = process
        .strip_suffix(']')
        .and_then(|rest| rest.rsplit_once('['));
    pid.and_then(|(_, pid)| pid.parse().ok())
        .is_some_and(|pid| ended.processes.contains(&pid))
}

/// The messages in what `systemctl status` says: below the first empty line, behind time, host and process.
fn log_lines(said: &[Vec<u8>], is_wanted: impl Fn(&str) -> bool) -> Vec<Vec<u8>> {
    let below = said.iter().skip_while(|line| !line.is_empty()).skip(1);
    let mut messages = Vec::new();
    let mut indent = usize::MAX;
    for line in below {
        let text = String::from_utf8_lossy(line);
        if let Some((process, message)) = message_in(&text) {
            let wanted = is_wanted(process);
            indent = if wanted {
                text.len() - message.len()
            } else {
                usize::MAX
            };
            messages.extend(wanted.then(|| message.to_owned().into_bytes()));
        } else if let Some(more) = line
            .get(indent..)
            .filter(|_| line[..indent].iter().all(|b| *b == b' '))
        {
            // a message of several lines
            messages.push(more.to_vec());
        }
    }
    messages
}

/// `diting[12]` and the message in `Nov 03 05:16:40 web1 diting[12]: message`.
fn message_in(line: &str) -> Option<(&str, &str)> {
    let (month, rest) = line.split_once(' ')?;
    let (day, rest) = rest.trim_start().split_once(' ')?;
    let (time, rest) = rest.split_once(' ')?;
    let is_time = time.len() == 8 && time.bytes().all(|b| b.is_ascii_digit() || b == b':');
    if month.is_empty() || !is_time || day.parse::<u8>().is_err() {
        return None;
    }
    rest.split_once(' ')?.1.split_once(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "\
● diting.service - The Diting Application
     Loaded: loaded (/etc/systemd/system/diting.service; enabled; preset: enabled)
     Active: active (running) since Mon 2025-11-03 05:16:40 UTC; 2s ago
   Main PID: 4711 (uvicorn)
      Tasks: 1 (limit: 4521)
     CGroup: /system.slice/diting.service
             └─4711 /opt/diting/current/.venv/bin/python3

Nov 03 05:16:40 web1 systemd[1]: Started diting.service - The Diting Application.
Nov 03 05:16:41 web1 uvicorn[4711]: INFO:     Started server process [4711]
Nov  3 05:16:41 web1 my app[4711]: Traceback (most recent call last):
                                     File \"x\"
Hint: Some lines were ellipsized, use -l to show in full.
";

    fn lines(text: &str) -> Vec<Vec<u8>> {
        text.lines().map(|line| line.as_bytes().to_vec()).collect()
    }

    fn messages(text: &str) -> Vec<String> {
        log_lines(&lines(text), |_| true)
            .into_iter()
            .map(|line| String::from_utf8(line).unwrap())
            .collect()
    }

    #[test]
    fn the_messages_are_read_out_of_a_status() {
        assert_eq!(
            messages(STATUS),
            [
                "Started diting.service - The Diting Application.",
                "INFO:     Started server process [4711]",
                "Traceback (most recent call last):",
                "  File \"x\""
            ]
        );
        assert!(messages("sudo: a password is required").is_empty());
        assert!(messages("").is_empty());
        assert!(
            messages("\nNov 03 05:16:40\nNov 03 05:16:40 a\nNov é3 05:16:40 b c: d\n").is_empty()
        );
    }

    #[test]
    fn what_systemd_says_can_be_left_out() {
        let status = format!(
            "{STATUS}Nov 03 05:16:42 web1 systemd[1]: diting.service: Failed.\n  of two lines\n"
        );
        let own = log_lines(&lines(&status), |process| !process.starts_with("systemd["));
        let own: Vec<_> = own
            .iter()
            .map(|line| String::from_utf8_lossy(line))
            .collect();
        assert_eq!(
            own,
            [
                "INFO:     Started server process [4711]",
                "Traceback (most recent call last):",
                "  File \"x\""
            ]
        );
    }

    #[test]
    fn what_the_start_before_said_is_not_of_this_one() {
        let entries = r#"
            {"MESSAGE":"KeyboardInterrupt","_SYSTEMD_INVOCATION_ID":"old","_PID":"11"}
            {"MESSAGE":"last words","_SYSTEMD_INVOCATION_ID":"new","_PID":"12"}
            {"MESSAGE":"two\nlines","_SYSTEMD_INVOCATION_ID":"new"}
            {"MESSAGE":[27,91,255],"_SYSTEMD_INVOCATION_ID":"next"}
            {"MESSAGE":null,"_SYSTEMD_INVOCATION_ID":"next"}
            {"_SYSTEMD_INVOCATION_ID":"next"}
            no entry"#;
        let own = |ended| own_lines(&lines(entries), ended);
        let new = [&b"two"[..], b"lines", b"\x1b[\xff", b""].map(<[u8]>::to_vec);
        assert_eq!(
            own(Some(Ended {
                invocation: "old",
                processes: &[12]
            })),
            new
        );
        assert_eq!(own(None)[2..], new);
    }

    #[test]
    fn a_flood_leaves_its_end() {
        let mut tail = Tail::default();
        for number in 0..5000 {
            tail.push(number.to_string().into_bytes());
        }
        assert_eq!(
            (tail.lines.len(), tail.lines.back().unwrap().as_slice()),
            (LINES, b"4999".as_slice())
        );
        for _ in 0..500 {
            tail.push(vec![b'x'; 8 << 10]);
        }
        assert!(
            tail.bytes <= BYTES && tail.lines.len() == BYTES / (8 << 10),
            "{}",
            tail.lines.len()
        );
    }

    #[test]
    fn a_unit_that_does_not_write_into_the_journal_is_told() {
        let unit = |output: &str, error: &str| {
            unjournaled(&Unit::parse(&format!(
                "StandardOutput={output}\nStandardError={error}"
            )))
        };
        assert_eq!(unit("journal", "inherit"), None);
        assert_eq!(unit("null", "journal"), None);
        assert_eq!(unjournaled(&Unit::parse("")), None);
        assert!(unit("append:/var/log/diting.log", "inherit")
            .unwrap()
            .contains("append:/var/log/diting.log"));
        assert!(unit("journal", "null").is_some());
    }
}
