//! The states of a unit and of its process, as far as a failure names them.

use crate::protocol::as_text::{as_text, from_text};
use crate::text::excerpt::excerpt;
use serde::{Deserialize, Serialize};

/// How the unit's main process ended. `result` is systemd's `Result`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ProcessEnd {
    /// By itself, or systemd could not start it.
    #[error("{}, exit status {status}", excerpt(.result))]
    Exited {
        /// `exit-code`, `resources`, …
        result: String,
        /// systemd uses those from 200 on: <https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html>.
        status: i32,
    },
    /// By a signal.
    #[error("{}, signal {signal}", excerpt(.result))]
    Killed {
        /// `signal`, `core-dump`, `watchdog`, `oom-kill`, …
        result: String,
        /// Its number.
        signal: i32,
    },
    /// It was not started: it had been started too often.
    #[error("start limit hit")]
    StartLimit,
    /// Another version's text.
    #[error("{}", excerpt(.0))]
    Other(String),
}

as_text!(ProcessEnd);

/// Versions up to 1.2.0 wrote the same texts, and hints need the number.
impl From<String> for ProcessEnd {
    fn from(text: String) -> Self {
        let read = || {
            let (result, end) = text.split_once(", ")?;
            let result = result.to_owned();
            if let Some(signal) = end.strip_prefix("signal ") {
                let signal = signal.parse().ok()?;
                return Some(Self::Killed { result, signal });
            }
            let status = end.strip_prefix("exit status ")?.parse().ok()?;
            Some(Self::Exited { result, status })
        };
        match text.as_str() {
            "start limit hit" => Self::StartLimit,
            _ => read().unwrap_or(Self::Other(text)),
        }
    }
}

/// What systemd reports of a unit that is not running.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum UnitState {
    /// On its way to another state.
    #[error("{}/{}", excerpt(.active), excerpt(.sub))]
    Changing {
        /// `ActiveState`.
        active: String,
        /// `SubState`.
        sub: String,
    },
    /// Not running.
    #[error("{}/{}, {end}", excerpt(.active), excerpt(.sub))]
    Ended {
        /// `ActiveState`.
        active: String,
        /// `SubState`.
        sub: String,
        /// How its last process ended.
        end: ProcessEnd,
    },
    /// Running, but what runs belongs to another release.
    #[error("still running release {}", .0)]
    OtherRelease(ReleaseProcess),
    /// Another version's text.
    #[error("{}", excerpt(.0))]
    Other(String),
}

as_text!(UnitState);

/// A process that works in a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{} (process {pid}, {})", excerpt(.release), excerpt(.name))]
pub struct ReleaseProcess {
    /// Its id.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// The name of the release's folder.
    pub release: String,
}

/// Versions up to 1.2.0 wrote the same texts.
impl From<String> for UnitState {
    fn from(text: String) -> Self {
        let (state, end) = match text.split_once(", ") {
            Some((state, end)) => (state, Some(ProcessEnd::from(end.to_owned()))),
            None => (text.as_str(), None),
        };
        let Some((active, sub)) = state.split_once('/').filter(|_| !state.contains(' ')) else {
            return Self::Other(text);
        };
        let (active, sub) = (active.to_owned(), sub.to_owned());
        match end {
            Some(end) => Self::Ended { active, sub, end },
            None => Self::Changing { active, sub },
        }
    }
}

/// Why systemd cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum SystemdError {
    /// `systemctl` could not be run, or did not end in time.
    #[error("systemctl: {}", excerpt(.error))]
    Systemctl {
        /// What the system reports.
        error: String,
    },
    /// `systemctl` failed.
    #[error("{}", excerpt(.output))]
    Failed {
        /// What it printed.
        output: String,
    },
    /// It does not know invocations, by which a new process is recognised.
    #[error("it is older than version 232")]
    TooOld,
    /// Another version's text.
    #[error("{}", excerpt(.0))]
    Other(String),
}
from_text!(SystemdError: TooOld);

/// Why it is unknown whether the unit is healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum UnreadableState {
    /// systemd does not answer.
    #[error(transparent)]
    Systemd(SystemdError),
    /// `log-pattern` is no regular expression. The runner has checked it, so another version has written it.
    #[error("log-pattern is not a valid pattern: {}", excerpt(.error))]
    LogPattern {
        /// What the library reports.
        error: String,
    },
    /// Another version's text.
    #[error("{}", excerpt(.0))]
    Other(String),
}
from_text!(UnreadableState:);

/// A process that listens on the health port, and is not the new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum PortHolder {
    /// A process of the unit that the restart has not ended.
    #[error("process {pid} ({}), left over from before the restart", excerpt(.name))]
    LeftOver {
        /// Its id.
        pid: u32,
        /// Its name.
        name: String,
    },
    /// A process of the unit that cannot be seen, while others are left over.
    #[error("a process that may be left over from before the restart")]
    MaybeLeftOver,
    /// A process that listened there before the restart, and is no part of the unit.
    #[error("{}, which listened there before the restart and is no part of the unit", .0)]
    Earlier(OtherProcess),
    /// Another version's text.
    #[error("{}", excerpt(.0))]
    Other(String),
}
from_text!(PortHolder: MaybeLeftOver);

/// A process that is no part of the unit, as far as it can be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}", other_process(.process.as_ref(), .group.as_deref()))]
pub struct OtherProcess {
    /// Id and name, if they can be seen.
    pub process: Option<(u32, String)>,
    /// Its control group, if it can be seen.
    pub group: Option<String>,
}

fn other_process(process: Option<&(u32, String)>, group: Option<&str>) -> String {
    let group = group.map(excerpt);
    match (process, group) {
        (Some((pid, name)), Some(group)) => {
            format!("process {pid} ({}) in {group}", excerpt(name))
        }
        (Some((pid, name)), None) => format!("process {pid} ({})", excerpt(name)),
        (None, Some(group)) => format!("a process in {group}"),
        (None, None) => "a process of another user".to_owned(),
    }
}
