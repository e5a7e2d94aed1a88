//! Why a login failed, from ssh's messages. These are not a stable interface, so only texts, hints and the decision
//! whether to try again depend on them.

use super::config::{ALIAS, JUMP};
use super::host_key::offered;
use super::login::LoginOptions;
use crate::protocol::{ConnectionError, ConnectionKind, Hop, RunError};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// In ssh's message when the jump host could not reach the server.
const NOT_REACHED: &str = "open failed";

/// A login that failed.
pub(super) struct FailedLogin<'a> {
    pub(super) login: &'a LoginOptions<'a>,
    pub(super) folder: &'a Path,
}

impl FailedLogin<'_> {
    /// ssh reported this error.
    pub(super) fn by_ssh(&self, error: &openssh::Error) -> RunError {
        let stderr = match error {
            openssh::Error::Connect(error) => error.to_string(),
            other => with_causes(other),
        };
        let kind = kind_of(&stderr);
        let jump = fs::read(self.folder.join("jump.log")).unwrap_or_default();
        let jump = String::from_utf8_lossy(&jump);
        if matches!(kind, ConnectionKind::HostKey | ConnectionKind::Login) || jump.trim().is_empty()
        {
            return self.error(kind, stderr, Hop::Server);
        }
        match jump.lines().find(|line| line.contains(NOT_REACHED)) {
            Some(line) => RunError::Connection {
                kind: kind_of(line),
                error: ConnectionError::FromJumpHost {
                    stderr: line.as_bytes().to_vec(),
                },
                hop: Hop::Server,
                offered: None,
            },
            None => self.error(kind_of(&jump), jump.into_owned(), self.jump()),
        }
    }

    /// The time limit was reached.
    pub(super) fn timed_out(&self, limit: Duration) -> RunError {
        let reached_server =
            self.login.server.jump.is_none() || offered(self.folder, ALIAS, "", "").is_some();
        let hop = if reached_server {
            Hop::Server
        } else {
            self.jump()
        };
        RunError::Connection {
            kind: ConnectionKind::TimedOut,
            error: ConnectionError::NoLogin { limit },
            hop,
            offered: None,
        }
    }

    fn jump(&self) -> Hop {
        match &self.login.server.jump {
            None => Hop::Server,
            Some(jump) => Hop::Jump {
                host: jump.host.to_string(),
                port: jump.port.get(),
                user: jump.user.to_string(),
            },
        }
    }

    fn error(&self, kind: ConnectionKind, stderr: String, hop: Hop) -> RunError {
        let alias = if hop == Hop::Server { ALIAS } else { JUMP };
        let untrusted = kind == ConnectionKind::HostKey;
        let offered = untrusted
            .then(|| {
                offered(
                    self.folder,
                    alias,
                    self.login.server.known_hosts.text(),
                    &stderr,
                )
            })
            .flatten();
        RunError::Connection {
            kind,
            error: ConnectionError::Ssh {
                stderr: stderr.into_bytes(),
            },
            hop,
            offered: offered.map(Box::new),
        }
    }
}

/// An error with its causes.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The kind of failure that ssh's message indicates.
fn kind_of(message: &str) -> ConnectionKind {
    const PATTERNS: [(&str, ConnectionKind); 13] = [
        ("Host key verification failed", ConnectionKind::HostKey),
        ("HOST IDENTIFICATION HAS CHANGED", ConnectionKind::HostKey),
        ("host key is known", ConnectionKind::HostKey),
        ("marked as revoked", ConnectionKind::HostKey),
        ("REVOKED HOST KEY", ConnectionKind::HostKey),
        ("Permission denied (", ConnectionKind::Login),
        ("Too many authentication failures", ConnectionKind::Login),
        ("Could not resolve", ConnectionKind::Resolve),
        ("Connection refused", ConnectionKind::Refused),
        ("timed out", ConnectionKind::TimedOut),
        ("Timeout", ConnectionKind::TimedOut),
        ("timeout", ConnectionKind::TimedOut),
        ("No route to host", ConnectionKind::Other),
    ];
    PATTERNS
        .iter()
        .find(|(pattern, _)| message.contains(pattern))
        .map_or(ConnectionKind::Other, |(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_messages_of_ssh_are_classified() {
        for (said, kind) in [
            ("connect to host 127.0.0.1 port 1: Connection refused", ConnectionKind::Refused),
            ("connect to host 192.0.2.1 port 22: Connection timed out", ConnectionKind::TimedOut),
            ("Connection timed out during banner exchange", ConnectionKind::TimedOut),
            ("Could not resolve hostname x.invalid: Name or service not known", ConnectionKind::Resolve),
            ("deploy@host: Permission denied (publickey).", ConnectionKind::Login),
            (
                "No ED25519 host key is known for [127.0.0.1]:2222 and you have requested strict checking.\r\n\
                 Host key verification failed.",
                ConnectionKind::HostKey,
            ),
            ("kex_exchange_identification: Connection closed by remote host", ConnectionKind::Other),
        ] {
            assert_eq!(kind_of(said), kind, "{said}");
        }
    }
}
