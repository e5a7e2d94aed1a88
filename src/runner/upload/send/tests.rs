use super::*;
use crate::protocol::chunks::cut;
use crate::runner::progress::Reached;
use crate::runner::testing::{content_of, planned, random_bytes, unpacked};
use crate::runner::upload::Request;
use tokio::io::{duplex, AsyncReadExt};
use tokio::sync::mpsc::unbounded_channel;

type Files<'a> = &'a [(&'a str, &'a [u8])];

/// Sends `files` to a server that asks for `needed`, and returns what the server received.
async fn sent(files: Files<'_>, needed: Vec<Need>) -> (Result<(), UploadError>, Vec<ToServer>) {
    let (_folder, tree, plan) = planned(files);
    let upload = Upload {
        plan: &plan,
        tree: &tree,
        request: Request::Start,
    };
    let unasked = upload.unasked().unwrap();
    let (needs, wanted) = unbounded_channel();
    for need in needed {
        needs.send(need).unwrap();
    }
    drop(needs);
    // much less than is sent, so the writer has to wait for the reader
    let (near, mut far) = duplex(1000);
    let progress = Progress::default();
    let mut packed = Vec::new();
    let sending = send(near, upload, unasked.as_deref(), wanted, &progress);
    let (result, read) = tokio::join!(sending, far.read_to_end(&mut packed));
    read.unwrap();
    assert_eq!(progress.reached() == Reached::Complete, result.is_ok());
    (result, unpacked(&packed))
}

fn all(count: u32) -> Vec<Need> {
    vec![Need {
        ranges: vec![(0, count)],
        known: vec![],
        last: true,
    }]
}

#[tokio::test]
async fn a_small_tree_is_sent_unasked() {
    let (result, messages) = sent(
        &[("a", b"content"), ("b/c", b"more"), ("empty", b"")],
        vec![],
    )
    .await;
    result.unwrap();
    assert!(matches!(&messages[0], ToServer::Start(plan) if plan.entries == 4));
    assert!(matches!(&messages[1], ToServer::Entries(entries) if entries.len() == 4));
    assert_eq!(
        (content_of(&messages, 0), content_of(&messages, 2)),
        (b"content".to_vec(), b"more".to_vec())
    );
    // an empty file has no pieces
    assert_eq!(messages.len(), 5);
    assert_eq!(messages[4], ToServer::Sent);
}

#[tokio::test]
async fn a_tree_that_compresses_well_is_sent_unasked_too() {
    let (result, messages) = sent(&[("a", &vec![b'x'; 1_000_000])], vec![]).await;
    result.unwrap();
    assert_eq!(content_of(&messages, 0).len(), 1_000_000);
    assert_eq!(messages.last(), Some(&ToServer::Sent));
}

/// The chunks of `old` that a server knows for a file of `size` bytes.
fn known(entry: u32, old: &[u8], size: usize) -> KnownFile {
    let chunks = cut(old, size as u64)
        .map(|chunk| chunk.unwrap().digest())
        .collect();
    KnownFile { entry, chunks }
}

/// The content that a server makes of `messages` and its old file.
fn put_together(messages: &[ToServer], old: &[u8], size: usize) -> Vec<u8> {
    let chunks: Vec<_> = cut(old, size as u64)
        .map(|chunk| chunk.unwrap().bytes)
        .collect();
    let piece = |message: &ToServer| match message {
        ToServer::Content { bytes, .. } => bytes.clone(),
        ToServer::Known { first, count, .. } => {
            chunks[*first as usize..(first + count) as usize].concat()
        }
        _ => vec![],
    };
    messages.iter().flat_map(piece).collect()
}

fn literal(messages: &[ToServer]) -> usize {
    content_of(messages, 0).len()
}

#[tokio::test]
async fn of_a_file_with_a_known_earlier_version_only_new_parts_are_sent() {
    let new = random_bytes(1, 700_000);
    let size = new.len();
    let edited = [&new[..300_000], &new[300_010..]].concat();
    let moved = [&new[500_000..], &new[..500_000]].concat();
    let cases = [
        ("the same", new.clone(), 1),
        ("cut short", new[..400_000].to_vec(), 320_000),
        ("edited", edited, 20_000),
        ("moved", moved, 40_000),
        ("twice", new.repeat(2), 1),
        ("another", random_bytes(2, 700_000), 700_001),
        ("nothing", vec![], 700_001),
    ];
    for (name, old, limit) in cases {
        let need = Need {
            ranges: vec![(0, 1)],
            known: vec![known(0, &old, size)],
            last: true,
        };
        let (result, messages) = sent(&[("1", &new)], vec![need]).await;
        result.unwrap();
        assert!(put_together(&messages, &old, size) == new, "{name}");
        assert!(literal(&messages) < limit, "{name}: {}", literal(&messages));
        assert_eq!(messages.last(), Some(&ToServer::Sent));
    }
}

#[tokio::test]
async fn a_file_that_was_assembled_wrongly_is_sent_again_completely() {
    let one = random_bytes(1, 700_000);
    let first = Need {
        ranges: vec![(0, 1)],
        known: vec![known(0, &one, one.len())],
        last: true,
    };
    let again = Need {
        ranges: vec![(0, 1)],
        known: vec![],
        last: true,
    };
    let (result, messages) = sent(&[("1", &one)], vec![first, again]).await;
    result.unwrap();
    assert!(content_of(&messages, 0) == one);
    assert_eq!(
        messages
            .iter()
            .filter(|message| **message == ToServer::Sent)
            .count(),
        2
    );
}

#[tokio::test]
async fn contents_that_compress_to_nothing_are_written_regularly_and_block_no_other_task() {
    let large = vec![0; 40 << 20];
    let (_folder, tree, plan) = planned(&[("1", &large)]);
    let upload = Upload {
        plan: &plan,
        tree: &tree,
        request: Request::Start,
    };
    for known in [vec![known(0, &large, large.len())], vec![]] {
        let (needs, wanted) = unbounded_channel();
        let (near, mut far) = duplex(64 << 10);
        let progress = Progress::default();
        let listening = async {
            let (mut turns, mut after) = (0, 0);
            let mut buffer = vec![0; 64 << 10];
            assert!(far.read(&mut buffer).await.unwrap() > 0);
            needs
                .send(Need {
                    ranges: vec![(0, 1)],
                    known,
                    last: true,
                })
                .unwrap();
            while progress.reached() == Reached::Nothing {
                turns += 1;
                tokio::select! {
                    biased;
                    read = far.read(&mut buffer) => after += read.unwrap(),
                    () = yield_now() => {}
                }
            }
            (turns, after)
        };
        let sending = send(near, upload, None, wanted, &progress);
        tokio::select! {
            (turns, heard) = listening => assert!(turns > 3 && heard > 0, "{turns} {heard}"),
            sent = sending => panic!("{sent:?}"),
        }
    }
}

#[tokio::test]
async fn consecutive_chunks_are_one_message() {
    let one = random_bytes(1, 700_000);
    let need = Need {
        ranges: vec![(0, 1)],
        known: vec![known(0, &one, one.len())],
        last: true,
    };
    let (_, messages) = sent(&[("1", &one)], vec![need]).await;
    assert_eq!(
        messages
            .iter()
            .filter(|message| matches!(message, ToServer::Known { .. }))
            .count(),
        1
    );
}

#[tokio::test]
async fn of_a_larger_tree_only_requested_files_are_sent() {
    let (one, two, three) = (
        random_bytes(1, 700_000),
        random_bytes(2, 100_000),
        random_bytes(3, 50_000),
    );
    let files: Files<'_> = &[("1", &one), ("2", &two), ("3", &three)];
    let asked = vec![
        Need {
            ranges: vec![(0, 1)],
            known: vec![],
            last: false,
        },
        Need {
            ranges: vec![(2, 3)],
            known: vec![],
            last: true,
        },
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
async fn if_nothing_is_needed_only_the_end_is_sent() {
    let big = random_bytes(1, 100_000);
    let (result, messages) = sent(
        &[("1", &big)],
        vec![Need {
            ranges: vec![],
            known: vec![],
            last: true,
        }],
    )
    .await;
    result.unwrap();
    assert_eq!(messages[2..], [ToServer::Ask, ToServer::Sent]);
}

#[tokio::test]
async fn folders_and_links_within_a_range_have_no_content() {
    let big = random_bytes(1, 100_000);
    let (result, messages) = sent(&[("a/b", &big), ("c", b"")], all(3)).await;
    result.unwrap();
    assert_eq!(content_of(&messages, 1), big);
    assert_eq!(
        messages
            .iter()
            .filter(|message| matches!(message, ToServer::Content { entry, .. } if *entry != 1))
            .count(),
        0
    );
}

#[tokio::test]
async fn a_file_that_has_changed_ends_the_upload_incomplete() {
    let (folder, tree, plan) = planned(&[("a", &random_bytes(1, 100_000))]);
    std::fs::write(folder.path().join("a"), random_bytes(2, 100_000)).unwrap();
    let upload = Upload {
        plan: &plan,
        tree: &tree,
        request: Request::Start,
    };
    assert!(matches!(upload.unasked(), Err(UploadError::Source(_))));
    let (needs, wanted) = unbounded_channel();
    needs
        .send(Need {
            ranges: vec![(0, 1)],
            known: vec![],
            last: true,
        })
        .unwrap();
    let progress = Progress::default();
    let mut got = Vec::new();
    let result = send(&mut got, upload, None, wanted, &progress).await;
    assert!(
        matches!(result, Err(UploadError::Source(_))) && progress.reached() == Reached::Nothing
    );
    assert!(!unpacked(&got).contains(&ToServer::Sent));

    let (needs, wanted) = unbounded_channel();
    let known = vec![known(0, &random_bytes(2, 100_000), 100_000)];
    needs
        .send(Need {
            ranges: vec![(0, 1)],
            known,
            last: true,
        })
        .unwrap();
    let result = send(Vec::new(), upload, None, wanted, &progress).await;
    assert!(
        matches!(result, Err(UploadError::Source(_))) && progress.reached() == Reached::Nothing
    );
}

#[tokio::test]
async fn a_server_that_stops_reading_is_a_lost_connection() {
    let (_folder, tree, plan) = planned(&[("a", b"x")]);
    let upload = Upload {
        plan: &plan,
        tree: &tree,
        request: Request::Start,
    };
    let unasked = upload.unasked().unwrap();
    let (near, far) = duplex(16);
    drop(far);
    let (_needs, wanted) = unbounded_channel();
    let result = send(
        near,
        upload,
        unasked.as_deref(),
        wanted,
        &Progress::default(),
    )
    .await;
    assert!(matches!(result, Err(UploadError::Connection(_))));
}
