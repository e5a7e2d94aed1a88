//! Why a login failed, from ssh's messages. These are not a stable interface, so only texts, hints and the decision
//! whether to try again depend on them.

use super::config::{ALIAS, JUMP};
use super::host_key::offered;
use super::login::LoginOptions;
use super::master::NoLogin;
use super::tools::unusable;
use crate::protocol::{ConnectionError, ConnectionKind, Hop, RunError, ToolError};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// In ssh's message when the jump host could not reach the server.
const NOT_REACHED: &str = "open failed";
/// ssh's exit code if it fails by itself.
const SSH_FAILED: i32 = 255;

/// A login that failed.
pub(super) struct FailedLogin<'a> {
    pub(super) login: &'a LoginOptions<'a>,
    pub(super) folder: &'a Path,
}

impl FailedLogin<'_> {
    /// ssh gave up.
    pub(super) fn by_ssh(&self, ended: &NoLogin) -> RunError {
        let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
        if is_local(ended.code, &stderr) {
            let stderr = stderr.into_bytes();
            return unusable("ssh", ToolError::Ended { stderr });
        }
        let kind = kind_of(&stderr);
        let jump = fs::read(self.folder.join("jump.log")).unwrap_or_default();
        let jump = String::from_utf8_lossy(&jump);
        if is_by_server(kind) || jump.trim().is_empty() || self.reached_server() {
            return self.error(kind, stderr, Hop::Server);
        }
        if let Some(line) = jump.lines().find(|line| line.contains(NOT_REACHED)) {
            return RunError::Connection {
                kind: kind_of(line),
                error: ConnectionError::FromJumpHost {
                    stderr: line.as_bytes().to_vec(),
                },
                hop: Hop::Server,
                offered: None,
            };
        }
        match kind_of(&jump) {
            // perhaps only its banner
            ConnectionKind::Other => self.error(kind, format!("{jump}\n{stderr}"), Hop::Server),
            kind => self.error(kind, jump.into_owned(), self.jump()),
        }
    }

    /// The time limit was reached. ssh itself gives up if it gets no answer, so there was one.
    pub(super) fn timed_out(&self, limit: Duration) -> RunError {
        let hop = if self.login.server.jump.is_none() || self.reached_server() {
            Hop::Server
        } else {
            self.jump()
        };
        RunError::Connection {
            kind: ConnectionKind::Slow,
            error: ConnectionError::NoLogin { limit },
            hop,
            offered: None,
        }
    }

    /// Whether the server behind the jump host is known to have answered.
    fn reached_server(&self) -> bool {
        offered(self.folder, ALIAS, "", "").is_some()
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

/// Whether ssh failed on the runner, before it contacted anyone. `code` is its exit code.
fn is_local(code: Option<i32>, message: &str) -> bool {
    let last = last_lines(message).next().unwrap_or_default();
    let is_config = last.contains(": terminating, ") && last.ends_with("configuration options");
    code.is_some_and(|code| code != SSH_FAILED)
        || last.starts_with("No user exists for uid")
        || is_config
}

/// Whether only the server itself, and no host before it, can be the cause.
fn is_by_server(kind: ConnectionKind) -> bool {
    use ConnectionKind::{Expired, HostKey, Login, Negotiation};
    matches!(kind, HostKey | Login | Negotiation | Expired)
}

fn last_lines(message: &str) -> impl Iterator<Item = &str> {
    let lines = message.lines().rev().map(str::trim);
    lines.filter(|line| !line.is_empty())
}

/// The kind of failure that ssh's message indicates. Its own words come last, after those of the server.
fn kind_of(message: &str) -> ConnectionKind {
    let found = last_lines(message).take(2).find_map(kind_of_line);
    let kind = found.unwrap_or(ConnectionKind::Other);
    let refused = matches!(kind, ConnectionKind::Closed | ConnectionKind::Login);
    // PAM's words
    if refused && message.contains("account has expired") {
        return ConnectionKind::Expired;
    }
    kind
}

fn kind_of_line(line: &str) -> Option<ConnectionKind> {
    // the first counts
    const PATTERNS: [(&str, ConnectionKind); 19] = [
        ("Host key verification failed", ConnectionKind::HostKey),
        ("HOST IDENTIFICATION HAS CHANGED", ConnectionKind::HostKey),
        ("host key is known", ConnectionKind::HostKey),
        ("marked as revoked", ConnectionKind::HostKey),
        ("REVOKED HOST KEY", ConnectionKind::HostKey),
        ("Permission denied (", ConnectionKind::Login),
        ("Too many authentication failures", ConnectionKind::Login),
        ("Unable to negotiate", ConnectionKind::Negotiation),
        ("Could not resolve", ConnectionKind::Resolve),
        ("Connection refused", ConnectionKind::Refused),
        ("during banner exchange", ConnectionKind::Slow),
        ("Connection to ", ConnectionKind::Slow),
        ("timed out", ConnectionKind::TimedOut),
        ("Timeout", ConnectionKind::TimedOut),
        ("timeout", ConnectionKind::TimedOut),
        ("No route to host", ConnectionKind::Other),
        ("Connection closed by", ConnectionKind::Closed),
        ("Connection reset by", ConnectionKind::Closed),
        ("Received disconnect from", ConnectionKind::Closed),
    ];
    let found = PATTERNS.iter().find(|(pattern, _)| line.contains(pattern));
    found.map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn known_messages_of_ssh_are_classified() {
        use ConnectionKind::*;
        for (said, kind) in [
            ("connect to host 127.0.0.1 port 1: Connection refused", Refused),
            ("connect to host 192.0.2.1 port 22: Connection timed out", TimedOut),
            ("Connection timed out during banner exchange", Slow),
            (
                "Connection timed out during banner exchange\r\nConnection to 127.0.0.1 port 22 timed out\r\n",
                Slow,
            ),
            ("Could not resolve hostname x.invalid: Name or service not known", Resolve),
            ("deploy@host: Permission denied (publickey).", Login),
            (
                "Received disconnect from 127.0.0.1 port 22:2: Too many authentication failures\r\n\
                 Disconnected from 127.0.0.1 port 22\r\n",
                Login,
            ),
            (
                "No ED25519 host key is known for [127.0.0.1]:2222 and you have requested strict checking.\r\n\
                 Host key verification failed.",
                HostKey,
            ),
            (
                "Unable to negotiate with 127.0.0.1 port 22: no matching cipher found. Their offer: 3des-cbc\r\n",
                Negotiation,
            ),
            ("kex_exchange_identification: Connection closed by remote host", Closed),
            ("kex_exchange_identification: read: Connection reset by peer", Closed),
            (
                "System is going down. Unprivileged users are not permitted to log in anymore.\n\n\
                 Connection closed by 127.0.0.1 port 22\r\n",
                Closed,
            ),
            (
                "Your account has expired; please contact your system administrator.\n\
                 Connection closed by 127.0.0.1 port 22\r\n",
                Expired,
            ),
            // a banner is no message of ssh
            (
                "Sessions without input are timed out.\nHost key verification failed? Tell us.\n\
                 deploy@host: Permission denied (publickey).\r\n",
                Login,
            ),
            ("", Other),
        ] {
            assert_eq!(kind_of(said), kind, "{said}");
        }
    }

    #[test]
    fn what_fails_on_the_runner_is_told_from_what_fails_on_the_way() {
        let no_user = "No user exists for uid 12345\r\n";
        let config = "/tmp/da0/config: line 3: Bad configuration option: x\r\n\
                      /tmp/da0/config: terminating, 1 bad configuration options\r\n";
        let banner =
            "No user exists for uid 1: go away\nConnection closed by 127.0.0.1 port 22\r\n";
        assert!(is_local(Some(255), no_user));
        assert!(is_local(Some(255), config));
        assert!(is_local(
            Some(127),
            "ssh: error while loading shared libraries: libcrypto.so.1.1"
        ));
        assert!(!is_local(Some(255), banner));
        assert!(!is_local(None, ""), "killed with this run");
    }
}
