//! The summary's table of steps.

use super::format::took;
use crate::report::markdown::{self, cell};
use crate::report::{Mark, Report, StepRun};
use crate::text::Redactor;

/// The most steps; a hostile server could send any number.
const MOST: usize = 100;

/// The steps and how long they took.
pub(in crate::report) fn table(report: &Report, redactor: &Redactor) -> String {
    if report.steps.is_empty() {
        return String::new();
    }
    let row = |run: &StepRun| {
        let took = run.took.map(took).unwrap_or_default();
        [
            mark(run.mark).to_owned(),
            run.step.to_string(),
            took,
            note(run, redactor),
        ]
    };
    let rows = report.steps.iter().take(MOST).map(row);
    format!(
        "### Steps\n\n{}",
        markdown::table(["", "step", "duration", ""], rows)
    )
}

fn note(run: &StepRun, redactor: &Redactor) -> String {
    let how = match run.mark {
        Some(Mark::Done) => None,
        Some(Mark::Failed) => Some("failed"),
        Some(Mark::Cancelled) => Some("cancelled"),
        Some(Mark::Unfinished) | None => Some("result unknown"),
    };
    let health = match run.mark {
        Some(Mark::Failed) => run.failed_health(),
        _ => run.health(),
    };
    let health = health.map(|last| format!("health {last}"));
    let parts = [how.map(str::to_owned), run.note.clone(), health];
    cell(
        &parts.into_iter().flatten().collect::<Vec<_>>().join(": "),
        redactor,
    )
}

fn mark(mark: Option<Mark>) -> &'static str {
    match mark {
        Some(Mark::Done) => "✅",
        Some(Mark::Failed) => "❌",
        Some(Mark::Cancelled) => "⏹️",
        Some(Mark::Unfinished) | None => "❔",
    }
}
