use super::runner::commands;
use super::*;
use crate::protocol::{
    Answer, Attempt, Diagnostic, Ending, Event, Outcome, Reason, RunEvent, Step, Trouble, Unready, Warning, What,
};
use crate::report::{Log, Page};
use proptest::prelude::*;
use std::time::Duration;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A run in which every foreign text is hostile.
fn hostile(bytes: &[u8]) -> Vec<RunEvent> {
    let body = || bytes.to_vec();
    let server = |what| RunEvent::Server(Event { at: 0, what });
    let answer = Answer::Status { status: 500, location: Some(text(bytes)), body: body() };
    let found = Unready::Target { path: text(bytes), user: text(bytes), error: text(bytes) };
    let refused = by_verdict(verdict(Outcome::NotReady, None, failed(Step::Check, Reason::NotReady(vec![found]))));
    let install = Reason::Command { ending: Ending::Exit(1), line: Some((1, text(bytes))), output: body() };
    let mut planned = planned();
    planned.host = text(bytes);
    planned.target = text(bytes);
    planned.service = Some(text(bytes));
    vec![
        RunEvent::Planned(Box::new(planned)),
        RunEvent::Connecting,
        RunEvent::Noise(body()),
        server(What::Step(Step::Install)),
        server(What::Output(body())),
        server(What::Warning(Warning::Leftover { path: text(bytes), error: text(bytes) })),
        server(What::Step(Step::Verify)),
        server(What::Attempt(Attempt { number: 1, answer: answer.clone(), took: Duration::ZERO })),
        server(What::Diagnostics(vec![Diagnostic { title: text(bytes), text: body() }])),
        RunEvent::Ended(Box::new(by_verdict(verdict(Outcome::Failed, None, failed(Step::Verify, unhealthy(answer)))))),
        RunEvent::Ended(Box::new(by_verdict(verdict(Outcome::Failed, None, failed(Step::Install, install))))),
        RunEvent::Ended(Box::new(refused)),
        RunEvent::Ended(Box::new(by_trouble(
            Outcome::Failed,
            Some(Trouble::Source { path: body(), problem: text(bytes) }),
        ))),
        RunEvent::Ended(Box::new(by_trouble(Outcome::Failed, Some(Trouble::Key { said: body() })))),
    ]
}

fn printed(page: Page, bytes: &[u8]) -> String {
    let mut log = Log::new(page);
    let lines: Vec<_> = hostile(bytes).iter().flat_map(|event| log.on(event)).collect();
    assert!(lines.iter().all(|line| !line.contains(['\n', '\r', '\u{1b}'])), "{lines:#?}");
    lines.join("\n")
}

const MEANT: [&str; 12] = [
    "group", "endgroup", // connect
    "group", "endgroup", "warning", // install
    "group", "endgroup", // verify
    "error", "error", "error", "error", "error",
];

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
        let found = commands(&printed(Page::Actions, evil.as_bytes()));
        assert_eq!(found, MEANT, "{evil:?}");
        assert_eq!(commands(&printed(Page::Terminal, evil.as_bytes())), [""; 0], "{evil:?}");
    }
}

fn evil_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        proptest::sample::select(&EVIL[..]).prop_map(|evil| evil.as_bytes().to_vec()),
        proptest::sample::select(vec!["#", "##[", "::", "\r", "\n", " ", "error", "]", "\u{200b}", "\0"])
            .prop_map(|piece| piece.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..20),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_bytes_become_a_command(bytes in evil_bytes()) {
        prop_assert_eq!(commands(&printed(Page::Actions, &bytes)), MEANT);
        prop_assert!(commands(&printed(Page::Terminal, &bytes)).is_empty());
    }
}
