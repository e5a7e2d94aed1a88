//! Runs that end well.

use super::*;

#[test]
fn first_deployment() {
    let mut run = Run::switched(Page::Actions, None);
    run.attempts(1..=2, &HealthAnswer::Refused);
    run.attempts(3..=6, &HealthAnswer::Healthy { status: 200 });
    run.steps([Step::Commit]);
    insta::assert_snapshot!(run.end(Verdict { previous: None, ..verdict(Outcome::Deployed, Some(NEW), None) }), @"
    deploy 3f2a1bc (alice) to diting on web1.example (/opt/diting)
    120 files, 1.2 MB; time limit before the switch: 30 min
    ✓ connect             1.8 s
    ✓ lock                0.3 s
    live: 9c1d77e (1762147685), deployed 3 h ago by bob
    ✓ check               0.6 s
    sending 12 files, 34.6 kB
    ✓ upload              0.6 s   release 1762147999, 12 files sent (34.6 kB), 108 already on the server
    ::group::install: output
    │ Resolved 42 packages in 1ms
    ::endgroup::
    ✓ install             0.6 s
    ✓ seal                0.6 s
    ── 1762147999 goes live; from here on the server finishes on its own, within 5 min 10 s; rollback target: none ──
    ✓ switch              0.3 s
    ✓ restart             0.3 s
    ::group::verify: health checks
    attempt 1: health refused the connection: no process listens there
    attempt 3: health answered 200
    ::endgroup::
    ✓ verify              2.1 s   health answered 200
    ✓ commit              0.3 s
    ::notice title=diting on web1.example%3A deployed::1762147999 is live and healthy on web1.example
    deployed: diting on web1.example; 1762147999 is live and healthy; interruption: 0.9 s; 21.4 s
    ");
}

#[test]
fn redeployment_on_a_terminal() {
    let mut run = Run::switched(Page::Terminal, Some(OLD));
    run.server(What::Warning(Warning::DaemonReload));
    run.attempts(1..=5, &HealthAnswer::Healthy { status: 200 });
    run.steps([Step::Commit]);
    insta::assert_snapshot!(run.end(verdict(Outcome::Deployed, Some(NEW), None)), @"
    deploy 3f2a1bc (alice) to diting on web1.example (/opt/diting)
    120 files, 1.2 MB; time limit before the switch: 30 min
    ✓ connect             1.8 s
    ✓ lock                0.3 s
    live: 9c1d77e (1762147685), deployed 3 h ago by bob
    ✓ check               0.6 s
    sending 12 files, 34.6 kB
    ✓ upload              0.6 s   release 1762147999, 12 files sent (34.6 kB), 108 already on the server
    == install: output
    │ Resolved 42 packages in 1ms
    ✓ install             0.6 s
    ✓ seal                0.6 s
    ── 1762147999 goes live; from here on the server finishes on its own, within 5 min 10 s; rollback target: 1762147685 ──
    ✓ switch              0.3 s
    ✓ restart             0.3 s
    == verify: health checks
    attempt 1: health answered 200
    ✓ verify              2.1 s   health answered 200; 1 warning, see below
    ✓ commit              0.3 s
    warning: On the server
    the unit file has changed, but systemd still uses the old one; on the server, as root: sudo systemctl daemon-reload
    notice: diting on web1.example: deployed
    1762147999 is live and healthy on web1.example (1762147685 before)
    deployed: diting on web1.example; 1762147999 is live and healthy; interruption: 0.9 s; 21.4 s
    ");
}

#[test]
fn redeployment_that_waits_and_finds_an_unfinished_run() {
    let mut run = Run::connected(Page::Actions);
    run.on(RunEvent::UnexpectedOutput(b"Welcome to web1!".to_vec()));
    run.on(RunEvent::Connected {
        took: Duration::from_millis(1840),
    });
    run.on(RunEvent::CopyingServerPart { bytes: 2_345_678 });
    run.steps([Step::Lock]);
    run.server(What::Waiting(Some(held())));
    run.steps([Step::Recover]);
    let earlier = verdict(
        Outcome::RolledBack,
        Some(OLD),
        failed(Step::Verify, Reason::Interrupted),
    );
    run.server(What::Recovered(Box::new(earlier)));
    run.output("a line after it");
    run.steps([Step::RollBack, Step::Check, Step::Upload]);
    insta::assert_snapshot!(run.end(verdict(Outcome::Deployed, Some(NEW), None)), @"
    deploy 3f2a1bc (alice) to diting on web1.example (/opt/diting)
    120 files, 1.2 MB; time limit before the switch: 30 min
    ::group::connect: output
    │ Welcome to web1!
    ::endgroup::
    copying the server part (2.3 MB), once per version
    ✓ connect             1.8 s
    waiting: another deployment holds the lock (by alice, since 2025-11-03 05:16:40 UTC, https://github.com/diting/app/actions/runs/7)
    ✓ lock                0.6 s
    ::group::recover: output
    │ a line after it
    ::endgroup::
    ✓ recover             0.9 s   1 warning, see below
    ✓ roll back           0.3 s
    ✓ check               0.3 s
    ✓ upload              0.3 s
    ::warning title=How an earlier run ended::1762147999, from an earlier run that did not see the result, ended as rolled-back because the process that deploys on the server was killed, or the server went down; 1762147685 is live
    ::notice title=diting on web1.example%3A deployed::1762147999 is live and healthy on web1.example (1762147685 before)
    deployed: diting on web1.example; 1762147999 is live and healthy; interruption: 0.9 s; 21.4 s
    ");
}

#[test]
fn rollback() {
    let task = Task::RollBack {
        to: Some("3f2a1bc".into()),
    };
    let mut run = Run::doing(
        Page::Actions,
        Planned {
            task,
            entries: 0,
            bytes: 0,
            ..planned()
        },
    );
    run.on(RunEvent::Connected {
        took: Duration::from_millis(1840),
    });
    run.steps([Step::Lock, Step::Check]);
    let deadline = Duration::from_secs(310);
    run.server(What::PointOfNoReturn {
        release: id(OLD),
        previous: Some(id(NEW)),
        deadline,
        commit: None,
        made: Made::default(),
    });
    run.steps([Step::Switch, Step::Restart, Step::Verify]);
    run.attempts(1..=2, &HealthAnswer::Healthy { status: 200 });
    run.steps([Step::Commit]);
    let verdict = verdict(Outcome::Restored, Some(OLD), None);
    insta::assert_snapshot!(run.end(Verdict { release: Some(id(OLD)), previous: Some(id(NEW)), ..verdict }), @"
    roll back diting on web1.example (/opt/diting) to 3f2a1bc (by alice)
    time limit before the switch: 30 min
    ✓ connect             1.8 s
    ✓ lock                0.3 s
    ✓ check               0.6 s
    ── 1762147685 goes live; from here on the server finishes on its own, within 5 min 10 s; rollback target: 1762147999 ──
    ✓ switch              0.3 s
    ✓ restart             0.3 s
    ::group::verify: health checks
    attempt 1: health answered 200
    ::endgroup::
    ✓ verify              0.9 s   health answered 200
    ✓ commit              0.3 s
    ::notice title=diting on web1.example%3A restored::1762147685 is live and healthy on web1.example (1762147999 before)
    restored: diting on web1.example; 1762147685 is live and healthy; interruption: 0.9 s; 21.4 s
    ");
}

#[test]
fn without_a_unit_healthy_is_what_has_answered() {
    let healthy = HealthAnswer::Healthy { status: 200 };
    let last = |attempts| {
        let mut run = Run::doing(
            Page::Terminal,
            Planned {
                service: None,
                ..planned()
            },
        );
        // of the old release
        run.steps([Step::Check]);
        run.attempts(1..=1, &healthy);
        run.steps([Step::Switch, Step::Verify]);
        run.attempts(1..=attempts, &healthy);
        run.end(verdict(Outcome::Deployed, Some(NEW), None))
            .lines()
            .last()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        last(0),
        "deployed: /opt/diting on web1.example; 1762147999 is live; interruption: 0.9 s; 21.4 s"
    );
    assert_eq!(
        last(2),
        "deployed: /opt/diting on web1.example; 1762147999 is live and healthy; interruption: 0.9 s; 21.4 s"
    );
}
