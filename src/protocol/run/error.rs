//! What can fail on the runner or on the way to the server, with the texts that people read.

use super::connection::{describe, ConnectionError, ConnectionKind, Hop, OfferedKey};
use super::details::{
    BinaryError, Bug, LoginScriptError, ProtocolError, ServerPartError, SourceProblem, ToolError,
};
use super::quoted::quoted;
use crate::protocol::Outcome;
use crate::text::amounts;
use crate::text::excerpt::excerpt;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What failed on the runner or on the way to the server. Fields named `stderr`, `output` and `error` are what programs
/// and systems printed: untrusted.
///
/// Before the point of no return, the server runs what it ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum RunError {
    /// A program that the runner needs cannot be used: the runner's set-up. Nothing was sent.
    #[error("{} {error}", excerpt(.program))]
    Tool {
        /// Its name.
        program: String,
        /// Why.
        error: ToolError,
    },
    /// The key could not be loaded into the private agent. Cause: the input `key`. Nothing was sent.
    #[error("the private key could not be loaded{}", quoted(.output))]
    Key {
        /// What ssh-add printed.
        output: Vec<u8>,
    },
    /// ssh-add cannot read a key in the format PKCS#8. Cause: the input `key`, or an old OpenSSH. Nothing was sent.
    #[error("the private key is in a format (PKCS#8) that the runner's OpenSSH cannot read for this type of key{}", quoted(.output))]
    KeyFormat {
        /// What ssh-add printed.
        output: Vec<u8>,
    },
    /// The passphrase is not that of the key. Cause: the input `passphrase`. Nothing was sent.
    #[error("the passphrase does not open the private key")]
    Passphrase,
    /// The tree cannot be deployed: the user's to fix. Nothing was switched.
    #[error("{} {problem}", source(.path))]
    Source {
        /// In the source; empty: the source itself.
        path: Vec<u8>,
        /// Why.
        problem: SourceProblem,
    },
    /// No connection: the server, the network, or the inputs for the login. Nothing was changed.
    #[error("{}", describe(*.kind, .error, .hop, .offered.as_deref()))]
    Connection {
        /// Which kind.
        kind: ConnectionKind,
        /// What ssh reports.
        error: ConnectionError,
        /// To which host.
        hop: Hop,
        /// The key that was offered, if it is not trusted.
        offered: Option<Box<OfferedKey>>,
    },
    /// The server part could not be started or copied, or ended early: the server's set-up, or a bug in deploy-action.
    #[error("the server part {error}{}", quoted(.output))]
    ServerPart {
        /// What failed.
        error: ServerPartError,
        /// What the server printed.
        output: Vec<u8>,
    },
    /// A login script keeps the server part from its work: the user's to fix. Nothing was switched.
    #[error("the server part {error}{}", quoted(.output))]
    LoginScript {
        /// How.
        error: LoginScriptError,
        /// What the server printed before.
        output: Vec<u8>,
    },
    /// The server has lost every trace of a transaction that was begun: someone has deleted `.deploy`, or the disk has damaged it.
    #[error("nothing readable about this deployment is left on the server; .deploy in the target was deleted or damaged")]
    NoTrace,
    /// There is no server part for the server's CPU beside this program. Nothing was switched.
    #[error("{}, the server part for the server's CPU ({}), {error}", excerpt(.file), excerpt(.cpu))]
    NoBinary {
        /// What `uname -m` prints on the server.
        cpu: String,
        /// The file that was searched.
        file: String,
        /// What is wrong with it.
        error: BinaryError,
    },
    /// The server sent what the server part never sends: login scripts that print, or a bug in deploy-action.
    #[error("unexpected output from the server: {0}")]
    Protocol(ProtocolError),
    /// The connection was lost before the verdict.
    #[error("the connection was lost before {}", if .finished_by.is_some() { "the server finished" } else { "the switch" })]
    ConnectionLost {
        /// Epoch seconds (the runner's clock) by which the server finishes on its own; `None`: before the point of no
        /// return.
        finished_by: Option<u64>,
    },
    /// The server or the deploy user's own systemd went down after the point of no return, and was not seen again in time.
    /// The transaction is pending.
    #[error("systemd on the server went down before the deployment was decided")]
    WentDown,
    /// The server had not finished when the time was over that the run watches it. It may be slow, or hang.
    #[error("the run stopped watching after {}, before the server had finished", amounts::limit(*.watched))]
    Overdue {
        /// For how long it was watched.
        watched: Duration,
    },
    /// The input `timeout` was reached before the point of no return. Nothing was switched.
    #[error("the time limit of {} was reached", amounts::limit(*.limit))]
    OutOfTime {
        /// The limit.
        limit: Duration,
    },
    /// The run was cancelled (SIGINT or SIGTERM).
    #[error("the run was cancelled{}", if .finished_by.is_some() { " when the server could no longer be stopped" } else { "" })]
    Cancelled {
        /// As in `ConnectionLost`.
        finished_by: Option<u64>,
    },
    /// The process of the action's first step ended without a result; this is the second.
    #[error("the run ended without a result: its process crashed or was killed, for example because memory ran out")]
    Killed {
        /// Whether the server may have been asked for anything.
        begun: bool,
    },
    /// A bug in deploy-action.
    #[error("a bug in deploy-action: {0}")]
    Bug(Bug),
}

impl RunError {
    /// What the run ends with if it failed so before the point of no return.
    #[must_use]
    pub fn outcome_before_switch(&self) -> Outcome {
        match self {
            Self::Key { .. } | Self::KeyFormat { .. } | Self::Passphrase | Self::Source { .. } => {
                Outcome::Invalid
            }
            Self::Connection { .. } => Outcome::Unreachable,
            Self::Tool { .. }
            | Self::ServerPart { .. }
            | Self::LoginScript { .. }
            | Self::NoBinary { .. } => Outcome::NotReady,
            Self::NoTrace | Self::WentDown | Self::Overdue { .. } => Outcome::Unknown,
            Self::Protocol(_) | Self::ConnectionLost { .. } | Self::OutOfTime { .. } => {
                Outcome::Failed
            }
            Self::Cancelled { .. } => Outcome::Cancelled,
            Self::Killed { .. } | Self::Bug(_) => Outcome::Error,
        }
    }

    /// Whether it ended the run before the server was asked for anything.
    #[must_use]
    pub fn is_before_any_request(&self) -> bool {
        matches!(
            self,
            Self::Killed { begun: false } | Self::Bug(Bug::Crashed { begun: false, .. })
        )
    }

    /// Where it failed.
    #[must_use]
    pub fn side(&self) -> Side {
        match self {
            Self::Tool { .. }
            | Self::Key { .. }
            | Self::KeyFormat { .. }
            | Self::Passphrase
            | Self::Source { .. }
            | Self::NoBinary { .. }
            | Self::OutOfTime { .. }
            | Self::Cancelled { .. }
            | Self::Killed { .. }
            | Self::Bug(_) => Side::Runner,
            Self::Connection { .. }
            | Self::Protocol(_)
            | Self::ConnectionLost { .. }
            | Self::WentDown => Side::Connection,
            Self::ServerPart { .. }
            | Self::LoginScript { .. }
            | Self::NoTrace
            | Self::Overdue { .. } => Side::Server,
        }
    }
}

/// Where something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Side {
    /// On the runner.
    #[error("on the runner")]
    Runner,
    /// Between runner and server.
    #[error("between runner and server")]
    Connection,
    /// On the server.
    #[error("on the server")]
    Server,
}

fn source(path: &[u8]) -> String {
    match path {
        [] => "the source".to_owned(),
        path => excerpt(path),
    }
}
