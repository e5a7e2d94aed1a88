//! A word of a command or the value of a variable, with the places in which the port and an address to listen on stand.

use super::{hosts, ports};
use std::ops::Range;

const LOOPBACK: &str = "127.0.0.1";

/// A text with its places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server::smoke_test::auto) struct Marked {
    pub(in crate::server::smoke_test::auto) text: String,
    /// What stands before it: `--port ` or `PORT=`.
    before: String,
    pub(in crate::server::smoke_test::auto) ports: Vec<ports::Place>,
    hosts: Vec<Range<usize>>,
}

/// Which places of the number become the port of the trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server::smoke_test::auto) enum Which {
    All,
    /// Those that cannot mean anything else.
    Sure,
}

/// A part of the text after all replacements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server::smoke_test::auto) enum Part<'a> {
    Text(&'a str),
    Port,
}

impl Marked {
    pub(in crate::server::smoke_test::auto) fn new(
        before: &str,
        text: &str,
        port: Option<u16>,
    ) -> Self {
        let whole = format!("{before}{text}");
        let start = before.len();
        let back = |range: Range<usize>| range.start - start..range.end - start;
        let ports = port
            .map(|port| ports::places(&whole, start, port))
            .unwrap_or_default();
        let starts: Vec<usize> = ports.iter().map(|place| place.range.start).collect();
        let hosts = hosts::places(&whole, start, &starts)
            .into_iter()
            .map(back)
            .collect();
        let place = |place: ports::Place| ports::Place {
            range: back(place.range),
            ..place
        };
        Self {
            text: text.to_owned(),
            before: before.to_owned(),
            ports: ports.into_iter().map(place).collect(),
            hosts,
        }
    }

    /// With the loopback in place of all addresses.
    pub(in crate::server::smoke_test::auto) fn parts(&self, which: Which) -> Vec<Part<'_>> {
        let is_meant = |place: &&ports::Place| which == Which::All || place.is_sure;
        let ports = self.ports.iter().filter(is_meant);
        let ports = ports.map(|place| (place.range.clone(), Part::Port));
        let hosts = self
            .hosts
            .iter()
            .map(|range| (range.clone(), Part::Text(LOOPBACK)));
        let mut places: Vec<_> = ports.chain(hosts).collect();
        places.sort_by_key(|(range, _)| range.start);
        let (mut all, mut at) = (Vec::new(), 0);
        for (range, part) in places {
            all.push(Part::Text(&self.text[at..range.start]));
            all.push(part);
            at = range.end;
        }
        all.push(Part::Text(&self.text[at..]));
        all.retain(|part| *part != Part::Text(""));
        all
    }

    /// With this port, and the loopback in place of all addresses.
    pub(in crate::server::smoke_test::auto) fn replaced(&self, which: Which, port: u16) -> String {
        let text = |part| match part {
            Part::Text(text) => text.to_owned(),
            Part::Port => port.to_string(),
        };
        self.parts(which).into_iter().map(text).collect()
    }

    /// The places of the number that may mean something else, in words: the option, and the word as far as it is no secret.
    pub(in crate::server::smoke_test::auto) fn unsure(&self) -> impl Iterator<Item = String> + '_ {
        let whole = format!("{}{}", self.before, self.text);
        let unsure = self.ports.iter().filter(|place| !place.is_sure);
        unsure.map(move |place| {
            let at = place.range.start + self.before.len();
            let start = whole[..at]
                .rfind(char::is_whitespace)
                .map_or(0, |it| it + 1);
            let end = whole[at..]
                .find(char::is_whitespace)
                .map_or(whole.len(), |it| it + at);
            // `user:password@host`
            let start = whole[..at].rfind('@').map_or(start, |it| start.max(it + 1));
            let end = whole[at..end]
                .find(['/', '?', '#', '@'])
                .map_or(end, |it| it + at);
            let word = &whole[start..end];
            match whole[..start].split_whitespace().next_back() {
                Some(option)
                    if option.starts_with('-') && whole[..start].ends_with(char::is_whitespace) =>
                {
                    format!("{option} {word}")
                }
                _ => word.to_owned(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_replaced_where_they_are() {
        let replaced = |before: &str, text: &str, which| {
            Marked::new(before, text, Some(8000)).replaced(which, 4321)
        };
        assert_eq!(
            replaced("--bind ", "0.0.0.0:8000", Which::Sure),
            "127.0.0.1:4321"
        );
        assert_eq!(replaced("PORT=", "8000", Which::Sure), "4321");
        assert_eq!(replaced("MAX=", "8000", Which::Sure), "8000");
        assert_eq!(replaced("MAX=", "8000", Which::All), "4321");
        assert_eq!(replaced("-addr ", ":8000", Which::All), "127.0.0.1:4321");
        assert_eq!(
            replaced("8000 ", "é 8000é 8000", Which::All),
            "é 8000é 4321"
        );
        assert_eq!(
            Marked::new("", "--host=:: 8000", None).replaced(Which::All, 1),
            "--host=127.0.0.1 8000"
        );
    }

    #[test]
    fn a_place_is_named_without_secrets() {
        let unsure = |before: &str, text: &str| {
            let marked = Marked::new(before, text, Some(8000));
            marked.unsure().collect::<Vec<_>>().join(", ")
        };
        assert_eq!(unsure("--max-requests ", "8000"), "--max-requests 8000");
        assert_eq!(unsure("app.py ", "8000"), "8000");
        assert_eq!(
            unsure("", "exec app --token x --limit 8000 y"),
            "--limit 8000"
        );
        assert_eq!(
            unsure("--db ", "postgres://user:secret@db:8000/x?password=y"),
            "db:8000"
        );
        assert_eq!(unsure("--port ", "8000"), "");
    }
}
