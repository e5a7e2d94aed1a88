//! When a release counts as healthy. Kept in the release's record, so that a later rollback to it is verified the same
//! way.

use super::secret::Secret;
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// When a release counts as healthy, and how long that may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// The request over HTTP.
    pub health: Option<Health>,
    /// The user's shell commands, run by `sh -eu` in the release: healthy if they end with exit code 0. Absent in what
    /// versions before 1.8 wrote.
    #[serde(default)]
    pub command: Option<String>,
    /// How long the release may take to become healthy.
    pub timeout: Duration,
    /// The pause between two health checks.
    pub interval: Duration,
    /// How long it must stay healthy.
    pub settle: Duration,
    /// What its log may hold meanwhile.
    #[serde(default)]
    pub log: LogCheck,
}

impl Verification {
    /// Whether more than the units is checked.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.health.is_some() || self.command.is_some()
    }

    /// The format of a pending transaction that is verified so: a version that doesn't know it refuses to finish the
    /// transaction rather than verify it in another way.
    #[must_use]
    pub fn format(&self) -> u32 {
        let headers = self.health.as_ref().map(|health| &health.headers);
        match headers {
            _ if self.command.is_some() => 4,
            Some(headers) if !headers.is_empty() => 2,
            _ => 1,
        }
    }
}

/// The health check: a request over HTTP, sent on the server, and its healthy responses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Where it is sent.
    pub url: HealthUrl,
    /// Healthy status codes, 200 to 599.
    pub statuses: Vec<u16>,
    /// What the body must match.
    pub pattern: Option<BodyPattern>,
    /// Request headers, names and values. Absent in what versions before 1.3 wrote.
    #[serde(default)]
    pub headers: Vec<(String, Secret)>,
}

impl Health {
    /// A check that any complete 200 passes.
    #[must_use]
    pub fn get(url: HealthUrl) -> Self {
        Self {
            url,
            statuses: vec![200],
            pattern: None,
            headers: Vec::new(),
        }
    }

    /// Whether a header of this name is given. Names are compared without regard to case.
    #[must_use]
    pub fn has_header(&self, name: &str) -> bool {
        self.headers
            .iter()
            .any(|(given, _)| given.eq_ignore_ascii_case(name))
    }
}

/// An http or https URL without user and fragment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthUrl {
    /// https rather than http.
    pub tls: bool,
    /// Name or address, IPv6 without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path and query, beginning with `/`.
    pub path: String,
}

impl HealthUrl {
    /// What the `Host` header says: the scheme's own port is left out.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == if self.tls { 443 } else { 80 } {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }

    /// Whether its host is the loopback of the machine that sends the request.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        self.host.eq_ignore_ascii_case("localhost")
            || address.is_ok_and(|address| address.to_canonical().is_loopback())
    }
}

impl fmt::Display for HealthUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

/// A regular expression for a health body; `{release}` and `{sha}` stand for those of the release being verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BodyPattern(String);

impl BodyPattern {
    /// Whether it names the commit of the release.
    #[must_use]
    pub fn names_commit(&self) -> bool {
        self.0.contains("{sha}")
    }

    /// Whether it names the release.
    #[must_use]
    pub fn names_release(&self) -> bool {
        self.0.contains("{release}")
    }

    /// The expression for a release: its placeholders stand for exactly these texts.
    ///
    /// # Errors
    /// The expression is not valid or compiles to more than 1 MiB.
    pub fn regex(&self, release: &str, sha: &str) -> Result<Regex, regex::Error> {
        let filled = self
            .0
            .replace("{release}", &regex::escape(release))
            .replace("{sha}", &regex::escape(sha));
        RegexBuilder::new(&filled).size_limit(1 << 20).build()
    }
}

impl From<String> for BodyPattern {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// What the log of the new process may hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogCheck {
    /// What a crash message leads to.
    pub level: LogLevel,
    /// A regular expression that replaces the known crash messages.
    pub pattern: Option<String>,
}

/// What a crash message in the log leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogLevel {
    /// The release fails; other error messages are warnings.
    Fail,
    /// A warning.
    Warn,
    /// The log is not read. Also what records from before this check mean.
    #[default]
    Off,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(tls: bool, host: &str, port: u16) -> HealthUrl {
        HealthUrl {
            tls,
            host: host.into(),
            port,
            path: "/".into(),
        }
    }

    #[test]
    fn the_host_header_is_as_a_browser_writes_it() {
        assert_eq!(url(false, "localhost", 80).authority(), "localhost");
        assert_eq!(url(true, "app.example", 443).authority(), "app.example");
        assert_eq!(url(true, "app.example", 80).authority(), "app.example:80");
        assert_eq!(url(false, "::1", 8000).authority(), "[::1]:8000");
        assert_eq!(url(true, "::1", 8000).to_string(), "https://[::1]:8000/");
    }

    #[test]
    fn loopback_is_known_by_name_and_address() {
        let is_loopback = |host| url(false, host, 80).is_loopback();
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1"] {
            assert!(is_loopback(host), "{host}");
        }
        assert!(is_loopback("::ffff:127.0.0.1"), "mapped into IPv6");
        for host in ["localhost.example", "10.0.0.1", "::", "128.0.0.1"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn a_check_without_headers_is_what_older_versions_wrote_and_read() {
        let older = r#"{"url":{"tls":false,"host":"localhost","port":80,"path":"/"},"statuses":[200],"pattern":null}"#;
        let health: Health = serde_json::from_str(older).unwrap();
        assert_eq!(health, Health::get(url(false, "localhost", 80)));
        let mut verification = Verification {
            health: Some(health),
            command: None,
            timeout: Duration::ZERO,
            interval: Duration::ZERO,
            settle: Duration::ZERO,
            log: LogCheck::default(),
        };
        assert_eq!(verification.format(), 1);
        let headers = &mut verification.health.as_mut().unwrap().headers;
        headers.push(("Host".to_owned(), Secret::from("app.example")));
        assert_eq!(verification.format(), 2);
        let mut json = serde_json::to_value(&verification).unwrap();
        json.as_object_mut().unwrap().remove("command");
        let older: Verification = serde_json::from_value(json).unwrap();
        assert_eq!(older, verification);
        verification.command = Some("./check".to_owned());
        assert_eq!(verification.format(), 4);
        let (health, asks) = (verification.health.take(), Verification::asks);
        assert!(asks(&verification) && health.is_some());
        verification.command = None;
        assert!(!asks(&verification));
    }

    #[test]
    fn placeholders_stand_for_exactly_these_texts() {
        let pattern = BodyPattern::from(r#""release": ?"{release}".*"{sha}""#.to_owned());
        let regex = pattern.regex("1.2", "abc").unwrap();
        assert!(regex.is_match(r#"{"release": "1.2", "sha": "abc"}"#));
        assert!(!regex.is_match(r#"{"release": "1x2", "sha": "abc"}"#));
        assert!(pattern.names_commit());
    }
}
