//! Reads the log of what runs before the switch: its start, and what came lately.

use super::fields;
use super::output::stream;
use super::read::{timestamp, STATUS_LINES};
use super::status;
use crate::logs::{Crash, CrashReader, Fingerprint, Found};
use crate::protocol::{Scope, UnitRef};
use crate::server::clock::since_epoch;
use crate::server::exec::process::command;
use serde::Deserialize;
use std::collections::HashSet;
use std::process::Command;
use std::time::{Duration, Instant};

/// For all of it: the deployment waits.
const TIMEOUT: Duration = Duration::from_secs(4);
/// How many lines of the start are read.
const FIRST_LINES: usize = 2000;
/// What came lately: so many lines, of this time.
const LAST_LINES: usize = 20_000;
const LATELY: Duration = Duration::from_secs(3600);
/// A line that was logged so soon belongs to the start.
const SOON: Duration = Duration::from_secs(30);
/// The most crash messages that are kept.
const MOST: usize = 5000;

/// What runs before the switch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OldStart {
    /// The unit's name in the journal.
    pub(super) unit: String,
    /// Which systemd runs it.
    pub(super) scope: Scope,
    /// systemd's id of it.
    pub(super) invocation: String,
    /// When it began, since the epoch, if that is known.
    pub(super) began: Option<Duration>,
    /// After a reload: only lines since this time are of the release.
    pub(super) since: Option<Duration>,
    /// The reload was that of a rollback: when the release began is unknown.
    pub(super) after_failure: bool,
}

/// What could be read of its log.
#[derive(Debug, Default)]
pub(super) struct OldLog {
    pub(super) crashes: HashSet<Fingerprint>,
    pub(super) lines: usize,
    pub(super) has_start: bool,
}

impl OldLog {
    pub(super) fn read(unit: UnitRef<'_>, start: &OldStart, reader: &mut CrashReader<'_>) -> Self {
        let until = Instant::now() + TIMEOUT;
        let mut log = Self::default();
        let all = log.add(&mut first(start), FIRST_LINES, until, reader);
        let in_journal = log.lines > 0;
        if !in_journal {
            log.add_status(unit, start, reader);
        } else if !all {
            log.add(&mut last(start), LAST_LINES, until, reader);
        }
        log.has_start |= match start.since.or(start.began) {
            None => in_journal || log.lines == 0,
            Some(began) => in_journal && begins_at(start, began, until) || reaches(began, until),
        };
        log.has_start &= !start.after_failure;
        log
    }

    /// Adds what a command prints. Returns whether that was all.
    fn add(
        &mut self,
        command: &mut Command,
        most: usize,
        until: Instant,
        reader: &mut CrashReader<'_>,
    ) -> bool {
        let before = self.lines;
        let mut found = Vec::new();
        let ended = stream(command, until, most, |line| {
            self.lines += 1;
            found.extend(reader.push(&line));
        });
        found.extend(reader.finish());
        self.keep(found);
        ended && self.lines - before < most
    }

    /// `systemctl status` shows a few lines to a user who may not read the journal. Of which release they are is unknown
    /// after a reload.
    fn add_status(&mut self, unit: UnitRef<'_>, start: &OldStart, reader: &mut CrashReader<'_>) {
        if start.since.is_some() {
            return;
        }
        let mut output = Vec::new();
        let until = Instant::now() + TIMEOUT;
        stream(&mut status::status(unit), until, FIRST_LINES, |line| {
            output.push(line)
        });
        let lines = status::messages(&output, |_| true);
        let begins =
            |line: &Vec<u8>| line.starts_with(b"Starting ") || line.starts_with(b"Started ");
        self.has_start =
            lines.first().is_some_and(begins) || (1..STATUS_LINES).contains(&lines.len());
        self.lines = lines.len();
        let found = reader.read(&lines);
        self.keep(found);
    }

    fn keep(&mut self, found: Vec<Found>) {
        for found in found {
            if let Found::Crash(Crash { fingerprint, .. }) = found {
                if self.crashes.len() < MOST {
                    self.crashes.insert(fingerprint);
                }
            }
        }
    }
}

/// The lines from the start on.
fn first(start: &OldStart) -> Command {
    let mut journal = journal(start);
    journal.args(["-o", "cat"]);
    if let Some(since) = start.since {
        journal.arg(format!("--since={}", timestamp(since)));
    }
    journal
}

/// The lines of the last hour.
fn last(start: &OldStart) -> Command {
    let since = since_epoch().saturating_sub(LATELY);
    let mut journal = journal(start);
    journal.args(["-o", "cat", "-n", &LAST_LINES.to_string()]);
    let since = start.since.map_or(since, |reload| reload.max(since));
    journal.arg(format!("--since={}", timestamp(since)));
    journal
}

fn journal(start: &OldStart) -> Command {
    let mut journal = command("journalctl");
    journal.args(["-q", "--no-pager"]);
    journal.args(fields::of_invocation(
        start.scope,
        &start.unit,
        &start.invocation,
    ));
    journal
}

/// Whether the first line that can be read was logged soon after it began.
fn begins_at(start: &OldStart, began: Duration, until: Instant) -> bool {
    #[derive(Deserialize)]
    struct Entry {
        #[serde(rename = "__REALTIME_TIMESTAMP")]
        micros: String,
    }
    let mut command = first(start);
    command.args(["-o", "json", "--output-fields=MESSAGE"]);
    let mut at = None;
    stream(&mut command, until, 1, |line| {
        at = serde_json::from_slice::<Entry>(&line)
            .ok()
            .and_then(|entry| entry.micros.parse().ok())
            .map(Duration::from_micros);
    });
    at.is_some_and(|at| at <= began + SOON)
}

/// Whether the journal that can be read has older lines: then what is not in it was not logged.
fn reaches(began: Duration, until: Instant) -> bool {
    let mut journal = command("journalctl");
    journal.args(["-q", "--no-pager", "-n", "1", "-o", "cat"]);
    journal.arg(format!("--until={}", timestamp(began)));
    let mut any = false;
    stream(&mut journal, until, 1, |_| any = true);
    any
}
