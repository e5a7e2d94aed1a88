//! Finds unknown secrets by their pattern. Public values match none of them: ids, links, digests, commits.

use regex::{Captures, Regex};
use std::sync::LazyLock;

/// Names of secrets, also as the end of a longer name: `DB_PASSWORD`.
const NAMES: &str =
    "(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key(?:[_-]?id)?|private[_-]?key\
                     |credentials?|authorization)";

/// Whether a match is a secret. Gets all groups and the value.
type IsSecret = fn(&Captures<'_>, &str) -> bool;

/// A pattern. The last group that matches is the secret, if `is_secret` agrees.
struct SecretPattern {
    pattern: Regex,
    is_secret: IsSecret,
}

static PATTERNS: LazyLock<Vec<SecretPattern>> = LazyLock::new(|| {
    let always = |_: &Captures<'_>, _: &str| true;
    let random = |_: &Captures<'_>, value: &str| looks_random(value);
    let all: [(&str, IsSecret); 8] = [
        // GitHub, AWS, Alibaba Cloud, and a JSON Web Token
        (
            r"\b(gh[pousr]_[A-Za-z0-9_.-]{16,}|github_pat_[A-Za-z0-9_]{16,})",
            always,
        ),
        (
            r"\b((?:AKIA|ASIA)[A-Z0-9]{16}|LTAI[A-Za-z0-9]{12,}|STS\.[A-Za-z0-9]{20,})\b",
            always,
        ),
        (
            r"\b(eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*)",
            always,
        ),
        // a private key on one line, complete or truncated
        (
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?:(.+?)-----END|((?:(?:\\[nr]|\s)*[A-Za-z0-9+/=]{16,})+))",
            always,
        ),
        (
            r"(?i)\b(?:bearer|basic|authorization: token)\s+([A-Za-z0-9+/._~=-]{6,})",
            random,
        ),
        // greedy: a password may contain an @
        (
            r#"[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@"'<>]*:([^\s/]+)@"#,
            always,
        ),
        (
            r#"(?i)["'][A-Z0-9_.-]*NAMES["']\s*[:=]\s*["']((?:[^"'\\]|\\.)+)["']"#,
            always,
        ),
        (
            r#"(?i)([A-Z0-9_.-]*NAMES)(?:(=|\s=\s)|\s*:\s+)(?:"([^"]+)"|'([^']+)'|([^\s"',;)}\]=][^\s"',;)}\]]*))"#,
            is_assigned,
        ),
    ];
    let compiled = |(pattern, is_secret): (&str, _)| {
        Some(SecretPattern {
            pattern: Regex::new(&pattern.replace("NAMES", NAMES)).ok()?,
            is_secret,
        })
    };
    all.into_iter().filter_map(compiled).collect()
});

/// The positions of such secrets in the text, in no particular order.
pub(super) fn find(text: &str) -> Vec<(usize, usize)> {
    PATTERNS
        .iter()
        .flat_map(|pattern| pattern.find(text))
        .collect()
}

impl SecretPattern {
    fn find<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
        self.pattern.captures_iter(text).filter_map(|found| {
            let value = found.iter().flatten().last()?;
            (self.is_secret)(&found, value.as_str()).then(|| (value.start(), value.end()))
        })
    }
}

/// `NAME=value`, `NAME = value` or `NAME: value`. Only after the first there is certainly a value; the others also
/// occur in sentences.
fn is_assigned(found: &Captures<'_>, value: &str) -> bool {
    let name = found.get(1).map_or("", |name| name.as_str());
    let quoted = found.get(3).or(found.get(4)).is_some();
    match found.get(2).map(|sign| sign.as_str()) {
        Some("=") => !is_code(value),
        Some(_) => quoted || looks_random(value),
        // `NOPASSWD: /bin/systemctl` is a sudoers rule
        None => !name.eq_ignore_ascii_case("NOPASSWD") && (quoted || looks_random(value)),
    }
}

/// A variable, or a literal such as `None`.
fn is_code(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let nothing = ["none", "null", "nil", "true", "false", "undefined"].contains(&lower.as_str());
    let is_name = value
        .chars()
        .all(|c| c.is_ascii_alphabetic() || "_.()[]".contains(c));
    let names_secret = ["password", "passwd", "secret", "token", "key"]
        .iter()
        .any(|name| lower.contains(name));
    nothing || value.starts_with(['$', '{', '<', '*', '(']) || (is_name && names_secret)
}

/// Whether the value is probably not a word: it mixes letters and digits, or has a capital after a small letter. Paths
/// do not count.
fn looks_random(value: &str) -> bool {
    let has = |is: fn(&char) -> bool| value.chars().any(|c| is(&c));
    let digits = has(char::is_ascii_digit) && has(char::is_ascii_alphabetic);
    let capitals = value
        .as_bytes()
        .windows(2)
        .any(|two| two[0].is_ascii_lowercase() && two[1].is_ascii_uppercase());
    value.len() >= 6 && !value.starts_with(['/', '$', '<']) && (digits || capitals)
}

#[cfg(test)]
mod tests {
    use crate::text::Redactor;

    fn redacted(text: &str) -> String {
        Redactor::default().redact(text)
    }

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(super::PATTERNS.len(), 8);
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn well_known_secrets_are_hidden() {
        for (text, clean) in [
            (
                "push ghp_0123456789abcdefghijABCDEFGHIJ012345 ok",
                "push *** ok",
            ),
            ("ghs_12345_eyJhbGciOi.eyJpc3MiOi.c2lnbmF0 x", "*** x"),
            ("github_pat_11ABCDEFG0_abcdefghijkl", "***"),
            (
                "key AKIAIOSFODNN7EXAMPLE, LTAI5tBcdEfGhIjKlMnOpQrS.",
                "key ***, ***.",
            ),
            (
                "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN",
                "jwt ***",
            ),
            (
                "Authorization: Bearer abc123def",
                "Authorization: Bearer ***",
            ),
            (
                "curl -H 'authorization: Basic dXNlcjpwYXNz'",
                "curl -H 'authorization: Basic ***'",
            ),
            (
                "postgres://me:p@ss:w@db/x and https://u:v@h",
                "postgres://me:***@db/x and https://u:***@h",
            ),
            ("redis://:s3cret@cache:6379/0", "redis://:***@cache:6379/0"),
            (
                "password=hunter DB_PASSWORD='a b' x",
                "password=*** DB_PASSWORD='***' x",
            ),
            (
                r#"{"accessToken": "abc", "user": "me"}"#,
                r#"{"accessToken": "***", "user": "me"}"#,
            ),
            (
                "{'db_password': 'x y', 'a': 1}",
                "{'db_password': '***', 'a': 1}",
            ),
            (
                "MYSQL_PWD=x aws_secret_access_key = wJalrXUtnFEMI/K7MDENG",
                "MYSQL_PWD=*** aws_secret_access_key = ***",
            ),
            ("password: hunter2", "password: ***"),
            (
                r"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
                "-----BEGIN PRIVATE KEY-----***-----END PRIVATE KEY-----",
            ),
            (
                "said “-----BEGIN RSA PRIVATE KEY----- MIIEowIBAAKCAQEA…” twice",
                "said “-----BEGIN RSA PRIVATE KEY-----***…” twice",
            ),
        ] {
            assert_eq!(redacted(text), clean);
        }
    }

    #[test]
    fn what_only_looks_like_a_secret_stays() {
        for text in [
            "basic authentication failed, bearer token required",
            "password: incorrect",
            "unexpected token: 1762147999",
            "deploy ALL=(root) NOPASSWD: /bin/systemctl restart diting",
            "token=self.token, password=None, secret=$SECRET, if password == 'x'",
            "the passphrase does not open the private key",
            "http://localhost:8000/a@b and ssh://git@github.com/o/n",
            "https://github.com/diting/app/actions/runs/7/attempts/2",
            "commit 3f2a1bc0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4, release 1762147999",
            "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
            "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "web1.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==",
            "-----BEGIN CERTIFICATE-----",
        ] {
            assert_eq!(redacted(text), text);
        }
    }
}
