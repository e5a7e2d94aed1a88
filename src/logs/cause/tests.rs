//! The corpus: logs of real programs, each with the cause that must be found.

use super::*;
use crate::logs::{Classifier, CrashReader, Found, Normaliser};
use proptest::proptest;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
struct Sample {
    name: String,
    #[serde(default)]
    kind: String,
    cause: Option<String>,
}

/// Their causes are not found: what they have in common with other logs would be wrong there.
const LIMITS: [&str; 4] = [
    "bun-build-syntax",
    "prefixed-processes",
    "prove-failing-test",
    "sidekiq-no-file",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs")
}

fn samples() -> Vec<Sample> {
    let read = |name: &str| -> Vec<Sample> {
        let text = fs::read(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let mut all = read("index-python-node.json");
    all.extend(read("index-others.json"));
    all
}

fn source(kind: &str) -> Source {
    match kind {
        "unit" => Source::Unit,
        "script" => Source::Script,
        other => panic!("{other}"),
    }
}

fn lines(name: &str) -> Vec<String> {
    let classifier = Classifier::new(None).unwrap();
    let text = fs::read(folder().join(format!("{name}.txt"))).unwrap();
    text.split(|byte| *byte == b'\n')
        .map(|line| classifier.plain(line))
        .collect()
}

#[test]
fn the_cause_of_every_sample_is_found() {
    let samples = samples();
    let mut wrong = Vec::new();
    for Sample { name, kind, cause } in &samples {
        let Some(cause) = cause else { continue };
        let lines = lines(name);
        let found = find(source(kind), lines.iter().map(String::as_str));
        let is_right = found
            .as_ref()
            .is_some_and(|found| found.text.contains(cause));
        if is_right == LIMITS.contains(&name.as_str()) {
            wrong.push(format!("{name}: {cause:?}\n   found {found:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong of {}\n{}",
        wrong.len(),
        samples.len(),
        wrong.join("\n")
    );
}

/// A healthy start: the log check must not fail it.
#[test]
fn no_crash_is_seen_in_a_benign_sample() {
    let (classifier, normaliser) = (Classifier::new(None).unwrap(), Normaliser::new().unwrap());
    let mut wrong = Vec::new();
    for Sample { name, kind, cause } in samples() {
        if cause.is_some() || source(&kind) == Source::Script {
            continue;
        }
        let lines: Vec<Vec<u8>> = lines(&name).into_iter().map(String::into_bytes).collect();
        for found in CrashReader::new(&classifier, &normaliser).read(&lines) {
            if let Found::Crash(crash) = found {
                let lines = String::from_utf8_lossy(&crash.lines.join(&b'\n')).into_owned();
                wrong.push(format!("{name}: {lines}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// `systemctl status` shows the last ten lines only.
#[test]
fn the_cause_is_found_in_the_last_ten_lines_if_it_is_there() {
    let mut wrong = Vec::new();
    let mut all = 0;
    for Sample { name, kind, cause } in samples() {
        let Some(cause) = cause.filter(|_| source(&kind) == Source::Unit) else {
            continue;
        };
        let lines = lines(&name);
        let lines: Vec<&str> = lines
            .iter()
            .map(String::as_str)
            .filter(|line| !line.is_empty())
            .collect();
        let last = &lines[lines.len().saturating_sub(10)..];
        if !last.iter().any(|line| line.contains(&cause)) {
            continue;
        }
        all += 1;
        let found = find(Source::Unit, last.iter().copied());
        let is_right = found
            .as_ref()
            .is_some_and(|found| found.text.contains(&cause));
        if !is_right && !LIMITS.contains(&name.as_str()) {
            wrong.push(format!("{name}: {cause:?}\n   found {found:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong of {all}\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

proptest! {
    /// Whatever a program prints.
    #[test]
    fn any_lines_can_be_read(
        lines in proptest::collection::vec("[ \\t|>a-zé:\\[\\]{}\"'#-]{0,12}(Error: |Traceback \\(most recent call last\\):|at |Caused by: |panicked at x:|goroutine 1 \\[x\\]:)?[ -~é]{0,20}", 0..12)
    ) {
        for source in [Source::Unit, Source::Script] {
            find(source, lines.iter().map(String::as_str));
        }
        let (classifier, normaliser) = (Classifier::new(None).unwrap(), Normaliser::new().unwrap());
        let bytes: Vec<Vec<u8>> = lines.into_iter().map(String::into_bytes).collect();
        CrashReader::new(&classifier, &normaliser).read(&bytes);
        crate::logs::digest(&bytes, Some("/"), 5);
    }
}
