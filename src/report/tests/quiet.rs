//! What an issue says that strangers can read.

use super::issue::told_to;
use super::*;
use crate::protocol::{
    AccessFix, AppAccess, Attempt, Diagnostic, DiagnosticOrigin, Ending, Event, Finding,
    HealthAnswer, Holder, LinkState, LiveRelease, Made, Outcome, Planned, ProcessEnd, Reason,
    Restart, RunError, RunEvent, ServerPartError, Step, SystemdError, ToolError, UnitState,
    UnreadLog, UnsafeFolder, Verdict, Warning, What,
};
use crate::report::{issue_text, IssueText, Job, RawLogs, Report};
use crate::text::Redactor;
use std::time::Duration;

/// The unit's user is one whose name tells something.
fn app_access() -> AppAccess {
    AppAccess {
        user: "carrier-app".into(),
        group: "carriers".into(),
        reads: vec![".env".into()],
        writes: Vec::new(),
        fixes: vec![AccessFix::HandDown("releases".into())],
    }
}

/// A run that fails in this way, on a server that has told everything about itself.
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn talkative(reason: &Reason, step: Step) -> Report {
    let mut report = Report::default();
    let planned = Planned {
        host: "web1.example".into(),
        user: "carrier".into(),
        port: 2222,
        restart: Restart::Commands("./restart --key S3CRET".into()),
        ..planned()
    };
    report.on(&RunEvent::Planned(Box::new(planned)));
    let redirect = HealthAnswer::Status {
        status: 302,
        location: Some("https://me:S3CRET@sso.example/in;S3CRET?ticket=S3CRET".into()),
        body: b"S3CRET".to_vec(),
    };
    let old = Warning::OldUnhealthy(redirect.clone());
    let attempt = Attempt {
        number: 1,
        answer: redirect,
        took: Duration::ZERO,
    };
    let diagnostic = |title: &str, origin| Diagnostic {
        title: title.into(),
        origin,
        text: format!("S3CRET on web1.example: {title}").into_bytes(),
    };
    let no_reset = Warning::NoResetFailed {
        service: "diting".into(),
        user: "carrier".into(),
    };
    let pager = Warning::UnsafePager {
        service: "diting".into(),
        user: "carrier".into(),
    };
    let writable = Warning::GroupWritable {
        path: "/opt/diting".into(),
        group: "carriers".into(),
    };
    let unread = UnreadLog::OnlyLast {
        lines: 10,
        user: "carrier".into(),
    };
    let failure = failed(step, reason.clone());
    let found = verdict(Outcome::RolledBack, Some(OLD), failure.clone());
    let live = LiveRelease {
        release: id(OLD),
        made: Made {
            actor: Some("carrier".into()),
            ..Made::default()
        },
    };
    let all = [
        What::Recovered(Box::new(found)),
        What::Live(Box::new(live)),
        What::Step(step),
        What::Output(b"S3CRET\n".to_vec()),
        What::Attempt(attempt),
        What::Warning(old),
        What::Warning(no_reset),
        What::Warning(pager),
        What::Warning(writable),
        What::Warning(Warning::AppAccess(app_access())),
        What::Warning(Warning::LogNotChecked(unread)),
        What::Diagnostics(vec![
            diagnostic("uname -a", DiagnosticOrigin::System),
            diagnostic("df -h", DiagnosticOrigin::System),
            diagnostic("systemctl status diting", DiagnosticOrigin::Log),
            diagnostic("the health response", DiagnosticOrigin::Application),
        ]),
    ];
    for what in all {
        report.on(&RunEvent::Server(Event { at: 0, what }));
    }
    let end = Verdict {
        rollback: failure.clone(),
        ..verdict(Outcome::RollbackFailed, Some(OLD), failure)
    };
    report.on(&RunEvent::Ended(Box::new(by_verdict(end))));
    report
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn an_issue_that_strangers_can_read_is_quiet() {
    let command = Reason::Command {
        ending: Ending::Exit(1),
        line: Some((2, "./migrate --key S3CRET".into())),
        output: b"S3CRET".to_vec(),
        log_line: None,
    };
    let unhealthy = |last: HealthAnswer| Reason::Unhealthy {
        last: Box::new(last),
        attempts: 1,
        waited: Duration::ZERO,
        log_line: None,
    };
    let status = |location: Option<&str>| HealthAnswer::Status {
        status: 500,
        location: location.map(str::to_owned),
        body: b"no S3CRET for customer 7".to_vec(),
    };
    let mismatch = HealthAnswer::Mismatch {
        pattern: "ok".into(),
        body: b"S3CRET".to_vec(),
    };
    let health_command = HealthAnswer::Command {
        ending: Ending::Exit(1),
        output: b"customer 7\nno S3CRET".to_vec(),
    };
    let sudo = Finding::Sudo {
        service: "diting".into(),
        user: "carrier".into(),
        output: b"Sorry, user carrier may not run it on web1, S3CRET".to_vec(),
    };
    let lacks = Reason::NotReady(vec![sudo, Finding::AppAccess(app_access())]);
    for (reason, step) in [
        (command, Step::Install),
        (unhealthy(status(None)), Step::Verify),
        (
            unhealthy(status(Some("https://web1.example/in?S3CRET"))),
            Step::Verify,
        ),
        (unhealthy(mismatch), Step::Verify),
        (unhealthy(health_command), Step::Verify),
        (lacks, Step::Check),
    ] {
        let report = talkative(&reason, step);
        let text = |logs| issue_text(&report, &Job::default(), logs, &Redactor::default()).unwrap();
        let shown = text(RawLogs::Show);
        let IssueText {
            marker,
            title,
            body,
            comment,
        } = text(RawLogs::Hide);
        for word in [
            "S3CRET",
            "web1",
            "carrier",
            "uname",
            "df -h",
            "2222",
            "the health response",
        ] {
            assert!(
                shown.body.contains(word) || word == "2222",
                "{word}: {}",
                shown.body
            );
            for part in [&title, &body, &comment] {
                assert!(!part.contains(word), "{word}: {part}");
            }
        }
        assert_eq!(marker, shown.marker);
        assert_eq!(title, "Deployment of diting on the server failed");
        assert!(body.contains("\n|  | failed | live |\n"), "{body}");
    }
}

#[test]
fn the_owner_of_an_unsafe_folder_is_not_named_to_strangers() {
    let folder = UnsafeFolder::OtherOwner {
        path: "/opt/diting/.deploy".into(),
        owner: "carrier".into(),
        user: "carrier-two".into(),
    };
    let error = RunError::ServerPart {
        error: ServerPartError::Unsafe(folder),
        output: b"carrier".to_vec(),
    };
    let text = |logs| {
        let end = by_error(Outcome::NotReady, Some(error.clone()));
        told_to(logs, planned(), None, end, &Redactor::default()).body
    };
    assert!(text(RawLogs::Show).contains("carrier-two"));
    let hidden = text(RawLogs::Hide);
    assert!(
        hidden.contains("belongs to another user") && !hidden.contains("carrier"),
        "{hidden}"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn output_of_the_application_is_omitted_if_strangers_can_read_it() {
    let log_line = || Some("KeyError: 'CUSTOMER'".to_owned());
    let unhealthy = Reason::Unhealthy {
        last: Box::new(HealthAnswer::Refused),
        attempts: 1,
        waited: Duration::ZERO,
        log_line: log_line(),
    };
    let lines = vec![b"KeyError: 'CUSTOMER'".to_vec()];
    for reason in [
        Reason::Command {
            ending: Ending::Exit(1),
            line: None,
            output: b"CUSTOMER".to_vec(),
            log_line: log_line(),
        },
        Reason::StartLimit {
            interval: Duration::ZERO,
            log_line: log_line(),
        },
        Reason::Crashed {
            end: ProcessEnd::StartLimit,
            log_line: log_line(),
        },
        Reason::NotRunning {
            state: UnitState::Other("inactive/dead".into()),
            log_line: log_line(),
        },
        unhealthy,
        Reason::Log { lines },
    ] {
        let failure = failed(Step::Verify, reason);
        let failed = verdict(Outcome::RolledBack, Some(OLD), failure.clone());
        let failed_too = Verdict {
            rollback: failure,
            ..failed.clone()
        };
        for end in [
            failed_too.clone(),
            verdict(Outcome::Deployed, Some(NEW), None),
        ] {
            let text = |logs| {
                let (end, found) = (by_verdict(end.clone()), Some(failed_too.clone()));
                told_to(logs, planned(), found, end, &Redactor::default()).body
            };
            assert!(
                text(RawLogs::Show).contains("CUSTOMER"),
                "{}",
                text(RawLogs::Show)
            );
            assert!(
                !text(RawLogs::Hide).contains("CUSTOMER"),
                "{}",
                text(RawLogs::Hide)
            );
        }
    }
}

/// With `issue: failure`, every outcome has an issue.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn who_deploys_what_else_and_paths_outside_of_the_target_are_not_for_strangers() {
    let path = || "/home/carrier/bin".to_owned();
    let holder = Holder {
        run: Some("https://github.com/carrier/private/actions/runs/7".into()),
        actor: Some("carrier".into()),
        since: 0,
    };
    let not_ready = |found| (Outcome::NotReady, Reason::NotReady(vec![found]));
    let by_reason = |(outcome, reason)| {
        let unswitched = verdict(outcome, Some(OLD), failed(Step::Check, reason));
        by_verdict(Verdict {
            switched: false,
            ..unswitched
        })
    };
    let ssh = |error| RunError::Tool {
        program: "ssh".into(),
        error,
    };
    let ends = [
        by_reason((Outcome::Busy, Reason::Busy(Some(holder)))),
        by_reason(not_ready(Finding::Missing {
            program: "uv".into(),
            path: path(),
        })),
        by_reason(not_ready(Finding::UnitElsewhere {
            service: "diting".into(),
            starts: path(),
            target: "/opt/diting".into(),
        })),
        by_reason(not_ready(Finding::Link {
            name: "current".into(),
            found: LinkState::Elsewhere(path()),
        })),
        by_reason(not_ready(Finding::NoSystemd(SystemdError::Failed {
            output: path(),
        }))),
        by_error(
            Outcome::NotReady,
            Some(ssh(ToolError::Folder { error: path() })),
        ),
        by_error(
            Outcome::NotReady,
            Some(ssh(ToolError::Ended {
                stderr: path().into(),
            })),
        ),
    ];
    for end in ends {
        let text = |logs| told_to(logs, planned(), None, end.clone(), &Redactor::default()).body;
        let shown = text(RawLogs::Show);
        assert!(shown.contains("carrier"), "{shown}");
        assert!(!text(RawLogs::Hide).contains("carrier"), "{shown}");
    }
}
