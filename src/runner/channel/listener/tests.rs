use super::*;
use crate::protocol::chunks::cut;
use crate::protocol::wire::frame;
use crate::protocol::{Outcome, Step, Warning};
use crate::runner::testing::{ended, event, need, transaction, verdict};
use proptest::prelude::*;

fn greeted() -> Vec<u8> {
    greeting(&transaction()).into_bytes()
}

fn hear(pieces: &[&[u8]]) -> (Vec<Heard>, Result<(), ProtocolError>) {
    let id = transaction();
    let mut listener = Listener::new(&id, 10);
    let mut heard = Vec::new();
    let result = pieces
        .iter()
        .try_for_each(|piece| listener.output(piece, &mut |item| heard.push(item)));
    (heard, result)
}

fn noise(line: &str) -> Heard {
    Heard::Noise(line.as_bytes().to_vec())
}

fn step() -> Vec<u8> {
    event(What::Step(Step::Check))
}

#[test]
fn noise_before_the_first_word_is_told_and_skipped_whatever_the_pieces() {
    let bytes = [
        b"Welcome!\r\n\n* motd",
        greeted().as_slice(),
        &step(),
        &need(&[(0, 2), (4, 5)], true),
    ]
    .concat();
    for size in [1, 2, 3, 7, 64, 1000] {
        let (heard, result) = hear(&bytes.chunks(size).collect::<Vec<_>>());
        assert_eq!(result, Ok(()));
        assert_eq!(
            heard[..3],
            [noise("Welcome!"), noise("* motd"), Heard::Greeted],
            "{size}"
        );
        assert!(matches!(heard[3], Heard::Event(_)));
        assert_eq!(
            heard[4],
            Heard::Need(Needed {
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
    let (heard, result) = hear(&[echo.as_bytes()]);
    assert_eq!(result, Ok(()));
    assert!(matches!(heard[..], [Heard::Noise(_)]));
    let other = greeting(&TransactionId::from_random([8; 16]));
    assert!(matches!(hear(&[other.as_bytes()]).0[..], [Heard::Noise(_)]));
}

#[test]
fn a_missing_server_part_is_told() {
    let line = format!(
        "motd deploy-action-missing:aarch64:gzip:{}:\n",
        transaction()
    );
    let (heard, _) = hear(&[line.as_bytes()]);
    assert!(matches!(&heard[..], [Heard::Missing(missing)] if missing.cpu == "aarch64"));
}

#[test]
fn noise_is_bounded_in_lines_and_bytes() {
    let (heard, result) = hear(&[&b"line\n".repeat(500), &greeted()]);
    assert_eq!((heard.len(), result), (101, Ok(())));
    assert!(hear(&[&vec![b'x'; MOST_NOISE + 1]]).1.is_err());
    assert!(hear(&[&b"\n".repeat(MOST_NOISE + 1)]).1.is_err());
    let long = [vec![b'x'; 100_000], b"\n".to_vec()].concat();
    assert!(matches!(&hear(&[&long]).0[..], [Heard::Noise(line)] if line.len() == 8192));
}

#[test]
fn standard_error_is_noise_too() {
    let id = transaction();
    let mut listener = Listener::new(&id, 0);
    let mut heard = Vec::new();
    listener.errors(b"one\r\ntw", &mut |item| heard.push(item));
    listener.errors(b"o\nrest", &mut |item| heard.push(item));
    listener
        .output(b"no end of line", &mut |item| heard.push(item))
        .unwrap();
    listener.rest(&mut |item| heard.push(item));
    assert_eq!(
        heard,
        [
            noise("one"),
            noise("two"),
            noise("rest"),
            noise("no end of line")
        ]
    );
}

#[test]
fn garbage_after_the_first_word_is_an_error() {
    for garbage in [
        &u32::MAX.to_le_bytes()[..],
        &[1, 0, 0, 0, 0xff],
        b"Traceback (most recent call last)",
    ] {
        let (_, result) = hear(&[&greeted(), garbage]);
        assert!(matches!(
            result.unwrap_err(),
            ProtocolError::TooLong(_) | ProtocolError::Unreadable
        ));
    }
}

#[test]
fn the_verdict_of_another_transaction_is_an_error() {
    assert_eq!(hear(&[&greeted(), &ended(Outcome::Deployed)]).1, Ok(()));
    let other = crate::protocol::Verdict {
        transaction: TransactionId::from_random([8; 16]),
        ..verdict(Outcome::Deployed)
    };
    let (_, result) = hear(&[&greeted(), &event(What::Ended(Box::new(other)))]);
    assert!(result.is_err());
}

#[test]
fn only_what_is_in_the_manifest_can_be_asked_for_and_once() {
    for bad in [
        &[(2, 2)][..],
        &[(3, 2)],
        &[(0, 11)],
        &[(4, 5), (0, 1)],
        &[(0, 2), (1, 3)],
    ] {
        assert!(hear(&[&greeted(), &need(bad, true)]).1.is_err(), "{bad:?}");
    }
    assert!(
        hear(&[&greeted(), &need(&[(0, 2)], false), &need(&[(2, 10)], true)])
            .1
            .is_ok()
    );
    assert!(
        hear(&[&greeted(), &need(&[(0, 2)], false), &need(&[(1, 3)], true)])
            .1
            .is_err()
    );
    assert!(hear(&[&greeted(), &need(&[], true), &need(&[], true)])
        .1
        .is_err());
    assert!(
        hear(&[&greeted(), &need(&[], false)]).1.is_err(),
        "it could go on so without end"
    );
}

#[test]
fn a_file_that_was_known_may_be_asked_for_once_more_at_the_end() {
    let known = |ranges: &[(u32, u32)], entries: &[u32], chunks: usize, last: bool| {
        let digest = cut(&b"x"[..], 1).next().unwrap().unwrap().digest();
        let known = entries
            .iter()
            .map(|entry| Known {
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
    assert!(hear(&[&first(), &need(&[(2, 3)], true)]).1.is_ok());
    assert!(
        hear(&[&first(), &need(&[(2, 3)], true), &need(&[(2, 3)], true)])
            .1
            .is_err()
    );
    for bad in [&[(1, 3)][..], &[(1, 2)], &[(4, 5)], &[]] {
        assert!(hear(&[&first(), &need(bad, true)]).1.is_err(), "{bad:?}");
    }
    assert!(hear(&[&first(), &known(&[(2, 3)], &[2], 1, true)])
        .1
        .is_err());
    // what is not asked for, not in order, twice, or without end
    assert!(hear(&[&greeted(), &known(&[(0, 1)], &[1], 1, true)])
        .1
        .is_err());
    assert!(hear(&[&greeted(), &known(&[(0, 4)], &[2, 0], 1, true)])
        .1
        .is_err());
    assert!(hear(&[&greeted(), &known(&[(0, 4)], &[2, 2], 1, true)])
        .1
        .is_err());
    let many = |from: u32| known(&[(from, from + 1)], &[from], MOST_CHUNKS / 2, false);
    assert!(hear(&[&greeted(), &many(0), &many(1)]).1.is_ok());
    assert!(hear(&[
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
    fn no_bytes_make_it_panic(early in proptest::collection::vec(any::<u8>(), 0..300), late in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = hear(&[&early, &greeted(), &late]);
        let whole = frame(&late).unwrap();
        let _ = hear(&[&greeted(), &whole]);
    }
}

#[test]
fn of_a_warning_without_end_little_is_taken() {
    let flood = event(What::Warning(Warning::NotEnabled("x".repeat(500_000))));
    let (heard, result) = hear(&[&greeted(), &flood]);
    assert_eq!(result, Ok(()));
    let Heard::Event(Event {
        what: What::Warning(Warning::NotEnabled(unit)),
        ..
    }) = &heard[1]
    else {
        panic!()
    };
    assert!(unit.len() < 10_000 && unit.ends_with('…'), "{}", unit.len());
}
