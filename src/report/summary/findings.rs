//! What must be fixed first, on the server or in the inputs: numbered, each with its evidence and what to do.

use super::format::{quoted, MOST, MOST_OF_PART};
use crate::protocol::{Finding, Outcome};
use crate::report::hints::finding as hint;
use crate::report::markdown::{self, foreign, link, prose, Document};
use crate::report::{texts, Place};
use crate::text::{Prose, Redactor};
use std::collections::BTreeSet;

/// Where the documents describe the inputs.
const INPUTS: &str = "https://github.com/diting/deploy-action/blob/main/docs/inputs.md#input-";

/// What is wrong with an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadInput {
    /// The input's name, or the flag's.
    pub name: String,
    /// Whether it is an input, which the documents describe.
    pub is_input: bool,
    /// The value as far as it may be shown.
    pub value: Option<String>,
    /// What is wrong; fits after the name.
    pub what: Prose,
    /// What to do.
    pub fix: Prose,
}

/// Findings of the check. No command is in them twice.
pub(super) fn numbered(found: &[Finding], place: &Place, redactor: &Redactor) -> Vec<String> {
    let mut shown = BTreeSet::new();
    let one = |(at, found): (usize, &Finding)| {
        let (title, evidence) = texts::finding_in_parts(found, place);
        let hint = hint(found, place).without(&mut shown);
        format!(
            "### {}. {}\n\n{}{}",
            at + 1,
            prose(&title, redactor),
            quoted(&redactor.foreign(&evidence)),
            markdown::what_to_do(&markdown::hint(&hint, redactor))
        )
    };
    found.iter().enumerate().map(one).collect()
}

/// For invalid inputs: nothing was contacted. `subject`: service and server, as far as they are known.
#[must_use]
pub fn invalid_summary(
    problems: &[BadInput],
    subject: Option<&str>,
    redactor: &Redactor,
) -> String {
    let mut page = Document::new(redactor, MOST, MOST_OF_PART);
    let subject = subject.map_or_else(String::new, |it| format!("{}: ", foreign(it, redactor)));
    page.add(&format!(
        "## ❌ {subject}invalid inputs – nothing was contacted\n\nThe server still runs what it ran before."
    ));
    for (at, problem) in problems.iter().enumerate() {
        page.add(&bad_input(at + 1, problem, redactor));
    }
    page.finish()
}

/// For an end without a page of its own.
#[must_use]
pub fn short_summary(outcome: Outcome, text: &Prose, redactor: &Redactor) -> String {
    format!("**{}:** {}\n", outcome.word(), prose(text, redactor))
}

fn bad_input(number: usize, problem: &BadInput, redactor: &Redactor) -> String {
    let BadInput {
        name,
        is_input,
        value,
        what,
        fix,
    } = problem;
    let label = markdown::code(name, redactor);
    let to = is_input.then(|| format!("{INPUTS}{name}"));
    let label = link(&label, to.as_deref());
    let value = value.iter().map(|value| format!("{name}: {value}"));
    let value: Vec<String> = value.collect();
    format!(
        "### {number}. {label} {}\n\n{}{}",
        prose(what, redactor),
        quoted(&redactor.lines(&value)),
        markdown::what_to_do(&prose(fix, redactor))
    )
}
