//! The answers of the health checks.

use super::format::took;
use crate::report::markdown::foreign;
use crate::report::{Answers, Report, StepRun};
use crate::text::Redactor;

/// The most answers: an app that keeps crashing changes its answer as often.
const MOST: usize = 50;

/// The answers of the health check, one item per change. In a table, a long answer would not wrap.
pub(super) fn list(report: &Report, redactor: &Redactor) -> String {
    let answered = report.steps.iter().filter(|run| !run.answers.is_empty());
    let items: String = answered
        .flat_map(|run| run.answers.iter().map(|it| item(run, it, redactor)))
        .take(MOST)
        .collect();
    match items.is_empty() {
        true => items,
        false => format!("**Health checks**\n\n{items}"),
    }
}

fn item(run: &StepRun, answers: &Answers, redactor: &Redactor) -> String {
    let (first, last) = (answers.first, answers.last.number);
    let numbers = if first == last {
        format!("{} {first}", run.step)
    } else {
        format!("{} {first} – {last}", run.step)
    };
    let answer = foreign(&answers.last.answer.to_string(), redactor);
    format!("- {numbers}: {answer} ({})\n", took(answers.last.took))
}
