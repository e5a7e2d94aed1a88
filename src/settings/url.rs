//! The health check's address.

use std::fmt;

use super::host::{HostName, Port};
use super::problem::{wrong, Wrong};

/// How the health check is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// In clear.
    Http,
    /// With TLS.
    Https,
}

/// An http or https URL without user and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthUrl {
    scheme: Scheme,
    host: HostName,
    port: Option<Port>,
    path_and_query: String,
}

impl HealthUrl {
    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let (scheme, rest) = scheme(text)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return wrong(
                "holds a user or a password",
                "Leave them out: the health check logs in nowhere",
            );
        }
        let (host, port) = authority_parts(authority)?;
        Ok(Self {
            scheme,
            host,
            port,
            path_and_query: path_and_query(path)?,
        })
    }

    /// http or https.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host, an IPv6 address without brackets.
    pub fn host(&self) -> &HostName {
        &self.host
    }

    /// The port, the scheme's own where the URL has none.
    pub fn port(&self) -> u16 {
        self.port.map_or(self.scheme.default_port(), Port::get)
    }

    /// The path, at least `/`, with the query.
    pub fn path_and_query(&self) -> &str {
        &self.path_and_query
    }

    /// Whether it asks the machine that asks.
    pub fn is_loopback(&self) -> bool {
        self.host.is_loopback()
    }

    /// What the `Host` header says: the scheme's own port is left out.
    pub fn authority(&self) -> String {
        let host = match self.host.as_str() {
            address if address.contains(':') => format!("[{address}]"),
            name => name.to_owned(),
        };
        match self.port() {
            port if port == self.scheme.default_port() => host,
            port => format!("{host}:{port}"),
        }
    }
}

impl Scheme {
    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for HealthUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}{}", self.authority(), self.path_and_query)
    }
}

fn scheme(text: &str) -> Result<(Scheme, &str), Wrong> {
    let cure = "Write a URL as the server asks it, as in http://localhost:8000/health";
    let Some((scheme, rest)) = text.split_once("://") else {
        return wrong("has no scheme", cure);
    };
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Ok((Scheme::Http, rest)),
        "https" => Ok((Scheme::Https, rest)),
        _ => wrong("is neither http nor https", cure),
    }
}

fn authority_parts(text: &str) -> Result<(HostName, Option<Port>), Wrong> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest))
            if address.contains(':') && (rest.is_empty() || rest.starts_with(':')) =>
        {
            (address, rest.strip_prefix(':'))
        }
        _ if text.matches(':').count() > 1 => {
            return wrong(
                "has an IPv6 address without brackets",
                "Write it like http://[::1]:8000/health",
            );
        }
        _ => text
            .split_once(':')
            .map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let host = HostName::parse(host).map_err(|wrong| wrong.at("its host"))?;
    let port = port
        .map(Port::parse)
        .transpose()
        .map_err(|wrong| wrong.at("its port"))?;
    Ok((host, port))
}

fn path_and_query(text: &str) -> Result<String, Wrong> {
    if text.contains('#') {
        return wrong(
            "has a fragment",
            "Leave out `#` and what follows: it is never sent",
        );
    }
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%[]|".contains(&byte);
    if !text.bytes().all(allowed) || !text.split('%').skip(1).all(starts_with_hex) {
        return wrong(
            "has characters that a URL cannot have",
            "Write them percent-encoded, a space as %20",
        );
    }
    Ok(if text.starts_with('/') {
        text.to_owned()
    } else {
        format!("/{text}")
    })
}

fn starts_with_hex(text: &str) -> bool {
    text.len() >= 2 && text.bytes().take(2).all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (text, authority, port, path, loopback) in [
            (
                "http://localhost:8000/health",
                "localhost:8000",
                8000,
                "/health",
                true,
            ),
            (
                "HTTPS://Example.com?a=%20",
                "Example.com",
                443,
                "/?a=%20",
                false,
            ),
            ("http://[::1]/", "[::1]", 80, "/", true),
            ("https://127.0.0.1:443", "127.0.0.1", 443, "/", true),
            (
                "http://[::ffff:127.0.0.1]:80/x",
                "[::ffff:127.0.0.1]",
                80,
                "/x",
                true,
            ),
        ] {
            let url = HealthUrl::parse(text).unwrap();
            assert_eq!(
                (
                    url.authority().as_str(),
                    url.port(),
                    url.path_and_query(),
                    url.is_loopback()
                ),
                (authority, port, path, loopback)
            );
        }
        assert_eq!(
            HealthUrl::parse("HTTP://localhost:80").unwrap().to_string(),
            "http://localhost/"
        );
    }

    #[test]
    fn b20_other_urls_are_refused_with_the_reason() {
        let cases = [
            "localhost:8000",
            "/health",
            "file:///etc/passwd",
            "http://a:b@localhost/",
            "http://localhost:0/",
            "http://localhost/a b",
            "http://localhost/a\r\nX: y",
            "http://",
            "http://::1/",
            "http://localhost/#x",
            "http://localhost/%zz",
            "http://localhost:/",
            "http://[::1%eth0]/",
            "http://a b/",
            "http://[x]/",
        ];
        let texts = cases.map(|text| {
            crate::settings::Problem::showing(
                "health-url",
                text,
                HealthUrl::parse(text).unwrap_err(),
            )
            .to_string()
        });
        insta::assert_snapshot!(texts.join("\n"), @r#"
        health-url = "localhost:8000": has no scheme. Write a URL as the server asks it, as in http://localhost:8000/health.
        health-url = "/health": has no scheme. Write a URL as the server asks it, as in http://localhost:8000/health.
        health-url = "file:///etc/passwd": is neither http nor https. Write a URL as the server asks it, as in http://localhost:8000/health.
        health-url = "http://a:b@localhost/": holds a user or a password. Leave them out: the health check logs in nowhere.
        health-url = "http://localhost:0/": its port is not a port. Write a whole number from 1 to 65535.
        health-url = "http://localhost/a b": has characters that a URL cannot have. Write them percent-encoded, a space as %20.
        health-url = "http://localhost/a\r\nX: y": has characters that a URL cannot have. Write them percent-encoded, a space as %20.
        health-url = "http://": its host is not a valid host name. Parts between dots have 1 to 63 characters and no `-` at their ends, the whole at most 253.
        health-url = "http://::1/": has an IPv6 address without brackets. Write it like http://[::1]:8000/health.
        health-url = "http://localhost/#x": has a fragment. Leave out `#` and what follows: it is never sent.
        health-url = "http://localhost/%zz": has characters that a URL cannot have. Write them percent-encoded, a space as %20.
        health-url = "http://localhost:/": its port is not a port. Write a whole number from 1 to 65535.
        health-url = "http://[::1%eth0]/": its host has a zone. Zones of IPv6 are not supported: use an address without `%`.
        health-url = "http://a b/": its host has characters that a host name cannot have. Allowed are letters, digits, `-` and `.`.
        health-url = "http://[x]/": its host has brackets. Write an IPv6 address without brackets, or [address]:port.
        "#);
    }
}
