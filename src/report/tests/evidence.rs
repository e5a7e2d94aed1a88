//! The lines that show why stand above everything that can wait, and nothing is on a page twice.

use super::*;
use crate::protocol::{
    Attempt, ConnectionKind, Diagnostic, DiagnosticOrigin, End, Ending, Event, HealthAnswer, Made,
    Outcome, Planned, Reason, ReleaseProcess, Restart, RunError, RunEvent, Step, Task, UnitState,
    Verdict, Warning, What,
};
use crate::report::{issue_text, summary, Job, RawLogs, Report};
use crate::text::Redactor;
use std::collections::BTreeSet;

const LOG: &str = "INFO: started\nTraceback (most recent call last):\n  File \"app.py\", line 1\nKeyError: 'DATABASE_URL'\n\
     ERROR: stopped\n";

fn job() -> Job {
    let commit = "3f2a1bc0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4";
    Job {
        run: Some("https://github.com/diting/app/actions/runs/7".into()),
        commit: Some(commit.into()),
        commit_link: Some(format!("https://github.com/diting/app/commit/{commit}")),
        repository: Some("diting/app".into()),
        actor: Some("alice".into()),
    }
}

fn looks(log: &str) -> Vec<Diagnostic> {
    let look = |title: &str, origin, text: &str| Diagnostic {
        title: title.into(),
        origin,
        text: text.into(),
    };
    vec![
        look(
            "systemctl status diting",
            DiagnosticOrigin::System,
            "● diting",
        ),
        look("log of diting, this start", DiagnosticOrigin::Log, log),
        look(
            "health response",
            DiagnosticOrigin::Application,
            "status 500\n\nprivate",
        ),
    ]
}

/// A run with these events of the server.
fn run(planned: Planned, events: impl IntoIterator<Item = What>, end: End) -> Report {
    let mut report = Report::default();
    report.on(&RunEvent::Planned(Box::new(planned)));
    for (at, what) in events.into_iter().enumerate() {
        let at = at as u64;
        report.on(&RunEvent::Server(Event { at, what }));
    }
    report.on(&RunEvent::Ended(Box::new(end)));
    report
}

/// A release that failed for this reason while it was verified, after its log.
fn failed_to_verify(reason: Reason) -> Report {
    let events = [
        What::Step(Step::Verify),
        What::Diagnostics(looks(LOG)),
        What::Step(Step::RollBack),
    ];
    let end = verdict(Outcome::RolledBack, Some(OLD), failed(Step::Verify, reason));
    run(planned(), events, by_verdict(end))
}

fn page(report: &Report) -> String {
    summary(report, &job(), &Redactor::default())
}

fn issue(report: &Report, logs: RawLogs) -> String {
    issue_text(report, &job(), logs, &Redactor::default())
        .unwrap()
        .body
}

/// What stands above the two releases side by side, and above the links.
fn top(page: &str) -> &str {
    let top = page.split("\n|  | ").next().unwrap_or_default();
    top.split("\n[run]").next().unwrap_or_default()
}

/// The text blocks there.
fn evidence(page: &str) -> Vec<&str> {
    let blocks = top(page).split("```text\n").skip(1);
    blocks
        .filter_map(|block| block.split("```").next())
        .collect()
}

#[test]
fn the_log_of_the_failed_start_is_quoted_to_the_line_that_explains_it() {
    let log_line = || Some("KeyError: 'DATABASE_URL'".to_owned());
    let crashed = |log_line| match exited(1) {
        Reason::Crashed { end, .. } => Reason::Crashed { end, log_line },
        other => other,
    };
    let lines = vec![b"KeyError: 'DATABASE_URL'".to_vec()];
    for reason in [crashed(log_line()), Reason::Log { lines }] {
        let report = failed_to_verify(reason);
        for page in [page(&report), issue(&report, RawLogs::Show)] {
            let why = "Traceback (most recent call last):\n  File \"app.py\", line 1\nKeyError: 'DATABASE_URL'\n";
            assert_eq!(evidence(&page), [why], "{page}");
        }
    }
    // without such a line its end is shown
    for reason in [crashed(None), unhealthy(HealthAnswer::Refused)] {
        let page = page(&failed_to_verify(reason));
        assert!(evidence(&page)[0].ends_with("ERROR: stopped\n"), "{page}");
    }
    // the log has nothing to do with it
    let page = page(&failed_to_verify(Reason::NotRestarted));
    assert!(evidence(&page).is_empty(), "{page}");
}

#[test]
fn what_a_command_printed_is_quoted_once() {
    let printed = |lines: &[&str], step| {
        let failure = failed(step, command(Ending::Exit(1), b""));
        let output = lines
            .iter()
            .map(|line| What::Output(line.as_bytes().to_vec()));
        let events = [What::Step(step)].into_iter().chain(output);
        let end = verdict(Outcome::Failed, Some(OLD), failure);
        page(&run(planned(), events, by_verdict(end)))
    };
    let page = printed(&["Resolved", "error: no package x"], Step::Install);
    assert_eq!(
        evidence(&page),
        ["Resolved\nerror: no package x\n"],
        "{page}"
    );
    assert_eq!(page.matches("no package x").count(), 1, "{page}");
    let many: Vec<String> = (0..20).map(|n| format!("line {n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let page = printed(&many, Step::BeforeSwitch);
    assert!(evidence(&page)[0].starts_with("line 12\n"), "{page}");
    assert!(
        page.contains("<summary>Output: last lines of before-switch (20 lines)</summary>"),
        "{page}"
    );
}

/// It did not reach the process that runs: the log of that one says nothing.
#[test]
fn what_a_restart_command_printed_stands_above_the_log() {
    let failure = failed(Step::Restart, command(Ending::Exit(3), b""));
    let events = [
        What::Step(Step::Restart),
        What::Output(b"migrate: relation users does not exist".to_vec()),
        What::Diagnostics(looks(LOG)),
        What::Step(Step::RollBack),
    ];
    let end = verdict(Outcome::RolledBack, Some(OLD), failure);
    let page = page(&run(planned(), events, by_verdict(end)));
    assert_eq!(
        evidence(&page),
        ["migrate: relation users does not exist\n"],
        "{page}"
    );
}

#[test]
fn requests_that_were_answered_do_not_push_the_cause_away() {
    let request = "127.0.0.1 - - \"GET /health HTTP/1.1\" 503 -\n".repeat(20);
    let log = format!("ERROR database: no connection to db-1\n{request}");
    let shown = |log: &str| {
        let events = [What::Step(Step::Verify), What::Diagnostics(looks(log))];
        let failure = failed(Step::Verify, unhealthy(HealthAnswer::Refused));
        let end = verdict(Outcome::RolledBack, Some(OLD), failure);
        page(&run(planned(), events, by_verdict(end)))
    };
    let page = shown(&log);
    assert_eq!(
        evidence(&page),
        ["ERROR database: no connection to db-1\n"],
        "{page}"
    );
    // if there is nothing else, they show at least that it runs
    let page = shown(&request);
    assert!(evidence(&page)[0].contains("GET /health"), "{page}");
}

#[test]
fn the_log_of_another_release_is_no_evidence() {
    let state = UnitState::OtherRelease(ReleaseProcess {
        pid: 7,
        name: "gunicorn".into(),
        release: OLD.to_string(),
    });
    let page = page(&failed_to_verify(Reason::NotRunning {
        state,
        log_line: None,
    }));
    assert!(evidence(&page).is_empty(), "{page}");
}

/// A release can fail although its last answer was good: that is not why.
#[test]
fn a_healthy_answer_is_not_shown_as_the_cause() {
    let attempt = |answer| {
        What::Attempt(Attempt {
            number: 1,
            answer,
            took: std::time::Duration::from_secs(1),
        })
    };
    let shown = |answer| {
        let events = [
            What::Step(Step::Restart),
            What::Step(Step::Verify),
            attempt(answer),
        ];
        let failure = failed(Step::Verify, Reason::Log { lines: Vec::new() });
        let end = verdict(Outcome::Failed, Some(OLD), failure);
        page(&run(planned(), events, by_verdict(end)))
    };
    assert!(!shown(HealthAnswer::Healthy { status: 200 }).contains("failed: health"));
    assert!(shown(HealthAnswer::Refused).contains("failed: health refused"));
}

#[test]
fn of_the_output_of_a_health_command_the_last_lines_are_shown() {
    let printed = |output: &[u8]| {
        let last = HealthAnswer::Command {
            ending: Ending::Exit(3),
            output: output.to_vec(),
        };
        let page = page(&failed_to_verify(unhealthy(last)));
        let shown = evidence(&page).concat();
        (page, shown)
    };
    let (page, shown) = printed(b"asking\n1\n\n2\nno consumer of mail\n");
    assert!(shown.starts_with("1\n2\nno consumer of mail\n"), "{page}");
    assert!(
        page.contains("health command ended with exit code 3"),
        "{page}"
    );
    let (page, shown) = printed(b"no consumer of mail");
    assert!(
        !shown.contains("no consumer"),
        "it is in the sentence: {page}"
    );
}

#[test]
fn what_ssh_printed_is_quoted_unless_the_sentence_has_it() {
    let refused = |stderr: &[u8]| {
        let end = by_error(
            Outcome::Unreachable,
            Some(RunError::Connection {
                kind: ConnectionKind::Other,
                error: crate::protocol::ConnectionError::Ssh {
                    stderr: stderr.to_vec(),
                },
                hop: crate::protocol::Hop::Server,
                offered: None,
            }),
        );
        page(&run(planned(), [], end))
    };
    let page = refused(b"banner\nkex: no match\n");
    assert_eq!(evidence(&page), ["banner\nkex: no match\n"], "{page}");
    let page = refused(b"kex: no match\n");
    assert_eq!(page.matches("no match").count(), 1, "{page}");
}

#[test]
fn strangers_see_no_line_of_the_application() {
    for reason in [exited(1), command(Ending::Exit(1), b"private")] {
        let mut report = failed_to_verify(reason);
        let lines = vec![b"private".to_vec()];
        let doubt = Reason::Log {
            lines: lines.clone(),
        };
        report.warnings.push(Warning::LoggedErrors(lines));
        report
            .warnings
            .push(Warning::RollbackDoubt(Box::new(doubt)));
        let shown = issue(&report, RawLogs::Show);
        assert!(
            shown.contains("private") && shown.contains("KeyError"),
            "{shown}"
        );
        let hidden = issue(&report, RawLogs::Hide);
        assert!(
            !hidden.contains("private") && !hidden.contains("KeyError"),
            "{hidden}"
        );
        assert!(
            hidden.contains("> - The new process logged errors.\n"),
            "{hidden}"
        );
    }
}

fn rollback_failed(planned: Planned) -> Report {
    let down = failed(Step::RollBack, unhealthy(HealthAnswer::Refused));
    let end = Verdict {
        rollback: down,
        ..verdict(
            Outcome::RollbackFailed,
            Some(OLD),
            failed(Step::Verify, exited(1)),
        )
    };
    run(planned, [What::Step(Step::RollBack)], by_verdict(end))
}

#[test]
#[expect(clippy::too_many_lines, reason = "it shows whole texts")]
fn a_failed_rollback_says_that_users_are_not_served_and_what_to_do_by_hand() {
    let texts = [
        planned(),
        Planned {
            user: "root".into(),
            restart: Restart::Commands("cd /opt\n./restart 'a b'".into()),
            ..planned()
        },
        Planned {
            service: None,
            restart: Restart::Nothing,
            target: "/srv/it's".into(),
            ..planned()
        },
    ]
    .map(|planned| top(&page(&rollback_failed(planned))).to_owned());
    insta::assert_snapshot!(texts.join("---\n"), @r"
    ## 🚨 diting on web1.example: rollback failed – users are not served

    **Manual intervention required on web1.example:** Current is `1762147685`, but not healthy: health refused the connection: no process listens there after 30 attempts in 1 min.

    **[`3f2a1bc`](https://github.com/diting/app/commit/3f2a1bc) by alice did not start:** the process ended with exit status 1.

    **What to do:** Now, on web1.example as deploy: point current to the old release, restart the service, and see whether it runs:

    ```sh
    cd /opt/diting && \
      ln -sfn releases/1762147685 current.new && \
      mv -T current.new current
    sudo -n systemctl restart diting
    systemctl status diting
    ```

    Its log, as root:

    ```sh
    sudo journalctl -u diting -n 50 --no-pager
    ```

    To check its health, or to roll back further: [commands for the server](https://github.com/diting/deploy-action/blob/main/docs/troubleshooting.md#on-the-server).

    No process listens on the port of health-url: is it the one that the app uses? If the app starts slowly, raise health-timeout; on the server, as root:

    ```sh
    sudo ss -tlnp
    ```
    ---
    ## 🚨 diting on web1.example: rollback failed – users are not served

    **Manual intervention required on web1.example:** Current is `1762147685`, but not healthy: health refused the connection: no process listens there after 30 attempts in 1 min.

    **[`3f2a1bc`](https://github.com/diting/app/commit/3f2a1bc) by alice did not start:** the process ended with exit status 1.

    **What to do:** Now, on web1.example as root: point current to the old release, restart the service, and see whether it runs:

    ```sh
    cd /opt/diting && \
      ln -sfn releases/1762147685 current.new && \
      mv -T current.new current
    cd /opt
    ./restart 'a b'
    systemctl status diting
    ```

    Its log, as root:

    ```sh
    sudo journalctl -u diting -n 50 --no-pager
    ```

    To check its health, or to roll back further: [commands for the server](https://github.com/diting/deploy-action/blob/main/docs/troubleshooting.md#on-the-server).

    No process listens on the port of health-url: is it the one that the app uses? If the app starts slowly, raise health-timeout; on the server, as root:

    ```sh
    sudo ss -tlnp
    ```
    ---
    ## 🚨 `/srv/it's` on web1.example: rollback failed – users are not served

    **Manual intervention required on web1.example:** Current is `1762147685`, but not healthy: health refused the connection: no process listens there after 30 attempts in 1 min.

    **[`3f2a1bc`](https://github.com/diting/app/commit/3f2a1bc) by alice did not start:** the process ended with exit status 1.

    **What to do:** Now, on web1.example as deploy: point current to the old release:

    ```sh
    cd '/srv/it'\''s' && \
      ln -sfn releases/1762147685 current.new && \
      mv -T current.new current
    ```

    To check its health, or to roll back further: [commands for the server](https://github.com/diting/deploy-action/blob/main/docs/troubleshooting.md#on-the-server).

    No process listens on the port of health-url: is it the one that the app uses? If the app starts slowly, raise health-timeout; on the server, as root:

    ```sh
    sudo ss -tlnp
    ```
    ");
}

#[test]
fn no_command_is_on_a_page_twice() {
    let ended = |end| run(planned(), [], end);
    let mut reports: Vec<Report> = ends().into_iter().map(ended).collect();
    for reason in reasons().into_iter().chain(explained()) {
        let failure = || failed(Step::Verify, reason.clone());
        let end = Verdict {
            rollback: failure(),
            ..verdict(Outcome::RollbackFailed, Some(OLD), failure())
        };
        reports.push(ended(by_verdict(end)));
        reports.push(failed_to_verify(reason));
    }
    for report in reports {
        for page in [page(&report), issue(&report, RawLogs::Show)] {
            // a long command has several lines
            let page = page.replace(" \\\n", " ");
            let blocks = page.split("```sh\n").skip(1);
            let lines =
                blocks.flat_map(|block| block.split("```").next().unwrap_or_default().lines());
            let mut seen = BTreeSet::new();
            let twice: Vec<&str> = lines.filter(|line| !seen.insert(*line)).collect();
            assert!(twice.is_empty(), "{twice:?} in\n{page}");
        }
    }
}

/// What is said of a release that went live after one of this commit, and failed.
fn commits(task: Task, commit: &str, old: Option<&str>) -> String {
    let planned = Planned {
        task,
        commit: Some(commit.into()),
        ..planned()
    };
    let point = What::PointOfNoReturn {
        release: id(NEW),
        previous: Some(id(OLD)),
        deadline: std::time::Duration::from_secs(1),
        commit: Some("77777777".into()),
        made: Made {
            commit: old.map(str::to_owned),
            changed: false,
            live_since: Some(1_762_047_685),
            actor: Some("bob | @alice".into()),
            ..Made::default()
        },
    };
    let end = by_verdict(verdict(Outcome::RolledBack, Some(OLD), None));
    let page = page(&run(planned, [point], end));
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| commit | ") || line.starts_with("| release | "));
    let rows: Vec<&str> = rows.collect();
    rows.join("\n")
        .replace("https://github.com/diting/app", "APP")
}

#[test]
fn the_release_that_is_live_has_its_commit_and_time_and_a_comparison() {
    let new = "3f2a1bc0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4";
    let old = "9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90";
    let back = || Task::RollBack { to: None };
    let rows = [
        commits(Task::Deploy, new, Some(old)),
        commits(Task::Deploy, new, Some(new)),
        commits(Task::Deploy, new, None),
        commits(back(), new, Some(old)),
        commits(Task::Deploy, "v1", Some("../../evil](x)")),
        commits(Task::Deploy, new, Some("main...evil")),
    ];
    insta::assert_snapshot!(rows.join("\n---\n"), @"
    | commit | [`3f2a1bc`](APP/commit/3f2a1bc0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4) | [`9c1d77e`](APP/commit/9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90) ([compare](APP/compare/9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90...3f2a1bc0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4)) |
    | release | `1762147999` | `1762147685`, since 2025-11-02 01:41 UTC (27 h), by bob `¦ @alice` |
    ---
    | commit | [`3f2a1bc`](APP/commit/3f2a1bc0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4) | [`3f2a1bc`](APP/commit/3f2a1bc0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4) |
    | release | `1762147999` | `1762147685`, since 2025-11-02 01:41 UTC (27 h), by bob `¦ @alice` |
    ---
    | commit | [`3f2a1bc`](APP/commit/3f2a1bc0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4) | – |
    | release | `1762147999` | `1762147685`, since 2025-11-02 01:41 UTC (27 h), by bob `¦ @alice` |
    ---
    | commit | [`7777777`](APP/commit/77777777) | [`9c1d77e`](APP/commit/9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90) ([compare](APP/compare/9c1d77e0a1b2c3d4e5f60718293a4b5c6d7e8f90...77777777)) |
    | release | `1762147999` | `1762147685`, since 2025-11-02 01:41 UTC (27 h), by bob `¦ @alice` |
    ---
    | commit | `v1` | `../../e` |
    | release | `1762147999` | `1762147685`, since 2025-11-02 01:41 UTC (27 h), by bob `¦ @alice` |
    ---
    | commit | [`3f2a1bc`](APP/commit/3f2a1bc0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4) | `main...` |
    | release | `1762147999` | `1762147685`, since 2025-11-02 01:41 UTC (27 h), by bob `¦ @alice` |
    ");
}
