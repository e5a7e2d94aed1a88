//! Files of which the server has an earlier version: only the new parts are uploaded.

use crate::app::{App, Node};
use crate::client::{Sending, Told};
use crate::invariants::Invariants;
use crate::stub_server::StubServer;
use deploy_action::protocol::{Digest, Outcome, Reason, ToServer};
use std::fs;

/// Bytes without a pattern, the same every time.
fn noise(seed: u32, blocks: u32) -> Vec<u8> {
    let block = |number: u32| {
        Digest::of(&[seed.to_le_bytes(), number.to_le_bytes()].concat())
            .to_string()
            .into_bytes()
    };
    (0..blocks).flat_map(block).collect()
}

const LARGE: usize = 64 * 4000;
/// What an edit in the midst of the large file costs: a few chunks.
const FEW_CHUNKS: usize = 12_000;
const NAMES: usize = 20;

fn app(name: &str, large: Vec<u8>) -> App {
    App::good(name).with("large", Node::File(0o644, large))
}

fn edited(content: &[u8]) -> Vec<u8> {
    let (before, after) = content.split_at(content.len() / 2);
    [before, b"a line more", after].concat()
}

#[test]
fn of_an_edited_file_only_what_is_new_travels() {
    let old = noise(1, 4000);
    let server = StubServer::with(&app("old", old.clone()));
    let told = server.deploys(&app("new", edited(&old)));
    assert_eq!(
        (told.known.len(), told.asked, told.staged().received),
        (1, 1, 2)
    );
    assert!(told.received < FEW_CHUNKS, "{}", told.received);
    assert_eq!(told.staged().received_bytes, told.received as u64);
    // the newest version is the nearest
    let twice = edited(&edited(&old));
    assert!(server.deploys(&app("newer", twice.clone())).received < FEW_CHUNKS);
    // cut short, and moved
    assert!(
        server
            .deploys(&app("short", twice[..LARGE / 2].to_vec()))
            .received
            < FEW_CHUNKS
    );
    let turned = [&twice[LARGE / 2..], &twice[..LARGE / 2]].concat();
    assert!(server.deploys(&app("long", turned)).received < LARGE * 3 / 4);
}

#[test]
fn another_content_travels_whole_and_so_does_what_is_short() {
    let server = StubServer::with(&app("old", noise(1, 4000)));
    let told = server.deploys(&app("new", noise(2, 4000)));
    assert!(
        told.received >= LARGE && told.received < LARGE + NAMES,
        "{}",
        told.received
    );
    let old = noise(3, 10);
    server.deploys(&app("short", old.clone()));
    let told = server.deploys(&app("shorter", edited(&old)));
    assert_eq!(
        (told.known.len(), told.received),
        (0, old.len() + "a line more".len() + "shorter\n".len())
    );
}

#[test]
fn an_earlier_version_that_changes_meanwhile_is_found_out_and_the_whole_travels() {
    let mut content = noise(1, 4000);
    let server = StubServer::with(&app("old", content.clone()));
    for (name, change) in [("flipped", true), ("shortened", false)] {
        content = edited(&content);
        let new = app(name, content.clone());
        let plan = server.plan(&new);
        let mut client = server.start(&plan);
        client.send_all(&plan, &new, Sending::Ask);
        let file = server.target().join("current/large");
        client.meanwhile(move || {
            let mut bytes = fs::read(&file).unwrap();
            bytes[100] ^= 1;
            fs::write(&file, if change { &bytes } else { &bytes[..1000] }).unwrap();
        });
        let told = client.finish(&new);
        assert_eq!(
            (told.outcome(), told.asked),
            (Some(Outcome::Deployed), 2),
            "{told:?}"
        );
        assert!(
            told.received > LARGE && told.received < LARGE + FEW_CHUNKS + 2 * NAMES,
            "{}",
            told.received
        );
        assert!(fs::read(server.target().join("current/large")).unwrap() == content);
    }
}

#[test]
fn a_live_release_without_a_record_helps_too() {
    let old = noise(1, 4000);
    let server = StubServer::new();
    server.foreign_release(1_700_000_000, &app("foreign", old.clone()));
    server.link("current", "releases/1700000000");
    let told = server.deploys(&app("new", edited(&old)));
    assert_eq!(told.known.len(), 1);
    assert!(told.received < FEW_CHUNKS, "{}", told.received);
}

#[test]
fn an_earlier_version_that_is_far_too_long_to_be_told_of_harms_no_other_file() {
    let (long, small) = (noise(4, 1_100_000), noise(5, 100));
    let both = |name: &str, large: Vec<u8>, small: Vec<u8>| {
        app(name, large).with("small", Node::File(0o644, small))
    };
    let server = StubServer::new();
    server.foreign_release(1_700_000_000, &both("long", long, small.clone()));
    server.link("current", "releases/1700000000");
    let told = server.deploys(&both("both", noise(6, 100), edited(&small)));
    assert_eq!(told.known.len(), 1);
    assert!(told.received < 6400 + 4096, "{}", told.received);
}

/// Release 1.0.0 wrote whole digests into its indexes.
#[test]
fn an_index_of_whole_digests_is_read() {
    let old = noise(1, 4000);
    let server = StubServer::with(&app("old", old.clone()));
    let id = server.id_by("current");
    let index = server.target().join(format!(".deploy/records/{id}.files"));
    let whole = |line: &[u8]| {
        let path = String::from_utf8(line[33..].to_vec()).unwrap();
        let content = fs::read(server.target().join("current").join(&path)).unwrap();
        format!("{} {path}\0", Digest::of(&content))
    };
    let short = fs::read(&index).unwrap();
    let lines: String = short
        .split(|byte| *byte == 0)
        .filter(|line| !line.is_empty())
        .map(whole)
        .collect();
    assert!(lines.len() > short.len());
    fs::write(&index, lines).unwrap();
    let new = app("new", edited(&old));
    let told = server.deploys(&new);
    assert_eq!(
        (told.staged().copied, told.known.len()),
        (new.contents() - 2, 1)
    );
    assert!(told.received < FEW_CHUNKS, "{}", told.received);
}

#[test]
fn a_large_tree_is_made_by_several_hands_and_comes_out_right() {
    let tree = |name: &str, edit: bool| {
        let content = |index: u32| match index % 100 {
            0 if edit => edited(&noise(index, 100)),
            _ => noise(index, 100),
        };
        let file = |app: App, index: u32| {
            app.with(format!("lib/{index}"), Node::File(0o644, content(index)))
        };
        (0..1000).fold(App::good(name).with("lib", Node::Folder), file)
    };
    let server = StubServer::with(&tree("old", false));
    let told = server.deploys(&tree("new", true));
    assert_eq!((told.known.len(), told.staged().received), (10, 11));
    assert_eq!(told.staged().copied, tree("new", true).contents() - 11);
    assert!(told.received < 10 * 4096, "{}", told.received);
}

/// Asks with a good manifest, then says `messages` of the file that is known.
fn say(server: &StubServer, new: &App, messages: impl FnOnce(u32) -> Vec<ToServer>) -> Told {
    let plan = server.plan(new);
    let mut client = server.start(&plan);
    client.open(&plan, new);
    let entry = new
        .entries()
        .iter()
        .position(|entry| entry.path == b"large")
        .unwrap();
    client.send(
        [ToServer::Ask]
            .into_iter()
            .chain(messages(u32::try_from(entry).unwrap())),
    );
    client.finish(new)
}

#[test]
fn what_is_not_known_cannot_be_taken() {
    let old = noise(1, 4000);
    let server = StubServer::with(&app("old", old.clone()));
    let new = app("new", edited(&old));
    let known = |entry, first, count| ToServer::Known {
        entry,
        first,
        count,
    };
    let all = [
        (0, 1_000_000, 1),
        (0, u32::MAX, u32::MAX),
        (0, 0, u32::MAX),
        (0, 0, 0),
        (1, 0, 1),
        (u32::MAX, 0, 1),
    ];
    for (further, first, count) in all {
        let told = say(&server, &new, |entry| {
            vec![
                known(entry.saturating_add(further), first, count),
                ToServer::Sent,
            ]
        });
        let reason = told
            .verdict
            .as_ref()
            .and_then(|verdict| verdict.failure.clone())
            .map(|failure| failure.reason);
        assert!(matches!(reason, Some(Reason::Upload(_))), "{told:?}");
        Invariants::of(&server);
        assert_eq!(server.named_by("current").as_deref(), Some("old"));
    }
    // a file that comes unasked has no chunks to be taken
    let plan = server.plan(&new);
    let mut client = server.start(&plan);
    client.open(&plan, &new);
    client.send([known(0, 0, 1), ToServer::Sent]);
    let told = client.finish(&new);
    assert_eq!(told.outcome(), Some(Outcome::Failed), "{told:?}");
}
