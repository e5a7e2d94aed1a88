//! The private key: repaired where transport damaged it, diagnosed in own words where it is none. Never a byte of it is
//! shown.

use std::fmt;

use super::key_form::{self, Lock};
use crate::protocol::Secret;
use crate::settings::problem::{invalid, Invalid};

/// Damage that was repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// A byte order mark was removed.
    ByteOrderMark,
    /// Quotes around it were removed.
    Quotes,
    /// CRLF became LF.
    LineEnds,
    /// `\n` written as two characters became line ends.
    LiteralLineEnds,
    /// Lines were indented.
    Indentation,
    /// All lines had been joined into one.
    OneLine,
}

use Repair::{ByteOrderMark, Indentation, LineEnds, LiteralLineEnds, OneLine, Quotes};

const WHOLE: &str =
    "Store the private key's whole file, from its BEGIN line to its END line, as the secret";

/// A line end at its end is the editor's, other white space is a part of it.
pub(in crate::settings) fn passphrase(text: &str) -> Result<Secret, Invalid> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.chars().any(char::is_control) {
        return invalid(
            "has several lines or control characters",
            "Store only the passphrase, in one line",
        );
    }
    Ok(Secret::from(text))
}

/// The key in canonical form: LF, no indentation, one final line end. What stands around it is dropped.
pub(in crate::settings) fn parse(text: &str) -> Result<Key, Invalid> {
    let mut repairs = Vec::new();
    let text = unwrapped(text, &mut repairs);
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let begins = lines.iter().filter(|line| is_mark(line, "BEGIN")).count();
    let (Some(begin), Some(end)) = (
        lines.iter().position(|line| is_mark(line, "BEGIN")),
        lines.iter().position(|line| is_mark(line, "END")),
    ) else {
        return diagnose(&text);
    };
    if begins > 1 {
        return invalid(
            "holds several keys",
            "Store only the one that the server knows",
        );
    }
    let Some(inside) = lines
        .get(begin + 1..end)
        .filter(|inside| !inside.is_empty())
    else {
        return invalid("has BEGIN and END lines, but nothing between them", WHOLE);
    };
    if label(lines[begin], "BEGIN") != label(lines[end], "END") {
        return invalid("begins as one kind of key and ends as another", WHOLE);
    }
    let (headers, body) =
        inside.split_at(inside.iter().take_while(|line| line.contains(':')).count());
    let lock = key_form::check(label(lines[begin], "BEGIN"), headers, &body.concat())?;
    if text.lines().any(|line| line.starts_with([' ', '\t'])) {
        repairs.push(Indentation);
    }
    Ok(Key {
        text: Secret::from(canonical(lines[begin], headers, body, lines[end])),
        lock,
        repairs,
    })
}

/// A key that ssh-add can read, given its passphrase.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::settings) struct Key {
    pub(in crate::settings) text: Secret,
    pub(in crate::settings) lock: Lock,
    pub(in crate::settings) repairs: Vec<Repair>,
}

/// Headers, as those of an encrypted PEM file, end in an empty line.
fn canonical(begin: &str, headers: &[&str], body: &[&str], end: &str) -> String {
    let blank = if headers.is_empty() { &[][..] } else { &[""] };
    let lines = [&[begin], headers, blank, body, &[end]].concat();
    lines.join("\n") + "\n"
}

/// `RSA PRIVATE KEY` of `-----BEGIN RSA PRIVATE KEY-----`.
fn label<'a>(mark: &'a str, word: &str) -> &'a str {
    let inner = mark.trim_matches('-');
    inner.strip_prefix(word).unwrap_or(inner).trim_start()
}

/// The lines of a text that give a secret away.
pub(in crate::settings) fn telling_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| line.len() >= 8 && !line.starts_with("-----"))
}

/// Undoes what variables, shells and editors do to line ends.
fn unwrapped(text: &str, repairs: &mut Vec<Repair>) -> String {
    let mut text = text.to_owned();
    if let Some(rest) = text.strip_prefix('\u{feff}') {
        repairs.push(ByteOrderMark);
        text = rest.to_owned();
    }
    if let Some(inner) = text
        .trim()
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        repairs.push(Quotes);
        text = inner.to_owned();
    }
    if text.contains('\r') {
        repairs.push(LineEnds);
        text = text.replace("\r\n", "\n").replace('\r', "\n");
    }
    if !text.trim().contains('\n') && text.contains("\\n") {
        repairs.push(LiteralLineEnds);
        text = text.replace("\\r\\n", "\n").replace("\\n", "\n");
    }
    if let Some(lines) = from_one_line(text.trim()) {
        repairs.push(OneLine);
        text = lines;
    }
    text
}

/// `-----BEGIN X----- a b -----END X-----`: a key whose line ends became spaces.
fn from_one_line(text: &str) -> Option<String> {
    let (begin, rest) = text.strip_prefix("-----BEGIN ")?.split_once("-----")?;
    let (body, end) = rest.split_once("-----END ")?;
    if text.contains('\n') || end.strip_suffix("-----") != Some(begin) {
        return None;
    }
    // `Proc-Type: 4,ENCRYPTED` was one line
    let body = body
        .split_whitespace()
        .collect::<Vec<_>>()
        .join("\n")
        .replace(":\n", ": ");
    Some(format!("-----BEGIN {begin}-----\n{body}\n-----END {end}"))
}

/// `-----BEGIN PRIVATE KEY-----`, `-----BEGIN RSA PRIVATE KEY-----`, ...
fn is_mark(line: &str, word: &str) -> bool {
    let inner = line
        .strip_prefix("-----")
        .and_then(|line| line.strip_suffix("-----"));
    inner.is_some_and(|inner| inner.starts_with(word) && inner.ends_with(" PRIVATE KEY"))
}

/// Says what a text without a pair of BEGIN and END lines looks like.
fn diagnose<T>(text: &str) -> Result<T, Invalid> {
    let text = text.trim();
    if let Some((what, fix)) = other_format(text) {
        return invalid(what, fix);
    }
    let is_path = text.starts_with(['/', '~', '.']) || text.contains("id_");
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=\n ".contains(&byte);
    let (what, fix) = match text {
        _ if text.contains("PRIVATE KEY-----") => {
            ("is cut off: its BEGIN or its END line is missing", WHOLE)
        }
        _ if !text.contains(char::is_whitespace) && is_path => (
            "is the path of a file",
            "Give the file's content, not its name: on the command line `INPUT_KEY=\"$(cat FILE)\"`",
        ),
        _ if text.len() > 60 && text.bytes().all(base64) => ("has no BEGIN and END lines", WHOLE),
        _ => ("is not a private key", WHOLE),
    };
    invalid(what, fix)
}

/// A key of another kind than ssh-add takes, and what to do about it.
fn other_format(text: &str) -> Option<(&'static str, &'static str)> {
    let found = if text.contains(" PUBLIC KEY--") || is_public_line(text) {
        (
            "is a public key",
            "Give the private key: the file of the same name without .pub",
        )
    } else if text.starts_with("PuTTY-User-Key-File") {
        (
            "is in PuTTY's format",
            "Export it in PuTTYgen: Conversions, Export OpenSSH key",
        )
    } else if text.contains("BEGIN SSH2 ENCRYPTED PRIVATE KEY") {
        (
            "is in the format of ssh.com",
            "Convert it: ssh-keygen -i -f FILE",
        )
    } else if text.contains("BEGIN PGP ") || text.contains("BEGIN CERTIFICATE") {
        (
            "is not for SSH, but for PGP or TLS",
            "Give a private key of SSH, as ssh-keygen makes it",
        )
    } else if text.starts_with("LS0tLS1CRUdJTi") {
        (
            "is base64 of a key file",
            "Decode it first (base64 -d) and store the file's own text",
        )
    } else {
        return None;
    };
    Some(found)
}

fn is_public_line(text: &str) -> bool {
    ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"]
        .iter()
        .any(|kind| text.starts_with(kind))
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ByteOrderMark => "byte order mark removed",
            Quotes => "quotes removed",
            LineEnds => "Windows line ends replaced",
            LiteralLineEnds => "\\n replaced by line ends",
            Indentation => "indentation removed",
            OneLine => "one line split",
        })
    }
}
