use super::*;
use crate::protocol::PortHolder;

const PORT: u16 = 4711;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn machine(asks: bool) -> Machine {
    Machine::new(Rules {
        timeout: at(30),
        settle: at(5),
        port: PORT,
        asks,
    })
}

fn healthy() -> Seen {
    answer(HealthAnswer::Healthy { status: 200 })
}

fn answer(answer: HealthAnswer) -> Seen {
    Seen {
        answer: Some(Answer {
            answer,
            wrong: None,
        }),
        ..Seen::default()
    }
}

fn wrong(error: &SmokeTestError) -> Seen {
    let mut seen = healthy();
    if let Some(answer) = &mut seen.answer {
        answer.wrong = Some(error.clone());
    }
    seen
}

fn status(status: u16) -> HealthAnswer {
    HealthAnswer::Status {
        status,
        location: None,
        body: Vec::new(),
    }
}

fn listening(ports: &[u16]) -> Sockets {
    Sockets {
        ports: ports.to_vec(),
        ..Sockets::default()
    }
}

fn looked(sockets: Sockets) -> Seen {
    Seen {
        sockets: Some(sockets),
        ..Seen::default()
    }
}

fn ended(ending: Ending, gone: bool) -> Seen {
    Seen {
        ended: Some(ending),
        gone,
        ..healthy()
    }
}

fn failed(error: SmokeTestError) -> Next {
    Next::Failed(Reason::SmokeTest(error))
}

fn is_end(ending: Ending) -> Next {
    failed(SmokeTestError::Ended {
        ending,
        log_line: None,
    })
}

#[test]
fn it_passes_when_it_was_healthy_for_the_settle_time_without_a_break() {
    let mut machine = machine(true);
    for second in 0..5 {
        assert_eq!(machine.next(at(second), healthy()), Next::Wait);
    }
    assert_eq!(machine.next(at(5), answer(status(500))), Next::Wait);
    assert_eq!(machine.next(at(6), healthy()), Next::Wait);
    // no answer is no break, and no proof
    assert_eq!(machine.next(at(11), Seen::default()), Next::Wait);
    assert_eq!(machine.next(at(11), healthy()), Next::Passed);
    assert_eq!(machine.attempts(), 8);
}

#[test]
fn without_a_request_it_passes_when_it_stays_up_for_the_settle_time() {
    let mut up = machine(false);
    assert_eq!(up.next(at(0), Seen::default()), Next::Wait);
    assert_eq!(up.next(at(4), Seen::default()), Next::Wait);
    assert_eq!(up.next(at(5), Seen::default()), Next::Passed);
    let mut ends = machine(false);
    assert_eq!(ends.next(at(0), Seen::default()), Next::Wait);
    assert_eq!(
        ends.next(at(4), ended(Ending::Exit(0), true)),
        is_end(Ending::Exit(0))
    );
}

#[test]
fn an_end_is_a_failure_at_once_unless_processes_go_on() {
    for ending in [Ending::Exit(1), Ending::Exit(127), Ending::Signal(11)] {
        for gone in [true, false] {
            assert_eq!(
                machine(true).next(at(1), ended(ending, gone)),
                is_end(ending)
            );
        }
    }
    let mut forking = machine(true);
    assert_eq!(
        forking.next(at(1), ended(Ending::Exit(0), false)),
        Next::Wait
    );
    assert_eq!(
        forking.next(at(6), ended(Ending::Exit(0), false)),
        Next::Passed
    );
    let mut gone = machine(true);
    assert_eq!(gone.next(at(1), ended(Ending::Exit(0), false)), Next::Wait);
    assert_eq!(
        gone.next(at(6), ended(Ending::Exit(0), true)),
        is_end(Ending::Exit(0))
    );
    // the supervisor was killed
    let seen = Seen {
        gone: true,
        ..healthy()
    };
    assert_eq!(machine(true).next(at(1), seen), is_end(Ending::Signal(9)));
}

#[test]
fn what_users_could_reach_is_a_failure_at_once() {
    let address = "0.0.0.0:4711".to_owned();
    let public = Sockets {
        public: Some(address.clone()),
        ..listening(&[PORT])
    };
    let next = machine(true).next(at(1), looked(public));
    assert_eq!(next, failed(SmokeTestError::Public { address }));
}

#[test]
fn a_port_of_the_live_release_is_a_failure_when_it_is_seen_twice() {
    let shared = |port| {
        looked(Sockets {
            shared: port,
            ..listening(&[PORT, 8000])
        })
    };
    let mut machine = machine(true);
    assert_eq!(machine.next(at(1), shared(Some(8000))), Next::Wait);
    assert_eq!(machine.next(at(2), shared(None)), Next::Wait);
    assert_eq!(machine.next(at(3), shared(Some(8000))), Next::Wait);
    assert_eq!(machine.next(at(3), Seen::default()), Next::Wait);
    let expected = failed(SmokeTestError::LivePort { port: 8000 });
    assert_eq!(machine.next(at(4), shared(Some(8000))), expected);
}

#[test]
fn a_healthy_answer_of_another_process_or_release_never_passes() {
    let owner = PortHolder::Other("process 7 (x)".to_owned());
    for error in [
        SmokeTestError::OtherProcess { port: PORT, owner },
        SmokeTestError::OtherRelease(None),
    ] {
        let mut twice = machine(true);
        assert_eq!(twice.next(at(1), wrong(&error)), Next::Wait);
        assert_eq!(twice.next(at(2), wrong(&error)), failed(error.clone()));
        let mut once = machine(true);
        assert_eq!(once.next(at(1), healthy()), Next::Wait);
        assert_eq!(once.next(at(7), wrong(&error)), Next::Wait);
        assert_eq!(
            once.next(at(8), healthy()),
            Next::Wait,
            "the settle time begins again"
        );
        assert_eq!(once.next(at(13), healthy()), Next::Passed);
        let mut late = machine(true);
        assert_eq!(late.next(at(30), wrong(&error)), failed(error.clone()));
    }
}

fn in_the_end(seen: Vec<Seen>, is_waiting: bool) -> Reason {
    let mut machine = machine(true);
    for seen in seen {
        assert_eq!(machine.next(at(1), seen), Next::Wait);
    }
    let last = Seen {
        is_waiting,
        ..Seen::default()
    };
    match machine.next(at(30), last) {
        Next::Failed(reason) => reason,
        other => panic!("{other:?}"),
    }
}

fn last(reason: Reason) -> (HealthAnswer, u32) {
    match reason {
        Reason::Unhealthy { last, attempts, .. } => (*last, attempts),
        other => panic!("{other:?}"),
    }
}

#[test]
fn when_the_time_is_over_the_last_answer_is_the_reason() {
    let refused = || answer(HealthAnswer::Refused);
    let found = last(in_the_end(vec![refused(), answer(status(500))], false));
    assert_eq!(found, (status(500), 2));
    assert_eq!(
        last(in_the_end(Vec::new(), false)),
        (HealthAnswer::Refused, 0)
    );
    let hangs = HealthAnswer::TimedOut {
        during: Phase::Response,
    };
    let seen = vec![looked(listening(&[PORT]))];
    assert_eq!(last(in_the_end(seen, true)), (hangs, 1));
    let seen = vec![looked(listening(&[PORT, 9000])), refused()];
    assert_eq!(last(in_the_end(seen, false)), (HealthAnswer::Refused, 1));
}

#[test]
fn when_the_time_is_over_another_port_is_the_reason_if_it_listens_only_there() {
    let seen = vec![
        answer(HealthAnswer::Refused),
        looked(listening(&[8000, 9000])),
    ];
    let found = vec![8000, 9000];
    let expected = SmokeTestError::OtherPort { port: PORT, found };
    assert_eq!(in_the_end(seen, false), Reason::SmokeTest(expected));
}
