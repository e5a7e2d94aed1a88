//! The job's summary. The first line shows what is live; then come what failed, what to do, and the facts.

mod format;
mod gantt;
mod health;
mod short;
mod steps;

pub use short::{invalid_summary, listing_summary};
pub(super) use steps::table as steps;

use super::causes::{causes, program_outputs, Cause};
use super::markdown::{self, cell, code, foreign, link, prose, Document};
use super::texts::{self, title};
use super::{duration, Job, Mark, Place, RawLogs, Report, StepRun};
use crate::protocol::{Diagnostic, End, Outcome, ReleaseId, Task};
use crate::text::{Prose, Redactor};
use format::{MOST, MOST_OF_PART};

/// The most warnings and notices; a hostile server could send any number.
const NOTES: usize = 25;
/// Characters of a commit hash that are shown.
const COMMIT: usize = 7;

/// The summary of a run; empty if it has not ended.
#[must_use]
pub fn summary(report: &Report, job: &Job, redactor: &Redactor) -> String {
    let Some(end) = &report.end else {
        return String::new();
    };
    let mut page = Document::new(redactor, MOST, MOST_OF_PART);
    page.add(&heading(report, end, redactor));
    if !end.outcome.is_success() {
        page.add(&what_to_do(report, end, redactor));
    }
    page.add(&facts(report, end, job, redactor));
    page.add(&steps(report, redactor));
    page.add(&gantt::gantt(&report.steps));
    page.add(&health::table(report, redactor));
    page.add(&notes(report, redactor));
    if !end.outcome.is_success() {
        let shown: Vec<&Diagnostic> = report.diagnostics.iter().collect();
        diagnostics(report, end, &shown, RawLogs::Show, &mut page);
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

/// Causes and hints.
pub(super) fn what_to_do(report: &Report, end: &End, redactor: &Redactor) -> String {
    let one = |cause: Cause| {
        let what = prose(&cause.what, redactor);
        format!("{what}\n\n{}", markdown::hint(&cause.hint, redactor))
    };
    causes(end, &report.facts.place)
        .into_iter()
        .map(one)
        .collect()
}

/// A table row of names and links.
pub(super) fn facts(report: &Report, end: &End, job: &Job, redactor: &Redactor) -> String {
    let facts = &report.facts;
    let verdict = end.verdict.as_ref();
    let id = |id: &Option<ReleaseId>| {
        let name = id.as_ref().map(ReleaseId::to_string).unwrap_or_default();
        code(&name, redactor).replace('|', "¦")
    };
    let row = [
        cell(facts.place.service.as_deref().unwrap_or("–"), redactor),
        cell(&host(&facts.place), redactor),
        id(verdict.map_or(&facts.release, |verdict| &verdict.release)),
        commit(report, job, redactor),
        id(verdict.map_or(&facts.previous, |verdict| &verdict.previous)),
        cell(job.actor.as_deref().unwrap_or_default(), redactor),
        job.run
            .as_deref()
            .map_or("from the command line".to_owned(), |run| {
                link("run", Some(run))
            }),
        duration(end.took),
    ];
    markdown::table(
        [
            "service", "host", "release", "commit", "previous", "who", "run", "duration",
        ],
        [row],
    )
}

fn host(place: &Place) -> String {
    match place.port {
        22 => place.host.clone(),
        port => format!("{}, port {port}", place.host),
    }
}

/// Empty for a rollback: only the server knows the commit of an earlier release.
fn commit(report: &Report, job: &Job, redactor: &Redactor) -> String {
    let planned = report
        .planned
        .as_ref()
        .and_then(|planned| planned.commit.clone());
    match (&report.facts.task, planned.or_else(|| job.commit.clone())) {
        (Task::Deploy, Some(hash)) => {
            let changed = report
                .planned
                .as_ref()
                .is_some_and(|planned| planned.changed);
            let short: String = hash.chars().take(COMMIT).collect();
            let short = short + texts::changes(changed);
            let to = job
                .commit_link
                .as_deref()
                .filter(|_| job.commit.as_ref() == Some(&hash));
            link(&code(&short, redactor), to).replace('|', "¦")
        }
        _ => String::new(),
    }
}

/// Warnings, results of earlier runs, and notices.
fn notes(report: &Report, redactor: &Redactor) -> String {
    let found = report
        .recovered
        .iter()
        .map(|it| Prose::foreign(texts::found(it)));
    let warnings = report
        .warnings
        .iter()
        .map(texts::warning)
        .chain(found)
        .map(|text| format!("⚠️ {}", prose(&text, redactor)));
    let notices = report
        .notices
        .iter()
        .map(|it| foreign(&it.to_string(), redactor));
    let mut shown: Vec<String> = Vec::new();
    for text in warnings.chain(notices) {
        // a wait is repeated
        if !shown.contains(&text) && shown.len() < NOTES {
            shown.push(text);
        }
    }
    match shown.is_empty() {
        true => String::new(),
        false => format!(
            "### Worth knowing\n\n{}",
            shown
                .iter()
                .map(|text| format!("- {text}\n"))
                .collect::<String>()
        ),
    }
}

/// Output of programs, and diagnostics.
pub(super) fn diagnostics(
    report: &Report,
    end: &End,
    shown: &[&Diagnostic],
    logs: RawLogs,
    page: &mut Document<'_>,
) {
    let outputs = program_outputs(end);
    let unfinished = report
        .steps
        .iter()
        .filter(|step| !matches!(step.mark, Some(Mark::Done) | None));
    let printed = unfinished.filter(|step| !step.output.last.is_empty() && logs == RawLogs::Show);
    let printed: Vec<&StepRun> = printed.collect();
    if outputs.is_empty() && printed.is_empty() && shown.is_empty() {
        return;
    }
    page.add("### Output and diagnostics");
    for output in outputs {
        page.folded("program output", output);
    }
    for step in printed {
        let lines: Vec<String> = step
            .output
            .last
            .iter()
            .map(|line| page.redactor.redact(line))
            .collect();
        page.folded_lines(&format!("last lines of {}", step.step), &lines);
    }
    for diagnostic in shown {
        page.folded(&diagnostic.title, &diagnostic.text);
    }
}
