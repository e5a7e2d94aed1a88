//! Each test is a server's story: what is observed, second by second, and what follows.

use super::*;
use crate::protocol::{OtherProcess, Phase, PortHolder, ReleaseProcess, UnseenRelease};
use std::collections::HashSet;

const RUNNING: &str = "ActiveState=active\nSubState=running\nJob=0\nRestart=always\nResult=success";

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// A unit that runs in `invocation`, after so many automatic restarts.
fn running(invocation: &str, restarts: u64) -> Unit {
    Unit::parse(&format!(
        "{RUNNING}\nInvocationID={invocation}\nNRestarts={restarts}"
    ))
}

fn unit(state: &str, invocation: &str, restarts: u64, more: &str) -> Unit {
    let (active, sub) = state.split_once('/').unwrap();
    Unit::parse(&format!(
        "ActiveState={active}\nSubState={sub}\nJob=0\nInvocationID={invocation}\nNRestarts={restarts}\n{more}"
    ))
}

fn before(invocation: &str, restarts: u64) -> BeforeRestart {
    BeforeRestart {
        invocation: invocation.to_owned(),
        automatic_restarts: Some(restarts),
        steady: true,
        ..BeforeRestart::default()
    }
}

fn rules(purpose: Purpose, before: &BeforeRestart) -> Rules<'_> {
    Rules {
        purpose,
        timeout: seconds(60),
        settle: seconds(10),
        port: 8000,
        before,
        failed_invocation: None,
        body: BodyShows::Nothing,
        has_others: false,
    }
}

/// What is seen where all is well.
fn good() -> Evidence {
    Evidence {
        origin: Some(Origin::Unit),
        belongs: Belongs::Yes { others: Vec::new() },
        has_new_process: true,
    }
}

fn other_release() -> ReleaseProcess {
    ReleaseProcess {
        pid: 7,
        name: "gunicorn".to_owned(),
        release: "1700000000".to_owned(),
    }
}

fn nginx() -> OtherProcess {
    OtherProcess {
        process: Some((80, "nginx".to_owned())),
        group: Some("/system.slice/nginx.service".to_owned()),
    }
}

fn looked(unit: Unit) -> Seen {
    Seen {
        unit: Some(Ok(unit)),
        ..Seen::default()
    }
}

fn answered(unit: Unit, evidence: Evidence) -> Seen {
    let answer = HealthAnswer::Healthy { status: 200 };
    Seen {
        unit: Some(Ok(unit)),
        check: Some(Check {
            answer: Some(answer),
            evidence: Some(evidence),
        }),
        ..Seen::default()
    }
}

fn refused(unit: Unit) -> Seen {
    Seen {
        unit: Some(Ok(unit)),
        check: Some(Check {
            answer: Some(HealthAnswer::Refused),
            evidence: None,
        }),
        ..Seen::default()
    }
}

/// What follows when the same is seen every second; when, and with which warnings.
fn watch(rules: Rules<'_>, seen: impl Fn(u64) -> Seen) -> (u64, Next, Vec<String>) {
    let mut machine = Machine::new(rules);
    for second in 0..1000 {
        match machine.next(seconds(second), seen(second)) {
            Next::Wait => {}
            end => {
                let warnings = machine.warnings();
                let warnings = warnings.iter().map(Warning::to_string).collect();
                return (second, end, warnings);
            }
        }
    }
    panic!("it never ends");
}

fn reason_of(next: Next) -> Reason {
    match next {
        Next::Failed { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

fn silent() -> Vec<String> {
    Vec::new()
}

#[test]
fn a_new_process_that_answers_is_healthy_when_the_settle_time_is_over() {
    let before = before("a", 3);
    let rules = rules(Purpose::GoLive, &before);
    let end = watch(rules.clone(), |_| answered(running("b", 3), good()));
    assert_eq!(end, (10, Next::Healthy, silent()));
    // slow to start
    let end = watch(rules.clone(), |second| match second {
        0..20 => refused(running("b", 3)),
        _ => answered(running("b", 3), good()),
    });
    assert_eq!(end.0, 30);
    // healthy, then not, then again: the settle time begins anew
    let end = watch(rules, |second| match second {
        8 => refused(running("b", 3)),
        _ => answered(running("b", 3), good()),
    });
    assert_eq!((end.0, end.1), (19, Next::Healthy));
}

#[test]
fn a_release_that_never_answers_fails_when_its_time_is_over() {
    let before = before("a", 0);
    let (at, end, _) = watch(rules(Purpose::GoLive, &before), |_| {
        refused(running("b", 0))
    });
    assert_eq!(at, 60);
    assert!(matches!(
        reason_of(end),
        Reason::Unhealthy { attempts: 61, .. }
    ));
}

/// A health request that hangs brings no check, but the unit is looked at all the same.
#[test]
fn a_crash_is_seen_while_a_request_hangs() {
    let before = before("a", 0);
    let (at, end, _) = watch(rules(Purpose::GoLive, &before), |second| match second {
        0..3 => Seen::default(),
        _ => looked(unit(
            "activating/auto-restart",
            "b",
            1,
            "Result=exit-code\nExecMainStatus=3",
        )),
    });
    assert_eq!(at, 3);
    assert!(matches!(reason_of(end), Reason::Crashed { .. }));
}

#[test]
fn another_process_on_the_port_fails_a_new_release_after_a_while() {
    let holder = PortHolder::Earlier(nginx());
    let foreign = Evidence {
        origin: Some(Origin::Other(holder.clone())),
        ..good()
    };
    let start = before("a", 0);
    let (at, end, _) = watch(rules(Purpose::GoLive, &start), |_| {
        answered(running("b", 0), foreign.clone())
    });
    let expected = Reason::OtherListener {
        port: 8000,
        owner: holder,
    };
    assert_eq!((at, reason_of(end)), (5, expected));
    // one that only shuts down
    let (at, end, _) = watch(rules(Purpose::GoLive, &start), |second| match second {
        0..4 => answered(running("b", 0), foreign.clone()),
        _ => answered(running("b", 0), good()),
    });
    assert_eq!((at, end), (14, Next::Healthy));
    // in a rollback it is waited for
    let (at, end, _) = watch(rules(Purpose::RollBack, &start), |_| {
        answered(running("b", 0), foreign.clone())
    });
    assert_eq!(at, 60);
    assert!(matches!(reason_of(end), Reason::OtherListener { .. }));
}

#[test]
fn a_reload_that_keeps_the_old_code_fails() {
    let kept = Evidence {
        belongs: Belongs::No(other_release()),
        ..good()
    };
    let before = before("a", 0);
    let same = || running("a", 0);
    let (at, end, _) = watch(rules(Purpose::GoLive, &before), |_| {
        answered(same(), kept.clone())
    });
    assert_eq!(at, 5);
    let text = reason_of(end).to_string();
    assert_eq!(
        text,
        "the unit on the server is still running release 1700000000 (process 7, gunicorn)"
    );
    // without a new process, one may still come
    let waiting = Evidence {
        has_new_process: false,
        ..kept
    };
    let (at, end, _) = watch(rules(Purpose::GoLive, &before), |second| match second {
        0..20 => answered(same(), waiting.clone()),
        _ => answered(same(), good()),
    });
    assert_eq!((at, end), (30, Next::Healthy));
    let (at, ..) = watch(rules(Purpose::GoLive, &before), |_| {
        answered(same(), waiting.clone())
    });
    assert_eq!(at, 60);
}

/// gunicorn's master and its last workers may belong to the release before.
#[test]
fn older_processes_beside_new_ones_are_a_warning() {
    let beside = Evidence {
        belongs: Belongs::Yes {
            others: vec![other_release()],
        },
        ..good()
    };
    let before = before("a", 0);
    let (at, end, warnings) = watch(rules(Purpose::GoLive, &before), |_| {
        answered(running("a", 0), beside.clone())
    });
    assert_eq!((at, end), (10, Next::Healthy));
    assert_eq!(
        warnings,
        ["beside the new processes, the unit still runs release 1700000000 (process 7, gunicorn)"]
    );
    // gone when it ends
    let (.., warnings) = watch(rules(Purpose::GoLive, &before), |second| {
        answered(
            running("a", 0),
            if second < 9 { beside.clone() } else { good() },
        )
    });
    assert_eq!(warnings, silent());
}

#[test]
fn what_cannot_be_seen_is_a_warning_and_no_failure() {
    let unseen = Evidence {
        origin: Some(Origin::Unknown(UncheckedListener::Proxy {
            port: 8000,
            other: nginx(),
        })),
        belongs: Belongs::Unknown(UnseenRelease::Hidden),
        has_new_process: true,
    };
    let before = before("a", 0);
    let rules = rules(Purpose::GoLive, &before);
    let end = |body| {
        let rules = Rules {
            body,
            ..rules.clone()
        };
        let (at, end, warnings) = watch(rules, |_| answered(running("b", 0), unseen.clone()));
        assert_eq!((at, end), (10, Next::Healthy));
        warnings
    };
    let [origin, belongs] = [
        "it is unknown whether the unit answers the health check: port 8000 is held by process 80 (nginx) in \
         /system.slice/nginx.service, which was there before the restart: it may be a proxy for the unit",
        "it is unknown whether the unit runs this release: its processes belong to another user, so the files that they use \
         cannot be seen",
    ];
    assert_eq!(end(BodyShows::Nothing), [origin, belongs]);
    // a body that names the commit shows what runs; one that names the release also shows who answers
    assert_eq!(end(BodyShows::Commit), [origin]);
    assert_eq!(end(BodyShows::Release), silent());
}

#[test]
fn a_restart_command_that_restarts_nothing_fails() {
    let kept = Evidence {
        belongs: Belongs::Unknown(UnseenRelease::Hidden),
        has_new_process: false,
        ..good()
    };
    let start = before("a", 0);
    let (at, end, _) = watch(rules(Purpose::GoLive, &start), |_| {
        answered(running("a", 0), kept.clone())
    });
    assert_eq!((at, reason_of(end)), (60, Reason::NotRestarted));
    // a reload may keep them: whether it did cannot be seen
    let reload = BeforeRestart {
        reload: true,
        ..start
    };
    let (.., end, warnings) = watch(rules(Purpose::GoLive, &reload), |_| {
        answered(running("a", 0), kept.clone())
    });
    assert_eq!((end, warnings.len()), (Next::Healthy, 1));
}

#[test]
fn a_crash_fails_a_new_release_at_once_and_a_rollback_waits_for_the_next_start() {
    let before = before("a", 2);
    let crashing = |second| match second {
        0 => looked(running("b", 2)),
        1 => looked(unit(
            "activating/auto-restart",
            "b",
            2,
            "Result=exit-code\nExecMainStatus=1",
        )),
        _ => answered(running("c", 3), good()),
    };
    let (at, end, _) = watch(rules(Purpose::GoLive, &before), crashing);
    assert_eq!(at, 1);
    assert!(matches!(reason_of(end), Reason::Crashed { .. }));
    let (at, end, warnings) = watch(rules(Purpose::RollBack, &before), crashing);
    assert_eq!((at, end), (12, Next::Healthy));
    assert_eq!(
        warnings,
        ["the old release serves again, but there was trouble at first: the unit's process on the server ended: exit-code, exit status 1"]
    );
    // one that never stops crashing
    let (at, end, _) = watch(rules(Purpose::RollBack, &before), |second| {
        looked(unit(
            "activating/auto-restart",
            "b",
            2 + second,
            "Result=exit-code",
        ))
    });
    assert_eq!(at, 60);
    assert!(matches!(reason_of(end), Reason::Crashed { .. }));
}

/// The unit was crashing: systemd restarted it once more between our look at it and our restart.
#[test]
fn an_automatic_restart_before_ours_is_no_crash_of_the_new_release() {
    let unsteady = BeforeRestart {
        steady: false,
        ..before("a", 2)
    };
    let (at, end, _) = watch(rules(Purpose::GoLive, &unsteady), |_| {
        answered(running("c", 3), good())
    });
    assert_eq!((at, end), (10, Next::Healthy));
    let (at, ..) = watch(rules(Purpose::GoLive, &unsteady), |second| match second {
        0..4 => answered(running("c", 3), good()),
        _ => answered(running("d", 4), good()),
    });
    assert_eq!(at, 4, "but what comes later is one");
    let steady = before("a", 2);
    let (at, ..) = watch(rules(Purpose::GoLive, &steady), |_| {
        answered(running("c", 3), good())
    });
    assert_eq!(at, 0);
}

#[test]
fn a_unit_that_is_down_in_a_rollback_must_be_started_again() {
    let before = before("a", 0);
    for state in ["failed/failed", "inactive/dead"] {
        let (at, end, _) = watch(rules(Purpose::RollBack, &before), |second| match second {
            0..2 => looked(running("b", 0)),
            _ => looked(unit(state, "b", 0, "Result=exit-code\nRestart=no")),
        });
        assert_eq!(at, 2, "{state}");
        assert!(
            matches!(end, Next::Failed { down: true, .. }),
            "{state}: {end:?}"
        );
    }
}

#[test]
fn the_process_of_the_failed_release_is_not_the_old_one() {
    let before = before("b", 0);
    let rules = Rules {
        failed_invocation: Some("b"),
        ..rules(Purpose::RollBack, &before)
    };
    let unseen = Evidence {
        belongs: Belongs::Unknown(UnseenRelease::Hidden),
        ..good()
    };
    let (at, end, _) = watch(rules.clone(), |_| answered(running("b", 0), unseen.clone()));
    assert_eq!((at, reason_of(end)), (60, Reason::NotRestarted));
    let (at, end, _) = watch(rules, |_| answered(running("c", 0), unseen.clone()));
    assert_eq!((at, end), (10, Next::Healthy));
}

#[test]
#[expect(clippy::too_many_lines, reason = "three stories")]
fn a_stop_by_hand_is_interference() {
    let start = before("a", 0);
    let stopped = [
        unit(
            "inactive/dead",
            "b",
            0,
            "Result=success\nRestart=always\nExecMainCode=1\nExecMainStatus=0",
        ),
        unit(
            "inactive/dead",
            "b",
            0,
            "Result=success\nRestart=no\nExecMainCode=2\nExecMainStatus=15",
        ),
    ];
    for unit in stopped {
        let (.., end, _) = watch(rules(Purpose::GoLive, &start), |second| match second {
            0..2 => answered(running("b", 0), good()),
            _ => looked(unit.clone()),
        });
        assert_eq!(reason_of(end), Reason::Interference(Interference::Stopped));
    }
    // caught while it stops, it may end as it likes
    let (.., end, _) = watch(rules(Purpose::GoLive, &start), |second| match second {
        0 => answered(running("b", 0), good()),
        1 => looked(unit(
            "deactivating/stop-sigterm",
            "b",
            0,
            "Result=success\nJob=99",
        )),
        _ => looked(unit(
            "failed/failed",
            "b",
            0,
            "Result=exit-code\nExecMainCode=1\nExecMainStatus=143",
        )),
    });
    assert_eq!(reason_of(end), Reason::Interference(Interference::Stopped));
    // a process that ends by itself
    let (.., end, _) = watch(rules(Purpose::GoLive, &start), |second| match second {
        0 => answered(running("b", 0), good()),
        _ => looked(unit(
            "inactive/dead",
            "b",
            0,
            "Result=success\nRestart=no\nExecMainCode=1\nExecMainStatus=0",
        )),
    });
    assert!(matches!(reason_of(end), Reason::NotRunning { .. }));
}

#[test]
fn a_restart_by_someone_else_fails_a_new_release_and_delays_a_rollback() {
    let before = before("a", 0);
    let restarted = |second| match second {
        0..4 => answered(running("b", 0), good()),
        _ => answered(running("c", 0), good()),
    };
    let (at, end, _) = watch(rules(Purpose::GoLive, &before), restarted);
    assert_eq!(at, 4);
    assert_eq!(
        reason_of(end),
        Reason::Interference(Interference::Restarted)
    );
    let (at, end, _) = watch(rules(Purpose::RollBack, &before), restarted);
    assert_eq!((at, end), (15, Next::Healthy));
}

#[test]
fn a_unit_that_was_not_started_fails_at_once() {
    let before = before("a", 0);
    let (at, end, _) = watch(rules(Purpose::GoLive, &before), |_| {
        looked(unit(
            "inactive/dead",
            "a",
            0,
            "Result=success\nConditionResult=no",
        ))
    });
    assert_eq!(
        (at, reason_of(end)),
        (0, Reason::NotStarted { condition: true })
    );
}

#[test]
fn without_a_health_check_a_unit_that_runs_is_healthy() {
    let before = BeforeRestart {
        listening: HashSet::from([1]),
        ..before("a", 0)
    };
    let seen = |evidence: Evidence| Seen {
        unit: Some(Ok(running("b", 0))),
        check: Some(Check {
            answer: None,
            evidence: Some(Evidence {
                origin: None,
                ..evidence
            }),
        }),
        ..Seen::default()
    };
    let (at, end, warnings) = watch(rules(Purpose::GoLive, &before), |_| seen(good()));
    assert_eq!((at, end, warnings), (10, Next::Healthy, silent()));
    let elsewhere = Evidence {
        belongs: Belongs::No(other_release()),
        ..good()
    };
    let (at, ..) = watch(rules(Purpose::GoLive, &before), |_| seen(elsewhere.clone()));
    assert_eq!(at, 5);
}

/// The process does not answer the second request: that it refused the first one is not why it failed.
#[test]
fn a_request_that_waits_at_the_end_is_the_cause() {
    let before = before("a", 0);
    let (at, end, _) = watch(rules(Purpose::GoLive, &before), |second| match second {
        0 => refused(running("b", 0)),
        _ => Seen {
            unanswered: Some(HealthAnswer::TimedOut {
                during: Phase::Response,
            }),
            ..Seen::default()
        },
    });
    let expected = Reason::Unhealthy {
        last: Box::new(HealthAnswer::TimedOut {
            during: Phase::Response,
        }),
        attempts: 2,
        waited: seconds(60),
        log_line: None,
    };
    assert_eq!((at, reason_of(end)), (60, expected));
}

#[test]
fn of_several_units_one_that_the_restart_command_forgot_fails() {
    let kept = |belongs: Belongs| Evidence { belongs, ..good() };
    let watch_kept = |before: &BeforeRestart, belongs: &Belongs| {
        let rules = Rules {
            has_others: true,
            ..rules(Purpose::GoLive, before)
        };
        let (at, end, _) = watch(rules, |_| answered(running("a", 0), kept(belongs.clone())));
        (at, end)
    };
    let restarted = before("a", 0);
    let not_restarted = Next::Failed {
        reason: Reason::NotRestarted,
        down: false,
    };
    let unseen = Belongs::Unknown(UnseenRelease::Hidden);
    for belongs in [&unseen, &Belongs::No(other_release())] {
        let end = watch_kept(&restarted, belongs);
        assert_eq!(end, (60, not_restarted.clone()), "{belongs:?}");
    }
    // a process of the release was seen
    let seen = Belongs::Yes { others: Vec::new() };
    assert_eq!(watch_kept(&restarted, &seen), (10, Next::Healthy));
    // a reload keeps it
    let reload = BeforeRestart {
        reload: true,
        ..restarted
    };
    assert_eq!(watch_kept(&reload, &unseen), (10, Next::Healthy));
}

/// It has no processes that could be looked at.
#[test]
fn a_timer_may_keep_its_invocation_only_if_nothing_restarted_it() {
    let watch_timer = |before: &BeforeRestart, sub: &str| {
        let rules = Rules {
            has_others: true,
            ..rules(Purpose::GoLive, before)
        };
        let timer = unit(&format!("active/{sub}"), "a", 0, "");
        let (at, end, _) = watch(rules, |_| Seen {
            unit: Some(Ok(timer.clone())),
            check: Some(Check {
                answer: None,
                evidence: None,
            }),
            ..Seen::default()
        });
        (at, end)
    };
    let untouched = BeforeRestart {
        automatic_restarts: None,
        ..before("a", 0)
    };
    for sub in ["waiting", "running", "elapsed"] {
        assert_eq!(watch_timer(&untouched, sub), (10, Next::Healthy), "{sub}");
    }
    let (at, end) = watch_timer(&before("a", 0), "waiting");
    assert_eq!((at, reason_of(end)), (60, Reason::NotRestarted));
}

/// Users are served from the answer on, not from when it was looked at.
#[test]
fn it_is_healthy_since_the_first_of_the_healthy_answers_came() {
    let before = before("a", 0);
    let mut machine = Machine::new(rules(Purpose::GoLive, &before));
    let late = |ago| Seen {
        ago: Duration::from_millis(ago),
        ..answered(running("b", 0), good())
    };
    machine.next(seconds(1), late(0));
    machine.next(seconds(2), refused(running("b", 0)));
    assert_eq!(machine.healthy_since(), None);
    machine.next(seconds(4), late(300));
    machine.next(seconds(5), late(0));
    assert_eq!(machine.healthy_since(), Some(Duration::from_millis(3700)));
}

/// A connection that waits starts the service again at once.
#[test]
fn a_process_that_its_socket_unit_started_again_has_crashed() {
    let before = before("a", 0);
    let again = |more: &str| {
        watch(rules(Purpose::GoLive, &before), |second| {
            let invocation = if second == 0 { "b" } else { "c" };
            looked(unit("active/running", invocation, 0, more))
        })
    };
    let (at, end, _) = again("TriggeredBy=web.socket\n");
    assert_eq!(at, 1);
    assert!(matches!(reason_of(end), Reason::Crashed { .. }));
    let (_, end, _) = again("TriggeredBy=web.timer\n");
    let restarted = Reason::Interference(Interference::Restarted);
    assert_eq!(reason_of(end), restarted);
}
