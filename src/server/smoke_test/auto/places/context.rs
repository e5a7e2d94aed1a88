//! What stands before a value in a command or an environment variable, and what that says about the value.

/// Lower-case names that end in `port` and mean none.
const NO_PORT: [&str; 7] = [
    "import",
    "export",
    "report",
    "support",
    "transport",
    "passport",
    "viewport",
];
/// Parts of the names of what has an address to listen on.
const LISTENS: [&str; 7] = [
    "bind",
    "listen",
    "listener",
    "addr",
    "address",
    "addresses",
    "interface",
];
/// Names with one of these say whom to trust, and not where to listen.
const TRUSTS: [&str; 6] = ["allow", "allowed", "trust", "trusted", "forwarded", "cors"];

/// Ends of the names of what nobody must see.
const SECRETS: [&str; 8] = [
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "key",
    "credentials",
    "dsn",
];

/// The name of the option or variable whose value begins here: `--port=`, `PORT=`, `--port `, `"port":`.
pub(in crate::server::smoke_test::auto) fn name(before: &str) -> Option<&str> {
    let before = before.trim_end_matches(QUOTES);
    if let Some(before) = before.strip_suffix('=') {
        return Some(last_name(before)).filter(|name| !name.is_empty());
    }
    let trimmed = before.trim_end();
    if let Some(key) = trimmed.strip_suffix(':') {
        // as in JSON and YAML
        let is_quoted = key.ends_with(QUOTES);
        let key = last_name(key.trim_end_matches(QUOTES));
        return (is_quoted || trimmed.len() < before.len()).then_some(key);
    }
    let trimmed = trimmed.trim_end_matches(QUOTES);
    let is_next = trimmed.len() < before.len();
    is_next
        .then(|| last_name(trimmed))
        .filter(|name| !name.is_empty())
}

pub(super) const QUOTES: [char; 2] = ['"', '\''];

fn last_name(text: &str) -> &str {
    let is_part = |c: char| c.is_alphanumeric() || "_.-".contains(c);
    let start = text.rfind(|c| !is_part(c)).map_or(0, |at| {
        at + text[at..].chars().next().map_or(1, char::len_utf8)
    });
    &text[start..]
}

/// Whether a number after this name is a port.
pub(super) fn says_port(name: &str) -> bool {
    let is_port = |part: &String| {
        part == "ports" || part.ends_with("port") && !NO_PORT.contains(&part.as_str())
    };
    name == "-p" || parts(name).any(|part| is_port(&part) || says_listen(&part))
}

/// Whether `*` after this name is an address to listen on.
pub(super) fn says_host(name: &str) -> bool {
    let is_trust = parts(name).any(|part| TRUSTS.contains(&part.as_str()));
    let is_host = |part: String| part.ends_with("host") || part == "ip" || says_listen(&part);
    !is_trust && parts(name).any(is_host)
}

/// Whether the value may be a secret.
pub(in crate::server::smoke_test::auto) fn says_secret(name: &str) -> bool {
    parts(name).any(|part| SECRETS.iter().any(|end| part.ends_with(end)))
}

fn says_listen(part: &str) -> bool {
    LISTENS.contains(&part)
        || ["addr", "listen", "bind"]
            .iter()
            .any(|it| part.ends_with(it))
}

/// The lower-case words in `--http-port`, `SERVER_PORT`, `server.port` or `httpPort`.
fn parts(name: &str) -> impl Iterator<Item = String> + '_ {
    let mut all = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        let begins = c.is_uppercase() && was_lower;
        if !c.is_alphanumeric() || begins {
            all.push(String::new());
        }
        was_lower = c.is_lowercase();
        if let Some(part) = all.last_mut().filter(|_| c.is_alphanumeric()) {
            part.extend(c.to_lowercase());
        }
    }
    all.into_iter().filter(|part| !part.is_empty())
}

/// Whether a value, or an item of a list, begins behind this text.
pub(super) fn begins(before: &str) -> bool {
    let mut last = before.chars().rev();
    match last.next() {
        // a quote that closes ends a name, as in JSON
        Some('"' | '\'') => !last.next().is_some_and(char::is_alphanumeric),
        last => last.is_none_or(|c| c.is_whitespace() || "=,;(<>|&".contains(c)),
    }
}

/// Whether a value, or an item of a list, ends before this text.
pub(super) fn ends(after: &str) -> bool {
    let next = after.chars().next();
    next.is_none_or(|c| c.is_whitespace() || ",;\"')<>|&".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_value_stands_before_it() {
        for (before, expected) in [
            ("app --port ", Some("--port")),
            ("app --port=", Some("--port")),
            ("-Dserver.port='", Some("-Dserver.port")),
            ("PORT=\"", Some("PORT")),
            ("{\"port\":", Some("port")),
            ("{\"port\": \"", Some("port")),
            ("port: ", Some("port")),
            ("tcp:", None),
            ("app ", Some("app")),
            ("", None),
            ("(", None),
            (" ", None),
        ] {
            assert_eq!(name(before), expected, "{before}");
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn names_say_what_their_values_are() {
        for name in [
            "--port",
            "-p",
            "PORT",
            "APP_PORT",
            "--http-port",
            "--httpPort",
            "-Dserver.port",
            "--server.port",
            "--bind",
            "LISTEN",
            "--listen-addr",
            "ADDRESS",
            "httpport",
            "TCP-LISTEN",
            "--ports",
        ] {
            assert!(says_port(name), "{name}");
        }
        for name in [
            "--max-requests",
            "--import",
            "REPORT",
            "--export-limit",
            "-P",
            "app",
            "--timeout",
            "--portable",
            "HOST",
            "app.py",
        ] {
            assert!(!says_port(name), "{name}");
        }
        for name in [
            "--host",
            "HOST",
            "--bind",
            "--listen",
            "bind_address",
            "HTTP_HOST",
            "--ip",
            "hostname_host",
        ] {
            assert!(says_host(name), "{name}");
        }
        for name in [
            "--forwarded-allow-ips",
            "--allow-origins",
            "ALLOWED_HOSTS",
            "--allowed-host",
            "TRUSTED_HOST",
            "--hosts",
            "-c",
        ] {
            assert!(!says_host(name), "{name}");
        }
    }
}
