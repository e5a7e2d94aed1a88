//! A server on the way.

use super::host::{host_and_port, HostName, Port, UserName};
use super::problem::{wrong, Wrong};

/// A server over which the other one is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jump {
    /// Its name or address.
    pub host: HostName,
    /// Its SSH port.
    pub port: Port,
    /// Who logs in there.
    pub user: UserName,
}

/// `[user@]host[:port]`, where what is not said is not filled in yet.
pub(super) struct JumpParts {
    pub(super) host: HostName,
    pub(super) port: Option<Port>,
    pub(super) user: Option<UserName>,
}

impl JumpParts {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        if text.contains([',', '\n']) {
            return wrong(
                "names several servers",
                "Write one: only one server on the way is supported",
            );
        }
        let (user, place) = match text.split_once('@').filter(|_| !text.contains("://")) {
            Some((user, place)) => (
                Some(UserName::parse(user).map_err(|wrong| wrong.at("its user"))?),
                place,
            ),
            None => (None, text),
        };
        if place.contains('@') {
            return wrong("has more than one `@`", "Write [user@]host[:port]");
        }
        let (host, port) = host_and_port(place)?;
        Ok(Self { host, port, user })
    }
}
