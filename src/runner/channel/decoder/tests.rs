use super::*;
use crate::protocol::chunks::cut;
use crate::protocol::wire::frame;
use crate::protocol::{Outcome, Step, Warning};
use crate::runner::testing::{ended, event, need, transaction, verdict};
use proptest::prelude::*;

fn greeted() -> Vec<u8> {
    greeting(&transaction()).into_bytes()
}

fn decode(pieces: &[&[u8]]) -> (Vec<Received>, Result<(), ProtocolError>) {
    let id = transaction();
    let mut decoder = Decoder::new(&id, 10);
    let mut received = Vec::new();
    let result = pieces
        .iter()
        .try_for_each(|piece| decoder.output(piece, &mut |item| received.push(item)));
    (received, result)
}

fn unexpected(line: &str) -> Received {
    Received::UnexpectedLine(line.as_bytes().to_vec())
}

fn step() -> Vec<u8> {
    event(What::Step(Step::Check))
}

#[test]
fn output_before_the_greeting_is_reported_and_skipped_however_it_is_split() {
    let bytes = [
        b"Welcome!\r\n\n* motd",
        greeted().as_slice(),
        &step(),
        &need(&[(0, 2), (4, 5)], true),
    ]
    .concat();
    for size in [1, 2, 3, 7, 64, 1000] {
        let (received, result) = decode(&bytes.chunks(size).collect::<Vec<_>>());
        assert_eq!(result, Ok(()));
        assert_eq!(
            received[..3],
            [
                unexpected("Welcome!"),
                unexpected("* motd"),
                Received::Greeting
            ],
            "{size}"
        );
        assert!(matches!(received[3], Received::Event(_)));
        assert_eq!(
            received[4],
            Received::Need(Need {
                ranges: vec![(0, 2), (4, 5)],
                known: vec![],
                last: true
            })
        );
    }
}

#[test]
fn an_echo_of_the_command_line_is_no_greeting() {
    let echo = format!("+ exec sh -c '…' sh /opt/app {}\n", transaction());
    let (received, result) = decode(&[echo.as_bytes()]);
    assert_eq!(result, Ok(()));
    assert!(matches!(received[..], [Received::UnexpectedLine(_)]));
    let other = greeting(&TransactionId::from_random([8; 16]));
    assert!(matches!(
        decode(&[other.as_bytes()]).0[..],
        [Received::UnexpectedLine(_)]
    ));
}

#[test]
fn a_missing_server_part_is_recognised() {
    let line = format!(
        "motd deploy-action-missing:aarch64:gzip:{}:\n",
        transaction()
    );
    let (received, _) = decode(&[line.as_bytes()]);
    assert!(matches!(&received[..], [Received::Missing(missing)] if missing.cpu == "aarch64"));
}

#[test]
fn unexpected_output_is_limited_in_lines_and_bytes() {
    let (received, result) = decode(&[&b"line\n".repeat(500), &greeted()]);
    assert_eq!((received.len(), result), (101, Ok(())));
    let endless = vec![b'x'; 3 << 20];
    let (received, result) = decode(&[&endless, &greeted()]);
    assert!(received.contains(&Received::Greeting), "{received:?}");
    assert_eq!(result, Ok(()));
    let long = [vec![b'x'; 100_000], b"\n".to_vec()].concat();
    assert!(
        matches!(&decode(&[&long]).0[..], [Received::UnexpectedLine(line)] if line.len() == 8192)
    );
}

#[test]
fn standard_error_is_unexpected_output_too() {
    let id = transaction();
    let mut decoder = Decoder::new(&id, 0);
    let mut received = Vec::new();
    decoder.errors(b"one\r\ntw", &mut |item| received.push(item));
    decoder.errors(b"o\nrest", &mut |item| received.push(item));
    decoder
        .output(b"no end of line", &mut |item| received.push(item))
        .unwrap();
    decoder.rest(&mut |item| received.push(item));
    assert_eq!(
        received,
        [
            unexpected("one"),
            unexpected("two"),
            unexpected("rest"),
            unexpected("no end of line")
        ]
    );
}

#[test]
fn garbage_after_the_greeting_is_an_error() {
    for garbage in [
        &u32::MAX.to_le_bytes()[..],
        &[1, 0, 0, 0, 0xff],
        b"Traceback (most recent call last)",
    ] {
        let (_, result) = decode(&[&greeted(), garbage]);
        assert!(matches!(
            result.unwrap_err(),
            ProtocolError::TooLong(_) | ProtocolError::Unreadable
        ));
    }
}

#[test]
fn the_verdict_of_another_transaction_is_an_error() {
    assert_eq!(decode(&[&greeted(), &ended(Outcome::Deployed)]).1, Ok(()));
    let other = crate::protocol::Verdict {
        transaction: TransactionId::from_random([8; 16]),
        ..verdict(Outcome::Deployed)
    };
    let (_, result) = decode(&[&greeted(), &event(What::Ended(Box::new(other)))]);
    assert!(result.is_err());
}

#[test]
fn only_entries_of_the_manifest_can_be_requested_and_only_once() {
    for bad in [
        &[(2, 2)][..],
        &[(3, 2)],
        &[(0, 11)],
        &[(4, 5), (0, 1)],
        &[(0, 2), (1, 3)],
    ] {
        assert!(
            decode(&[&greeted(), &need(bad, true)]).1.is_err(),
            "{bad:?}"
        );
    }
    assert!(
        decode(&[&greeted(), &need(&[(0, 2)], false), &need(&[(2, 10)], true)])
            .1
            .is_ok()
    );
    assert!(
        decode(&[&greeted(), &need(&[(0, 2)], false), &need(&[(1, 3)], true)])
            .1
            .is_err()
    );
    assert!(decode(&[&greeted(), &need(&[], true), &need(&[], true)])
        .1
        .is_err());
    assert!(
        decode(&[&greeted(), &need(&[], false)]).1.is_err(),
        "it could go on so without end"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_file_with_a_known_version_may_be_requested_once_more_at_the_end() {
    let known = |ranges: &[(u32, u32)], entries: &[u32], chunks: usize, last: bool| {
        let digest = cut(&b"x"[..], 1).next().unwrap().unwrap().digest();
        let known = entries
            .iter()
            .map(|entry| KnownFile {
                entry: *entry,
                chunks: vec![digest; chunks],
            })
            .collect();
        frame(&ToRunner::Need {
            ranges: ranges.to_vec(),
            known,
            last,
        })
        .unwrap()
    };
    let first = || [greeted(), known(&[(0, 4)], &[0, 2], 3, true)].concat();
    assert!(decode(&[&first(), &need(&[(2, 3)], true)]).1.is_ok());
    assert!(
        decode(&[&first(), &need(&[(2, 3)], true), &need(&[(2, 3)], true)])
            .1
            .is_err()
    );
    for bad in [&[(1, 3)][..], &[(1, 2)], &[(4, 5)], &[]] {
        assert!(decode(&[&first(), &need(bad, true)]).1.is_err(), "{bad:?}");
    }
    assert!(decode(&[&first(), &known(&[(2, 3)], &[2], 1, true)])
        .1
        .is_err());
    // not requested, not in order, twice, or without limit
    assert!(decode(&[&greeted(), &known(&[(0, 1)], &[1], 1, true)])
        .1
        .is_err());
    assert!(decode(&[&greeted(), &known(&[(0, 4)], &[2, 0], 1, true)])
        .1
        .is_err());
    assert!(decode(&[&greeted(), &known(&[(0, 4)], &[2, 2], 1, true)])
        .1
        .is_err());
    let many = |from: u32| known(&[(from, from + 1)], &[from], MAX_CHUNKS / 2, false);
    assert!(decode(&[&greeted(), &many(0), &many(1)]).1.is_ok());
    assert!(decode(&[
        &greeted(),
        &many(0),
        &many(1),
        &known(&[(2, 3)], &[2], 1, true)
    ])
    .1
    .is_err());
}

proptest! {
    #[test]
    fn no_bytes_cause_a_panic(early in proptest::collection::vec(any::<u8>(), 0..300), late in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&[&early, &greeted(), &late]);
        let whole = frame(&late).unwrap();
        let _ = decode(&[&greeted(), &whole]);
    }
}

#[test]
fn of_a_huge_warning_little_is_kept() {
    let flood = event(What::Warning(Warning::NotEnabled("x".repeat(500_000))));
    let (received, result) = decode(&[&greeted(), &flood]);
    assert_eq!(result, Ok(()));
    let Received::Event(Event {
        what: What::Warning(Warning::NotEnabled(unit)),
        ..
    }) = &received[1]
    else {
        panic!()
    };
    assert!(unit.len() < 10_000 && unit.ends_with('…'), "{}", unit.len());
}
