//! Why a step failed on the server.

use super::finding::before_colon;
use super::{
    BadUpload, Ending, Finding, HealthAnswer, Interference, IoKind, Operation, PathError,
    PortHolder, ProcessEnd, RejectedUnitFile, RollbackTargetError, SharedError, SmokeTestError,
    UnitPath, UnitState, UnreadableState,
};
use crate::protocol::{as_text, Holder, Step};
use crate::text::amounts::{count, duration, limit};
use crate::text::excerpt::{excerpt, first_line};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Why something failed, and in which step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Where.
    pub step: Step,
    /// Why.
    pub reason: Reason,
    /// The unit that failed, if the service has several. Versions before 1.8 did not write it.
    #[serde(default)]
    pub unit: Option<String>,
}

impl Failure {
    /// Why, with the name of the unit if the service has several.
    #[must_use]
    pub fn why(&self) -> String {
        let text = self.reason.to_string();
        let Some(unit) = self.unit.as_ref().map(excerpt) else {
            return text;
        };
        // the first one is in the reason's own words
        let (words, name) = match &self.reason {
            Reason::Command { line: None, .. } => {
                ("the command", format!("the command for {unit}"))
            }
            Reason::Log { .. } | Reason::OtherListener { .. } => {
                ("the new process", format!("the new process of {unit}"))
            }
            Reason::Program { .. }
            | Reason::StartLimit { .. }
            | Reason::Crashed { .. }
            | Reason::NotRunning { .. }
            | Reason::NotRestarted
            | Reason::NotStarted { .. }
            | Reason::Interference(_)
            | Reason::Unreadable(_) => ("the unit", unit),
            _ => return text,
        };
        text.replacen(words, &name, 1)
    }
}

/// Fits after a release's id.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self { step, reason, .. }, why) = (self, self.why());
        match (reason, step) {
            (Reason::Interrupted, _) => write!(f, "was interrupted: {why}"),
            (Reason::Cancelled, _) => {
                write!(f, "was interrupted during {}: {why}", during(*step))
            }
            (_, Step::SmokeTest) => write!(f, "failed the smoke test: {why}"),
            (_, Step::BeforeSwitch) => write!(
                f,
                "was not switched to: the before-switch commands failed ({why})"
            ),
            _ => write!(f, "failed to {step} ({why})"),
        }
    }
}

/// A step as a noun.
fn during(step: Step) -> String {
    match step {
        Step::Connect => "connection".to_owned(),
        Step::Recover => "recovery".to_owned(),
        Step::Verify => "verification".to_owned(),
        Step::RollBack => "rollback".to_owned(),
        Step::Retention => "cleanup".to_owned(),
        other => other.to_string(),
    }
}

/// Why a step failed on the server. Its texts are the server's and untrusted.
///
/// Before the point of no return, the server runs what it ran. After it, the transaction rolls back; only
/// [`Verdict`](crate::protocol::Verdict) says what is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Reason {
    /// The check found what must be fixed first: on the server or in the inputs. Nothing was changed.
    #[error("{}", findings(.0))]
    NotReady(#[serde(deserialize_with = "crate::protocol::bounded::list")] Vec<Finding>),
    /// Another deployment of the same target holds the lock. Nothing was changed.
    #[error("another deployment holds the lock on the server{}", in_parentheses(.0.as_ref()))]
    Busy(Option<Holder>),
    /// A system call failed: the server's disk or permissions.
    #[error("the server cannot {operation} {}: {}", excerpt(.path), excerpt(.error))]
    Io {
        /// What was tried.
        #[serde(with = "as_text")]
        operation: Operation,
        /// With which file or folder.
        path: String,
        /// What the system reports.
        error: String,
        /// The kinds that have hints of their own.
        kind: IoKind,
    },
    /// The runner half broke the protocol, or what arrived is not what was announced: a bug in deploy-action, or the
    /// server's disk. Nothing was switched.
    #[error("the upload does not match what was announced: {0}")]
    Upload(#[serde(with = "as_text")] BadUpload),
    /// The connection to the runner was lost, or the runner asked to stop, before the point of no return. Nothing was
    /// switched.
    #[error("the connection to the runner was lost, or the run was cancelled")]
    Cancelled,
    /// The time limit for everything before the point of no return was reached. Nothing was switched.
    #[error("the time limit before the switch ({}) was reached", limit(*.0))]
    OutOfTime(Duration),
    /// A shell command of the user's, or the restart.
    #[error("{}", command(*.ending, .line.as_ref(), .output, .log_line.as_deref()))]
    Command {
        /// How it ended.
        ending: Ending,
        /// Number (from 1) and text of the line that failed, if it is known.
        line: Option<(u32, String)>,
        /// The end of its output, if that is not shown elsewhere.
        output: Vec<u8>,
        /// Of a restart: as in [`Crashed`](Self::Crashed). Of other commands: the line of its output that names the cause.
        #[serde(default, rename = "said")]
        log_line: Option<String>,
    },
    /// What the unit names below `current` cannot be used in the release: install did not create it, it is not in the tree,
    /// or the unit names another path. Nothing was switched.
    #[error("the unit on the server needs {} ({}): {error}{}", excerpt(.path), excerpt(.property), more(.others))]
    Program {
        /// The line of the unit that names it. Versions before 1.5 checked this one only.
        #[serde(default = "exec_start")]
        property: String,
        /// As the unit names it.
        #[serde(rename = "program")]
        path: String,
        /// Why.
        #[serde(rename = "problem", with = "as_text")]
        error: PathError,
        /// The others.
        #[serde(default)]
        #[serde(deserialize_with = "crate::protocol::bounded::list")]
        others: Vec<UnitPath>,
    },
    /// A path of the input `shared` is missing on the server or cannot be linked into the release. Nothing was switched.
    #[error("shared/{} on the server {error}", excerpt(.path))]
    Shared {
        /// As configured.
        path: String,
        /// Why.
        #[serde(rename = "problem", with = "as_text")]
        error: SharedError,
    },
    /// The new process logged a crash. Cause: the application.
    #[error("the new process logged a crash{}", last(.lines))]
    Log {
        /// The lines that match.
        #[serde(deserialize_with = "crate::protocol::bounded::list")]
        lines: Vec<Vec<u8>>,
    },
    /// The rollback target does not exist or was never healthy. Nothing was changed.
    #[error("{}{error}", before_colon(.wanted))]
    NoSuchRelease {
        /// As given; empty: the previous good release.
        wanted: String,
        /// Why not.
        #[serde(rename = "problem", with = "as_text")]
        error: RollbackTargetError,
    },
    /// systemd refuses to start the unit again so soon: it has crashed or was restarted too often.
    #[error("systemd on the server refuses to start the unit again within {}{}", limit(*.interval), logged(.log_line.as_deref()))]
    StartLimit {
        /// The unit's `StartLimitIntervalSec`.
        interval: Duration,
        /// As in [`Crashed`](Self::Crashed).
        #[serde(default, rename = "said")]
        log_line: Option<String>,
    },
    /// The unit's process ended while it was verified. Cause: the application.
    #[error("the unit's process on the server ended: {end}{}", logged(.log_line.as_deref()))]
    Crashed {
        /// How.
        #[serde(rename = "result", with = "as_text")]
        end: ProcessEnd,
        /// The line of its log that explains it best, if there is one. Versions before 1.1 did not write it.
        #[serde(default, rename = "said")]
        log_line: Option<String>,
    },
    /// The unit is not running, or no longer.
    #[error("the unit on the server is {state}{}", logged(.log_line.as_deref()))]
    NotRunning {
        /// What it is instead.
        #[serde(with = "as_text")]
        state: UnitState,
        /// As in [`Crashed`](Self::Crashed).
        #[serde(default, rename = "said")]
        log_line: Option<String>,
    },
    /// The restart command succeeded, but the unit still runs the old process. Cause: the input `restart`.
    #[error("the unit on the server still runs the old process")]
    NotRestarted,
    /// The restart command succeeded, but systemd did not start the unit, which is not running.
    #[error("systemd on the server did not start the unit{}", if *.condition { ", because a condition in its file is not met" } else { "" })]
    NotStarted {
        /// Because a `Condition…=` of the unit is not met.
        condition: bool,
    },
    /// Someone else restarted the unit or changed `current` during the deployment.
    #[error("{}", interference(.0))]
    Interference(#[serde(with = "as_text")] Interference),
    /// The unit's state cannot be read, so nothing is known to be healthy.
    #[error("the unit's state cannot be read on the server: {0}")]
    Unreadable(#[serde(with = "as_text")] UnreadableState),
    /// Another process than the new one holds the port that the health check uses.
    #[error("port {port} on the server is held by {owner}, not by the new process")]
    #[serde(rename = "ForeignListener")]
    OtherListener {
        /// TCP port.
        port: u16,
        /// That process.
        #[serde(rename = "who", with = "as_text")]
        owner: PortHolder,
    },
    /// The health check did not succeed in time. Cause: the application, or the `health-…` inputs.
    #[error("health {last} after {} in {}{}", count(*.attempts, "attempt"), duration(*.waited), logged(.log_line.as_deref()))]
    Unhealthy {
        /// The last answer.
        last: Box<HealthAnswer>,
        /// Number of checks.
        attempts: u32,
        /// How long.
        waited: Duration,
        /// As in [`Crashed`](Self::Crashed), but only if it is a crash message.
        #[serde(default, rename = "said")]
        log_line: Option<String>,
    },
    /// The transaction's process ended without a verdict: it was killed, or the server went down.
    #[error("the process that deploys on the server was killed, or the server went down")]
    Interrupted,
    /// The command that gives systemd a unit file of the release failed.
    #[error("{} {ending} on the server{}", excerpt(.command), its_output(.output))]
    UnitFiles {
        /// As it was run.
        command: String,
        /// How it ended.
        ending: Ending,
        /// The end of its output.
        output: Vec<u8>,
    },
    /// The release's unit files have errors. Nothing was switched.
    #[error("{}", unit_files(.0))]
    RejectedUnitFiles(
        #[serde(deserialize_with = "crate::protocol::bounded::list")] Vec<RejectedUnitFile>,
    ),
    /// The release was started beside the live one, and failed. Nothing was switched.
    #[error("{0}")]
    SmokeTest(SmokeTestError),
}

impl Reason {
    /// The line of the application's log that explains it best; untrusted as all texts are.
    #[must_use]
    pub fn log_line(&self) -> Option<&str> {
        match self {
            Self::Command { log_line, .. }
            | Self::StartLimit { log_line, .. }
            | Self::Crashed { log_line, .. }
            | Self::NotRunning { log_line, .. }
            | Self::Unhealthy { log_line, .. }
            | Self::SmokeTest(SmokeTestError::Ended { log_line, .. }) => log_line.as_deref(),
            _ => None,
        }
    }

    /// The place for it, if the reason has one.
    pub fn log_line_mut(&mut self) -> Option<&mut Option<String>> {
        match self {
            Self::Command { log_line, .. }
            | Self::StartLimit { log_line, .. }
            | Self::Crashed { log_line, .. }
            | Self::NotRunning { log_line, .. }
            | Self::Unhealthy { log_line, .. }
            | Self::SmokeTest(SmokeTestError::Ended { log_line, .. }) => Some(log_line),
            _ => None,
        }
    }
}

fn findings(found: &[Finding]) -> String {
    match found {
        [] => "the server is not ready".to_owned(),
        [only] => only.to_string(),
        [first, rest @ ..] => {
            format!("{first}, and {}", count(rest.len() as u64, "other finding"))
        }
    }
}

fn unit_files(errors: &[RejectedUnitFile]) -> String {
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let errors = errors.join("; ");
    format!("the unit files of the release cannot be used on the server: {errors}")
}

fn exec_start() -> String {
    "ExecStart".to_owned()
}

fn more(others: &[UnitPath]) -> String {
    others.iter().map(|other| format!("; {other}")).collect()
}

fn in_parentheses(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| format!(" ({holder})"))
}

fn interference(what: &Interference) -> String {
    match what {
        Interference::GoingDown | Interference::OwnSystemdDown => what.to_string(),
        _ => format!("someone else changed the server during the deployment: {what}"),
    }
}

fn last(lines: &[Vec<u8>]) -> String {
    let last = lines.last();
    last.map_or_else(String::new, |line| format!(": {}", excerpt(line)))
}

fn logged(log_line: Option<&str>) -> String {
    log_line.map_or_else(String::new, |line| {
        format!("; its log shows: {}", excerpt(line))
    })
}

fn printed(line: Option<&str>) -> String {
    line.map_or_else(String::new, |line| {
        format!("; its output shows: {}", excerpt(line))
    })
}

fn its_output(output: &[u8]) -> String {
    match first_line(output) {
        line if line.is_empty() => line,
        line => format!("; its output: {line}"),
    }
}

/// Its own output only if no line of a log explains it better.
fn command(
    ending: Ending,
    line: Option<&(u32, String)>,
    output: &[u8],
    log_line: Option<&str>,
) -> String {
    let more = match first_line(output) {
        output if line.is_some() && log_line.is_some() && output.is_empty() => printed(log_line),
        output if log_line.is_some() || output.is_empty() => logged(log_line),
        output => format!("; its output: {output}"),
    };
    match line {
        Some((number, text)) => {
            let text = excerpt(text);
            format!("line {number}, {text}, {ending} on the server{more}")
        }
        None => format!("the command {ending} on the server{more}"),
    }
}
