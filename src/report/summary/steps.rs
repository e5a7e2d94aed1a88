//! The table of steps.

use super::format::took;
use crate::report::markdown::{self, cell};
use crate::report::{Mark, Report, StepRun};
use crate::text::Redactor;
use std::time::Duration;

/// The most steps; a hostile server could send any number.
const MOST: usize = 100;
/// Shorter steps that succeeded share a row with their neighbours.
const SHORT: Duration = Duration::from_secs(1);

/// The steps and how long they took.
pub(in crate::report) fn table(report: &Report, redactor: &Redactor) -> String {
    let steps = &report.steps[..report.steps.len().min(MOST)];
    let both_short = |one: &StepRun, next: &StepRun| is_short(one) && is_short(next);
    let rows = steps.chunk_by(both_short).map(|steps| row(steps, redactor));
    markdown::table(["step", "duration", ""], rows)
}

fn is_short(run: &StepRun) -> bool {
    run.mark == Some(Mark::Done) && run.took.is_some_and(|took| took < SHORT)
}

fn row(steps: &[StepRun], redactor: &Redactor) -> [String; 3] {
    let name = match steps {
        [first, .., last] => format!("{} … {} ({} steps)", first.step, last.step, steps.len()),
        [only] => only.step.to_string(),
        [] => String::new(),
    };
    let sign = steps.first().map_or("", |run| sign(run.mark));
    let known = steps.iter().any(|run| run.took.is_some());
    let sum: Duration = steps.iter().filter_map(|run| run.took).sum();
    let notes = steps.iter().map(note).filter(|note| !note.is_empty());
    let notes = notes.collect::<Vec<_>>().join("; ");
    [
        format!("{sign} {name}"),
        if known { took(sum) } else { String::new() },
        cell(&notes, redactor),
    ]
}

fn note(run: &StepRun) -> String {
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
    parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
}

fn sign(mark: Option<Mark>) -> &'static str {
    match mark {
        Some(Mark::Done) => "✅",
        Some(Mark::Failed) => "❌",
        Some(Mark::Cancelled) => "⏹️",
        Some(Mark::Unfinished) | None => "❔",
    }
}
