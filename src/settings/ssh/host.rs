//! Where to connect: host, port, user. Stricter than ssh, which accepts `user@host`, `ssh://…`, `%h` and `\`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::settings::problem::{invalid, Invalid};

/// A DNS name, perhaps with `_` and a final dot, an IPv4 or an IPv6 address (without brackets).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName(String);

/// A port, 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port(u16);

/// A user's name on the server, which may come from a directory: `deploy@corp.example`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserName(String);

/// Of a user's name: `LOGIN_NAME_MAX` of Linux.
const LONGEST_USER: usize = 255;

/// What the input `host` may hold.
pub(in crate::settings) fn host_and_port(text: &str) -> Result<(HostName, Option<Port>), Invalid> {
    if let Some((scheme, _)) = text.split_once("://") {
        if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return invalid(
                "is a URL",
                "Write only the name or address, without scheme and path",
            );
        }
    }
    if let Some((address, port)) = text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]:"))
    {
        return Ok((HostName::v6(address)?, Some(Port::parse(port)?)));
    }
    match text.split_once(':') {
        Some((name, port)) if !port.contains(':') && !name.contains('[') => {
            Ok((HostName::parse(name)?, Some(Port::parse(port)?)))
        }
        _ => Ok((HostName::parse(text)?, None)),
    }
}

impl HostName {
    /// Checks a name or an address.
    pub(in crate::settings) fn parse(text: &str) -> Result<Self, Invalid> {
        Self::not_something_else(text)?;
        if text.contains(':') {
            return Self::v6(text);
        }
        if text.parse::<Ipv4Addr>().is_ok() {
            return Ok(Self(text.to_owned()));
        }
        Self::name(text)
    }

    fn not_something_else(text: &str) -> Result<(), Invalid> {
        if text.starts_with('-') {
            return invalid("must not start with `-`", "Write a host name or an address");
        }
        if text.contains('@') {
            return invalid(
                "holds a user",
                "Write only the server here, and the user in `user`",
            );
        }
        if text.contains(['\n', ',']) {
            return invalid(
                "holds several hosts",
                "Write one host per step; for several servers use a matrix",
            );
        }
        if text.contains('[') || text.contains(']') {
            return invalid(
                "has brackets",
                "Write an IPv6 address without brackets, or `[address]:port`",
            );
        }
        Ok(())
    }

    fn v6(text: &str) -> Result<Self, Invalid> {
        if text.contains('%') {
            return invalid(
                "has a zone",
                "Zones of IPv6 are not supported: use an address without `%`",
            );
        }
        match text.parse::<Ipv6Addr>() {
            // as ssh looks it up in known_hosts, however it is written here
            Ok(address) => Ok(Self(address.to_string())),
            Err(_) => invalid(
                "is not an IPv6 address",
                "Write it like `2001:db8::1`, or `[2001:db8::1]:22` with a port",
            ),
        }
    }

    fn name(text: &str) -> Result<Self, Invalid> {
        if !text.is_ascii() {
            return invalid(
                "has characters beyond ASCII",
                "Write an international name in punycode (xn--…)",
            );
        }
        if !text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        {
            return invalid(
                "has characters that a host name cannot have",
                "Allowed are letters, digits, `-`, `_` and `.`",
            );
        }
        let name = without_dot(text);
        if name.len() > 253 || !name.split('.').all(is_label) {
            let fix = "Parts between dots have 1 to 63 characters and no `-` at their ends, the whole at most 253";
            return invalid("is not a valid host name", fix);
        }
        let last = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
        if last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") {
            return invalid(
                "is not an IPv4 address",
                "Write four numbers from 0 to 255, as in 192.0.2.10",
            );
        }
        Ok(Self(text.to_owned()))
    }

    /// The name or address, IPv6 in its shortest form and without brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address, where it is one.
    pub fn address(&self) -> Option<IpAddr> {
        self.0.parse().ok()
    }

    /// Whether `other` is the same name, or the same address however it is written.
    pub(in crate::settings) fn is(&self, other: &str) -> bool {
        let address = other.parse().ok();
        without_dot(&self.0).eq_ignore_ascii_case(without_dot(other))
            || address.is_some() && address == self.address()
    }

    /// Whether it means this machine itself.
    pub fn is_loopback(&self) -> bool {
        without_dot(&self.0).eq_ignore_ascii_case("localhost")
            || self
                .address()
                .is_some_and(|address| address.to_canonical().is_loopback())
    }
}

/// The name without the final dot, which only keeps search domains away.
pub(super) fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
}

impl Port {
    pub(in crate::settings) fn parse(text: &str) -> Result<Self, Invalid> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        match text.parse::<u16>() {
            Ok(port) if plain => Ok(Self(port)),
            _ => invalid("is not a port", "Write a whole number from 1 to 65535"),
        }
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl UserName {
    pub(in crate::settings) fn parse(text: &str) -> Result<Self, Invalid> {
        let first = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let rest = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.-@".contains(&b));
        if first && rest && !text.ends_with('@') && text.len() <= LONGEST_USER {
            return Ok(Self(text.to_owned()));
        }
        let what = "is not a valid user name";
        let fix =
            "Allowed are letters, digits, `_`, `.`, `-` and `@`, a letter, a digit or `_` first";
        invalid(what, fix)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for HostName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl FromStr for Port {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl FromStr for UserName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}
