//! No secret is in anything that a person or a later step reads, whatever the server does with it.

use super::*;
use crate::protocol::{
    Attempt, Diagnostic, DiagnosticOrigin, Ending, Event, Finding, HealthAnswer, LiveRelease, Made,
    Outcome, Planned, Reason, RunError, RunEvent, ServerPartError, Step, UnreadLog, Verdict,
    Warning, What,
};
use crate::report::{issue_text, outputs, summary, Job, Log, Page, RawLogs, Report};
use crate::text::Redactor;
use base64::prelude::{Engine as _, BASE64_STANDARD};
use std::time::Duration;

const VALUES: [&str; 7] = [
    "83749283746",
    "correct  horse  battery",
    "-infinity",
    "b\"ey<o>nd&it's",
    "p@ss w\u{f6}rd\\x%20",
    "two lines\nof one secret",
    "warning",
];

/// As programs print it.
fn forms(value: &str) -> Vec<String> {
    let json = serde_json::to_string(value).unwrap();
    let url = |space: &str| -> String {
        let one = |byte: u8| match byte {
            b' ' => space.to_owned(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02x}"),
        };
        value.bytes().map(one).collect()
    };
    let html = value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let html = html.replace('"', "&quot;").replace('\'', "&#39;");
    let inner = json[1..json.len() - 1].to_owned();
    let again = serde_json::to_string(&inner).unwrap();
    vec![
        value.to_owned(),
        inner,
        again[1..again.len() - 1].to_owned(),
        url("%20"),
        url("+"),
        html,
        BASE64_STANDARD.encode(value),
        BASE64_STANDARD.encode(format!("user:{value}")),
    ]
}

/// What a server may say that holds this text.
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn events(said: &str) -> Vec<RunEvent> {
    let text = || format!("a {said} b");
    let bytes = || text().into_bytes();
    let server = |what| RunEvent::Server(Event { at: 0, what });
    let body = || HealthAnswer::Status {
        status: 500,
        location: None,
        body: bytes(),
    };
    let mismatch = HealthAnswer::Mismatch {
        pattern: text(),
        body: bytes(),
    };
    let of_command = HealthAnswer::Command {
        ending: Ending::Exit(1),
        output: bytes(),
    };
    let attempt = |number, answer| {
        server(What::Attempt(Attempt {
            number,
            answer,
            took: Duration::ZERO,
        }))
    };
    let found = verdict(
        Outcome::RolledBack,
        Some(OLD),
        failed(
            Step::Verify,
            Reason::Log {
                lines: vec![bytes()],
            },
        ),
    );
    let diagnostic = |origin| Diagnostic {
        title: text(),
        origin,
        text: bytes(),
    };
    vec![
        RunEvent::Planned(Box::new(Planned { ..planned() })),
        RunEvent::Connecting,
        RunEvent::UnexpectedOutput(bytes()),
        server(What::Recovered(Box::new(found))),
        server(What::Step(Step::Install)),
        server(What::Output(bytes())),
        server(What::Output(b"\n".to_vec())),
        server(What::Warning(Warning::LoggedErrors(vec![bytes()]))),
        server(What::Warning(Warning::LogNotChecked(UnreadLog::Elsewhere(
            text(),
        )))),
        server(What::Warning(Warning::Leftover {
            path: text(),
            error: text(),
        })),
        server(What::Warning(Warning::OldUnhealthy(body()))),
        server(What::Step(Step::Verify)),
        attempt(1, body()),
        attempt(2, mismatch),
        attempt(3, of_command),
        server(What::Diagnostics(vec![
            diagnostic(DiagnosticOrigin::Log),
            diagnostic(DiagnosticOrigin::System),
        ])),
    ]
}

/// How a run may end that holds this text.
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn ways_to_end(said: &str) -> Vec<crate::protocol::End> {
    let text = || format!("a {said} b");
    let bytes = || text().into_bytes();
    let unhealthy = Reason::Unhealthy {
        last: Box::new(HealthAnswer::Status {
            status: 500,
            location: None,
            body: bytes(),
        }),
        attempts: 1,
        waited: Duration::ZERO,
        log_line: Some(text()),
    };
    let command = Reason::Command {
        ending: Ending::Exit(1),
        line: Some((1, text())),
        output: bytes(),
        log_line: None,
    };
    let target = Reason::NotReady(vec![Finding::Target {
        path: text(),
        user: text(),
        error: text(),
    }]);
    let mut all: Vec<_> = [
        unhealthy,
        command,
        target,
        Reason::Log {
            lines: vec![bytes()],
        },
    ]
    .into_iter()
    .map(|reason| {
        let failure = failed(Step::Verify, reason);
        by_verdict(Verdict {
            rollback: failure.clone(),
            ..verdict(Outcome::RollbackFailed, Some(OLD), failure)
        })
    })
    .collect();
    all.push(crate::protocol::End {
        verdict: None,
        error: Some(RunError::ServerPart {
            error: ServerPartError::Finish,
            output: bytes(),
        }),
        ..all[0].clone()
    });
    all
}

/// All that is shown or written about a run.
fn everything(said: &str, redactor: &Redactor) -> Vec<String> {
    let mut all = Vec::new();
    for page in [Page::Actions, Page::Terminal] {
        for end in ways_to_end(said) {
            let mut log = Log::new(page).hiding(redactor.clone());
            for event in events(said) {
                all.extend(log.on(&event));
            }
            all.extend(log.on(&RunEvent::Ended(Box::new(end.clone()))));
            let report = log.report();
            all.push(summary(report, &Job::default(), redactor));
            for logs in [RawLogs::Show, RawLogs::Hide] {
                let issue = issue_text(report, &Job::default(), logs, redactor).unwrap();
                all.extend([issue.title, issue.body, issue.comment]);
            }
            let written = outputs(&end, log.facts(), redactor);
            all.extend(written.into_iter().map(|(_, value)| value));
        }
    }
    all
}

#[test]
fn no_form_of_a_secret_is_in_log_summary_issue_or_outputs() {
    for value in VALUES {
        let is_own = |text: &str| text == "warning";
        let redactor = Redactor::but_words([value], is_own);
        for form in forms(value) {
            let shown = everything(&form, &redactor);
            assert!(shown.iter().any(|text| text.contains("***")), "{form}");
            // our own texts have that word
            if form == "warning" {
                continue;
            }
            let escaped = form.replace('%', "%25");
            // what has no gap is cut nowhere
            let words = form.split_whitespace().filter(|word| word.len() > 5);
            let told: Vec<&str> = [form.as_str(), &escaped].into_iter().chain(words).collect();
            for text in &shown {
                let found = told.iter().find(|it| text.contains(**it));
                assert!(found.is_none(), "{found:?} of {value:?} is in\n{text}");
            }
        }
    }
}

#[test]
fn a_word_of_ours_is_hidden_only_where_others_wrote_it() {
    let redactor = Redactor::but_words(["warning"], |_| true);
    let shown = everything("warning", &redactor);
    assert!(shown.iter().any(|line| line == "│ a *** b"));
    assert!(shown
        .iter()
        .any(|line| line.starts_with("::warning title=On the server::")));
    assert!(!shown.iter().any(|line| line.starts_with("│ a warning")));
}

/// What a server may say of commits.
fn commits(text: &str) -> [What; 2] {
    let commit = || Some(text.to_owned());
    let made = || Made {
        commit: commit(),
        ..Made::default()
    };
    [
        What::Live(Box::new(LiveRelease {
            release: id(OLD),
            made: made(),
        })),
        What::PointOfNoReturn {
            release: id(NEW),
            previous: Some(id(OLD)),
            deadline: Duration::ZERO,
            commit: commit(),
            made: made(),
        },
    ]
}

#[test]
fn a_commit_that_is_a_secret_is_shown_nowhere() {
    const SECRET: &str = "83749283746a5b4c3d2e1f00112233445566778a";
    let redactor = Redactor::new([SECRET]);
    let own = "3f2a1bc0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4";
    let job = Job {
        commit: Some(own.into()),
        commit_link: Some(format!("https://github.com/diting/app/commit/{own}")),
        ..Job::default()
    };
    for end in [Outcome::RolledBack, Outcome::Restored, Outcome::Deployed] {
        let failure = failed(Step::Verify, Reason::Interrupted);
        let failure = failure.filter(|_| !end.is_success());
        let verdict = verdict(end, Some(OLD), failure);
        let ended = RunEvent::Ended(Box::new(by_verdict(verdict.clone())));
        let mut log = Log::new(Page::Actions).hiding(redactor.clone());
        let mut plain = Report::default();
        let mut shown = log.on(&RunEvent::Planned(Box::new(planned())));
        let ended_there = What::Ended(Box::new(verdict));
        let events = commits(SECRET).into_iter().chain([ended_there]);
        let events = events.map(|what| RunEvent::Server(Event { at: 0, what }));
        for event in events.chain([ended]) {
            shown.extend(log.on(&event));
            plain.on(&event);
        }
        for report in [log.report(), &plain] {
            shown.push(summary(report, &job, &redactor));
            let issue = issue_text(report, &job, RawLogs::Show, &redactor).unwrap();
            shown.push(issue.body);
        }
        let shown = shown.join("\n");
        assert!(shown.contains("***"), "{shown}");
        assert!(!shown.contains(&SECRET[..7]), "{shown}");
    }
}
