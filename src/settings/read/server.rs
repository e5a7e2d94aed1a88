//! The server and the way in.

use crate::settings::durations::within;
use crate::settings::host::{host_and_port, HostName, Port, UserName};
use crate::settings::jump::{Jump, JumpParts};
use crate::settings::key::{Key, Secret};
use crate::settings::key_form::Lock;
use crate::settings::known_hosts::{how, how_for, KnownHosts};
use crate::settings::model::{Server, Surroundings};
use crate::settings::problem::{wrong, Wrong};
use crate::settings::reader::Reader;
use crate::settings::warning::Warning;

use super::SECOND;

pub(super) fn server(reader: &mut Reader<'_>, around: &Surroundings) -> Option<Server> {
    let no_host = || Wrong::new("is required", "Give the server's name or address");
    let host = reader.required("host", no_host, host_and_port);
    let port = port(reader, host.as_ref().and_then(|(_, port)| *port));
    let user = reader.with_default("user", UserName::parse);
    let key = key(reader, around);
    let passphrase = passphrase(reader, key.as_ref());
    let no_lines = || {
        Wrong::new(
            "is required: without it nothing is sent, for any server could be an impostor",
            how(),
        )
    };
    let known_hosts = reader.required("known-hosts", no_lines, KnownHosts::parse);
    let jump = reader.optional("jump-host", JumpParts::parse);
    let connect_timeout = reader.with_default("connect-timeout", |text| {
        within(text, SECOND..=SECOND * 600)
    });
    let connect_attempts = reader.with_default("connect-attempts", attempts);
    let host = host.map(|(host, _)| host);
    if let (Some(lines), Some(host), Some(port)) = (&known_hosts, &host, port) {
        names_server(reader, lines, host, port);
    }
    let jump = jump.and_then(|jump| {
        jump.map_or(Some(None), |parts| {
            whole_jump(reader, parts, user.as_ref()?).map(Some)
        })
    });
    if let (Some(lines), Some(Some(jump))) = (&known_hosts, &jump) {
        names_server(reader, lines, &jump.host, jump.port);
        if Some(&jump.host) == host.as_ref() && Some(jump.port) == port {
            let wrong = Wrong::new(
                "is the server itself",
                "Leave it out where the server is reached directly",
            );
            reader.problem("jump-host", None, wrong);
        }
    }
    Some(Server {
        host: host?,
        port: port?,
        user: user?,
        key: key?.map(|key| key.text),
        passphrase: passphrase?,
        known_hosts: known_hosts?,
        jump: jump?,
        connect_timeout: connect_timeout?,
        connect_attempts: connect_attempts?,
    })
}

/// What `jump-host` does not say is as usual.
fn whole_jump(reader: &mut Reader<'_>, parts: JumpParts, user: &UserName) -> Option<Jump> {
    let port = parts
        .port
        .or_else(|| reader.check("jump-host", "22", Port::parse))?;
    Some(Jump {
        host: parts.host,
        port,
        user: parts.user.unwrap_or_else(|| user.clone()),
    })
}

fn attempts(text: &str) -> Result<u32, Wrong> {
    match text.parse() {
        Ok(attempts) if (1..=10).contains(&attempts) && !text.starts_with(['+', '0']) => {
            Ok(attempts)
        }
        _ => wrong(
            "is not a number of attempts",
            "Write a whole number from 1 to 10",
        ),
    }
}

/// A port may stand in `host` as well, but not another one.
fn port(reader: &mut Reader<'_>, in_host: Option<Port>) -> Option<Port> {
    match (in_host, reader.optional("port", Port::parse)?) {
        (Some(a), Some(b)) if a != b => {
            let what = format!("is {b}, but `host` says {a}");
            reader.problem("port", None, Wrong::new(what, "Leave out one of the two"));
            None
        }
        (Some(port), _) | (None, Some(port)) => Some(port),
        (None, None) => reader.with_default("port", Port::parse),
    }
}

fn key(reader: &mut Reader<'_>, around: &Surroundings) -> Option<Option<Key>> {
    let Some(mut key) = reader.optional("key", Secret::key)? else {
        if around.agent && !around.on_actions {
            return Some(None);
        }
        reader.problem("key", None, no_key(around.on_actions));
        return None;
    };
    if !key.repairs.is_empty() {
        reader.warnings.push(Warning::KeyRepaired {
            repairs: std::mem::take(&mut key.repairs),
        });
    }
    Some(Some(key))
}

/// The passphrase, where there is a key that needs it. A key that is wrong needs none.
fn passphrase(reader: &mut Reader<'_>, key: Option<&Option<Key>>) -> Option<Option<Secret>> {
    let passphrase = reader.optional_raw("passphrase", Secret::passphrase)?;
    match (key?, &passphrase) {
        (
            Some(Key {
                lock: Lock::Encrypted,
                ..
            }),
            None,
        ) => {
            let cure =
                "Give it as `passphrase`, or make a key without one that only serves deployments (ssh-keygen -t \
                        ed25519 -N ''), and authorise it on the server";
            reader.problem(
                "key",
                None,
                Wrong::new("is encrypted with a passphrase", cure),
            );
            return None;
        }
        (
            Some(Key {
                lock: Lock::Plain, ..
            }),
            Some(_),
        ) => reader.warnings.push(Warning::PlainKey),
        (None, Some(_)) => {
            let because = "there is no key that it belongs to";
            reader.warnings.push(Warning::NoEffect {
                input: "passphrase",
                because,
            });
        }
        _ => return Some(passphrase),
    }
    Some(None)
}

fn no_key(on_actions: bool) -> Wrong {
    if on_actions {
        return Wrong::new(
            "is empty",
            "Give it as in `key: ${{ secrets.NAME }}` and check that the secret exists under this name, here or in the \
             job's environment; secrets are not passed to pull requests from forks",
        );
    }
    Wrong::new(
        "is empty",
        "Set INPUT_KEY=\"$(cat key-file)\", or load the key into an agent (SSH_AUTH_SOCK)",
    )
}

/// The server must be among those of `known-hosts`.
fn names_server(reader: &mut Reader<'_>, lines: &KnownHosts, host: &HostName, port: Port) {
    if !lines.names(host, port) {
        let what = format!("has no line for {host}, port {port}");
        reader.problem("known-hosts", None, Wrong::new(what, how_for(host, port)));
    }
}
