//! How a health check was answered.

use super::{Ending, UnitState};
use crate::protocol::as_text::{self, from_text};
use crate::text::amounts::size;
use crate::text::excerpt::{excerpt, last_line, one_line, truncate};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How much of a body stands in a sentence, in characters.
const BODY: usize = 100;

/// The result of one health check. Its texts are untrusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HealthAnswer {
    /// An expected status and a complete body that matches.
    Healthy {
        /// HTTP status.
        status: u16,
    },
    /// Another status than expected. Cause: the application, `health-url` or `health-status`.
    Status {
        /// HTTP status.
        status: u16,
        /// Where a redirect leads.
        location: Option<String>,
        /// The body's beginning.
        body: Vec<u8>,
    },
    /// The body does not match `health-match`.
    Mismatch {
        /// The expression, placeholders filled in.
        pattern: String,
        /// The body's beginning.
        body: Vec<u8>,
    },
    /// No process listens on the port.
    Refused,
    /// No complete response within the time for one request.
    TimedOut {
        /// What it waited for.
        #[serde(with = "as_text")]
        during: Phase,
    },
    /// The request failed in another way.
    Broken(#[serde(with = "as_text")] HealthError),
    /// The commands of `health-command` have ended: healthy with exit code 0. If there is a request too, it was healthy.
    Command {
        /// How.
        ending: Ending,
        /// The end of their output, whole lines.
        output: Vec<u8>,
    },
}

impl HealthAnswer {
    /// Whether it shows a healthy release.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        matches!(
            self,
            Self::Healthy { .. }
                | Self::Command {
                    ending: Ending::Exit(0),
                    ..
                }
        )
    }

    /// The same text without the body or output, which may differ each time. Fits after "health".
    #[must_use]
    pub fn kind(&self) -> String {
        match self {
            Self::Healthy { status } => format!("answered {status}"),
            Self::Status {
                status,
                location: Some(to),
                ..
            } => format!("answered {status}, a redirect to {}", excerpt(to)),
            Self::Status { status, .. } => format!("answered {status}"),
            Self::Mismatch { pattern, .. } => {
                let pattern = excerpt(pattern);
                format!("answered with a body that does not match “{pattern}”")
            }
            Self::Refused => "refused the connection: no process listens there".to_owned(),
            Self::TimedOut { during } => format!("timed out while waiting for {during}"),
            Self::Broken(error) => format!("could not be checked: {error}"),
            Self::Command { ending, .. } => format!("command {ending}"),
        }
    }
}

/// Fits after "health".
impl fmt::Display for HealthAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind())?;
        match self {
            Self::Status {
                location: None,
                body,
                ..
            } => match one_line(body) {
                body if body.is_empty() => f.write_str(" with an empty body"),
                body => write!(f, " with “{}”", truncate(&body, BODY)),
            },
            Self::Mismatch { body, .. } => match one_line(body) {
                body if body.is_empty() => f.write_str(": it is empty"),
                body => write!(f, ": “{}”", truncate(&body, BODY)),
            },
            Self::Command { output, .. } if !self.is_healthy() => match last_line(output) {
                line if line.is_empty() => f.write_str(" (no output)"),
                line => write!(f, ": “{}”", truncate(&line, BODY)),
            },
            Self::Status { .. }
            | Self::Healthy { .. }
            | Self::Command { .. }
            | Self::Refused
            | Self::TimedOut { .. }
            | Self::Broken(_) => Ok(()),
        }
    }
}

/// What a health check waited for when its time was up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Phase {
    /// TCP.
    #[error("the connection")]
    Connection,
    /// Status and headers.
    #[error("a response")]
    Response,
    /// What follows them.
    #[error("the rest of the body")]
    Body,
    /// Another version's text.
    #[error("{}", excerpt(.0))]
    Other(String),
}
from_text!(Phase: Connection, Response, Body);

/// Why a health check got no usable response. `error` is what the system or a library reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum HealthError {
    /// `health-url` has a host whose name the server does not know.
    #[error("cannot resolve {}: {}", excerpt(.host), excerpt(.error))]
    Resolve {
        /// As in `health-url`.
        host: String,
        /// What the resolver reports.
        error: String,
    },
    /// No TCP connection.
    #[error("cannot connect: {}", excerpt(.error))]
    Connect {
        /// What the system reports.
        error: String,
    },
    /// No TLS session, or no certificate that the server trusts.
    #[error("TLS: {}", excerpt(.error))]
    Tls {
        /// What the library reports.
        error: String,
    },
    /// The response is not HTTP, or breaks off.
    #[error("{}", excerpt(.error))]
    Http {
        /// What the library reports, with its causes.
        error: String,
    },
    /// The body is too large to be that of a health check.
    #[error("the body is longer than {}", size(*.limit))]
    TooLong {
        /// In bytes.
        limit: u64,
    },
    /// `health-match` has `{sha}`, but the release has no known commit.
    #[error("health-match has {{sha}}, but the commit of the release is unknown")]
    NoCommit,
    /// `health-match` is no regular expression. The runner has checked it, so another version has written it.
    #[error("health-match is not a valid pattern: {}", excerpt(.error))]
    Pattern {
        /// What the library reports.
        error: String,
    },
    /// The `.env` of the release, whose variables `health-command` gets, cannot be read.
    #[error("cannot read the .env of the release: {}", excerpt(.error))]
    EnvFile {
        /// What the system reports.
        error: String,
    },
    /// Nothing was requested: the unit is not running.
    #[error("the unit is {0}")]
    Unit(UnitState),
    /// What the system reports, or another version's text.
    #[error("{}", excerpt(.0))]
    Other(String),
}
from_text!(HealthError: NoCommit);
