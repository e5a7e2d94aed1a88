use super::*;
use crate::protocol::wire::frame;
use crate::protocol::{greeting, Made, Outcome, Plan, Step, ToRunner, ToServer};
use crate::runner::testing::{
    content_of, ended, event, need, planned, random_bytes, release, transaction, unpacked,
};
use crate::runner::upload::Request;
use crate::runner::Tree;
use std::future::{pending, ready};
use std::time::SystemTime;
use tempfile::TempDir;
use tokio::io::{duplex, AsyncWriteExt, DuplexStream};
use tokio::sync::oneshot;

struct RunnerSide {
    _folder: TempDir,
    tree: Tree,
    plan: Plan,
    watch: Watch,
    progress: Progress,
    events: Vec<RunEvent>,
}

/// The other end of a channel.
struct ServerSide {
    stdin: DuplexStream,
    stdout: DuplexStream,
    stderr: DuplexStream,
}

type RunnerPipes = Pipes<DuplexStream, DuplexStream, DuplexStream>;

fn channel() -> (RunnerPipes, ServerSide) {
    let ((stdin, far_in), (stdout, far_out), (stderr, far_err)) =
        (duplex(1000), duplex(1000), duplex(1000));
    (
        Pipes {
            stdin,
            stdout,
            stderr,
        },
        ServerSide {
            stdin: far_in,
            stdout: far_out,
            stderr: far_err,
        },
    )
}

impl RunnerSide {
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

    async fn follow(&mut self, pipes: RunnerPipes) -> FollowResult {
        self.follow_for(pipes, Request::Start).await
    }

    async fn follow_for(&mut self, pipes: RunnerPipes, request: Request) -> FollowResult {
        let upload = Upload {
            plan: &self.plan,
            tree: &self.tree,
            request,
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

impl ServerSide {
    async fn send(&mut self, bytes: &[u8]) {
        self.stdout.write_all(bytes).await.unwrap();
    }

    async fn greet(&mut self) {
        self.send(greeting(&transaction()).as_bytes()).await;
    }

    /// Reads until `last` arrives.
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
        commit: None,
        made: Made::default(),
    })
}

fn lost_by(result: FollowResult) -> (Reached, bool, LostCause) {
    match result {
        FollowResult::Lost {
            reached,
            greeted,
            cause,
        } => (reached, greeted, cause),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_small_tree_is_sent_unasked_and_the_verdict_ends_following_while_the_channel_is_open() {
    let mut runner = RunnerSide::new(&[("a", b"content")]);
    let (pipes, mut server) = channel();
    let serving = async {
        let messages = server.read_until(&ToServer::Sent).await;
        assert_eq!(content_of(&messages, 0), b"content");
        server.send(b"motd\n").await;
        server.greet().await;
        server.send(&event(What::Step(Step::Check))).await;
        server
            .send(
                &[
                    point_of_no_return(Duration::from_secs(9)),
                    ended(Outcome::Deployed),
                ]
                .concat(),
            )
            .await;
        server
    };
    let (result, _far) = tokio::join!(runner.follow(pipes), serving);
    assert!(
        matches!(result, FollowResult::Verdict(verdict, None) if verdict.outcome == Outcome::Deployed)
    );
    assert!(runner
        .events
        .contains(&RunEvent::UnexpectedOutput(b"motd".to_vec())));
    assert!(runner.events.contains(&RunEvent::Sending {
        files: 1,
        bytes: 7,
        known: 0
    }));
    assert_eq!(
        runner
            .events
            .iter()
            .filter(|event| matches!(event, RunEvent::Server(_)))
            .count(),
        3
    );
}

#[tokio::test]
async fn requested_files_are_sent_while_output_is_received() {
    let big = random_bytes(1, 400_000);
    let mut runner = RunnerSide::new(&[("a", &big), ("b", &random_bytes(2, 200_000))]);
    let (pipes, mut server) = channel();
    let serving = async {
        server.read_until(&ToServer::Ask).await;
        server.greet().await;
        server.send(&need(&[(0, 1)], true)).await;
        // more than the pipe holds, before anything is read: both sides must be served at once
        for _ in 0..200 {
            server.send(&event(What::Output(vec![b'x'; 1000]))).await;
        }
        let mut packed = Vec::new();
        let mut buffer = [0; 4096];
        while packed.len() < big.len() {
            let n = server.stdin.read(&mut buffer).await.unwrap();
            packed.extend_from_slice(&buffer[..n]);
        }
        server.send(&ended(Outcome::Failed)).await;
        server
    };
    let (result, _far) = tokio::join!(runner.follow(pipes), serving);
    assert!(
        matches!(result, FollowResult::Verdict(verdict, None) if verdict.outcome == Outcome::Failed)
    );
    assert!(runner.events.contains(&RunEvent::Sending {
        files: 1,
        bytes: 400_000,
        known: 0
    }));
}

#[tokio::test]
async fn a_missing_server_part_is_no_error_of_sending() {
    let mut runner = RunnerSide::new(&[("a", &random_bytes(1, 50_000))]);
    let (pipes, mut server) = channel();
    let serving = async move {
        server
            .send(
                format!(
                    "motd\ndeploy-action-missing:x86_64:cat:{}:\n",
                    transaction()
                )
                .as_bytes(),
            )
            .await;
    };
    let (result, ()) = tokio::join!(runner.follow(pipes), serving);
    assert!(
        matches!(result, FollowResult::Missing(missing) if missing.cpu == "x86_64"),
        "{:?}",
        runner.events
    );
    assert_eq!(
        runner.events,
        [RunEvent::UnexpectedOutput(b"motd".to_vec())]
    );
}

#[tokio::test]
async fn a_channel_that_ends_before_the_greeting_keeps_its_output() {
    let mut runner = RunnerSide::new(&[("a", &random_bytes(1, 100_000))]);
    let (pipes, mut server) = channel();
    let serving = async move {
        server.read_until(&ToServer::Ask).await;
        server
            .stderr
            .write_all(b"sh: 1: exec: Permission denied")
            .await
            .unwrap();
    };
    let (result, ()) = tokio::join!(runner.follow(pipes), serving);
    let (reached, greeted, cause) = lost_by(result);
    assert_eq!((reached, greeted), (Reached::Nothing, false));
    assert_eq!(
        cause,
        LostCause::Closed(b"sh: 1: exec: Permission denied".to_vec())
    );
    assert_eq!(
        runner.events,
        [RunEvent::UnexpectedOutput(
            b"sh: 1: exec: Permission denied".to_vec()
        )]
    );
}

#[tokio::test]
async fn the_progress_of_the_server_is_known_when_the_channel_ends() {
    for past in [false, true] {
        let mut runner = RunnerSide::new(&[("a", b"small")]);
        let (pipes, mut server) = channel();
        let serving = async move {
            server.read_until(&ToServer::Sent).await;
            server.greet().await;
            if past {
                server
                    .send(&point_of_no_return(Duration::from_secs(100)))
                    .await;
            }
        };
        let (result, ()) = tokio::join!(runner.follow(pipes), serving);
        match lost_by(result) {
            (Reached::Complete, true, LostCause::Closed(_)) if !past => {}
            (Reached::PointOfNoReturn { finished_by }, true, LostCause::Closed(_)) if past => {
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
    let mut runner = RunnerSide::new(&[("a", b"small")]);
    let (pipes, mut server) = channel();
    let serving = async {
        server.greet().await;
        server.send(b"Traceback (most recent call last)").await;
        server
    };
    let (result, _far) = tokio::join!(runner.follow(pipes), serving);
    assert!(matches!(
        lost_by(result),
        (
            Reached::Complete,
            true,
            LostCause::Error(RunError::Protocol(_))
        )
    ));
}

#[tokio::test]
async fn cancelled_before_the_server_has_everything_it_ends_at_once() {
    let mut runner = RunnerSide::new(&[("a", &random_bytes(1, 100_000))]);
    runner.watch = Watch::new(Duration::from_secs(60), ready(()));
    let (pipes, _far) = channel();
    let result = runner.follow(pipes).await;
    assert_eq!(
        lost_by(result),
        (Reached::Nothing, false, LostCause::Stop(Stop::Cancelled))
    );
}

#[tokio::test]
async fn cancelled_later_the_server_sees_the_end_of_its_input_and_its_verdict_counts() {
    for outcome in [Outcome::Cancelled, Outcome::Deployed] {
        let mut runner = RunnerSide::new(&[("a", b"small")]);
        let (cancel, cancelled) = oneshot::channel();
        runner.watch = Watch::new(Duration::from_secs(60), async { cancelled.await.unwrap() });
        let (pipes, mut server) = channel();
        let serving = async {
            server.read_until(&ToServer::Sent).await;
            server.greet().await;
            cancel.send(()).unwrap();
            server.eof().await;
            server.send(&ended(outcome)).await;
            server
        };
        let (result, _far) = tokio::join!(runner.follow(pipes), serving);
        assert!(
            matches!(result, FollowResult::Verdict(verdict, Some(Stop::Cancelled)) if verdict.outcome == outcome)
        );
    }
}

#[tokio::test]
async fn cancelled_after_the_point_of_no_return_it_ends_at_once() {
    let mut runner = RunnerSide::new(&[("a", b"small")]);
    let (cancel, cancelled) = oneshot::channel();
    runner.watch = Watch::new(Duration::from_secs(60), async { cancelled.await.unwrap() });
    let (pipes, mut server) = channel();
    let serving = async {
        server.read_until(&ToServer::Sent).await;
        server.greet().await;
        cancel.send(()).unwrap();
        server.eof().await;
        server
            .send(&point_of_no_return(Duration::from_secs(100)))
            .await;
        server
    };
    let (result, _far) = tokio::join!(runner.follow(pipes), serving);
    assert!(matches!(
        lost_by(result),
        (
            Reached::PointOfNoReturn { .. },
            true,
            LostCause::Stop(Stop::Cancelled)
        )
    ));
}

#[tokio::test]
async fn after_the_point_of_no_return_the_time_limit_does_not_end_it() {
    let mut runner = RunnerSide::new(&[("a", b"small")]);
    runner.watch = Watch::new(Duration::from_millis(200), pending());
    let (pipes, mut server) = channel();
    let serving = async {
        server.read_until(&ToServer::Sent).await;
        server.greet().await;
        server.eof().await;
        server
            .send(
                &[
                    point_of_no_return(Duration::from_secs(100)),
                    ended(Outcome::Deployed),
                ]
                .concat(),
            )
            .await;
        server
    };
    let (result, _far) = tokio::join!(runner.follow(pipes), serving);
    assert!(
        matches!(result, FollowResult::Verdict(verdict, None) if verdict.outcome == Outcome::Deployed)
    );
}

#[tokio::test]
async fn a_server_that_does_not_confirm_that_it_stopped_may_not_have_stopped() {
    let mut runner = RunnerSide::new(&[("a", b"small")]);
    let (pipes, mut server) = channel();
    let (cancel, cancelled) = oneshot::channel();
    runner.watch = Watch::new(Duration::from_secs(60), async { cancelled.await.unwrap() });
    let serving = async {
        server.read_until(&ToServer::Sent).await;
        cancel.send(()).unwrap();
        server.eof().await;
        server
    };
    let (result, _far) = tokio::join!(runner.follow(pipes), serving);
    assert_eq!(
        lost_by(result),
        (Reached::Complete, false, LostCause::Stop(Stop::Cancelled))
    );
}

#[tokio::test]
async fn the_stream_to_the_server_stays_open_until_the_verdict() {
    let mut runner = RunnerSide::new(&[("a", b"small")]);
    let (pipes, mut server) = channel();
    let serving = async {
        server.read_until(&ToServer::Sent).await;
        server.greet().await;
        let end =
            tokio::time::timeout(Duration::from_millis(100), server.stdin.read(&mut [0; 10])).await;
        assert!(end.is_err(), "the server would have stopped");
        server.send(&ended(Outcome::Deployed)).await;
        server
    };
    let (result, _far) = tokio::join!(runner.follow(pipes), serving);
    assert!(matches!(result, FollowResult::Verdict(..)));
}

/// The error of a login in which a login script hinders the server part. Nothing was begun.
fn hindered(result: FollowResult) -> LoginScriptError {
    let (reached, _, cause) = lost_by(result);
    assert_eq!(reached, Reached::Nothing);
    match cause {
        LostCause::Error(RunError::LoginScript { error, .. }) => error,
        other => panic!("{other:?}"),
    }
}

const TICK: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_login_that_stays_silent_is_given_up_after_its_input_was_closed() {
    for reads in [false, true] {
        let mut runner = RunnerSide::new(&[("a", b"content")]);
        runner.watch = Watch::new(Duration::from_secs(60), pending()).with_first_word(TICK);
        let (pipes, mut server) = channel();
        let serving = async {
            server.read_until(&ToServer::Sent).await;
            server.eof().await;
            // it ends, or it hangs
            (!reads).then_some(server)
        };
        let (result, _far) = tokio::join!(runner.follow(pipes), serving);
        assert_eq!(hindered(result), LoginScriptError::Silent { limit: TICK });
    }
}

#[tokio::test]
async fn a_late_greeting_is_followed_to_the_verdict() {
    for (point, outcome) in [(false, Outcome::Cancelled), (true, Outcome::Deployed)] {
        let mut runner = RunnerSide::new(&[("a", b"content")]);
        runner.watch = Watch::new(Duration::from_secs(60), pending()).with_first_word(TICK);
        let (pipes, mut server) = channel();
        let serving = async {
            server.read_until(&ToServer::Sent).await;
            server.eof().await;
            server.greet().await;
            if point {
                server
                    .send(&point_of_no_return(Duration::from_secs(9)))
                    .await;
            }
            server.send(&ended(outcome)).await;
            server
        };
        let (result, _far) = tokio::join!(runner.follow(pipes), serving);
        match (point, result) {
            (true, FollowResult::Verdict(verdict, _)) => assert_eq!(verdict.outcome, outcome),
            (_, result) => {
                assert_eq!(hindered(result), LoginScriptError::Silent { limit: TICK });
            }
        }
    }
}

#[tokio::test]
async fn a_login_that_talks_may_take_its_time() {
    let mut runner = RunnerSide::new(&[("a", b"content")]);
    let (pipes, mut server) = channel();
    let serving = async {
        server.read_until(&ToServer::Sent).await;
        // more than a greeting's worth of noise, then the server part
        for _ in 0..1500 {
            server.send(&[b'x'; 1000]).await;
        }
        server.greet().await;
        server.send(&ended(Outcome::Deployed)).await;
        server
    };
    let (result, _far) = tokio::join!(runner.follow(pipes), serving);
    assert!(
        matches!(result, FollowResult::Verdict(verdict, _) if verdict.outcome == Outcome::Deployed)
    );
}

#[tokio::test]
async fn a_login_that_prints_without_end_is_given_up() {
    for line in [&b"y\n"[..], b"y"] {
        let mut runner = RunnerSide::new(&[("a", b"content")]);
        let (pipes, mut server) = channel();
        let noise = line.repeat(500);
        let serving = async move { while server.stdout.write_all(&noise).await.is_ok() {} };
        let (result, ()) = tokio::join!(runner.follow(pipes), serving);
        assert!(matches!(hindered(result), LoginScriptError::Endless { .. }));
    }
}

fn refused(refusal: Refusal) -> Vec<u8> {
    frame(&ToRunner::Refused(refusal)).unwrap()
}

#[tokio::test]
async fn a_refusal_is_the_end_of_a_first_login() {
    let limit = TICK;
    for (refusal, expected) in [
        (Refusal::Unreadable, LoginScriptError::InputRead),
        (
            Refusal::NoInput { limit },
            LoginScriptError::NoInput { limit },
        ),
        (
            Refusal::Late,
            LoginScriptError::Silent {
                limit: FIRST_WORD_TIME,
            },
        ),
    ] {
        let mut runner = RunnerSide::new(&[("a", b"content")]);
        let (pipes, mut server) = channel();
        let serving = async {
            server.greet().await;
            server.send(&refused(refusal)).await;
            server
        };
        let (result, _far) = tokio::join!(runner.follow(pipes), serving);
        assert_eq!(hindered(result), expected);
    }
}

#[tokio::test]
async fn after_a_lost_connection_the_verdict_follows_a_refusal() {
    for (outcome, known) in [(Outcome::Cancelled, false), (Outcome::RolledBack, true)] {
        let mut runner = RunnerSide::new(&[("a", b"content")]);
        runner.progress.complete();
        let (pipes, mut server) = channel();
        let serving = async {
            server.greet().await;
            server.send(&refused(Refusal::Unreadable)).await;
            server.send(&ended(outcome)).await;
            server
        };
        let following = runner.follow_for(pipes, Request::Resume(0));
        let (result, _far) = tokio::join!(following, serving);
        match result {
            FollowResult::Verdict(verdict, None) if known => assert_eq!(verdict.outcome, outcome),
            result => assert_eq!(hindered(result), LoginScriptError::InputRead),
        }
    }
}

#[tokio::test]
async fn a_cancelled_run_is_not_blamed_on_a_login_script() {
    let mut runner = RunnerSide::new(&[("a", b"content")]);
    runner.watch = Watch::new(Duration::from_secs(60), ready(()));
    runner.progress.complete();
    let (pipes, mut server) = channel();
    let serving = async {
        server.greet().await;
        server.send(&refused(Refusal::Unreadable)).await;
        server
    };
    let (result, _far) = tokio::join!(runner.follow(pipes), serving);
    let (reached, _, cause) = lost_by(result);
    assert_eq!(
        (reached, cause),
        (Reached::Nothing, LostCause::Stop(Stop::Cancelled))
    );
}

#[tokio::test]
async fn a_transaction_without_a_trace_is_not_called_unbegun() {
    let mut runner = RunnerSide::new(&[("a", b"content")]);
    let (pipes, mut server) = channel();
    let serving = async {
        server.greet().await;
        server
            .send(&point_of_no_return(Duration::from_secs(9)))
            .await;
        server.send(&refused(Refusal::NoTrace)).await;
        server
    };
    let following = runner.follow_for(pipes, Request::Resume(1));
    let (result, _far) = tokio::join!(following, serving);
    let (reached, _, cause) = lost_by(result);
    assert!(matches!(reached, Reached::PointOfNoReturn { .. }));
    assert_eq!(cause, LostCause::Error(RunError::NoTrace));
}

#[tokio::test]
async fn a_forged_deadline_is_bounded_by_the_inputs_and_what_a_unit_may_need() {
    let mut runner = RunnerSide::new(&[("a", b"x")]);
    let most = runner.plan.watch_limit();
    // 3 * (60 s + 5 s) of the inputs, and a quarter of an hour
    assert_eq!(most, Duration::from_secs(195 + 900));
    for (claimed, expected) in [(2 * 24 * 3600, most), (100, Duration::from_secs(100))] {
        runner.progress = Progress::default();
        runner.events.clear();
        let (pipes, mut server) = channel();
        let serving = async {
            server.greet().await;
            server
                .send(&point_of_no_return(Duration::from_secs(claimed)))
                .await;
            drop(server);
        };
        let (result, ()) = tokio::join!(runner.follow(pipes), serving);
        let (reached, _, _) = lost_by(result);
        let Reached::PointOfNoReturn { finished_by } = reached else {
            panic!("{reached:?}")
        };
        assert!(finished_by <= SystemTime::now() + expected);
        assert_eq!(runner.progress.watched(), expected);
        let is_limited = |event: &RunEvent| matches!(event, RunEvent::WatchLimited { .. });
        assert_eq!(runner.events.iter().any(is_limited), claimed > 100);
        let shown = runner.events.iter().find_map(|event| match event {
            RunEvent::Server(Event {
                what: What::PointOfNoReturn { deadline, .. },
                ..
            }) => Some(*deadline),
            _ => None,
        });
        assert_eq!(shown, Some(expected));
    }
}
