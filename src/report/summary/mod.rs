//! The job's summary. The first line shows what is live; then come what failed, what to do, and the facts.

mod facts;
mod findings;
mod format;
mod gantt;
mod health;
mod notes;
mod short;
mod steps;

pub(super) use facts::facts;
pub use findings::{invalid_summary, BadInput};
pub(super) use notes::warnings;
pub use short::listing_summary;
pub(super) use steps::table as steps;

use super::causes::{causes, findings as findings_of, program_outputs, Cause};
use super::evidence::Evidence;
use super::markdown::{self, prose, Document};
use super::texts::{self, title};
use super::{Job, Mark, Report};
use crate::protocol::{End, Outcome, Step};
use crate::text::excerpt::lines;
use crate::text::Redactor;
use format::{quoted, MOST, MOST_OF_PART};

/// The summary of a run; empty if it has not ended.
#[must_use]
pub fn summary(report: &Report, job: &Job, redactor: &Redactor) -> String {
    let Some(end) = &report.end else {
        return String::new();
    };
    let mut page = Document::new(redactor, MOST, MOST_OF_PART);
    let evidence = Evidence {
        report,
        end,
        redactor,
    };
    page.add(&heading(report, end, redactor));
    if !end.outcome.is_success() {
        page.add(&what_to_do(&evidence));
    }
    page.add(&facts(report, end, job, redactor));
    page.add(&steps(report, redactor));
    page.add(&gantt::gantt(&report.steps));
    page.add(&health::table(report, redactor));
    page.add(&notes::notes(report, redactor));
    if !end.outcome.is_success() {
        diagnostics(&evidence, &mut page);
    }
    page.finish()
}

/// The outcome and what is live now, in one line; more follows in a second one.
pub(super) fn heading(report: &Report, end: &End, redactor: &Redactor) -> String {
    let (short, more) = texts::now(end, &report.facts.place).split_at(&[": ", "; "]);
    let more = more
        .map(|more| format!("**{}**\n", prose(&more, redactor)))
        .unwrap_or_default();
    let line = prose(&short, redactor);
    format!(
        "## {} {} – {line}\n\n{more}",
        sign(end.outcome),
        title(end.outcome)
    )
}

/// A symbol for the outcome.
fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Deployed | Outcome::Restored => "✅",
        Outcome::RolledBack => "↩️",
        Outcome::RollbackFailed => "🚨",
        Outcome::Unknown => "❔",
        Outcome::Busy => "⏳",
        Outcome::Cancelled => "⏹️",
        Outcome::Error
        | Outcome::Invalid
        | Outcome::Unreachable
        | Outcome::NotReady
        | Outcome::Failed => "❌",
    }
}

/// Causes, each with the lines that show why, and hints.
pub(super) fn what_to_do(evidence: &Evidence<'_>) -> String {
    let redactor = evidence.redactor;
    if let Some(found) = findings_of(evidence.end) {
        return findings::numbered(found, &evidence.report.facts.place, redactor);
    }
    let one = |cause: Cause| {
        let what = prose(&cause.what, redactor);
        let why = quoted(&evidence.of_release(&cause.what.to_string()));
        let hint = markdown::hint(&cause.hint, redactor);
        format!("{what}\n\n{why}{hint}")
    };
    let causes: String = causes(evidence.end, &evidence.report.facts.place)
        .into_iter()
        .map(one)
        .collect();
    quoted(&evidence.of_rollback()) + &causes
}

/// Output of programs that the evidence does not show as a whole, and diagnostics.
pub(super) fn diagnostics(evidence: &Evidence<'_>, page: &mut Document<'_>) {
    let &Evidence {
        report,
        end,
        redactor,
    } = evidence;
    let shown = &report.diagnostics;
    let what = texts::what_happened(end).unwrap_or_default();
    let outputs = program_outputs(end).into_iter();
    let outputs: Vec<Vec<String>> = outputs
        .map(|output| redactor.foreign(&lines(output)))
        .filter(|lines| !evidence.has(lines, &what))
        .collect();
    let unfinished = report
        .steps
        .iter()
        .filter(|step| !matches!(step.mark, Some(Mark::Done) | None));
    let printed: Vec<(Step, Vec<String>)> = unfinished
        .map(|run| {
            let lines: Vec<String> = run.output.last.iter().cloned().collect();
            (run.step, redactor.foreign(&lines))
        })
        .filter(|(_, lines): &(Step, Vec<String>)| !evidence.has(lines, &what))
        .collect();
    if outputs.is_empty() && printed.is_empty() && shown.is_empty() {
        return;
    }
    page.add("### Output and diagnostics");
    for output in outputs {
        page.folded_lines("program output", &output);
    }
    for (step, lines) in printed {
        page.folded_lines(&format!("last lines of {step}"), &lines);
    }
    for diagnostic in shown {
        page.folded(&diagnostic.title, &diagnostic.text);
    }
}
