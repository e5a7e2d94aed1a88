use super::*;
use crate::protocol::{
    BinaryError, ConnectionError, ConnectionKind, Hop, ProtocolError, ServerPartError,
};
use crate::runner::testing::{planned, verdict};

const LIMIT: Duration = Duration::from_secs(1800);
const NOW: u64 = 1_000_000;

struct Case {
    reached: Reached,
    greeted: bool,
    why: Why,
    stands: bool,
}

fn concluded(followed: Followed, stands: bool) -> Conclusion {
    let (_folder, _tree, plan) = planned(&[("a", b"x")]);
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    conclude(
        followed,
        Known {
            plan: &plan,
            limit: LIMIT,
            stands,
            now,
        },
    )
    .unwrap()
}

/// Outcome and error of a loss.
fn lost(case: Case) -> (Outcome, RunError) {
    let Case {
        reached,
        greeted,
        why,
        stands,
    } = case;
    let conclusion = concluded(
        Followed::Lost {
            reached,
            greeted,
            why,
        },
        stands,
    );
    assert_eq!(conclusion.verdict, None);
    (conclusion.outcome, conclusion.error.unwrap())
}

fn past() -> Reached {
    Reached::PointOfNoReturn {
        finished_by: UNIX_EPOCH + Duration::from_secs(NOW + 77),
    }
}

/// The plan's 600 s for staging, and twice 60 + 5 + 180.
const GUESS: u64 = NOW + 600 + 2 * 245;

#[test]
fn the_servers_word_is_the_outcome() {
    for outcome in [
        Outcome::Deployed,
        Outcome::RolledBack,
        Outcome::RollbackFailed,
        Outcome::Busy,
        Outcome::NotReady,
    ] {
        for stop in [None, Some(Stop::Cancelled), Some(Stop::TimeUp)] {
            let conclusion = concluded(Followed::Verdict(Box::new(verdict(outcome)), stop), true);
            assert_eq!((conclusion.outcome, conclusion.error), (outcome, None));
            assert_eq!(conclusion.verdict, Some(verdict(outcome)));
        }
    }
}

#[test]
fn that_our_time_was_up_the_server_cannot_know() {
    let cancelled = || Box::new(verdict(Outcome::Cancelled));
    let conclusion = concluded(Followed::Verdict(cancelled(), Some(Stop::TimeUp)), true);
    assert_eq!(
        (conclusion.outcome, conclusion.error),
        (Outcome::Failed, Some(RunError::OutOfTime { limit: LIMIT }))
    );
    let conclusion = concluded(Followed::Verdict(cancelled(), Some(Stop::Cancelled)), true);
    assert_eq!(
        (conclusion.outcome, conclusion.error),
        (Outcome::Cancelled, None)
    );
}

#[test]
fn a_line_cut_is_a_failure_only_where_the_server_cannot_have_gone_on() {
    let cut = |reached| {
        lost(Case {
            reached,
            greeted: true,
            why: Why::Closed(vec![]),
            stands: false,
        })
    };
    assert_eq!(
        cut(Reached::Nothing),
        (
            Outcome::Failed,
            RunError::ConnectionLost { finished_by: None }
        )
    );
    assert_eq!(
        cut(Reached::Complete),
        (
            Outcome::Unknown,
            RunError::ConnectionLost {
                finished_by: Some(GUESS)
            }
        )
    );
    assert_eq!(
        cut(past()),
        (
            Outcome::Unknown,
            RunError::ConnectionLost {
                finished_by: Some(NOW + 77)
            }
        )
    );
}

#[test]
fn a_server_part_that_ends_by_itself_is_told_from_a_line_that_was_cut() {
    let ended = |reached, greeted| {
        lost(Case {
            reached,
            greeted,
            why: Why::Closed(b"words".to_vec()),
            stands: true,
        })
    };
    let part = |error| RunError::ServerPart {
        error,
        output: b"words".to_vec(),
    };
    assert_eq!(
        ended(Reached::Complete, false),
        (Outcome::NotReady, part(ServerPartError::Start))
    );
    assert_eq!(
        ended(Reached::Nothing, true),
        (Outcome::Failed, part(ServerPartError::Finish))
    );
    assert_eq!(
        ended(Reached::Complete, true),
        (Outcome::Unknown, part(ServerPartError::Finish))
    );
    // it may have been what watched, while the transaction goes on
    assert_eq!(
        ended(past(), true),
        (
            Outcome::Unknown,
            RunError::ConnectionLost {
                finished_by: Some(NOW + 77)
            }
        )
    );
}

#[test]
fn cancelled_and_late_say_what_is_known_of_the_server() {
    let stopped = |reached, stop| {
        lost(Case {
            reached,
            greeted: true,
            why: Why::Stop(stop),
            stands: true,
        })
    };
    let cancelled = |finished_by| RunError::Cancelled { finished_by };
    assert_eq!(
        stopped(Reached::Nothing, Stop::Cancelled),
        (Outcome::Cancelled, cancelled(None))
    );
    assert_eq!(
        stopped(Reached::Complete, Stop::Cancelled),
        (Outcome::Unknown, cancelled(Some(GUESS)))
    );
    assert_eq!(
        stopped(past(), Stop::Cancelled),
        (Outcome::Unknown, cancelled(Some(NOW + 77)))
    );
    assert_eq!(
        stopped(Reached::Nothing, Stop::TimeUp),
        (Outcome::Failed, RunError::OutOfTime { limit: LIMIT })
    );
    assert_eq!(
        stopped(past(), Stop::TimeUp),
        (
            Outcome::Unknown,
            RunError::ConnectionLost {
                finished_by: Some(NOW + 77)
            }
        )
    );
}

#[test]
fn nonsense_after_the_point_of_no_return_does_not_hide_that_the_server_goes_on() {
    let nonsense = || RunError::Protocol(ProtocolError::Unreadable);
    let heard = |reached| {
        lost(Case {
            reached,
            greeted: true,
            why: Why::Error(nonsense()),
            stands: true,
        })
    };
    assert_eq!(heard(Reached::Nothing), (Outcome::Failed, nonsense()));
    assert_eq!(heard(Reached::Complete), (Outcome::Unknown, nonsense()));
    assert_eq!(heard(past()), (Outcome::Unknown, nonsense()));
}

#[test]
fn unreachable_is_only_what_never_logged_in() {
    let connection = RunError::Connection {
        kind: ConnectionKind::Login,
        error: ConnectionError::Ssh { stderr: vec![] },
        hop: Hop::Server,
        offered: None,
    };
    let outcome = |early: Early| Conclusion::early(early, LIMIT).outcome;
    assert_eq!(outcome(connection.into()), Outcome::Unreachable);
    assert_eq!(
        outcome(RunError::Key { output: vec![] }.into()),
        Outcome::Invalid
    );
    let no_binary = RunError::NoBinary {
        cpu: "riscv64".to_owned(),
        file: "deploy-action-riscv64".to_owned(),
        error: BinaryError::Missing,
    };
    assert_eq!(outcome(no_binary.into()), Outcome::NotReady);
    assert_eq!(outcome(Stop::Cancelled.into()), Outcome::Cancelled);
    assert_eq!(outcome(Stop::TimeUp.into()), Outcome::Failed);
}
