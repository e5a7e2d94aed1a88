//! The samples are complete.

use super::*;
use crate::protocol::{ConnectionKind, Hop, KeyState, Outcome, Reason, RunError, RunEvent};
use crate::report::{summary, Job, Report};
use crate::text::Redactor;
use serde::de::DeserializeOwned;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// The variants that `samples` do not have. serde lists all variants if it gets an unknown one.
fn forgotten<T: Serialize + DeserializeOwned>(samples: impl IntoIterator<Item = T>) -> Vec<String> {
    let error = serde_json::from_str::<T>("\"?\"")
        .err()
        .unwrap()
        .to_string();
    // unknown variant `?`, expected one of `Connect`, `Lock`, …
    let variants: BTreeSet<String> = error
        .split('`')
        .skip(3)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    assert!(variants.len() > 1, "{error}");
    let seen: BTreeSet<String> = samples.into_iter().map(variant).collect();
    variants.difference(&seen).cloned().collect()
}

fn variant(sample: impl Serialize) -> String {
    match serde_json::to_value(sample).unwrap() {
        Value::String(name) => name,
        Value::Object(fields) => fields.into_iter().next().unwrap().0,
        other => panic!("{other} is no variant"),
    }
}

#[test]
fn no_kind_of_event_is_forgotten() {
    let none: [String; 0] = [];
    assert_eq!(forgotten(STEPS), none);
    assert_eq!(forgotten(reasons()), none);
    assert_eq!(forgotten(answers()), none);
    assert_eq!(forgotten(findings()), none);
    assert_eq!(forgotten(warnings()), none);
    assert_eq!(forgotten(notices()), none);
    assert_eq!(forgotten(run_errors()), none);
    let outcomes = ends().into_iter().map(|end| end.outcome);
    // it neither travels nor is kept
    let outcomes = outcomes.filter(|outcome| *outcome != Outcome::Done);
    assert_eq!(forgotten(outcomes), none);
}

#[test]
fn no_kind_inside_of_an_event_is_forgotten() {
    let none: [String; 0] = [];
    let endings = |reason| {
        if let Reason::Command { ending, .. } = reason {
            Some(ending)
        } else {
            None
        }
    };
    assert_eq!(forgotten(reasons().into_iter().filter_map(endings)), none);
    let io = |reason| {
        if let Reason::Io { kind, .. } = reason {
            Some(kind)
        } else {
            None
        }
    };
    assert_eq!(forgotten(reasons().into_iter().filter_map(io)), none);
    let connections = || run_errors().into_iter().filter_map(connection);
    assert_eq!(forgotten(connections().map(|(kind, _, _)| kind)), none);
    assert_eq!(forgotten(connections().map(|(_, hop, _)| hop)), none);
    assert_eq!(
        forgotten(connections().filter_map(|(_, _, state)| state)),
        none
    );
}

fn connection(error: RunError) -> Option<(ConnectionKind, Hop, Option<KeyState>)> {
    match error {
        RunError::Connection {
            kind, hop, offered, ..
        } => Some((kind, hop, offered.map(|key| key.state))),
        _ => None,
    }
}

#[test]
fn no_line_is_both_in_the_sentence_and_in_the_box() {
    let mut boxes = 0;
    for error in run_errors() {
        let mut report = Report::default();
        report.on(&RunEvent::Planned(Box::new(planned())));
        let end = by_error(error.outcome_before_switch(), Some(error));
        report.on(&RunEvent::Ended(Box::new(end)));
        let page = summary(&report, &Job::default(), &Redactor::default());
        let Some((before, rest)) = page.split_once("\n```text\n") else {
            continue;
        };
        let sentence = before.lines().rfind(|line| !line.is_empty()).unwrap();
        let (shown, _) = rest.split_once("\n```\n").unwrap();
        for line in shown.lines() {
            assert!(!sentence.contains(line), "{line}: {page}");
            boxes += 1;
        }
    }
    assert!(boxes > 5, "{boxes}");
}
