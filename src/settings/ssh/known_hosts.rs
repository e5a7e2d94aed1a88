//! The server's known_hosts lines: the only ground on which a server is trusted.

use super::host::{without_dot, HostName, Port};
use crate::protocol::{known_hosts_command, known_hosts_name};
use crate::settings::problem::{invalid, Invalid};
use crate::text::Prose;
use base64::prelude::{Engine as _, BASE64_STANDARD};
use std::net::Ipv6Addr;
use std::path::Path;
use std::str::FromStr;

/// Nobody needs more than that for one server.
const LONGEST: usize = 256 * 1024;

/// Bad lines that are named; the rest is counted.
const NAMED: usize = 3;

/// How to get the server's line.
pub(in crate::settings) fn how() -> Prose {
    Prose::of("On the server's console run `{}`, with the name in `host` as NAME (`[name]:PORT` for a port other than 22), and store \
         the line as a variable", [&known_hosts_command("NAME")])
}

fn content_of_file() -> &'static str {
    "Give the file's content, not its name: on the command line `--known-hosts \"$(cat FILE)\"`"
}

/// Whether it names a file rather than a server: a line has at least three words.
fn is_path(text: &str) -> bool {
    let looks_so =
        text.starts_with(['~', '.']) || text.contains('/') || text.contains("known_hosts");
    let is_word = !text.is_empty() && text.len() < 4096 && !text.contains(char::is_whitespace);
    let is_line =
        text.starts_with(['#', '|', '@']) || text.contains("SHA256:") || text.contains("MD5:");
    is_word && !is_line && (looks_so || Path::new(text).is_file())
}

/// How to get the line of this server.
pub(in crate::settings) fn how_for(host: &HostName, port: Port) -> Prose {
    let name = known_hosts_name(host.as_str(), port.get());
    Prose::of(
        "On that server's console run `{}`, and add the line that it prints",
        [&known_hosts_command(&name)],
    )
}

/// Text in the format of known_hosts with at least one usable line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHosts {
    text: String,
    lines: Vec<Line>,
}

/// What counts of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    given: String,
    /// In lower case, and the shortest form of each address.
    names: String,
    revoked: bool,
}

impl KnownHosts {
    pub(in crate::settings) fn parse(text: &str) -> Result<Self, Invalid> {
        if text.len() > LONGEST {
            return invalid("is longer than 256 KiB", "Give only this server's lines");
        }
        if is_path(text) {
            return invalid("is the path of a file", content_of_file());
        }
        let (mut lines, mut kept) = (Vec::new(), String::new());
        let mut bad = Vec::new();
        for (index, text) in text.lines().map(str::trim).enumerate() {
            let line = Line::parse(text).unwrap_or_else(|reason| {
                bad.push(format!("line {} {reason}", index + 1));
                None
            });
            match &line {
                // no marker contains the name of an address
                Some(line) if line.names.len() > line.given.len() => {
                    kept += &text.replacen(&line.given, &line.names, 1);
                }
                _ => kept += text,
            }
            kept.push('\n');
            lines.extend(line);
        }
        if !bad.is_empty() {
            return invalid(Prose::foreign(listed(&bad)), how());
        }
        if lines.iter().all(|line| line.revoked) {
            let what = if lines.is_empty() {
                "has only comments"
            } else {
                "has only `@revoked` lines"
            };
            return invalid(what, how());
        }
        Ok(Self { text: kept, lines })
    }

    /// The lines, each ended by a line feed. They also name each address in the form in which ssh looks it up.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a line may be this server's. Hashed names may be anyone's.
    pub(in crate::settings) fn names(&self, host: &HostName, port: Port) -> bool {
        let host = host.as_str().to_ascii_lowercase();
        let forms = [host.as_str(), without_dot(&host)];
        forms.iter().any(|host| {
            let with_port = format!("[{host}]:{}", port.get());
            self.has(host, Line::matches) || self.has(&with_port, Line::matches)
        })
    }

    /// The name that ssh must look for instead of a host with a final dot, which known_hosts mostly names without it.
    pub fn alias(&self, host: &HostName, port: Port) -> Option<String> {
        let host = host.as_str().to_ascii_lowercase();
        let plain = host.strip_suffix('.')?;
        let with_port = |host: &str| known_hosts_name(host, port.get());
        if self.has(&host, Line::names) || self.has(&with_port(&host), Line::names) {
            return None;
        }
        let plain_only = self.has(plain, Line::names) && !self.has(&with_port(plain), Line::names);
        Some(if plain_only {
            plain.to_owned()
        } else {
            with_port(plain)
        })
    }

    fn has(&self, host: &str, is_it: fn(&Line, &str) -> bool) -> bool {
        let mut lines = self.lines.iter();
        lines.any(|line| !line.revoked && is_it(line, host))
    }
}

impl Line {
    /// `None` for comments and empty lines.
    fn parse(line: &str) -> Result<Option<Self>, &'static str> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        if line.contains("SHA256:") || line.contains("MD5:") {
            return Err("is a fingerprint, not a known_hosts line");
        }
        let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
        let mut names = words.next().unwrap_or_default();
        let marker = names.starts_with('@').then_some(names);
        if !matches!(marker, None | Some("@cert-authority" | "@revoked")) {
            return Err("begins with an unknown marker");
        }
        if marker.is_some() {
            names = words.next().ok_or("has no server name")?;
        }
        if is_key_type(names) {
            return Err("has no server name before the key");
        }
        let (Some(kind), Some(key)) = (words.next(), words.next()) else {
            return Err("is not of the form: name, key type, key");
        };
        key_is_whole(kind, key)?;
        Ok(Some(Self {
            given: names.to_owned(),
            names: with_shortest(&names.to_ascii_lowercase()),
            revoked: marker == Some("@revoked"),
        }))
    }

    /// Whether it can be this host's, as far as can be seen.
    fn matches(&self, host: &str) -> bool {
        self.names.starts_with("|1|") || self.names(host)
    }

    fn names(&self, host: &str) -> bool {
        let hit = |pattern: &str| wildcard(pattern.as_bytes(), host.as_bytes());
        let mut patterns = self.names.split(',');
        let refused = self
            .names
            .split(',')
            .filter_map(|pattern| pattern.strip_prefix('!'))
            .any(hit);
        !refused && patterns.any(hit)
    }
}

/// The names, and the shortest form of each IPv6 address that is written in another one.
fn with_shortest(names: &str) -> String {
    let other = |name: &str| {
        let (negation, name) = name
            .strip_prefix('!')
            .map_or(("", name), |name| ("!", name));
        let (address, port) = match name
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("]:"))
        {
            Some((address, port)) => (address, Some(port)),
            None => (name, None),
        };
        let shortest = address.parse::<Ipv6Addr>().ok()?.to_string();
        let shortest = (shortest != address).then_some(shortest)?;
        Some(match port {
            Some(port) => format!("{negation}[{shortest}]:{port}"),
            None => negation.to_owned() + &shortest,
        })
    };
    let others = names.split(',').filter_map(other);
    [names.to_owned()]
        .into_iter()
        .chain(others)
        .collect::<Vec<_>>()
        .join(",")
}

fn is_key_type(word: &str) -> bool {
    ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"]
        .iter()
        .any(|start| word.starts_with(start))
}

/// The key's first field repeats its type, and its fields fill it to the last byte.
fn key_is_whole(kind: &str, key: &str) -> Result<(), &'static str> {
    if !is_key_type(kind) {
        return Err("has an unknown key type");
    }
    let bytes = BASE64_STANDARD
        .decode(key)
        .map_err(|_| "has a key that is not base64 (cut off?)")?;
    let mut rest = bytes.as_slice();
    let mut first = None;
    while !rest.is_empty() {
        let (length, tail) = rest
            .split_first_chunk::<4>()
            .ok_or("has a key that is cut off")?;
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let (field, tail) = tail
            .split_at_checked(length)
            .ok_or("has a key that is cut off")?;
        first.get_or_insert(field);
        rest = tail;
    }
    match first {
        Some(name) if name == kind.as_bytes() => Ok(()),
        _ => Err("names another key type than its key has"),
    }
}

fn listed(bad: &[String]) -> String {
    let mut text = bad
        .iter()
        .take(NAMED)
        .cloned()
        .collect::<Vec<_>>()
        .join("; ");
    if bad.len() > NAMED {
        text += &format!("; and {} lines more", bad.len() - NAMED);
    }
    text
}

/// `*` and `?` as in ssh, without backtracking beyond the last `*`.
fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star.as_mut() {
                Some((at, from)) => {
                    *from += 1;
                    (p, t) = (*at + 1, *from);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

impl FromStr for KnownHosts {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}
