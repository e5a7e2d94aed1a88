//! Where a text says to listen on all addresses: `0.0.0.0`, `[::]`, `::`, `*`, and no host at all before the port.

use super::context::{begins, ends, name, says_host};
use super::ports::begins_host;
use std::ops::Range;

/// The places of such addresses in the text from `start` on. `ports`: where the port is; a host may be left out there.
pub(super) fn places(text: &str, start: usize, ports: &[usize]) -> Vec<Range<usize>> {
    let mut all: Vec<Range<usize>> = Vec::new();
    for wildcard in ["0.0.0.0", "[::]", "::", "*"] {
        let found = text.match_indices(wildcard);
        let found = found.map(|(at, _)| at..at + wildcard.len());
        let is_free = |range: &Range<usize>| {
            !all.iter()
                .any(|it| it.start < range.end && range.start < it.end)
        };
        let meant = found.filter(|it| it.start >= start && is_free(it));
        let meant: Vec<_> = meant.filter(|it| is_address(text, it)).collect();
        all.extend(meant);
    }
    let left_out = ports.iter().filter_map(|at| {
        let before = text[..*at].strip_suffix(':')?;
        (before.len() >= start && begins_host(before)).then_some(before.len())
    });
    all.extend(left_out.map(|at| at..at));
    all.sort_by_key(|it| it.start);
    all
}

fn is_address(text: &str, range: &Range<usize>) -> bool {
    let (before, after) = (&text[..range.start], &text[range.end..]);
    let has_port = after
        .strip_prefix(':')
        .is_some_and(|it| it.starts_with(|c: char| c.is_ascii_digit() || c == '$'));
    let is_whole = begins_host(before) && (ends(after) || has_port);
    match &text[range.clone()] {
        // not in a longer address, and no range of addresses
        "0.0.0.0" | "[::]" => {
            let is_part = |c: char| c.is_alphanumeric() || "._-".contains(c);
            let is_network =
                after.starts_with('/') && after[1..].starts_with(|c: char| c.is_ascii_digit());
            !before.ends_with(is_part) && !after.starts_with(is_part) && !is_network
        }
        "::" => is_whole,
        _ => is_whole && (has_port || begins(before) && name(before).is_some_and(says_host)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ports;
    use super::*;

    fn replaced(text: &str) -> String {
        let ports = ports::places(text, 0, 8000).into_iter();
        let ports: Vec<usize> = ports.map(|place| place.range.start).collect();
        let mut replaced = text.to_owned();
        for range in places(text, 0, &ports).into_iter().rev() {
            replaced.replace_range(range, "127.0.0.1");
        }
        replaced
    }

    #[test]
    fn an_address_that_is_all_becomes_the_loopback() {
        for (text, expected) in [
            ("--host 0.0.0.0", "--host 127.0.0.1"),
            ("--host=0.0.0.0", "--host=127.0.0.1"),
            ("0.0.0.0:8000", "127.0.0.1:8000"),
            ("[::]:8000", "127.0.0.1:8000"),
            (
                "-b [::]:9090,0.0.0.0:8000",
                "-b 127.0.0.1:9090,127.0.0.1:8000",
            ),
            (":::8000", "127.0.0.1:8000"),
            ("--host ::", "--host 127.0.0.1"),
            ("HOST=::", "HOST=127.0.0.1"),
            ("http://0.0.0.0:8000/", "http://127.0.0.1:8000/"),
            ("*:8000", "127.0.0.1:8000"),
            ("http://*:8000", "http://127.0.0.1:8000"),
            (
                "http://*:8000;http://+:80",
                "http://127.0.0.1:8000;http://+:80",
            ),
            ("--bind=*:8000", "--bind=127.0.0.1:8000"),
            ("--host '*'", "--host '127.0.0.1'"),
            ("HOST=*", "HOST=127.0.0.1"),
            (":8000", "127.0.0.1:8000"),
            ("-addr=:8000", "-addr=127.0.0.1:8000"),
            ("http://:8000", "http://127.0.0.1:8000"),
            ("-S 0.0.0.0:${PORT}", "-S 127.0.0.1:${PORT}"),
            ("*:${PORT}", "127.0.0.1:${PORT}"),
            ("tcp:8000:interface=0.0.0.0", "tcp:8000:interface=127.0.0.1"),
        ] {
            assert_eq!(replaced(text), expected);
        }
    }

    #[test]
    fn what_is_no_address_to_listen_on_is_left_alone() {
        for text in [
            "--forwarded-allow-ips=*",
            "--allow-origins *",
            "ALLOWED_HOSTS=*",
            "sh -c 'ls *'",
            "Foo::Bar",
            "a::b",
            "fe80::1",
            "[::1]:8000",
            "10.0.0.0.0",
            "0.0.0.0/0",
            "::/0",
            "10.0.0.0",
            "*.example",
            "host:8000",
            "tcp:8000",
            "-w *",
            "* * * * *",
            "--upstream=db:8000",
            "$HOST:8000",
            "--cors *",
            "{\"port\":8000}",
        ] {
            assert_eq!(replaced(text), text);
        }
    }
}
