//! Where a text has the number of the port, and whether it means the port there.
//!
//! The number counts as a whole only: not in a longer number, a name (`web-8000`), a path (`/srv/8000`), a file's name or with a
//! unit (`8000ms`). It surely means the port
//! - after an option, a variable or a key whose name says port, listen, bind or address: `--http-port 8000`, `PORT=8000`;
//! - after `-p`, with a blank or without;
//! - after a host that is this machine, all its addresses, or left out: `localhost:8000`, `0.0.0.0:8000`, `[::]:8000`, `:8000`.

use super::context::{begins, name, says_port, QUOTES};
use std::net::IpAddr;
use std::ops::Range;

/// A place of the number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server::smoke_test::auto) struct Place {
    pub(super) range: Range<usize>,
    /// It cannot mean anything but the port.
    pub(super) is_sure: bool,
}

/// The places of the number in the text from `start` on; what is before only explains it.
pub(super) fn places(text: &str, start: usize, port: u16) -> Vec<Place> {
    let number = port.to_string();
    let found = text.match_indices(&number);
    let place = |(at, _): (usize, &str)| {
        let (before, after) = (&text[..at], &text[at + number.len()..]);
        (at >= start && is_whole(before, after)).then(|| Place {
            range: at..at + number.len(),
            is_sure: is_sure(before),
        })
    };
    found.filter_map(place).collect()
}

fn is_whole(before: &str, after: &str) -> bool {
    let begins_here = begins(before)
        || before.ends_with([':', '[', '{'])
        || before.ends_with(":-")
        || is_short_option(before);
    let next = after.chars().next();
    begins_here && next.is_none_or(|c| c.is_whitespace() || "/?#,;:\"')]}<>|&\\".contains(c))
}

/// `-p8000`
fn is_short_option(before: &str) -> bool {
    let word = before
        .rsplit(char::is_whitespace)
        .next()
        .unwrap_or_default();
    let letter = word.strip_prefix('-').unwrap_or_default();
    letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn is_sure(before: &str) -> bool {
    let before = before.trim_end_matches(QUOTES);
    if before.ends_with("-p") && is_short_option(before) {
        return true;
    }
    let Some(before_colon) = before.strip_suffix(':') else {
        return name(before).is_some_and(says_port);
    };
    let host = host(before_colon);
    if before_colon.ends_with(QUOTES) || host.is_empty() && !begins_host(before_colon) {
        return name(before).is_some_and(says_port);
    }
    let before_host = &before_colon[..before_colon.len() - host.len()];
    let before_host = before_host.trim_end_matches("${").trim_end_matches('$');
    let value = before_host.trim_end_matches("://");
    let scheme = value
        .rfind(|c: char| !c.is_ascii_alphanumeric())
        .map_or(0, |at| at + 1);
    let value = if value.len() < before_host.len() {
        &value[..scheme]
    } else {
        value
    };
    // `8000:8000` is one port here and another one there
    let is_number = host.bytes().all(|byte| byte.is_ascii_digit());
    is_here(host) || says_port(host) || !is_number && name(value).is_some_and(says_port)
}

/// Whether a host may begin, and be left out, behind this text.
pub(super) fn begins_host(before: &str) -> bool {
    begins(before) || before.ends_with("//")
}

/// The host at the end of the text.
fn host(text: &str) -> &str {
    if let Some(start) = text.rfind('[').filter(|_| text.ends_with(']')) {
        return &text[start..];
    }
    if text.ends_with("::") {
        return &text[text.len() - 2..];
    }
    let is_part = |c: char| c.is_alphanumeric() || "._-*}".contains(c);
    let start = text
        .char_indices()
        .rev()
        .take_while(|(_, c)| is_part(*c))
        .last();
    start.map_or("", |(at, _)| &text[at..])
}

/// Whether the host is this machine, or all its addresses.
fn is_here(host: &str) -> bool {
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>();
    let address = address.map(|address| address.to_canonical());
    ["", "*", "localhost"].contains(&host)
        || address.is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Each place as `sure` or `unsure`.
    fn found(text: &str) -> String {
        let all = places(text, 0, 8000);
        let word = |place: &Place| if place.is_sure { "sure" } else { "unsure" };
        all.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn some_places_cannot_mean_anything_but_the_port() {
        for text in [
            "--port 8000",
            "--port=8000",
            "--port '8000'",
            "PORT=8000",
            "-p 8000",
            "-p8000",
            "-Dserver.port=8000",
            "--server.port=8000",
            "--httpPort=8000",
            "{\"port\":8000}",
            "{\"port\": 8000}",
            "port: 8000",
            ":8000",
            "--addr :8000",
            "-addr=:8000",
            "127.0.0.1:8000",
            "localhost:8000",
            "0.0.0.0:8000",
            "[::]:8000",
            "[::1]:8000",
            "*:8000",
            ":::8000",
            "-b 0.0.0.0:8000",
            "http://127.0.0.1:8000/x",
            "http://:8000",
            "--bind web1:8000",
            "--listen tcp://web1:8000",
            "TCP-LISTEN:8000,fork",
            "--bind ${HOST}:8000",
            "BIND=$HOST:8000",
            "exec app --port 8000 --fast",
            "tcp:port=8000:interface=::",
            "--port=${PORT:-8000}",
            "--ports 8000,8001",
            "listen 8000;",
            "--endpoint http://[::1]:8000",
        ] {
            let last = found(text);
            assert!(
                last == "sure" || text.contains(":-") && last == "unsure",
                "{text}: {last}"
            );
        }
    }

    #[test]
    fn others_may_mean_something_else() {
        for text in [
            "8000",
            "app.py 8000",
            "--max-requests 8000",
            "--upstream backend:8000",
            "https://shop.example:8000/",
            "app 127.0.0.1 8000",
            "MAX=8000",
            "a,8000",
            "--timeout=8000",
            "http://u:pw@db:8000",
            "--id ::8000",
        ] {
            assert_eq!(found(text), "unsure", "{text}");
        }
        assert_eq!(found("-p 8000:8000"), "sure unsure");
        assert_eq!(found("--port 8000 --max-requests 8000"), "sure unsure");
    }

    #[test]
    fn a_part_of_something_longer_is_no_port() {
        for text in [
            "18000",
            "80001",
            "/srv/8000/app",
            "/opt/app8000/run",
            "web-8000",
            "web-8000.sock",
            "/run/8000.pid",
            "8000ms",
            "8000.5",
            "1.8000",
            "v8000",
            "--name=web_8000",
            "8000px",
            "app@8000.service",
            "0x8000",
            "--hash a8000b",
            "8000-8010",
        ] {
            assert_eq!(found(text), "", "{text}");
        }
        assert!(
            places("--port 8000 x", 7, 8000).len() == 1
                && places("--port 8000 x", 8, 8000).is_empty()
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "[-a-z80:.*\\[\\]=/ '\"$é]{0,30}") {
            for place in places(&text, 0, 80) {
                prop_assert_eq!(&text[place.range.clone()], "80");
                prop_assert!(!text[..place.range.start].ends_with(|c: char| c.is_ascii_digit()));
                prop_assert!(!text[place.range.end..].starts_with(|c: char| c.is_ascii_digit()));
            }
        }
    }
}
