//! Variables for the app (`env-file`) and for install and hooks (`env`). No problem shows a value.

use crate::text::Prose;
use std::collections::BTreeMap;

use crate::protocol::Secret;
use crate::settings::problem::{invalid, Invalid};
use crate::text::dotenv;

/// Variables that the shell, the loader, sudo and systemctl depend on: another value breaks a deployment in ways that are
/// hard to find.
const OURS: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "PWD",
    "OLDPWD",
    "IFS",
    "ENV",
    "BASH_ENV",
    "SHELLOPTS",
    "BASHOPTS",
    "PS4",
    "CDPATH",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "GLIBC_TUNABLES",
    "LD_*",
    "SYSTEMD_*",
    "SSH_*",
    "SUDO_*",
];

const RULE: &str = "A name has letters, digits and `_`, no digit first";

/// Content of the release's `.env`, byte for byte.
pub(in crate::settings) fn file(text: &str) -> Result<Secret, Invalid> {
    let mut seen = Seen::default();
    for entry in dotenv::entries(text) {
        let entry = entry.map_err(|bad| at(bad.line, bad.what, bad.fix))?;
        seen.take(entry.name, entry.line)?;
    }
    Ok(Secret::from(text))
}

/// Names and values, in the order given.
pub(in crate::settings) fn variables(text: &str) -> Result<Vec<(String, Secret)>, Invalid> {
    let mut seen = Seen::default();
    let mut pairs = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.trim_end().is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = pair(line, index + 1)?;
        seen.take(name, index + 1)?;
        pairs.push((name.to_owned(), Secret::from(value)));
    }
    Ok(pairs)
}

/// One `NAME=value`; the value is all that follows.
fn pair(line: &str, number: usize) -> Result<(&str, &str), Invalid> {
    let Some((name, value)) = line.split_once('=') else {
        return Err(at(number, "has no `=`", "Write NAME=value, one per line"));
    };
    if name.starts_with("export ") {
        return Err(at(number, "begins with `export`", "Write only NAME=value"));
    }
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(at(number, "has a control character", "Write plain text"));
    }
    let ours = |word: &&&str| {
        word.strip_suffix('*')
            .map_or(name == **word, |start| name.starts_with(start))
    };
    if let Some(word) = OURS.iter().find(ours) {
        let what = Prose::of("sets {}, which the shell or the system depends on", [&word]);
        return Err(at(
            number,
            what,
            "Set it where it is needed: `export NAME=value` in `install`, `before-switch` or `smoke-test`",
        ));
    }
    Ok((name, value))
}

fn at(line: usize, what: impl Into<Prose>, fix: impl Into<Prose>) -> Invalid {
    Invalid::new(what, fix).at(&format!("line {line}"))
}

/// Names and their lines.
#[derive(Default)]
struct Seen<'a>(BTreeMap<&'a str, usize>);

impl<'a> Seen<'a> {
    /// A name that is valid and new.
    fn take(&mut self, name: &'a str, line: usize) -> Result<(), Invalid> {
        let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !first
            || !name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            return invalid(
                Prose::of("line {} has no valid name before its `=`", [&line]),
                RULE,
            );
        }
        match self.0.insert(name, line) {
            None => Ok(()),
            Some(other) => invalid(
                Prose::of("line {} has the same name as line {}", [&line, &other]),
                "Keep the one that is meant",
            ),
        }
    }
}
