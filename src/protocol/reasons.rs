use super::{Answer, Holder, Step};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Why something failed, and in which step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Where.
    pub step: Step,
    /// Why.
    pub reason: Reason,
}

/// Why a step failed. Everything here was found on the server; texts inside are the server's and untrusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// The check found what must be fixed first.
    NotReady(Vec<Unready>),
    /// Another deployment of the same target holds the lock.
    Busy(Option<Holder>),
    /// A system call failed.
    Io {
        /// What was being done, as in "cannot …".
        operation: String,
        /// On what.
        path: String,
        /// The system's words.
        error: String,
        /// The kinds that deserve a hint of their own.
        kind: IoKind,
    },
    /// The runner half broke the protocol, or what arrived is not what was announced.
    Upload(String),
    /// The line to the runner ended, or the runner asked to stop, before the point of no return.
    Cancelled,
    /// The time for everything before the point of no return is up.
    OutOfTime(Duration),
    /// A shell command of ours or the user's.
    Command {
        /// How it ended.
        ending: Ending,
        /// Number (from 1) and text of the line that failed, where it is known.
        line: Option<(u32, String)>,
        /// What it said last, where it is not shown elsewhere.
        output: Vec<u8>,
        /// Of a restart: as of [`Crashed`](Self::Crashed).
        #[serde(default)]
        said: Option<String>,
    },
    /// The program that the unit starts is not usable in the new release.
    Program {
        /// As the unit names it.
        program: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A path of `shared` that must be there is not, or is in the way.
    Shared {
        /// As given.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// The log of the new start tells of a crash.
    Log {
        /// The lines that do.
        lines: Vec<Vec<u8>>,
    },
    /// The release that the rollback command names can't be gone back to.
    NoSuchRelease {
        /// As given; empty: the previous good one.
        wanted: String,
        /// Why not.
        problem: String,
    },
    /// systemd refuses to start the unit again so soon.
    StartLimit {
        /// The unit's `StartLimitIntervalSec`.
        interval: Duration,
        /// As of [`Crashed`](Self::Crashed).
        #[serde(default)]
        said: Option<String>,
    },
    /// The unit's process ended while it was verified.
    Crashed {
        /// systemd's `Result`, and the exit code or signal.
        result: String,
        /// The line of its log that says best why, where there is one. Absent in what versions before it left.
        #[serde(default)]
        said: Option<String>,
    },
    /// The unit is not (any more) running.
    NotRunning {
        /// `ActiveState/SubState`.
        state: String,
        /// As of [`Crashed`](Self::Crashed).
        #[serde(default)]
        said: Option<String>,
    },
    /// The restart command succeeded, but the unit still runs the old process.
    NotRestarted,
    /// The restart command succeeded, but systemd did not start the unit, which is not running.
    NotStarted {
        /// For a `Condition…=` of the unit that was not met.
        condition: bool,
    },
    /// Somebody else restarted the unit, or changed `current`, meanwhile.
    Interference(String),
    /// The unit's state can't be read, so nothing is known to be healthy.
    Unreadable(String),
    /// The port that health asks is held by a process that is not the new one.
    ForeignListener {
        /// TCP port.
        port: u16,
        /// Which process, in words.
        who: String,
    },
    /// Health did not answer well in time.
    Unhealthy {
        /// The last answer.
        last: Answer,
        /// How often it was asked.
        attempts: u32,
        /// How long.
        waited: Duration,
        /// What its log tells of a crash. Absent in what versions before it left.
        #[serde(default)]
        said: Option<String>,
    },
    /// The transaction's process ended without a verdict (killed, or the server went down).
    Interrupted,
}

impl Reason {
    /// The line of the application's log that says best why; untrusted as all texts are.
    #[must_use]
    pub fn said(&self) -> Option<&str> {
        match self {
            Self::Command { said, .. }
            | Self::StartLimit { said, .. }
            | Self::Crashed { said, .. }
            | Self::NotRunning { said, .. }
            | Self::Unhealthy { said, .. } => said.as_deref(),
            _ => None,
        }
    }

    /// The place for it, where there is one.
    pub fn said_mut(&mut self) -> Option<&mut Option<String>> {
        match self {
            Self::Command { said, .. }
            | Self::StartLimit { said, .. }
            | Self::Crashed { said, .. }
            | Self::NotRunning { said, .. }
            | Self::Unhealthy { said, .. } => Some(said),
            _ => None,
        }
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// Exit code.
    Exit(i32),
    /// Killed by this signal.
    Signal(i32),
    /// Killed by us, time being up.
    OutOfTime,
}

/// Kinds of system errors that deserve a hint of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IoKind {
    /// No space or no inodes left, or a quota is used up.
    Full,
    /// The file system is read-only.
    ReadOnly,
    /// The deploy user may not.
    Denied,
    /// Any other.
    Other,
}

/// What the check found that must be fixed first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unready {
    /// The target can't be made or written.
    Target {
        /// Folder.
        path: String,
        /// The deploy user.
        user: String,
        /// The system's words.
        error: String,
    },
    /// `current` or `previous` is not a link to a release.
    Link {
        /// `current` or `previous`.
        name: String,
        /// What it is instead.
        found: String,
    },
    /// No systemd, or not reachable.
    NoSystemd(String),
    /// The unit is not found, masked, or broken: its `LoadState`.
    Unit {
        /// As written.
        service: String,
        /// systemd's word.
        state: String,
    },
    /// `sudo -n systemctl restart <service>` is not allowed.
    Sudo {
        /// As written.
        service: String,
        /// The deploy user.
        user: String,
    },
    /// logind kills what a user leaves behind, and this one does not linger.
    KillUserProcesses {
        /// The deploy user.
        user: String,
    },
    /// A program that install needs.
    Missing {
        /// Its name.
        program: String,
        /// Where it was looked for.
        path: String,
    },
    /// Less than `min-free` would be left on the disk.
    Room {
        /// Bytes that the release needs, as far as it is known.
        needed: u64,
        /// Bytes that are free.
        free: u64,
        /// Bytes that must stay free.
        min_free: u64,
        /// Inodes that are free, where they are what is lacking.
        inodes: Option<u64>,
    },
    /// Files can't be locked there (NFS?).
    NoLocks {
        /// The system's words.
        error: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As versions before 1.1 wrote it into a verdict.
    const OLDER: &str = r#"[
        {"step": "Verify", "reason": {"Crashed": {"result": "exit-code, exit status 1"}}},
        {"step": "Verify", "reason": {"NotRunning": {"state": "inactive/dead, success"}}},
        {"step": "RollBack", "reason": {"Unhealthy": {
            "last": "Refused", "attempts": 3, "waited": {"secs": 2, "nanos": 0}
        }}}
    ]"#;

    #[test]
    fn what_an_older_version_left_can_be_read() {
        let failures: Vec<Failure> = serde_json::from_str(OLDER).unwrap();
        let (waited, last) = (Duration::from_secs(2), Answer::Refused);
        let reasons = [
            Reason::Crashed {
                result: "exit-code, exit status 1".into(),
                said: None,
            },
            Reason::NotRunning {
                state: "inactive/dead, success".into(),
                said: None,
            },
            Reason::Unhealthy {
                last,
                attempts: 3,
                waited,
                said: None,
            },
        ];
        assert_eq!(
            failures
                .into_iter()
                .map(|failure| failure.reason)
                .collect::<Vec<_>>(),
            reasons
        );
    }
}
