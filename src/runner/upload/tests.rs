use super::*;
use crate::protocol::{Digest, Kind};
use crate::runner::progress::Reached;
use crate::runner::testing::{content_of, planned, random, unpacked};
use tokio::io::{duplex, AsyncReadExt};
use tokio::sync::mpsc::unbounded_channel;

type Files<'a> = &'a [(&'a str, &'a [u8])];

/// Sends `files` to a server that asks for `needed`, and gives what it got.
async fn sent(files: Files<'_>, needed: Vec<Needed>) -> (Result<(), UploadError>, Vec<ToServer>) {
    let (_folder, tree, plan) = planned(files);
    let upload = Upload { plan: &plan, tree: &tree, word: Word::Start };
    let unasked = upload.unasked().unwrap();
    let (needs, wanted) = unbounded_channel();
    for need in needed {
        needs.send(need).unwrap();
    }
    drop(needs);
    // far less than is sent: the writer has to wait for the reader
    let (near, mut far) = duplex(1000);
    let progress = Progress::default();
    let mut packed = Vec::new();
    let sending = async { send(near, upload, unasked.as_deref(), wanted, &progress).await.map(drop) };
    let (result, read) = tokio::join!(sending, far.read_to_end(&mut packed));
    read.unwrap();
    assert_eq!(progress.reached() == Reached::Complete, result.is_ok());
    (result, unpacked(&packed))
}

fn all(count: u32) -> Vec<Needed> {
    vec![Needed { ranges: vec![(0, count)], begun: vec![], last: true }]
}

#[tokio::test]
async fn a_small_tree_goes_unasked_and_whole() {
    let (result, messages) = sent(&[("a", b"content"), ("b/c", b"more"), ("empty", b"")], vec![]).await;
    result.unwrap();
    assert!(matches!(&messages[0], ToServer::Start(plan) if plan.entries == 4));
    assert!(matches!(&messages[1], ToServer::Entries(entries) if entries.len() == 4));
    assert_eq!((content_of(&messages, 0), content_of(&messages, 2)), (b"content".to_vec(), b"more".to_vec()));
    // an empty file has no pieces
    assert_eq!(messages.len(), 5);
    assert_eq!(messages[4], ToServer::Sent);
}

#[tokio::test]
async fn much_that_packs_to_little_goes_unasked_too() {
    let (result, messages) = sent(&[("a", &vec![b'x'; 1_000_000])], vec![]).await;
    result.unwrap();
    assert_eq!(content_of(&messages, 0).len(), 1_000_000);
    assert_eq!(messages.last(), Some(&ToServer::Sent));
}

#[tokio::test]
async fn of_a_file_that_is_begun_the_rest_is_sent_and_once_more_the_whole_where_that_is_asked_for() {
    let one = random(700_000);
    let begun = Needed { ranges: vec![(0, 1)], begun: vec![(0, 300_001)], last: false };
    let whole = Needed { ranges: vec![(0, 1)], begun: vec![], last: true };
    let nothing = Needed { ranges: vec![], begun: vec![], last: true };
    let (result, messages) = sent(&[("1", &one)], vec![begun, nothing]).await;
    result.unwrap();
    assert_eq!(content_of(&messages, 0), one[300_001..]);
    let begun = Needed { ranges: vec![(0, 1)], begun: vec![(0, 300_001)], last: false };
    let (result, messages) = sent(&[("1", &one)], vec![begun, whole]).await;
    result.unwrap();
    assert_eq!(content_of(&messages, 0), [&one[300_001..], &one].concat());
}

#[tokio::test]
async fn of_a_larger_tree_only_what_is_asked_for_is_sent() {
    let (one, two, three) = (random(700_000), random(100_000), random(50_000));
    let files: Files<'_> = &[("1", &one), ("2", &two), ("3", &three)];
    let asked = vec![
        Needed { ranges: vec![(0, 1)], begun: vec![], last: false },
        Needed { ranges: vec![(2, 3)], begun: vec![], last: true },
    ];
    let (result, messages) = sent(files, asked).await;
    result.unwrap();
    assert_eq!(messages[2], ToServer::Ask);
    assert_eq!(content_of(&messages, 0), one);
    assert_eq!(content_of(&messages, 1), b"");
    assert_eq!(content_of(&messages, 2), three);
    assert_eq!(messages.last(), Some(&ToServer::Sent));
}

#[tokio::test]
async fn where_nothing_lacks_nothing_but_the_end_is_sent() {
    let big = random(100_000);
    let (result, messages) = sent(&[("1", &big)], vec![Needed { ranges: vec![], begun: vec![], last: true }]).await;
    result.unwrap();
    assert_eq!(messages[2..], [ToServer::Ask, ToServer::Sent]);
}

#[tokio::test]
async fn folders_and_links_within_a_range_have_no_content() {
    let big = random(100_000);
    let (result, messages) = sent(&[("a/b", &big), ("c", b"")], all(3)).await;
    result.unwrap();
    assert_eq!(content_of(&messages, 1), big);
    assert_eq!(
        messages.iter().filter(|message| matches!(message, ToServer::Content { entry, .. } if *entry != 1)).count(),
        0
    );
}

#[tokio::test]
async fn a_file_that_has_changed_ends_the_upload_incomplete() {
    let (folder, tree, plan) = planned(&[("a", &random(100_000))]);
    std::fs::write(folder.path().join("a"), random(100_000)).unwrap();
    let upload = Upload { plan: &plan, tree: &tree, word: Word::Start };
    assert!(matches!(upload.unasked(), Err(UploadError::Source(_))));
    let (needs, wanted) = unbounded_channel();
    needs.send(Needed { ranges: vec![(0, 1)], begun: vec![], last: true }).unwrap();
    let progress = Progress::default();
    let mut got = Vec::new();
    let result = send(&mut got, upload, None, wanted, &progress).await;
    assert!(matches!(result, Err(UploadError::Source(_))) && progress.reached() == Reached::Nothing);
    assert!(!unpacked(&got).contains(&ToServer::Sent));
}

#[tokio::test]
async fn a_server_that_stops_reading_is_a_broken_line() {
    let (_folder, tree, plan) = planned(&[("a", b"x")]);
    let upload = Upload { plan: &plan, tree: &tree, word: Word::Start };
    let unasked = upload.unasked().unwrap();
    let (near, far) = duplex(16);
    drop(far);
    let (_needs, wanted) = unbounded_channel();
    let result = send(near, upload, unasked.as_deref(), wanted, &Progress::default()).await;
    assert!(matches!(result, Err(UploadError::Line(_))));
}

#[test]
fn messages_of_entries_stay_below_the_limit_however_long_the_paths() {
    let entry = |path: Vec<u8>| Entry { path, kind: Kind::File { mode: 0o644, size: 0, digest: Digest::of(b"") } };
    let short: Vec<Entry> = (0..1201).map(|i: u32| entry(i.to_string().into_bytes())).collect();
    assert_eq!(chunks(&short).map(<[Entry]>::len).collect::<Vec<_>>(), [500, 500, 201]);
    let long: Vec<Entry> = (0..600).map(|_| entry(random(4000))).collect();
    let links: Vec<Entry> =
        (0..600).map(|_| Entry { path: b"a".to_vec(), kind: Kind::Link { to: random(4000) } }).collect();
    for entries in [long, links] {
        assert_eq!(chunks(&entries).map(<[Entry]>::len).sum::<usize>(), 600);
        for chunk in chunks(&entries) {
            wire::frame(&ToServer::Entries(chunk.to_vec())).unwrap();
        }
    }
}
