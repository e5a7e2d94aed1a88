//! The texts of the issue of a server and service.

use super::*;
use crate::protocol::{
    End, Event, Outcome, Planned, ProcessEnd, Reason, RunEvent, Step, Task, Verdict, What,
};
use crate::report::{issue_text, IssueText, Job, RawLogs, Report};
use crate::text::Redactor;

fn told(planned: Planned, found: Option<Verdict>, end: End, redactor: &Redactor) -> IssueText {
    told_to(RawLogs::Show, planned, found, end, redactor)
}

pub(super) fn told_to(
    logs: RawLogs,
    planned: Planned,
    found: Option<Verdict>,
    end: End,
    redactor: &Redactor,
) -> IssueText {
    let mut report = Report::default();
    report.on(&RunEvent::Planned(Box::new(planned)));
    if let Some(verdict) = found {
        report.on(&RunEvent::Server(Event {
            at: 0,
            what: What::Recovered(Box::new(verdict)),
        }));
    }
    report.on(&RunEvent::Ended(Box::new(end)));
    let job = Job {
        run: Some("https://github.com/diting/app/actions/runs/7".into()),
        commit: Some("3f2a1bc".into()),
        actor: Some("alice".into()),
        ..Job::default()
    };
    issue_text(&report, &job, logs, redactor).unwrap()
}

fn plain(end: End) -> IssueText {
    told(planned(), None, end, &Redactor::default())
}

#[test]
fn a_run_that_has_not_ended_has_no_text() {
    assert_eq!(
        issue_text(
            &Report::default(),
            &Job::default(),
            RawLogs::Show,
            &Redactor::default()
        ),
        None
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn every_failure_of_a_server_and_service_has_the_same_title_and_marker() {
    let all: Vec<_> = ends().into_iter().map(plain).collect();
    assert!(all
        .iter()
        .all(|it| (&it.title, &it.marker) == (&all[0].title, &all[0].marker)));
    assert_eq!(all[0].title, "Deployment of diting on web1.example failed");
    let other = |planned| {
        told(
            planned,
            None,
            by_verdict(verdict(Outcome::Failed, None, None)),
            &Redactor::default(),
        )
    };
    for planned in [
        Planned {
            host: "web2".into(),
            ..planned()
        },
        Planned {
            port: 23,
            ..planned()
        },
        Planned {
            target: "/srv".into(),
            ..planned()
        },
        Planned {
            service: Some("other".into()),
            ..planned()
        },
    ] {
        let other = other(planned);
        assert_ne!(other.marker, all[0].marker);
        assert_ne!(other.title, all[0].title);
    }
    // the issues of earlier versions are found and closed
    assert_eq!(
        all[0].marker,
        "<!-- deploy-action f3cf6027775fb6d5a87a3827b5407403 -->"
    );
    // it is the same server and service for every user
    assert_eq!(
        other(Planned {
            user: "root".into(),
            ..planned()
        })
        .marker,
        all[0].marker
    );
}

#[test]
fn a_success_says_what_is_live_now() {
    insta::assert_snapshot!(plain(by_verdict(verdict(Outcome::Deployed, Some(NEW), None))).comment, @"
    ## ✅ diting on web1.example: deployed – `3f2a1bc` is live and healthy

    Replaced `1762147685`. **Interruption:** 0.9 s (05:33:20 – 05:33:20 UTC).

    [run](https://github.com/diting/app/actions/runs/7) · total 21.4 s
    ");
}

#[test]
fn a_failure_says_what_happened_how_to_see_it_again_and_what_to_do() {
    let failure = failed(
        Step::Install,
        command(crate::protocol::Ending::Exit(1), b"no such package\n"),
    );
    let unsent = Verdict {
        switched: false,
        before_switch: false,
        ..verdict(Outcome::Failed, Some(OLD), failure)
    };
    insta::assert_snapshot!(plain(by_verdict(unsent)).comment, @r#"
    ## ❌ diting on web1.example: failed – `1762147685` is still live

    **`3f2a1bc` by alice failed to install:** line 2, `uv sync --frozen`, ended with exit code 1 on the server.

    ```text
    no such package
    ```

    **What to do:** Its last lines show why; to run it by hand, on the server, as the deploy user, go to the newest release:

    ```sh
    cd /opt/diting/releases
    cd "$(ls -t | head -n 1)"
    ```

    |  | failed | live |
    | --- | --- | --- |
    | commit | `3f2a1bc` | – |
    | release | `1762147999` | `1762147685` |
    | users noticed | nothing: no restart |  |

    [run](https://github.com/diting/app/actions/runs/7) · [troubleshooting](https://github.com/diting/deploy-action/blob/main/docs/troubleshooting.md#upload-install-before-switch-or-the-smoke-test-failed) · total 21.4 s

    <details><summary>How to reproduce</summary>

    On another machine, check out the commit and run the commands of the input `install`:

    ```sh
    git checkout 3f2a1bc
    ```

    </details>
    "#);
}

#[test]
fn the_result_of_an_earlier_run_is_reported_too() {
    let found = verdict(
        Outcome::RolledBack,
        Some(OLD),
        failed(Step::Recover, Reason::Interrupted),
    );
    for outcome in [Outcome::Deployed, Outcome::Cancelled] {
        let text = told(
            planned(),
            Some(found.clone()),
            by_verdict(verdict(outcome, Some(NEW), None)),
            &Redactor::default(),
        );
        let line =
            "- release `1762147999`, from an earlier run that did not see the result, ended as rolled-back because";
        assert!(text.comment.contains(line), "{}", text.comment);
    }
}

/// What is folded under this title.
fn section<'a>(page: &'a str, title: &str) -> Option<&'a str> {
    let (_, after) = page.split_once(&format!("<summary>{title}</summary>\n\n"))?;
    Some(after.split("\n</details>").next().unwrap_or_default())
}

#[test]
fn modified_files_are_shown_beside_the_commit_but_links_and_commands_have_its_hash() {
    let planned = Planned {
        changed: true,
        ..planned()
    };
    let end = by_verdict(verdict(Outcome::RolledBack, Some(OLD), None));
    let text = told(planned, None, end, &Redactor::default());
    assert!(text.body.contains("`3f2a1bc+changes`"), "{}", text.body);
    let elsewhere = text.body.replace("`3f2a1bc+changes`", "");
    assert!(!elsewhere.contains("+changes"), "{}", text.body);
}

#[test]
fn nobody_is_told_to_deploy_a_broken_release_again() {
    for end in ends() {
        let body = plain(end).body;
        assert!(!body.contains("deploy-action --"), "{body}");
    }
    let again = |step| {
        let failure = failed(step, exited(1));
        let body = plain(by_verdict(verdict(Outcome::RolledBack, Some(OLD), failure))).body;
        section(&body, "How to reproduce").unwrap().to_owned()
    };
    insta::assert_snapshot!([Step::Install, Step::BeforeSwitch, Step::Verify].map(again).join("---\n"), @"
    On another machine, check out the commit and run the commands of the input `install`:

    ```sh
    git checkout 3f2a1bc
    ```

    The failed release stays on web1.example until the next successful deployment:

    ```sh
    ls -la /opt/diting/releases/1762147999
    ```
    ---
    On another machine, with a copy of the data, check out the commit and run the commands of the input `before-switch`:

    ```sh
    git checkout 3f2a1bc
    ```

    The failed release stays on web1.example until the next successful deployment:

    ```sh
    ls -la /opt/diting/releases/1762147999
    ```
    ---
    On another machine or a staging server, check out the commit and start it with the unit's command, which the second line shows:

    ```sh
    git checkout 3f2a1bc
    ssh deploy@web1.example 'systemctl show -p ExecStart --value diting'
    ```

    The failed release stays on web1.example until the next successful deployment:

    ```sh
    ls -la /opt/diting/releases/1762147999
    ```
    ");
}

#[test]
fn what_the_commit_did_not_cause_is_not_reproduced() {
    let unsent = |step, reason| Verdict {
        switched: false,
        before_switch: false,
        ..verdict(Outcome::Failed, Some(OLD), failed(step, reason))
    };
    let body = plain(by_verdict(unsent(Step::Upload, exited(1)))).body;
    assert_eq!(section(&body, "How to reproduce"), None, "{body}");
}

#[test]
fn after_a_failed_rollback_command_only_the_release_is_named() {
    let planned = Planned {
        task: Task::RollBack { to: None },
        service: None,
        port: 2222,
        ..planned()
    };
    let text = told(
        planned,
        None,
        by_verdict(verdict(
            Outcome::RolledBack,
            Some(OLD),
            failed(Step::Verify, exited(1)),
        )),
        &Redactor::default(),
    );
    insta::assert_snapshot!(section(&text.body, "How to reproduce").unwrap(), @"
    The failed release stays on web1.example until the next successful deployment:

    ```sh
    ls -la /opt/diting/releases/1762147999
    ```
    ");
    assert_eq!(
        text.title,
        "Deployment of /opt/diting on web1.example:2222 failed"
    );
}

#[test]
fn no_secret_is_in_it() {
    let failure = failed(
        Step::Verify,
        Reason::Crashed {
            end: ProcessEnd::StartLimit,
            log_line: Some("hunter2hunter2 password=x1".into()),
        },
    );
    let planned = Planned {
        host: "hunter2hunter2".into(),
        ..planned()
    };
    let redactor = Redactor::new(["hunter2hunter2"]);
    let text = told(
        planned,
        None,
        by_verdict(verdict(Outcome::RolledBack, Some(OLD), failure)),
        &redactor,
    );
    for part in [text.title, text.body, text.comment] {
        assert!(
            part.contains("***") && !part.contains("hunter2") && !part.contains("x1"),
            "{part}"
        );
    }
}
