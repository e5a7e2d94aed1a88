use super::*;
use crate::protocol::{
    BinaryError, ConnectionError, ConnectionKind, Hop, LoginScriptError, ProtocolError,
    ServerPartError,
};
use crate::runner::testing::{planned, verdict};

const LIMIT: Duration = Duration::from_secs(1800);
const WATCHED: Duration = Duration::from_secs(1080);
const NOW: u64 = 1_000_000;

struct Case {
    reached: Reached,
    greeted: bool,
    cause: LostCause,
    is_connected: bool,
}

fn concluded(followed: FollowResult, is_connected: bool) -> Conclusion {
    let (_folder, _tree, plan) = planned(&[("a", b"x")]);
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    conclude(
        followed,
        RunContext {
            plan: &plan,
            limit: LIMIT,
            is_connected,
            goes_down: false,
            watched: WATCHED,
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
        cause,
        is_connected,
    } = case;
    let conclusion = concluded(
        FollowResult::Lost {
            reached,
            greeted,
            cause,
        },
        is_connected,
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
fn the_verdict_of_the_server_is_the_outcome() {
    for outcome in [
        Outcome::Deployed,
        Outcome::RolledBack,
        Outcome::RollbackFailed,
        Outcome::Busy,
        Outcome::NotReady,
    ] {
        for stop in [None, Some(Stop::Cancelled), Some(Stop::TimeUp)] {
            let conclusion = concluded(
                FollowResult::Verdict(Box::new(verdict(outcome)), stop),
                true,
            );
            assert_eq!((conclusion.outcome, conclusion.error), (outcome, None));
            assert_eq!(conclusion.verdict, Some(verdict(outcome)));
        }
    }
}

#[test]
fn the_server_cannot_know_that_the_time_limit_was_reached() {
    let cancelled = || Box::new(verdict(Outcome::Cancelled));
    let conclusion = concluded(FollowResult::Verdict(cancelled(), Some(Stop::TimeUp)), true);
    assert_eq!(
        (conclusion.outcome, conclusion.error),
        (Outcome::Failed, Some(RunError::OutOfTime { limit: LIMIT }))
    );
    let conclusion = concluded(
        FollowResult::Verdict(cancelled(), Some(Stop::Cancelled)),
        true,
    );
    assert_eq!(
        (conclusion.outcome, conclusion.error),
        (Outcome::Cancelled, None)
    );
}

#[test]
fn a_lost_connection_is_a_failure_only_if_the_server_cannot_have_continued() {
    let cut = |reached| {
        lost(Case {
            reached,
            greeted: true,
            cause: LostCause::Closed(vec![]),
            is_connected: false,
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
fn a_server_part_that_ended_is_distinguished_from_a_lost_connection() {
    let ended = |reached, greeted| {
        lost(Case {
            reached,
            greeted,
            cause: LostCause::Closed(b"words".to_vec()),
            is_connected: true,
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
    // the transaction may continue in its own process
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
fn cancellation_and_time_limit_report_what_is_known_about_the_server() {
    let stopped = |reached, stop| {
        lost(Case {
            reached,
            greeted: true,
            cause: LostCause::Stop(stop),
            is_connected: true,
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
        (Outcome::Unknown, RunError::Overdue { watched: WATCHED })
    );
}

#[test]
fn garbage_after_the_point_of_no_return_does_not_hide_that_the_server_continues() {
    let nonsense = || RunError::Protocol(ProtocolError::Unreadable);
    let heard = |reached| {
        lost(Case {
            reached,
            greeted: true,
            cause: LostCause::Error(nonsense()),
            is_connected: true,
        })
    };
    assert_eq!(heard(Reached::Nothing), (Outcome::Failed, nonsense()));
    assert_eq!(heard(Reached::Complete), (Outcome::Unknown, nonsense()));
    assert_eq!(heard(past()), (Outcome::Unknown, nonsense()));
}

#[test]
fn a_login_script_that_hinders_is_the_users_to_fix_unless_something_may_have_begun() {
    let hindered = || RunError::LoginScript {
        error: LoginScriptError::InputRead,
        output: Vec::new(),
    };
    let heard = |reached| {
        lost(Case {
            reached,
            greeted: true,
            cause: LostCause::Error(hindered()),
            is_connected: true,
        })
    };
    assert_eq!(heard(Reached::Nothing), (Outcome::NotReady, hindered()));
    assert_eq!(heard(Reached::Complete), (Outcome::Unknown, hindered()));
    assert_eq!(heard(past()), (Outcome::Unknown, hindered()));
}

#[test]
fn a_server_that_went_down_does_not_finish_by_itself() {
    let (_folder, _tree, plan) = planned(&[("a", b"x")]);
    let causes = [
        LostCause::Closed(Vec::new()),
        LostCause::Stop(Stop::Cancelled),
        LostCause::Stop(Stop::TimeUp),
    ];
    for cause in causes {
        let lost = FollowResult::Lost {
            reached: past(),
            greeted: true,
            cause,
        };
        let context = RunContext {
            plan: &plan,
            limit: LIMIT,
            is_connected: false,
            goes_down: true,
            watched: WATCHED,
            now: UNIX_EPOCH + Duration::from_secs(NOW),
        };
        let conclusion = conclude(lost, context).unwrap();
        assert_eq!(
            (conclusion.outcome, conclusion.error),
            (Outcome::Unknown, Some(RunError::WentDown))
        );
    }
}

#[test]
fn only_a_run_without_any_login_is_unreachable() {
    let connection = RunError::Connection {
        kind: ConnectionKind::Login,
        error: ConnectionError::Ssh { stderr: vec![] },
        hop: Hop::Server,
        offered: None,
    };
    let outcome = |early: EarlyEnd| Conclusion::early(early, LIMIT).outcome;
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
