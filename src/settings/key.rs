//! The private key: repaired where transport damaged it, diagnosed in own words where it is none. Never a byte of it is
//! shown.

use std::fmt;

use super::problem::{wrong, Wrong};

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Damage that was repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// A byte order mark was removed.
    ByteOrderMark,
    /// CRLF became LF.
    LineEnds,
    /// `\n` written as two characters became line ends.
    LiteralLineEnds,
    /// Lines were indented.
    Indentation,
    /// All lines had been joined into one.
    OneLine,
}

use Repair::{ByteOrderMark, Indentation, LineEnds, LiteralLineEnds, OneLine};

const WHOLE: &str = "Store the private key's whole file, from its BEGIN line to its END line, as the secret";

impl Secret {
    /// The text itself, to be handed to the one who needs it and to nobody else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A line end at its end is the editor's, other white space is a part of it.
    pub(super) fn passphrase(text: &str) -> Result<Self, Wrong> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.chars().any(char::is_control) {
            return wrong("has several lines or control characters", "Store only the passphrase, in one line");
        }
        Ok(Self(text.to_owned()))
    }

    /// The key in canonical form: LF, no indentation, one final line end. What stands around it is dropped.
    pub(super) fn key(text: &str) -> Result<(Self, Vec<Repair>), Wrong> {
        let mut repairs = Vec::new();
        let text = unwrapped(text, &mut repairs);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let begins = lines.iter().filter(|line| is_mark(line, "BEGIN")).count();
        let (Some(begin), Some(end)) =
            (lines.iter().position(|line| is_mark(line, "BEGIN")), lines.iter().position(|line| is_mark(line, "END")))
        else {
            return diagnose(&text);
        };
        let Some(body) = lines.get(begin + 1..end).filter(|body| !body.is_empty()) else {
            return wrong("has BEGIN and END lines, but nothing between them", WHOLE);
        };
        if begins > 1 {
            return wrong("holds several keys", "Store only the one that the server knows");
        }
        not_encrypted(lines[begin], body)?;
        if lines[begin].trim_matches('-').strip_prefix("BEGIN") != lines[end].trim_matches('-').strip_prefix("END") {
            return wrong("begins as one kind of key and ends as another", WHOLE);
        }
        if text.lines().any(|line| line.starts_with([' ', '\t'])) {
            repairs.push(Indentation);
        }
        Ok((Self(lines[begin..=end].join("\n") + "\n"), repairs))
    }

    /// Its lines of eight characters or more, but for the BEGIN and END lines: what must appear nowhere.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        lines_of(&self.0)
    }
}

/// The lines of a text that give a secret away.
pub(super) fn lines_of(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| line.len() >= 8 && !line.starts_with("-----"))
}

/// Undoes what variables, shells and editors do to line ends.
fn unwrapped(text: &str, repairs: &mut Vec<Repair>) -> String {
    let mut text = text.to_owned();
    if let Some(rest) = text.strip_prefix('\u{feff}') {
        repairs.push(ByteOrderMark);
        text = rest.to_owned();
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

/// `-----BEGIN X----- a b -----END X-----`: a key whose line ends became spaces. Header lines would not survive that.
fn from_one_line(text: &str) -> Option<String> {
    let (begin, rest) = text.strip_prefix("-----BEGIN ")?.split_once("-----")?;
    let (body, end) = rest.split_once("-----END ")?;
    if text.contains(['\n', ':']) || end.strip_suffix("-----") != Some(begin) {
        return None;
    }
    let body: Vec<&str> = body.split_whitespace().collect();
    Some(format!("-----BEGIN {begin}-----\n{}\n-----END {end}", body.join("\n")))
}

/// `-----BEGIN PRIVATE KEY-----`, `-----BEGIN RSA PRIVATE KEY-----`, ...
fn is_mark(line: &str, word: &str) -> bool {
    let inner = line.strip_prefix("-----").and_then(|line| line.strip_suffix("-----"));
    inner.is_some_and(|inner| inner.starts_with(word) && inner.ends_with(" PRIVATE KEY"))
}

/// OpenSSH's own format names its cipher first: `none`, or the key is encrypted.
fn not_encrypted(begin: &str, body: &[&str]) -> Result<(), Wrong> {
    let start: String = body.concat().chars().take(40).collect();
    let cipher = start.strip_prefix("b3BlbnNzaC1rZXktdjEA");
    let openssh = cipher.is_some_and(|cipher| !cipher.starts_with("AAAABG5vbmUA"));
    if openssh || begin.contains("ENCRYPTED") || body.iter().any(|line| line.contains("ENCRYPTED")) {
        let cure = "Make one without passphrase that only serves deployments (ssh-keygen -t ed25519 -N ''), and \
                    authorise it on the server";
        return wrong("is encrypted with a passphrase", cure);
    }
    Ok(())
}

/// Says what a text without a pair of BEGIN and END lines looks like.
fn diagnose<T>(text: &str) -> Result<T, Wrong> {
    let text = text.trim();
    let private = "Give the private key: the file of the same name without .pub";
    if text.contains("BEGIN PUBLIC KEY") || text.contains("BEGIN SSH2 PUBLIC KEY") || is_public_line(text) {
        return wrong("is a public key", private);
    }
    if text.starts_with("PuTTY-User-Key-File") {
        return wrong("is in PuTTY's format", "Export it in PuTTYgen: Conversions, Export OpenSSH key");
    }
    if text.starts_with("LS0tLS1CRUdJTi") {
        return wrong("is base64 of a key file", "Decode it first (base64 -d) and store the file's own text");
    }
    if text.contains("PRIVATE KEY-----") {
        return wrong("is cut off: its BEGIN or its END line is missing", WHOLE);
    }
    if !text.contains(char::is_whitespace) && (text.starts_with(['/', '~', '.']) || text.contains("id_")) {
        return wrong("is the path of a file", "Give the file's content, not its name");
    }
    if text.len() > 60 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=\n ".contains(&byte)) {
        return wrong("has no BEGIN and END lines", WHOLE);
    }
    wrong("is not a private key", WHOLE)
}

fn is_public_line(text: &str) -> bool {
    ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|kind| text.starts_with(kind))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ByteOrderMark => "byte order mark removed",
            LineEnds => "Windows line ends replaced",
            LiteralLineEnds => "\\n replaced by line ends",
            Indentation => "indentation removed",
            OneLine => "one line split",
        })
    }
}
