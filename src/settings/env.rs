//! Variables for the app (`env-file`) and for install and hooks (`env`). No problem shows a value.

use std::collections::BTreeMap;
use std::fmt;

use super::dotenv;
use super::problem::{wrong, Wrong};

/// What the shell, the loader, sudo and systemctl go by: another value breaks a deployment in ways that nobody finds.
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
#[derive(Clone, PartialEq, Eq)]
pub struct EnvFile(String);

/// Names and values, in the order in which they were given.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Env(Vec<(String, String)>);

impl EnvFile {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let mut seen = Seen::default();
        for entry in dotenv::entries(text) {
            let entry = entry.map_err(|bad| at(bad.line, bad.what, bad.cure))?;
            seen.take(entry.name, entry.line)?;
        }
        Ok(Self(text.to_owned()))
    }

    /// The text itself, to be handed to the one who needs it and to nobody else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Env {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let mut seen = Seen::default();
        let mut pairs = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_start();
            if line.trim_end().is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, value) = pair(line, index + 1)?;
            seen.take(name, index + 1)?;
            pairs.push((name.to_owned(), value.to_owned()));
        }
        Ok(Self(pairs))
    }

    /// Names and values, to be handed to the one who needs them and to nobody else.
    pub fn expose(&self) -> &[(String, String)] {
        &self.0
    }
}

/// One `NAME=value`; the value is all that follows.
fn pair(line: &str, number: usize) -> Result<(&str, &str), Wrong> {
    let Some((name, value)) = line.split_once('=') else {
        return Err(at(number, "has no `=`", "Write NAME=value, one a line"));
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
        let what = format!("sets {word}, by which the shell or the system finds its way");
        return Err(at(
            number,
            what,
            "Set it where it is needed: `export NAME=value` in `install` or `before-switch`",
        ));
    }
    Ok((name, value))
}

fn at(line: usize, what: impl Into<String>, cure: impl Into<String>) -> Wrong {
    Wrong::new(what, cure).at(&format!("line {line}"))
}

/// Names and their lines.
#[derive(Default)]
struct Seen<'a>(BTreeMap<&'a str, usize>);

impl<'a> Seen<'a> {
    /// A name that is valid and new.
    fn take(&mut self, name: &'a str, line: usize) -> Result<(), Wrong> {
        let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !first
            || !name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            return wrong(
                format!("line {line} has no valid name before its `=`"),
                RULE,
            );
        }
        match self.0.insert(name, line) {
            None => Ok(()),
            Some(other) => wrong(
                format!("line {line} has the same name as line {other}"),
                "Keep the one that is meant",
            ),
        }
    }
}

impl fmt::Debug for EnvFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
