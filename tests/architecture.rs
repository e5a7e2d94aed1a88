//! The rooms of the house know only whom they may know.

#![expect(
    clippy::unwrap_used,
    reason = "a test that can't read the sources has failed"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A room, and whom it may know besides itself.
const MAY_KNOW: [(&str, &[&str]); 8] = [
    ("settings", &["protocol"]),
    ("protocol", &["text"]),
    ("text", &[]),
    ("server", &["protocol"]),
    ("runner", &["protocol"]),
    ("report", &["protocol", "text"]),
    ("actions", &["report", "text"]),
    ("github", &["report", "text"]),
];

fn sources(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(fs::read_to_string(path).unwrap());
        }
    }
    found
}

/// Every `crate::room` in the text.
fn known(text: &str) -> BTreeSet<String> {
    let name = |part: &str| {
        part.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .next()
            .unwrap()
            .to_owned()
    };
    let mut rooms: BTreeSet<String> = text
        .split("crate::")
        .skip(1)
        .map(name)
        .filter(|name| !name.is_empty())
        .collect();
    for group in text.split("crate::{").skip(1) {
        rooms.extend(
            group
                .split('}')
                .next()
                .unwrap()
                .split(',')
                .map(|part| name(part.trim()))
                .filter(|n| !n.is_empty()),
        );
    }
    rooms
}

#[test]
fn every_room_knows_only_whom_it_may_know() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (room, allowed) in MAY_KNOW {
        let texts = sources(&source.join(room));
        assert!(!texts.is_empty(), "{room} is empty");
        for known in texts.iter().flat_map(|text| known(text)) {
            assert!(
                known == room || allowed.contains(&known.as_str()),
                "{room} must not know {known}"
            );
        }
    }
}

#[test]
fn every_room_has_its_rule() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let rooms = fs::read_dir(source)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir());
    for room in rooms
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|room| room != "cli")
    {
        assert!(
            MAY_KNOW.iter().any(|(known, _)| *known == room),
            "{room} has no rule"
        );
    }
}

#[test]
fn a_name_in_a_group_counts_too() {
    assert_eq!(
        known("use crate::{runner, server};"),
        BTreeSet::from(["runner".to_owned(), "server".to_owned()])
    );
    assert_eq!(
        known("crate::text::harmless(x)"),
        BTreeSet::from(["text".to_owned()])
    );
}
