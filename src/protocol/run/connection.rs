//! Why there is no connection.

use crate::text::amounts;
use crate::text::excerpt::{excerpt, last_line, lines};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConnectionKind {
    /// No process listens there.
    Refused,
    /// No answer in time.
    TimedOut,
    /// The name is unknown.
    Resolve,
    /// The host key is unknown, changed or revoked.
    HostKey,
    /// The login was refused.
    Login,
    /// Any other.
    Other,
    /// There is an answer, but no login in time.
    Slow,
    /// No common algorithm.
    Negotiation,
    /// The server closed the connection before the login.
    Closed,
    /// The account has expired.
    Expired,
}

/// What is known about a connection that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ConnectionError {
    /// ssh gave up.
    #[error("{}", said(.stderr))]
    Ssh {
        /// What it printed, after what the server said.
        stderr: Vec<u8>,
    },
    /// The jump host could not reach the server.
    #[error("from the jump host: {}", last_line(.stderr))]
    FromJumpHost {
        /// What its ssh printed.
        stderr: Vec<u8>,
    },
    /// deploy-action gave up.
    #[error("no login within {}", amounts::limit(*.limit))]
    NoLogin {
        /// The limit.
        limit: Duration,
    },
}

/// How many lines before ssh's own are shown: of a banner, the end.
const LINES_BEFORE: usize = 3;

/// ssh's last line, and what was printed before it: mostly by the server.
fn said(stderr: &[u8]) -> String {
    let lines = lines(stderr);
    let mut lines = lines.iter().rev().map(|line| line.trim());
    let mut lines = lines.by_ref().filter(|line| !line.is_empty());
    let last = lines.next().unwrap_or_default();
    let last = excerpt(last.strip_prefix("ssh: ").unwrap_or(last));
    let mut before: Vec<&str> = lines.take(LINES_BEFORE).collect();
    before.reverse();
    match excerpt(before.join(" ")) {
        before if before.is_empty() => last,
        before => format!("{}; before that: {before}", last.trim_end_matches('.')),
    }
}

/// One of the hosts on the way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hop {
    /// The one that is deployed to.
    #[default]
    Server,
    /// The jump host before it.
    Jump {
        /// Name or address.
        host: String,
        /// TCP port of its sshd.
        port: u16,
        /// Login name on it.
        user: String,
    },
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("the server"),
            Self::Jump { host, .. } => write!(f, "the jump host {}", excerpt(host)),
        }
    }
}

/// A host key that a server offered and that is not trusted. Its texts are untrusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedKey {
    /// The line of `known_hosts` that would trust it.
    pub line: String,
    /// As `ssh-keygen -l` shows it.
    pub fingerprint: String,
    /// Why it is not trusted.
    pub state: KeyState,
}

/// What `known_hosts` has about an offered host key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyState {
    /// Nothing under this name.
    Unknown,
    /// Another key.
    Changed,
    /// It is revoked.
    Revoked,
    /// The same key, but under other names only.
    OtherName,
}

impl KeyState {
    fn describe(self, hop: &str, key: &str) -> String {
        match self {
            Self::Unknown => format!("known-hosts has no key for {hop}, which offers {key}"),
            Self::Changed => format!("{hop} offers another host key than known-hosts has: {key}"),
            Self::Revoked => format!("{hop} offers a host key that known-hosts revokes: {key}"),
            Self::OtherName => {
                format!("{hop} offers a key that known-hosts has only for another name: {key}")
            }
        }
    }
}

/// The text about a connection that failed.
pub(super) fn describe(
    kind: ConnectionKind,
    error: &ConnectionError,
    hop: &Hop,
    offered: Option<&OfferedKey>,
) -> String {
    if let Some(OfferedKey {
        fingerprint, state, ..
    }) = offered
    {
        return state.describe(&hop.to_string(), &excerpt(fingerprint));
    }
    let what = match kind {
        ConnectionKind::Refused => format!("{hop} refused the connection"),
        ConnectionKind::TimedOut => format!("{hop} did not answer in time"),
        ConnectionKind::Resolve => format!("the name of {hop} is unknown"),
        ConnectionKind::HostKey => format!("the host key of {hop} is not the one in known-hosts"),
        ConnectionKind::Login => format!("{hop} refused the login"),
        ConnectionKind::Other => format!("no connection to {hop}"),
        ConnectionKind::Slow => format!("the login on {hop} takes too long"),
        ConnectionKind::Negotiation => {
            format!("{hop} and the runner's ssh have no algorithm in common")
        }
        ConnectionKind::Closed => format!("{hop} closed the connection before the login"),
        ConnectionKind::Expired => format!("the account on {hop} has expired"),
    };
    let error = match (kind, error) {
        // what comes before is a frame of characters around advice for a person at a terminal
        (ConnectionKind::HostKey, ConnectionError::Ssh { stderr }) => last_line(stderr),
        (_, error) => error.to_string(),
    };
    match error {
        error if error.is_empty() => what,
        error => format!("{what} ({error})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_server_are_shown_with_those_of_ssh() {
        let down =
            "Welcome\n\nSystem is going down. For technical details, see pam_nologin(8).\n\n\
                    Connection closed by 127.0.0.1 port 22\r\n";
        assert_eq!(
            said(down.as_bytes()),
            "Connection closed by 127.0.0.1 port 22; before that: Welcome System is going down. For technical details, see pam_nologin(8)."
        );
        let refused = b"ssh: connect to host h port 1: Connection refused\r\n";
        assert_eq!(
            said(refused),
            "connect to host h port 1: Connection refused"
        );
        assert_eq!(said(b""), "");
        let banner = "\u{1b}[31m x\n".repeat(99) + "\u{ff}\nPermission denied (publickey).\r\n";
        assert_eq!(
            said(banner.as_bytes()),
            "Permission denied (publickey); before that: x x \u{ff}"
        );
    }
}
