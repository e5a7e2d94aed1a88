//! The server and how to log in.

use crate::protocol::Secret;
use crate::settings::input::{Definition, Input};
use crate::settings::model::{Server, Surroundings};
use crate::settings::problem::{invalid, Invalid};
use crate::settings::reader::Reader;
use crate::settings::ssh::host::{host_and_port, HostName, Port, UserName};
use crate::settings::ssh::jump::{Jump, JumpParts};
use crate::settings::ssh::key::{self, Key};
use crate::settings::ssh::key_form::Lock;
use crate::settings::ssh::known_hosts::{how, how_for, KnownHosts};
use crate::settings::values::durations::{within, SECOND};
use crate::settings::warning::InputWarning;
use crate::text::Prose;
use std::time::Duration;

pub(super) static INPUTS: [&Input; 9] = [
    &HOST.input,
    &PORT.input,
    &USER.input,
    &KEY.input,
    &PASSPHRASE.input,
    &KNOWN_HOSTS.input,
    &JUMP_HOST.input,
    &CONNECT_TIMEOUT.input,
    &CONNECT_ATTEMPTS.input,
];

pub(super) static HOST: Definition<(HostName, Option<Port>)> = Definition::required(
    "host",
    "Server name or address; `name:port` is allowed.",
    host_and_port,
);

pub(super) static PORT: Definition<Port> = Definition::with_default(
    "port",
    "22",
    "Port of the server's SSH service.",
    Port::parse,
);

pub(super) static USER: Definition<UserName> =
    Definition::with_default("user", "deploy", "User to log in as.", UserName::parse);

pub(super) static KEY: Definition<Key> = Definition::required(
    "key",
    "Private key. From the command line it may be left out if `SSH_AUTH_SOCK` names an agent that holds one.",
    key::parse,
)
.secret()
.lines();

pub(super) static PASSPHRASE: Definition<Secret> = Definition::optional(
    "passphrase",
    "The key's passphrase, if it has one.",
    key::passphrase,
)
.secret()
.exact();

pub(super) static KNOWN_HOSTS: Definition<KnownHosts> = Definition::required(
    "known-hosts",
    "The server's known_hosts line(s). Without them nothing is sent.",
    KnownHosts::parse,
)
.lines();

pub(super) static JUMP_HOST: Definition<JumpParts> = Definition::optional(
    "jump-host",
    "Server through which the other one is reached: `[user@]host[:port]`, by default with the same `user` and port 22. \
     It uses the same key; `known-hosts` needs its line too.",
    JumpParts::parse,
);

pub(super) static CONNECT_TIMEOUT: Definition<Duration> = Definition::with_default(
    "connect-timeout",
    "10s",
    "How long connecting may take.",
    |text| within(text, SECOND..=SECOND * 600),
);

pub(super) static CONNECT_ATTEMPTS: Definition<u32> = Definition::with_default(
    "connect-attempts",
    "3",
    "How often to try the first connection, with growing pauses: 1 to 10. If the connection drops later, the action \
     reconnects: within `timeout` before the switch, and until the server has finished after it.",
    attempts,
);

pub(super) fn server(reader: &mut Reader<'_>, around: &Surroundings) -> Option<Server> {
    let no_host = || Invalid::new("is required", "Give the server's name or address");
    let host = reader.required(&HOST, no_host);
    let port = port(reader, host.as_ref().and_then(|(_, port)| *port));
    let user = reader.with_default(&USER);
    let key = key(reader, around);
    let passphrase = passphrase(reader, key.as_ref());
    let known_hosts = reader.required(&KNOWN_HOSTS, no_lines);
    let jump = jump(reader, user.as_ref());
    let connect_timeout = reader.with_default(&CONNECT_TIMEOUT);
    let connect_attempts = reader.with_default(&CONNECT_ATTEMPTS);
    let host = host.map(|(host, _)| host);
    if let Some(lines) = &known_hosts {
        let server = host.as_ref().zip(port);
        both_known(
            reader,
            lines,
            server,
            jump.as_ref().and_then(Option::as_ref),
        );
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

/// Name and port of the server, if both are valid.
pub(super) fn address(reader: &mut Reader<'_>) -> Option<(HostName, Port)> {
    let (host, in_host) = reader.optional(&HOST)??;
    Some((host, port(reader, in_host)?))
}

fn no_lines() -> Invalid {
    let what =
        "is required: without it nothing is sent, because any server could pretend to be yours";
    Invalid::new(what, how())
}

fn jump(reader: &mut Reader<'_>, user: Option<&UserName>) -> Option<Option<Jump>> {
    let Some(parts) = reader.optional(&JUMP_HOST)? else {
        return Some(None);
    };
    let port = parts.port.or_else(|| reader.parse(&PORT, "22"))?;
    let user = parts.user.or_else(|| user.cloned())?;
    Some(Some(Jump {
        host: parts.host,
        port,
        user,
    }))
}

fn attempts(text: &str) -> Result<u32, Invalid> {
    match text.parse() {
        Ok(attempts) if (1..=10).contains(&attempts) && !text.starts_with(['+', '0']) => {
            Ok(attempts)
        }
        _ => invalid(
            "is not a number of attempts",
            "Write a whole number from 1 to 10",
        ),
    }
}

/// `host` may hold the port as well, but not a different one.
fn port(reader: &mut Reader<'_>, in_host: Option<Port>) -> Option<Port> {
    match (in_host, reader.optional(&PORT)?) {
        (Some(a), Some(b)) if a != b => {
            let what = Prose::of("is {}, but `host` has {}", [&b, &a]);
            let invalid = Invalid::new(what, "Leave out one of the two");
            reader.problem(&PORT.input, None, invalid);
            None
        }
        (Some(port), _) | (None, Some(port)) => Some(port),
        (None, None) => reader.with_default(&PORT),
    }
}

fn key(reader: &mut Reader<'_>, around: &Surroundings) -> Option<Option<Key>> {
    let Some(mut key) = reader.optional(&KEY)? else {
        if around.agent && !around.on_actions {
            return Some(None);
        }
        reader.problem(&KEY.input, None, no_key(around.on_actions));
        return None;
    };
    if !key.repairs.is_empty() {
        let repairs = std::mem::take(&mut key.repairs);
        reader.warnings.push(InputWarning::KeyRepaired { repairs });
    }
    Some(Some(key))
}

/// The passphrase, if there is a key that needs it. An invalid key needs none.
fn passphrase(reader: &mut Reader<'_>, key: Option<&Option<Key>>) -> Option<Option<Secret>> {
    let passphrase = reader.optional(&PASSPHRASE)?;
    let lock = key?.as_ref().map(|key| key.lock);
    match (lock, &passphrase) {
        (Some(Lock::Encrypted), None) => {
            let fix = "Give it as `passphrase`, or create a key without one that is used for deployments only \
                       (ssh-keygen -t ed25519 -N ''), and authorise it on the server";
            let invalid = Invalid::new("is encrypted with a passphrase", fix);
            reader.problem(&KEY.input, None, invalid);
            return None;
        }
        (Some(Lock::Plain), Some(_)) => reader.warnings.push(InputWarning::PlainKey),
        (None, Some(_)) => reader.no_effect(&PASSPHRASE.input, "there is no key that needs it"),
        _ => return Some(passphrase),
    }
    Some(None)
}

fn no_key(on_actions: bool) -> Invalid {
    let fix = if on_actions {
        "Give it as in `key: ${{ secrets.NAME }}` and check that the secret exists under this name, here or in the job's \
         environment; secrets are not passed to pull requests from forks"
    } else {
        "Set `INPUT_KEY=\"$(cat key-file)\"`, or load the key into an agent (SSH_AUTH_SOCK)"
    };
    Invalid::new("is empty", fix)
}

/// `known-hosts` must have a line for the server and for the jump host, which must differ.
fn both_known(
    reader: &mut Reader<'_>,
    lines: &KnownHosts,
    server: Option<(&HostName, Port)>,
    jump: Option<&Jump>,
) {
    if let Some(server) = server {
        known(reader, lines, server);
    }
    if let Some(jump) = jump {
        known(reader, lines, (&jump.host, jump.port));
        if server == Some((&jump.host, jump.port)) {
            let fix = "Leave it out if the server is reached directly";
            let invalid = Invalid::new("is the server itself", fix);
            reader.problem(&JUMP_HOST.input, None, invalid);
        }
    }
}

/// `known-hosts` must have a line for this server.
fn known(reader: &mut Reader<'_>, lines: &KnownHosts, (host, port): (&HostName, Port)) {
    if !lines.names(host, port) {
        let what = Prose::of("has no line for {}, port {}", [&host, &port]);
        let invalid = Invalid::new(what, how_for(host, port));
        reader.problem(&KNOWN_HOSTS.input, None, invalid);
    }
}
