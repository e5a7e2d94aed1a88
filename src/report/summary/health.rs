//! The summary's table of health checks.

use super::format::took;
use crate::report::markdown::{self, cell};
use crate::report::{Answers, Report, StepRun};
use crate::text::Redactor;

/// The most rows: an app that keeps crashing changes its answer as often.
const MOST: usize = 50;

/// The answers of the health check, one row per change.
pub(in crate::report) fn table(report: &Report, redactor: &Redactor) -> String {
    let answered = report.steps.iter().filter(|run| !run.answers.is_empty());
    let rows: Vec<[String; 4]> = answered
        .flat_map(|run| run.answers.iter().map(|it| row(run, it, redactor)))
        .take(MOST)
        .collect();
    match rows.is_empty() {
        true => String::new(),
        false => format!(
            "### Health\n\n{}",
            markdown::table(["step", "attempts", "answer", "took"], rows)
        ),
    }
}

fn row(run: &StepRun, answers: &Answers, redactor: &Redactor) -> [String; 4] {
    let (first, last) = (answers.first, answers.last.number);
    let numbers = if first == last {
        first.to_string()
    } else {
        format!("{first} – {last}")
    };
    let answer = cell(&answers.last.answer.to_string(), redactor);
    [
        run.step.to_string(),
        numbers,
        answer,
        took(answers.last.took),
    ]
}
