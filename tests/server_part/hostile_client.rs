//! Hostile or broken clients get an error, use bounded resources, and write nothing outside the release's folder.

use crate::app::{App, Node};
use crate::client::Told;
use crate::invariants::Invariants;
use crate::stub_server::StubServer;
use deploy_action::protocol::wire::{Packer, MAX_FRAME};
use deploy_action::protocol::{
    root_of, Digest, EntryKind, Outcome, Plan, Reason, Refusal, ShortDigest, Target, ToServer,
    TreeEntry,
};
use flate2::{write::ZlibEncoder, Compression};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Sends a plan that announces a tree with these contents, one for each entry, then `messages`.
fn tell(
    server: &StubServer,
    entries: &[TreeEntry],
    contents: &[&[u8]],
    messages: Vec<ToServer>,
) -> Told {
    let app = App::good("bad");
    let mut plan = server.plan(&app);
    let digests: Vec<_> = contents.iter().map(|content| Digest::of(content)).collect();
    plan.entries = u32::try_from(entries.len()).unwrap();
    plan.root = root_of(entries, &digests);
    let mut client = server.start(&plan);
    client.send([ToServer::Start(Box::new(plan))]);
    client.send(messages);
    let told = client.finish(&app);
    Invariants::of(server).after(&told);
    told
}

fn is_refused(server: &StubServer, told: &Told) {
    let reason = told
        .verdict
        .as_ref()
        .and_then(|verdict| verdict.failure.clone())
        .map(|failure| failure.reason);
    assert!(matches!(reason, Some(Reason::Upload(_))), "{told:?}");
    assert_eq!(
        (server.named_by("current").as_deref(), server.restarts()),
        (Some("old"), vec!["old".to_owned()])
    );
}

fn file(path: &str, content: &[u8]) -> TreeEntry {
    let kind = EntryKind::File {
        mode: 0o644,
        size: content.len() as u64,
        digest: ShortDigest::of(content),
    };
    TreeEntry {
        path: path.into(),
        kind,
    }
}

fn link(path: &str, to: &str) -> TreeEntry {
    TreeEntry {
        path: path.into(),
        kind: EntryKind::Link { to: to.into() },
    }
}

fn folder(path: &str, mode: u32) -> TreeEntry {
    TreeEntry {
        path: path.into(),
        kind: EntryKind::Folder { mode },
    }
}

/// Trees that would write to `home/precious`, or that no client sends.
fn hostile_trees(home: &Path) -> [Vec<TreeEntry>; 14] {
    let absolute = home.join("precious");
    [
        vec![file("../../../home/precious", b"x")],
        vec![file(absolute.to_str().unwrap(), b"x")],
        vec![
            folder("a", 0o755),
            file("a/../../../../home/precious", b"x"),
        ],
        vec![link("a", home.to_str().unwrap()), file("a/precious", b"x")],
        vec![file("a", b"x"), file("a/b", b"x")],
        vec![file("", b"x")],
        vec![file(".", b"x")],
        vec![file("a//b", b"x")],
        vec![file("a/", b"x")],
        vec![file("nul\0", b"x")],
        vec![file("a", b"x"), file("a", b"x")],
        vec![folder("a", 0o4755)],
        vec![folder("a", 0o777)],
        vec![link("a", "")],
    ]
}

#[test]
fn no_name_leaves_the_release() {
    let server = StubServer::with(&App::good("old"));
    let outside = server.home().join("precious");
    fs::write(&outside, "as it was").unwrap();
    for tree in hostile_trees(&server.home()) {
        let contents = (0..).zip(&tree).map(|(entry, _)| ToServer::Content {
            entry,
            bytes: b"x".to_vec(),
        });
        let messages = [ToServer::Entries(tree.clone())]
            .into_iter()
            .chain(contents)
            .chain([ToServer::Sent]);
        let x: &[u8] = b"x";
        is_refused(
            &server,
            &tell(&server, &tree, &vec![x; tree.len()], messages.collect()),
        );
        assert_eq!(fs::read(&outside).unwrap(), b"as it was", "{tree:?}");
    }
}

/// Contents other than those of a tree with `a` (12345) and `b` (6).
fn other_contents(tree: &[TreeEntry]) -> [Vec<ToServer>; 10] {
    let content = |entry, bytes: &[u8]| ToServer::Content {
        entry,
        bytes: bytes.to_vec(),
    };
    [
        vec![content(0, b"54321"), content(1, b"6"), ToServer::Sent],
        vec![content(0, b"123456"), content(1, b"6"), ToServer::Sent],
        vec![content(1, b"6"), content(0, b"12345"), ToServer::Sent],
        vec![content(0, b"123"), content(1, b"6"), ToServer::Sent],
        vec![content(0, b"12345"), ToServer::Sent],
        vec![
            content(0, b"12345"),
            content(1, b"6"),
            content(1, b"7"),
            ToServer::Sent,
        ],
        vec![
            content(0, b""),
            content(0, b"12345"),
            content(1, b"6"),
            ToServer::Sent,
        ],
        vec![content(7, b"12345")],
        vec![ToServer::Sent],
        vec![ToServer::Entries(tree.to_vec())],
    ]
}

#[test]
fn contents_that_are_not_those_announced_are_refused() {
    let server = StubServer::with(&App::good("old"));
    let tree = vec![file("a", b"12345"), file("b", b"6")];
    for messages in other_contents(&tree) {
        let all = [ToServer::Entries(tree.clone())]
            .into_iter()
            .chain(messages)
            .collect();
        is_refused(&server, &tell(&server, &tree, &[b"12345", b"6"], all));
    }
    let lie = vec![TreeEntry {
        path: b"a".to_vec(),
        kind: EntryKind::File {
            mode: 0o644,
            size: 0,
            digest: ShortDigest::of(b"x"),
        },
    }];
    is_refused(
        &server,
        &tell(
            &server,
            &lie,
            &[b"x"],
            vec![ToServer::Entries(lie.clone()), ToServer::Sent],
        ),
    );
}

#[test]
fn a_manifest_other_than_the_announced_one_is_refused() {
    let server = StubServer::with(&App::good("old"));
    let tree = [file("a", b"1")];
    let others = [
        vec![file("b", b"1")],
        vec![file("a", b"1"), file("b", b"1")],
        vec![link("a", "1")],
        vec![TreeEntry {
            path: b"a".to_vec(),
            kind: EntryKind::File {
                mode: 0o755,
                size: 1,
                digest: ShortDigest::of(b"1"),
            },
        }],
        vec![],
    ];
    for other in others {
        let content = |(entry, of): (u32, &TreeEntry)| {
            matches!(of.kind, EntryKind::File { .. }).then(|| ToServer::Content {
                entry,
                bytes: b"1".to_vec(),
            })
        };
        let contents: Vec<_> = (0..).zip(&other).filter_map(content).collect();
        let all = [ToServer::Entries(other)]
            .into_iter()
            .chain(contents)
            .chain([ToServer::Sent]);
        is_refused(&server, &tell(&server, &tree, &[b"1"], all.collect()));
    }
    is_refused(&server, &tell(&server, &tree, &[b"1"], vec![ToServer::Ask]));
}

/// As two contents would be whose digests begin alike: only the root tells them apart.
#[test]
fn a_content_that_only_looks_like_the_announced_one_is_refused() {
    let server = StubServer::with(&App::good("old"));
    let tree = [file("a", b"1")];
    let messages = || {
        let content = ToServer::Content {
            entry: 0,
            bytes: b"1".to_vec(),
        };
        vec![ToServer::Entries(tree.to_vec()), content, ToServer::Sent]
    };
    is_refused(&server, &tell(&server, &tree, &[b"2"], messages()));
}

#[test]
fn a_plan_other_than_the_command_line_announced_is_refused() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("bad");
    let plan = server.plan(&app);
    let changes: [fn(&mut Plan); 3] = [
        |plan| plan.target = Target::checked("/tmp"),
        |plan| plan.transaction = crate::stub_server::new_transaction(),
        |plan| plan.root = Digest::of(b""),
    ];
    for change in changes {
        let mut other = plan.clone();
        change(&mut other);
        let mut client = server.start(&plan);
        client.send_all(&other, &app, crate::client::Sending::Unasked);
        let told = client.finish(&app);
        assert_eq!(
            (&told.verdict, told.refused),
            (&None, Some(Refusal::OtherPlan)),
            "{told:?}"
        );
    }
}

#[test]
fn bytes_of_no_protocol_are_an_error() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("bad");
    for bytes in [
        &b"GET / HTTP/1.0\r\n\r\n"[..],
        &[0xff; 100_000],
        b"\x78\x9c\xff\xff\xff\xff",
        b"",
    ] {
        let plan = server.plan(&app);
        let mut client = server.start(&plan);
        client.send_raw(bytes);
        client.hang_up();
        let told = client.finish(&app);
        assert_eq!(
            (&told.verdict, told.refused),
            (&None, Some(Refusal::Unreadable)),
            "{told:?}"
        );
        assert!(!told.errors.contains("panicked"), "{told:?}");
    }
    let plan = server.plan(&app);
    let mut client = server.start(&plan);
    client.open(&plan, &app);
    client.send_raw(&[0xff; 1000]);
    let told = client.finish(&app);
    assert!(
        matches!(told.outcome(), Some(Outcome::Failed | Outcome::Cancelled)),
        "{told:?}"
    );
    assert_eq!(server.restarts(), ["old"]);
}

#[test]
fn a_stream_that_unpacks_without_end_costs_neither_memory_nor_disk() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("bad");
    let mut bomb = ZlibEncoder::new(Vec::new(), Compression::best());
    let length = u32::try_from(MAX_FRAME).unwrap() + 1;
    bomb.write_all(&length.to_le_bytes()).unwrap();
    for _ in 0..256 {
        bomb.write_all(&vec![0; 1 << 20]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    let (plan, start) = (server.plan(&app), Instant::now());
    let mut client = server.start(&plan);
    client.send_raw(&bomb);
    let told = client.finish(&app);
    assert_eq!(told.refused, Some(Refusal::Unreadable), "{told:?}");

    // pieces of one byte more than the file has, over and over
    let tree = vec![file("a", b"1")];
    let mut packer = Packer::default();
    for _ in 0..10 {
        packer
            .push(&ToServer::Content {
                entry: 0,
                bytes: vec![0; 200_000],
            })
            .unwrap();
    }
    assert!(packer.flush().unwrap().len() < 20_000);
    let bytes = vec![0; 200_000];
    let pieces = std::iter::repeat_n(ToServer::Content { entry: 0, bytes }, 200);
    let all = [ToServer::Entries(tree.clone())]
        .into_iter()
        .chain(pieces)
        .collect();
    is_refused(&server, &tell(&server, &tree, &[b"1"], all));
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_tree_too_large_to_be_true_is_refused_before_anything_is_made() {
    let server = StubServer::with(&App::good("old"));
    let app = App::good("bad").with("extra", Node::Folder);
    let mut plan = server.plan(&app);
    plan.entries = u32::MAX;
    let mut client = server.start(&plan);
    client.send_all(&plan, &app, crate::client::Sending::Ask);
    is_refused(&server, &client.finish(&app));
    assert_eq!(server.releases(), ["old"]);
}
