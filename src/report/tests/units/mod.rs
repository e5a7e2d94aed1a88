//! A service of several units: which one failed, and what to do about it. And units of the deploy user.

mod hints;

use super::*;
use crate::protocol::{
    Diagnostic, DiagnosticOrigin, Ending, Event, FailedStart, Failure, LogPlace, Outcome, Planned,
    ProcessEnd, Reason, RunEvent, Scope, Step, UnitState, Verdict, What,
};
use crate::report::{issue_text, outputs, summary, texts, Job, Log, Page, Place, RawLogs};
use crate::text::Redactor;
use std::time::Duration;

const WORKER: &str = "diting-worker";
const INVOCATION: &str = "0123456789abcdef0123456789abcdef";

fn several() -> Planned {
    Planned {
        others: vec![WORKER.into(), "diting-dump.timer".into()],
        shared: Vec::new(),
        ..planned()
    }
}

fn of_user() -> Planned {
    Planned {
        scope: Scope::User,
        ..several()
    }
}

fn of_worker(step: Step, reason: Reason) -> Failure {
    Failure {
        step,
        reason,
        unit: Some(WORKER.into()),
    }
}

fn import_error() -> Reason {
    Reason::Crashed {
        end: ProcessEnd::Exited {
            result: "exit-code".into(),
            status: 1,
        },
        log_line: Some("ModuleNotFoundError: No module named 'celery'".into()),
    }
}

/// In each way in which a unit fails.
fn ways() -> Vec<Failure> {
    let line = || b"Traceback (most recent call last):".to_vec();
    let state = UnitState::Changing {
        active: "activating".into(),
        sub: "start".into(),
    };
    let refused = Reason::Command {
        ending: Ending::Exit(1),
        line: None,
        output: b"sudo: a password is required".to_vec(),
        log_line: None,
    };
    vec![
        of_worker(Step::Verify, import_error()),
        of_worker(Step::Verify, Reason::NotRestarted),
        of_worker(
            Step::Verify,
            Reason::Log {
                lines: vec![line()],
            },
        ),
        of_worker(
            Step::Restart,
            Reason::StartLimit {
                interval: Duration::from_secs(10),
                log_line: None,
            },
        ),
        of_worker(
            Step::Verify,
            Reason::NotRunning {
                state,
                log_line: None,
            },
        ),
        of_worker(Step::Restart, refused),
    ]
}

/// A deployment with this end; the worker's log and state were collected.
fn run(planned: Planned, verdict: &Verdict) -> Log {
    let mut log = Log::new(Page::Actions);
    log.on(&RunEvent::Planned(Box::new(planned)));
    let look = |title: &str, origin, text: &str| Diagnostic {
        title: title.into(),
        origin,
        text: text.into(),
    };
    let start = FailedStart {
        invocation: Some(INVOCATION.into()),
        log: LogPlace::ReadableJournal,
        ..FailedStart::default()
    };
    let events = [
        What::Step(Step::Switch),
        What::Step(Step::Restart),
        What::Step(Step::Verify),
        What::FailedStart(Box::new(start)),
        What::Diagnostics(vec![look(
            "systemctl status diting-worker",
            DiagnosticOrigin::System,
            "diting-worker.service: failed",
        )]),
        What::Step(Step::RollBack),
        What::Ended(Box::new(verdict.clone())),
    ];
    for (at, what) in (1_000..).step_by(1_500).zip(events) {
        log.on(&RunEvent::Server(Event { at, what }));
    }
    log.on(&RunEvent::Ended(Box::new(by_verdict(verdict.clone()))));
    log
}

fn rolled_back(failure: Failure) -> Verdict {
    verdict(Outcome::RolledBack, Some(OLD), Some(failure))
}

fn rollback_failed(rollback: Failure) -> Verdict {
    Verdict {
        rollback: Some(rollback),
        ..verdict(
            Outcome::RollbackFailed,
            Some(OLD),
            Some(of_worker(Step::Verify, import_error())),
        )
    }
}

#[test]
fn a_sentence_about_a_failure_names_the_unit() {
    let all = ways().into_iter().map(|failure| {
        let verdict = rolled_back(failure);
        let end = by_verdict(verdict);
        let place = Place::from(&several());
        let lines = [
            texts::why(&end).to_string(),
            texts::what_happened(&end).unwrap(),
            texts::last_line(&end, &place),
        ];
        lines.join("\n")
    });
    insta::assert_snapshot!(all.collect::<Vec<_>>().join("\n---\n"), @"
    the process of diting-worker ended with exit status 1: ModuleNotFoundError: No module named 'celery'
    1762147999 failed to verify (diting-worker's process on the server ended: exit-code, exit status 1; its log shows: ModuleNotFoundError: No module named 'celery')
    rolled-back: diting on web1.example; 1762147685 is live and healthy again; 1762147999 failed to verify (diting-worker); interruption: 4.6 s; 21.4 s
    ---
    diting-worker on the server still runs the old process
    1762147999 failed to verify (diting-worker on the server still runs the old process)
    rolled-back: diting on web1.example; 1762147685 is live and healthy again; 1762147999 failed to verify (diting-worker); interruption: 4.6 s; 21.4 s
    ---
    the new process of diting-worker logged a crash: Traceback (most recent call last):
    1762147999 failed to verify (the new process of diting-worker logged a crash: Traceback (most recent call last):)
    rolled-back: diting on web1.example; 1762147685 is live and healthy again; 1762147999 failed to verify (diting-worker); interruption: 4.6 s; 21.4 s
    ---
    systemd on the server refuses to start diting-worker again within 10 s
    1762147999 failed to restart (systemd on the server refuses to start diting-worker again within 10 s)
    rolled-back: diting on web1.example; 1762147685 is live and healthy again; 1762147999 failed to restart (diting-worker); interruption: 4.6 s; 21.4 s
    ---
    diting-worker on the server is activating/start
    1762147999 failed to verify (diting-worker on the server is activating/start)
    rolled-back: diting on web1.example; 1762147685 is live and healthy again; 1762147999 failed to verify (diting-worker); interruption: 4.6 s; 21.4 s
    ---
    the command for diting-worker ended with exit code 1 on the server; its output: sudo: a password is required
    1762147999 failed to restart (the command for diting-worker ended with exit code 1 on the server; its output: sudo: a password is required)
    rolled-back: diting on web1.example; 1762147685 is live and healthy again; 1762147999 failed to restart (diting-worker); interruption: 4.6 s; 21.4 s
    ");
}

#[test]
fn a_page_about_several_units_shows_which_one_failed() {
    let log = run(
        several(),
        &rolled_back(of_worker(Step::Verify, import_error())),
    );
    let page = summary(log.report(), &Job::default(), &Redactor::default());
    insta::assert_snapshot!(page, @r"
    ## ↩️ diting on web1.example: rolled back – `1762147685` is live and healthy, as before

    **`3f2a1bc` did not start:** the process of `diting-worker` ended with exit status 1, 3.0 s after the restart.

    ```text
    ModuleNotFoundError: No module named 'celery'
    ```

    **What to do:** If the module is a package, add it to `pyproject.toml` (or `requirements.txt`), lock again (`uv lock`), and push; if it is the app's own, is it committed, and is its name right?

    More of its log:

    ```sh
    journalctl --no-pager \
      _SYSTEMD_INVOCATION_ID=0123456789abcdef0123456789abcdef + \
      INVOCATION_ID=0123456789abcdef0123456789abcdef _UID=0
    ```

    |  | failed | live |
    | --- | --- | --- |
    | commit | `3f2a1bc` | – |
    | release | `1762147999` | `1762147685` |
    | units | diting, **diting-worker**, diting-dump.timer |  |
    | users noticed | interruption of 4.6 s (05:33:20 – 05:33:24 UTC) |  |

    from the command line · [roll back further](https://github.com/diting/deploy-action/blob/main/docs/troubleshooting.md#on-the-server) · [troubleshooting](https://github.com/diting/deploy-action/blob/main/docs/troubleshooting.md#the-new-release-was-not-healthy) · total 21.4 s

    <details><summary>Steps and times: 6.0 s, then rollback 1.5 s</summary>

    | step | duration |  |
    | --- | --- | --- |
    | ✅ switch | 1.5 s |  |
    | ✅ restart | 1.5 s | diting, diting-worker |
    | ❌ verify | 3.0 s | failed: diting-worker |
    | ✅ roll back | 1.5 s |  |

    ```mermaid
    gantt
        dateFormat HH:mm:ss.SSS
        axisFormat %M:%S
        tickInterval 1second
        section go live
        switch 1.5 s :00:00:00.000, 1500ms
        restart 1.5 s :00:00:01.500, 1500ms
        verify 3.0 s :crit, 00:00:03.000, 3000ms
        section roll back
        roll back 1.5 s :00:00:07.500, 1500ms
    ```

    </details>

    <details><summary>The server: status</summary>

    ```text
    diting-worker.service: failed
    ```

    </details>
    ");
}

#[test]
fn outputs_name_the_unit_that_failed_and_no_other() {
    let unit = |planned, unit: Option<&str>| {
        let failure = Failure {
            unit: unit.map(str::to_owned),
            ..of_worker(Step::Verify, import_error())
        };
        let log = run(planned, &rolled_back(failure));
        let end = log.report().end.clone().unwrap();
        let all = outputs(&end, log.facts(), &Redactor::default());
        let found = all.into_iter().find(|(name, _)| *name == "failed-unit");
        found.unwrap().1
    };
    assert_eq!(unit(several(), Some(WORKER)), WORKER);
    assert_eq!(unit(several(), Some("diting")), "diting");
    assert_eq!(unit(several(), Some("mallory")), "");
    assert_eq!(unit(planned(), None), "");
}

#[test]
fn lines_of_restart_and_verify_name_all_units() {
    let deployed = verdict(Outcome::Deployed, Some(NEW), None);
    let lines = |planned| {
        let mut log = Log::new(Page::Terminal);
        let mut lines = log.on(&RunEvent::Planned(Box::new(planned)));
        let ended = What::Ended(Box::new(deployed.clone()));
        for what in [What::Step(Step::Restart), What::Step(Step::Verify), ended] {
            lines.extend(log.on(&RunEvent::Server(Event { at: 0, what })));
        }
        lines.retain(|line| line.starts_with('✓'));
        lines.join("\n")
    };
    insta::assert_snapshot!(lines(several()), @"
    ✓ restart             0.0 s   diting, diting-worker
    ✓ verify              0.0 s   diting, diting-worker, diting-dump.timer
    ");
    assert!(!lines(planned()).contains("diting"), "{}", lines(planned()));
}

#[test]
fn an_issue_is_one_for_the_service_and_names_the_unit() {
    let text = |planned, verdict: &Verdict, logs| {
        let log = run(planned, verdict);
        issue_text(log.report(), &Job::default(), logs, &Redactor::default()).unwrap()
    };
    let failed = rolled_back(of_worker(Step::Verify, import_error()));
    let [one, all] = [planned(), several()].map(|it| text(it, &failed, RawLogs::Show));
    assert_eq!(one.marker, all.marker);
    assert_eq!(one.title, all.title);
    let quiet = text(several(), &failed, RawLogs::Hide);
    for text in [&all.comment, &quiet.comment] {
        assert!(text.contains("`diting-worker` ended"), "{text}");
        assert!(
            text.contains("| units | diting, **diting-worker**, "),
            "{text}"
        );
    }
    assert!(!quiet.comment.contains("celery"), "{}", quiet.comment);
}
