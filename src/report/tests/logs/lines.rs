//! Connections that are lost during a run.

use super::*;

/// From the last step before it on.
fn rest(all: &str) -> &str {
    &all[all.find("::group::install").unwrap()..]
}

fn lost(run: &mut Run, finished_by: Option<u64>) {
    run.on(RunEvent::ConnectionLost { finished_by });
    let stderr = b"ssh: Connection refused".to_vec();
    let error = RunError::Connection {
        kind: ConnectionKind::Refused,
        error: ConnectionError::Ssh { stderr },
        hop: Hop::Server,
        offered: None,
    };
    run.on(RunEvent::ConnectFailed {
        attempt: 1,
        error,
        pause: Duration::from_secs(1),
    });
    run.on(RunEvent::Reconnected {
        took: Duration::from_millis(1300),
    });
}

#[test]
fn before_the_switch_the_steps_are_repeated() {
    let mut run = Run::staged(Page::Actions);
    lost(&mut run, None);
    run.steps([Step::Lock, Step::Check]);
    insta::assert_snapshot!(rest(&run.lines.join("\n")), @"
    ::group::install: output
    │ Resolved 42 packages in 1ms
    ::endgroup::
    ✗ install                     result unknown
    the connection to the server was lost; reconnecting (what the server has received is kept)
    attempt 1: the server refused the connection (Connection refused); next attempt in 1.0 s
    reconnected after 1.3 s
    ✓ lock                0.3 s
    ");
}

#[test]
fn after_the_switch_the_log_continues() {
    let mut run = Run::switched(Page::Terminal, Some(OLD));
    run.attempts(1..=1, &HealthAnswer::Refused);
    lost(&mut run, Some(1_762_148_309));
    run.attempts(2..=2, &HealthAnswer::Healthy { status: 200 });
    run.steps([Step::Commit]);
    let all = run.lines.join("\n");
    insta::assert_snapshot!(&all[all.find("== verify").unwrap()..], @"
    == verify: health checks
    attempt 1: health refused the connection: no process listens there
    the connection to the server was lost; reconnecting (the server continues by itself, until 2025-11-03 05:38:29 UTC at the latest)
    attempt 1: the server refused the connection (Connection refused); next attempt in 1.0 s
    reconnected after 1.3 s
    attempt 2: health answered 200
    ✓ verify              0.9 s   health answered 200
    ");
}
