//! The health check's address.

use crate::protocol::HealthUrl;
use crate::settings::problem::{invalid, Invalid};
use crate::settings::ssh::{HostName, Port};

/// A URL, or none.
pub(in crate::settings) fn optional(text: &str) -> Result<Option<HealthUrl>, Invalid> {
    match text {
        "none" => Ok(None),
        _ => parse(text).map(Some),
    }
}

/// An http or https URL without user and fragment.
fn parse(text: &str) -> Result<HealthUrl, Invalid> {
    let (tls, rest) = scheme(text)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.contains('@') {
        let fix = "Leave them out: for a check that must log in, use another path";
        return invalid("holds a user or a password", fix);
    }
    let (host, port) = authority_parts(authority)?;
    let default_port = if tls { 443 } else { 80 };
    Ok(HealthUrl {
        tls,
        host: host.as_str().to_owned(),
        port: port.map_or(default_port, Port::get),
        path: path_and_query(path)?,
    })
}

/// Whether it is https, and what follows.
fn scheme(text: &str) -> Result<(bool, &str), Invalid> {
    let fix = "Write a URL as the server asks it, as in http://localhost:8000/health, or `none`";
    let Some((scheme, rest)) = text.split_once("://") else {
        return invalid("has no scheme", fix);
    };
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Ok((false, rest)),
        "https" => Ok((true, rest)),
        _ => invalid("is neither http nor https", fix),
    }
}

fn authority_parts(text: &str) -> Result<(HostName, Option<Port>), Invalid> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, rest))
            if address.contains(':') && (rest.is_empty() || rest.starts_with(':')) =>
        {
            (address, rest.strip_prefix(':'))
        }
        _ if text.matches(':').count() > 1 => {
            return invalid(
                "has an IPv6 address without brackets",
                "Write it like `http://[::1]:8000/health`",
            );
        }
        _ => text
            .split_once(':')
            .map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let host = HostName::parse(host).map_err(|invalid| invalid.at("its host"))?;
    let port = port
        .map(Port::parse)
        .transpose()
        .map_err(|invalid| invalid.at("its port"))?;
    Ok((host, port))
}

fn path_and_query(text: &str) -> Result<String, Invalid> {
    if text.contains('#') {
        return invalid(
            "has a fragment",
            "Leave out `#` and what follows: it is never sent",
        );
    }
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%[]|".contains(&byte);
    if !text.bytes().all(allowed) || !text.split('%').skip(1).all(starts_with_hex) {
        return invalid(
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
            let url = parse(text).unwrap();
            assert_eq!(
                (
                    url.authority().as_str(),
                    url.port,
                    url.path.as_str(),
                    url.is_loopback()
                ),
                (authority, port, path, loopback)
            );
        }
        assert_eq!(
            parse("HTTP://localhost:80").unwrap().to_string(),
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
            crate::settings::Problem::showing("health-url", text, parse(text).unwrap_err())
                .to_string()
        });
        insta::assert_snapshot!(texts.join("\n"), @r#"
        health-url = "localhost:8000": has no scheme. Write a URL as the server asks it, as in http://localhost:8000/health, or `none`.
        health-url = "/health": has no scheme. Write a URL as the server asks it, as in http://localhost:8000/health, or `none`.
        health-url = "file:///etc/passwd": is neither http nor https. Write a URL as the server asks it, as in http://localhost:8000/health, or `none`.
        health-url = "http://a:b@localhost/": holds a user or a password. Leave them out: for a check that must log in, use another path.
        health-url = "http://localhost:0/": its port is not a port. Write a whole number from 1 to 65535.
        health-url = "http://localhost/a b": has characters that a URL cannot have. Write them percent-encoded, a space as %20.
        health-url = "http://localhost/a\r\nX: y": has characters that a URL cannot have. Write them percent-encoded, a space as %20.
        health-url = "http://": its host is not a valid host name. Parts between dots have 1 to 63 characters and no `-` at their ends, the whole at most 253.
        health-url = "http://::1/": has an IPv6 address without brackets. Write it like `http://[::1]:8000/health`.
        health-url = "http://localhost/#x": has a fragment. Leave out `#` and what follows: it is never sent.
        health-url = "http://localhost/%zz": has characters that a URL cannot have. Write them percent-encoded, a space as %20.
        health-url = "http://localhost:/": its port is not a port. Write a whole number from 1 to 65535.
        health-url = "http://[::1%eth0]/": its host has a zone. Zones of IPv6 are not supported: use an address without `%`.
        health-url = "http://a b/": its host has characters that a host name cannot have. Allowed are letters, digits, `-`, `_` and `.`.
        health-url = "http://[x]/": its host has brackets. Write an IPv6 address without brackets, or `[address]:port`.
        "#);
    }
}
