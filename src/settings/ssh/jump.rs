//! The jump host.

use super::host::{host_and_port, HostName, Port, UserName};
use crate::settings::problem::{invalid, Invalid};

/// A server through which the other one is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jump {
    /// Its name or address.
    pub host: HostName,
    /// Its SSH port.
    pub port: Port,
    /// Who logs in there.
    pub user: UserName,
}

/// `[user@]host[:port]`, without defaults.
pub(in crate::settings) struct JumpParts {
    pub(in crate::settings) host: HostName,
    pub(in crate::settings) port: Option<Port>,
    pub(in crate::settings) user: Option<UserName>,
}

impl JumpParts {
    pub(in crate::settings) fn parse(text: &str) -> Result<Self, Invalid> {
        if text.contains([',', '\n']) {
            return invalid(
                "names several servers",
                "Write one: only one server on the way is supported",
            );
        }
        let (user, place) = match text.rsplit_once('@').filter(|_| !text.contains("://")) {
            Some((user, place)) => (
                Some(UserName::parse(user).map_err(|invalid| invalid.at("its user"))?),
                place,
            ),
            None => (None, text),
        };
        let (host, port) = host_and_port(place)?;
        Ok(Self { host, port, user })
    }
}
