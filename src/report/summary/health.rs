//! The answers of the health checks.

use super::format::took;
use crate::report::markdown::{self, cell};
use crate::report::{Answers, Report, StepRun};
use crate::text::Redactor;

/// The most rows: an app that keeps crashing changes its answer as often.
const MOST: usize = 50;

/// The answers of the health check, one row per change.
pub(in crate::report) fn table(report: &Report, redactor: &Redactor) -> String {
    let answered = report.steps.iter().filter(|run| !run.answers.is_empty());
    let rows: Vec<[String; 3]> = answered
        .flat_map(|run| run.answers.iter().map(|it| row(run, it, redactor)))
        .take(MOST)
        .collect();
    match rows.is_empty() {
        true => String::new(),
        false => markdown::table(["health check", "took", "answer"], rows),
    }
}

fn row(run: &StepRun, answers: &Answers, redactor: &Redactor) -> [String; 3] {
    let (first, last) = (answers.first, answers.last.number);
    let numbers = if first == last {
        format!("{} {first}", run.step)
    } else {
        format!("{} {first} – {last}", run.step)
    };
    let answer = cell(&answers.last.answer.to_string(), redactor);
    [numbers, took(answers.last.took), answer]
}
