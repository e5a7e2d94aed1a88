//! docs/troubleshooting.md has each message under a heading for the outcome that it comes with.

use super::samples::{findings, reasons, run_errors};
use crate::protocol::{Outcome, Reason};
use std::collections::BTreeSet;

const GUIDE: &str = include_str!("../../../docs/troubleshooting.md");

/// A section for some outcomes: their words, and the messages in its table.
struct Section {
    title: &'static str,
    outcomes: BTreeSet<&'static str>,
    messages: Vec<&'static str>,
}

fn sections() -> Vec<Section> {
    let parts = GUIDE.split("\n## ").skip(1);
    let parts = parts.filter_map(|part| part.split_once("\n\nOutcome: "));
    parts
        .map(|(title, text)| {
            let (outcomes, text) = text.split_once("\n\n").unwrap_or((text, ""));
            let words = code(outcomes).into_iter();
            let subject = |line: &'static str| line.strip_prefix("| ")?.split(" |").next();
            Section {
                title,
                outcomes: words.filter(|word| is_outcome(word)).collect(),
                messages: text.lines().filter_map(subject).flat_map(code).collect(),
            }
        })
        .collect()
}

fn code(text: &'static str) -> Vec<&'static str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn is_outcome(word: &str) -> bool {
    Outcome::ALL.iter().any(|outcome| outcome.word() == word)
}

/// What the program says, with the outcome that always comes with it.
fn said() -> Vec<(String, Outcome)> {
    let findings = findings()
        .into_iter()
        .map(|it| (it.to_string(), Outcome::NotReady));
    let reasons = reasons().into_iter().filter_map(|reason| {
        let outcome = match reason {
            Reason::Busy(_) => Outcome::Busy,
            Reason::NoSuchRelease { .. } => Outcome::NotReady,
            // before or after the switch
            _ => return None,
        };
        Some((reason.to_string(), outcome))
    });
    let errors = run_errors()
        .into_iter()
        .map(|error| (error.to_string(), error.outcome_before_switch()));
    findings.chain(reasons).chain(errors).collect()
}

#[test]
fn every_outcome_that_is_no_success_has_a_heading() {
    let listed: BTreeSet<&str> = sections().into_iter().flat_map(|it| it.outcomes).collect();
    let failures = Outcome::ALL.into_iter().filter(|it| !it.is_success());
    assert_eq!(listed, failures.map(Outcome::word).collect());
}

#[test]
fn every_message_is_under_the_heading_of_its_outcome() {
    let said = said();
    let mut checked = 0;
    for Section {
        title,
        outcomes,
        messages,
    } in sections()
    {
        for message in messages {
            for (text, outcome) in said.iter().filter(|(text, _)| text.contains(message)) {
                assert!(
                    outcomes.contains(outcome.word()),
                    "`{message}` is under \u{201c}{title}\u{201d}, but \u{201c}{text}\u{201d} is {}",
                    outcome.word()
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "{checked}");
}
