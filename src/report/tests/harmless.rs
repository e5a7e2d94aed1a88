use super::*;
use crate::protocol::{
    Attempt, ConnectionError, ConnectionKind, Diagnostic, DiagnosticOrigin, End, Ending, Event,
    FailedStart, Finding, HealthAnswer, Holder, Hop, Interference, ListedAttempt, ListedRelease,
    Listing, LiveRelease, LogPlace, Made, Notice, Origin, Outcome, ProcessEnd, Reason, ReleaseId,
    RunError, RunEvent, ServerPartError, SourceProblem, Standing, Step, Verdict, Warning, What,
};
use crate::report::{Log, Page};
use crate::text::excerpt::one_line;
use crate::text::runner::commands;
use proptest::prelude::*;
use std::time::Duration;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn server(what: What) -> RunEvent {
    RunEvent::Server(Event { at: 0, what })
}

/// The id of a release that was taken over: its folder's name is as hostile as a name can be.
fn named(bytes: &[u8]) -> ReleaseId {
    let name = format!("v{}", one_line(bytes).replace('/', "|"));
    let ends = (0..=ReleaseId::MOST_BYTES).rev();
    let mut shorter = ends.filter_map(|end| name.get(..end)?.parse().ok());
    shorter.next().unwrap_or_else(|| id(OLD))
}

/// The beginning of a run in which every untrusted text is hostile.
#[expect(clippy::too_many_lines, reason = "a table of cases")]
pub(super) fn beginning(bytes: &[u8]) -> Vec<RunEvent> {
    let mut planned = planned();
    planned.host = text(bytes);
    planned.user = text(bytes);
    planned.target = text(bytes);
    planned.service = Some(text(bytes));
    planned.commit = Some(text(bytes));
    planned.actor = Some(text(bytes));
    let holder = Holder {
        run: Some(text(bytes)),
        actor: Some(text(bytes)),
        since: u64::MAX,
    };
    let earlier = verdict(
        Outcome::RolledBack,
        None,
        failed(
            Step::Verify,
            Reason::Interference(Interference::Other(text(bytes))),
        ),
    );
    vec![
        RunEvent::Planned(Box::new(planned)),
        RunEvent::Connecting,
        RunEvent::UnexpectedOutput(bytes.to_vec()),
        server(What::Step(Step::Lock)),
        server(What::Waiting(Some(holder))),
        server(What::Recovered(Box::new(earlier))),
        server(What::Notice(Notice::LinkReplaced {
            name: text(bytes),
            target: text(bytes),
        })),
        server(What::Notice(Notice::TakenOver(named(bytes)))),
        server(What::Warning(Warning::Leftover {
            path: text(bytes),
            error: text(bytes),
        })),
        server(What::Live(Box::new(LiveRelease {
            release: id(OLD),
            made: Made {
                commit: Some(text(bytes)),
                changed: true,
                live_since: Some(u64::MAX),
                actor: Some(text(bytes)),
                run: Some(text(bytes)),
            },
        }))),
        server(What::Releases(Box::new(listing(bytes)))),
        server(What::Step(Step::Install)),
        server(What::Output(bytes.to_vec())),
        server(What::PointOfNoReturn {
            release: id(NEW),
            previous: Some(id(OLD)),
            deadline: Duration::ZERO,
            commit: Some(text(bytes)),
            made: Made {
                commit: Some(text(bytes)),
                changed: true,
                live_since: Some(u64::MAX),
                actor: Some(text(bytes)),
                run: Some(text(bytes)),
            },
        }),
        server(What::Step(Step::Verify)),
        server(What::Attempt(Attempt {
            number: 1,
            answer: bad_answer(bytes),
            took: Duration::ZERO,
        })),
        server(What::FailedStart(Box::new(FailedStart {
            invocation: Some(text(bytes)),
            since: 0,
            until: 0,
            log: LogPlace::File {
                path: text(bytes),
                readable: true,
            },
            unit_type: text(bytes),
            start_timeout: text(bytes),
            result: text(bytes),
            answered_by: Some(text(bytes)),
        }))),
        server(What::Diagnostics(vec![Diagnostic {
            title: text(bytes),
            origin: DiagnosticOrigin::Application,
            text: bytes.to_vec(),
        }])),
    ]
}

/// A listing in which every untrusted text is hostile.
pub(super) fn listing(bytes: &[u8]) -> Listing {
    let text = || Some(text(bytes));
    let origin = Origin {
        commit: text(),
        reference: text(),
        actor: text(),
        run: text(),
        tool: String::new(),
        changed: true,
    };
    let release = ListedRelease {
        release: named(bytes),
        age: u64::MAX,
        standing: Standing::Good,
        current: false,
        previous: true,
        size: Some(u64::MAX),
        origin: origin.clone(),
    };
    let attempt = ListedAttempt {
        at: u64::MAX,
        outcome: Outcome::RolledBack,
        release: Some(named(bytes)),
        live: Some(id(OLD)),
        origin,
    };
    Listing {
        live: Some(id(OLD)),
        rollback_target: Some(named(bytes)),
        releases: vec![release],
        more: u64::MAX,
        attempts: vec![attempt],
    }
}

fn bad_answer(bytes: &[u8]) -> HealthAnswer {
    HealthAnswer::Status {
        status: 500,
        location: None,
        body: bytes.to_vec(),
    }
}

/// Ends in which every untrusted text is hostile.
#[expect(clippy::too_many_lines, reason = "a table of cases")]
pub(super) fn endings(bytes: &[u8]) -> [End; 7] {
    let output = || bytes.to_vec();
    let found = Finding::Target {
        path: text(bytes),
        user: text(bytes),
        error: text(bytes),
    };
    let command = Reason::Command {
        ending: Ending::Exit(1),
        line: Some((1, text(bytes))),
        output: output(),
        log_line: Some(text(bytes)),
    };
    let of = |step, reason| {
        by_verdict(Verdict {
            release: Some(named(bytes)),
            previous: Some(named(bytes)),
            live: Some(named(bytes)),
            ..verdict(Outcome::Failed, None, failed(step, reason))
        })
    };
    let kind = ConnectionKind::HostKey;
    [
        of(Step::Check, Reason::NotReady(vec![found])),
        of(Step::Install, command),
        of(Step::Verify, unhealthy(bad_answer(bytes))),
        of(
            Step::Verify,
            Reason::Crashed {
                end: ProcessEnd::Other(text(bytes)),
                log_line: Some(text(bytes)),
            },
        ),
        by_error(
            Outcome::Failed,
            Some(RunError::Source {
                path: output(),
                problem: SourceProblem::Unreadable { error: text(bytes) },
            }),
        ),
        by_error(
            Outcome::Unreachable,
            Some(RunError::Connection {
                kind,
                error: ConnectionError::Ssh { stderr: output() },
                hop: Hop::Server,
                offered: None,
            }),
        ),
        by_error(
            Outcome::Failed,
            Some(RunError::ServerPart {
                error: ServerPartError::Gone {
                    folder: text(bytes),
                },
                output: output(),
            }),
        ),
    ]
}

fn printed(page: Page, bytes: &[u8]) -> String {
    let mut log = Log::new(page);
    let mut events = beginning(bytes);
    events.extend(endings(bytes).map(|end| RunEvent::Ended(Box::new(end))));
    let lines: Vec<_> = events.iter().flat_map(|event| log.on(event)).collect();
    assert!(
        lines
            .iter()
            .all(|line| !line.contains(['\n', '\r', '\u{1b}'])),
        "{lines:#?}"
    );
    lines.join("\n")
}

/// Two warnings, an error per end, and groups that are closed before anything else comes.
fn assert_meant(found: &[String], bytes: &[u8]) {
    let count = |name: &str| found.iter().filter(|found| *found == name).count();
    let groups = count("group");
    assert_eq!(
        (count("warning"), count("error"), count("endgroup")),
        (2, endings(b"").len(), groups),
        "{bytes:?}: {found:?}"
    );
    assert_eq!(
        found.len(),
        2 + endings(b"").len() + 2 * groups,
        "{found:?}"
    );
    let closed = |at: usize| found.get(at + 1).is_some_and(|next| next == "endgroup");
    let opened = found.iter().enumerate().filter(|(_, it)| *it == "group");
    // connect, install, verify, the diagnostic, and what programs printed if no line of it is shown elsewhere
    assert!(groups <= 4 + 3, "{found:?}");
    assert!(opened.into_iter().all(|(at, _)| closed(at)), "{found:?}");
}

const EVIL: [&str; 10] = [
    "::error::x",
    "##[error]x",
    "progress\r::set-output name=url::evil",
    "a\r##[add-mask]e",
    "\n\u{2003}::stop-commands::t",
    "\u{1b}[2K::group::x\u{9b}",
    "#\u{0}#[set-env name=PATH]x",
    "%0A::error::%0D",
    "##\r[error]##[warning]",
    "# ##\n[error] #\u{1b}#[error]x::::",
];

#[test]
fn hostile_texts_are_no_commands() {
    for evil in EVIL {
        assert_meant(
            &commands(&printed(Page::Actions, evil.as_bytes())),
            evil.as_bytes(),
        );
        assert_eq!(
            commands(&printed(Page::Terminal, evil.as_bytes())),
            [""; 0],
            "{evil:?}"
        );
    }
}

fn evil_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::sample::select(&EVIL[..]).prop_map(|evil| evil.as_bytes().to_vec()),
        proptest::sample::select(vec![
            "#", "##[", "::", "\r", "\n", " ", "error", "]", "\u{200b}", "\0"
        ])
        .prop_map(|piece| piece.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..20),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_bytes_become_a_command(bytes in evil_bytes()) {
        assert_meant(&commands(&printed(Page::Actions, &bytes)), &bytes);
        prop_assert!(commands(&printed(Page::Terminal, &bytes)).is_empty());
    }
}

#[test]
fn a_server_that_begins_steps_for_ever_fills_no_memory() {
    let mut report = crate::report::Report::default();
    for _ in 0..1000 {
        report.on(&server(What::Step(Step::Install)));
        report.on(&server(What::Output(b"a line".to_vec())));
    }
    report.on(&server(What::Step(Step::Verify)));
    assert_eq!(
        (report.steps.len(), report.steps.last().unwrap().step),
        (100, Step::Verify)
    );
}
