use super::*;
use crate::protocol::{greeting, Outcome, Plan, Step, ToServer};
use crate::runner::testing::{
    content_of, ended, event, need, noise, planned, release, transaction, unpacked,
};
use crate::runner::upload::Word;
use crate::runner::Tree;
use std::future::{pending, ready};
use std::time::SystemTime;
use tempfile::TempDir;
use tokio::io::{duplex, AsyncWriteExt, DuplexStream};
use tokio::sync::oneshot;

struct Near {
    _folder: TempDir,
    tree: Tree,
    plan: Plan,
    watch: Watch,
    progress: Progress,
    events: Vec<RunEvent>,
}

/// The other end of a channel.
struct Far {
    stdin: DuplexStream,
    stdout: DuplexStream,
    stderr: DuplexStream,
}

type Near3 = Pipes<DuplexStream, DuplexStream, DuplexStream>;

fn channel() -> (Near3, Far) {
    let ((stdin, far_in), (stdout, far_out), (stderr, far_err)) =
        (duplex(1000), duplex(1000), duplex(1000));
    (
        Pipes {
            stdin,
            stdout,
            stderr,
        },
        Far {
            stdin: far_in,
            stdout: far_out,
            stderr: far_err,
        },
    )
}

impl Near {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let (folder, tree, plan) = planned(files);
        let watch = Watch::new(Duration::from_secs(60), pending());
        Self {
            _folder: folder,
            tree,
            plan,
            watch,
            progress: Progress::default(),
            events: Vec::new(),
        }
    }

    async fn follow(&mut self, pipes: Near3) -> Followed {
        let upload = Upload {
            plan: &self.plan,
            tree: &self.tree,
            word: Word::Start,
        };
        let events = &mut self.events;
        follow(
            pipes,
            upload,
            &self.progress,
            &mut self.watch,
            &mut |event| events.push(event),
        )
        .await
    }
}

impl Far {
    async fn say(&mut self, bytes: &[u8]) {
        self.stdout.write_all(bytes).await.unwrap();
    }

    async fn greet(&mut self) {
        self.say(greeting(&transaction()).as_bytes()).await;
    }

    /// Reads until `last` has come.
    async fn read_until(&mut self, last: &ToServer) -> Vec<ToServer> {
        let (mut packed, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            let n = self.stdin.read(&mut buffer).await.unwrap();
            assert!(n > 0, "the end came before {last:?}");
            packed.extend_from_slice(&buffer[..n]);
            let messages = unpacked(&packed);
            if messages.contains(last) {
                return messages;
            }
        }
    }

    async fn eof(&mut self) {
        assert_eq!(self.stdin.read(&mut [0; 10]).await.unwrap(), 0);
    }
}

fn point_of_no_return(deadline: Duration) -> Vec<u8> {
    event(What::PointOfNoReturn {
        release: release(),
        previous: None,
        deadline,
    })
}

fn lost_by(followed: Followed) -> (Reached, bool, Why) {
    match followed {
        Followed::Lost {
            reached,
            greeted,
            why,
        } => (reached, greeted, why),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_small_tree_needs_no_answer_and_the_verdict_ends_it_while_the_channel_stays_open() {
    let mut near = Near::new(&[("a", b"content")]);
    let (pipes, mut far) = channel();
    let server = async {
        let messages = far.read_until(&ToServer::Sent).await;
        assert_eq!(content_of(&messages, 0), b"content");
        far.say(b"motd\n").await;
        far.greet().await;
        far.say(&event(What::Step(Step::Check))).await;
        far.say(
            &[
                point_of_no_return(Duration::from_secs(9)),
                ended(Outcome::Deployed),
            ]
            .concat(),
        )
        .await;
        far
    };
    let (followed, _far) = tokio::join!(near.follow(pipes), server);
    assert!(
        matches!(followed, Followed::Verdict(verdict, None) if verdict.outcome == Outcome::Deployed)
    );
    assert!(near
        .events
        .contains(&RunEvent::UnexpectedOutput(b"motd".to_vec())));
    assert!(near.events.contains(&RunEvent::Sending {
        files: 1,
        bytes: 7,
        known: 0
    }));
    assert_eq!(
        near.events
            .iter()
            .filter(|event| matches!(event, RunEvent::Server(_)))
            .count(),
        3
    );
}

#[tokio::test]
async fn what_is_asked_for_is_sent_while_output_flows_back() {
    let big = noise(1, 400_000);
    let mut near = Near::new(&[("a", &big), ("b", &noise(2, 200_000))]);
    let (pipes, mut far) = channel();
    let server = async {
        far.read_until(&ToServer::Ask).await;
        far.greet().await;
        far.say(&need(&[(0, 1)], true)).await;
        // more than the pipe holds, before anything is read: both sides must be served at once
        for _ in 0..200 {
            far.say(&event(What::Output(vec![b'x'; 1000]))).await;
        }
        let mut packed = Vec::new();
        let mut buffer = [0; 4096];
        while packed.len() < big.len() {
            let n = far.stdin.read(&mut buffer).await.unwrap();
            packed.extend_from_slice(&buffer[..n]);
        }
        far.say(&ended(Outcome::Failed)).await;
        far
    };
    let (followed, _far) = tokio::join!(near.follow(pipes), server);
    assert!(
        matches!(followed, Followed::Verdict(verdict, None) if verdict.outcome == Outcome::Failed)
    );
    assert!(near.events.contains(&RunEvent::Sending {
        files: 1,
        bytes: 400_000,
        known: 0
    }));
}

#[tokio::test]
async fn a_server_part_that_is_missing_does_not_fail_what_was_sent_meanwhile() {
    let mut near = Near::new(&[("a", &noise(1, 50_000))]);
    let (pipes, mut far) = channel();
    let server = async move {
        far.say(
            format!(
                "motd\ndeploy-action-missing:x86_64:cat:{}:\n",
                transaction()
            )
            .as_bytes(),
        )
        .await;
    };
    let (followed, ()) = tokio::join!(near.follow(pipes), server);
    assert!(
        matches!(followed, Followed::Missing(missing) if missing.cpu == "x86_64"),
        "{:?}",
        near.events
    );
    assert_eq!(near.events, [RunEvent::UnexpectedOutput(b"motd".to_vec())]);
}

#[tokio::test]
async fn a_line_that_ends_before_the_first_word_brings_the_words_that_were_said() {
    let mut near = Near::new(&[("a", &noise(1, 100_000))]);
    let (pipes, mut far) = channel();
    let server = async move {
        far.read_until(&ToServer::Ask).await;
        far.stderr
            .write_all(b"sh: 1: exec: Permission denied")
            .await
            .unwrap();
    };
    let (followed, ()) = tokio::join!(near.follow(pipes), server);
    let (reached, greeted, why) = lost_by(followed);
    assert_eq!((reached, greeted), (Reached::Nothing, false));
    assert_eq!(why, Why::Closed(b"sh: 1: exec: Permission denied".to_vec()));
    assert_eq!(
        near.events,
        [RunEvent::UnexpectedOutput(
            b"sh: 1: exec: Permission denied".to_vec()
        )]
    );
}

#[tokio::test]
async fn how_far_the_server_was_is_known_when_the_line_ends() {
    for told in [false, true] {
        let mut near = Near::new(&[("a", b"small")]);
        let (pipes, mut far) = channel();
        let server = async move {
            far.read_until(&ToServer::Sent).await;
            far.greet().await;
            if told {
                far.say(&point_of_no_return(Duration::from_secs(100))).await;
            }
        };
        let (followed, ()) = tokio::join!(near.follow(pipes), server);
        match lost_by(followed) {
            (Reached::Complete, true, Why::Closed(_)) if !told => {}
            (Reached::PointOfNoReturn { finished_by }, true, Why::Closed(_)) if told => {
                let left = finished_by
                    .duration_since(SystemTime::now())
                    .unwrap()
                    .as_secs();
                assert!((95..=100).contains(&left), "{left}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn garbage_is_no_verdict() {
    let mut near = Near::new(&[("a", b"small")]);
    let (pipes, mut far) = channel();
    let server = async {
        far.greet().await;
        far.say(b"Traceback (most recent call last)").await;
        far
    };
    let (followed, _far) = tokio::join!(near.follow(pipes), server);
    assert!(matches!(
        lost_by(followed),
        (Reached::Complete, true, Why::Error(RunError::Protocol(_)))
    ));
}

#[tokio::test]
async fn cancelled_before_the_server_has_all_it_ends_at_once() {
    let mut near = Near::new(&[("a", &noise(1, 100_000))]);
    near.watch = Watch::new(Duration::from_secs(60), ready(()));
    let (pipes, _far) = channel();
    let followed = near.follow(pipes).await;
    assert_eq!(
        lost_by(followed),
        (Reached::Nothing, false, Why::Stop(Stop::Cancelled))
    );
}

#[tokio::test]
async fn cancelled_later_the_server_is_told_by_the_end_of_its_input_and_its_word_counts() {
    for outcome in [Outcome::Cancelled, Outcome::Deployed] {
        let mut near = Near::new(&[("a", b"small")]);
        let (cancel, cancelled) = oneshot::channel();
        near.watch = Watch::new(Duration::from_secs(60), async { cancelled.await.unwrap() });
        let (pipes, mut far) = channel();
        let server = async {
            far.read_until(&ToServer::Sent).await;
            far.greet().await;
            cancel.send(()).unwrap();
            far.eof().await;
            far.say(&ended(outcome)).await;
            far
        };
        let (followed, _far) = tokio::join!(near.follow(pipes), server);
        assert!(
            matches!(followed, Followed::Verdict(verdict, Some(Stop::Cancelled)) if verdict.outcome == outcome)
        );
    }
}

#[tokio::test]
async fn cancelled_too_late_it_is_not_waited_for() {
    let mut near = Near::new(&[("a", b"small")]);
    let (cancel, cancelled) = oneshot::channel();
    near.watch = Watch::new(Duration::from_secs(60), async { cancelled.await.unwrap() });
    let (pipes, mut far) = channel();
    let server = async {
        far.read_until(&ToServer::Sent).await;
        far.greet().await;
        cancel.send(()).unwrap();
        far.eof().await;
        far.say(&point_of_no_return(Duration::from_secs(100))).await;
        far
    };
    let (followed, _far) = tokio::join!(near.follow(pipes), server);
    assert!(matches!(
        lost_by(followed),
        (
            Reached::PointOfNoReturn { .. },
            true,
            Why::Stop(Stop::Cancelled)
        )
    ));
}

#[tokio::test]
async fn time_up_too_late_the_end_is_waited_for() {
    let mut near = Near::new(&[("a", b"small")]);
    near.watch = Watch::new(Duration::from_millis(200), pending());
    let (pipes, mut far) = channel();
    let server = async {
        far.read_until(&ToServer::Sent).await;
        far.greet().await;
        far.eof().await;
        far.say(
            &[
                point_of_no_return(Duration::from_secs(100)),
                ended(Outcome::Deployed),
            ]
            .concat(),
        )
        .await;
        far
    };
    let (followed, _far) = tokio::join!(near.follow(pipes), server);
    assert!(
        matches!(followed, Followed::Verdict(verdict, None) if verdict.outcome == Outcome::Deployed)
    );
}

#[tokio::test]
async fn a_server_that_does_not_confirm_that_it_stopped_is_not_believed_to_have() {
    let mut near = Near::new(&[("a", b"small")]);
    let (pipes, mut far) = channel();
    let (cancel, cancelled) = oneshot::channel();
    near.watch = Watch::new(Duration::from_secs(60), async { cancelled.await.unwrap() });
    let server = async {
        far.read_until(&ToServer::Sent).await;
        cancel.send(()).unwrap();
        far.eof().await;
        far
    };
    let (followed, _far) = tokio::join!(near.follow(pipes), server);
    assert_eq!(
        lost_by(followed),
        (Reached::Complete, false, Why::Stop(Stop::Cancelled))
    );
}

#[tokio::test]
async fn the_stream_to_the_server_stays_open_until_the_verdict() {
    let mut near = Near::new(&[("a", b"small")]);
    let (pipes, mut far) = channel();
    let server = async {
        far.read_until(&ToServer::Sent).await;
        far.greet().await;
        let end =
            tokio::time::timeout(Duration::from_millis(100), far.stdin.read(&mut [0; 10])).await;
        assert!(end.is_err(), "the server would have stopped");
        far.say(&ended(Outcome::Deployed)).await;
        far
    };
    let (followed, _far) = tokio::join!(near.follow(pipes), server);
    assert!(matches!(followed, Followed::Verdict(..)));
}
