//! The issue's texts: like the summary, but for someone who reads them later and has not seen the run.

use super::quiet::quiet;
use super::types::IssueText;
use crate::protocol::{End, Outcome, Step, Task, Verdict};
use crate::report::evidence::Evidence;
use crate::report::hints::{self, Hint};
use crate::report::markdown::{self, Document};
use crate::report::place::shell;
use crate::report::{summary, texts, Job, Place, RawLogs, Report};
use crate::text::excerpt::{one_line, truncate};
use crate::text::{Prose, Redactor};
use sha2::{Digest as _, Sha256};

/// GitHub takes 65,536 characters. In bytes, which are never fewer.
const MOST: usize = 59_000;
const MOST_OF_PART: usize = 16_000;
/// The most earlier runs that are reported; an honest server reports one.
const FOUND: usize = 3;
/// GitHub takes 256 characters.
const TITLE: usize = 200;

/// The texts about how this run ended and what it found about earlier runs; `None` if it has not ended.
#[must_use]
pub fn issue_text(
    report: &Report,
    job: &Job,
    logs: RawLogs,
    redactor: &Redactor,
) -> Option<IssueText> {
    let marker = marker(&report.facts.place);
    let quiet = (logs == RawLogs::Hide).then(|| {
        let host = &report.facts.place.host;
        // a single word may be one of ours
        let redactor = match host.contains(['.', ':']) {
            true => redactor.clone().hiding_name(host),
            false => redactor.clone(),
        };
        (quiet(report), redactor)
    });
    let (report, redactor) = match &quiet {
        Some((report, redactor)) => (report, redactor),
        None => (report, redactor),
    };
    let end = report.end.as_ref()?;
    let place = &report.facts.place;
    let comment = match end.outcome.is_success() {
        true => success(report, end, job, redactor),
        false => failure(report, end, job, redactor),
    };
    Some(IssueText {
        title: title(place, redactor),
        body: format!("{marker}\n\n{comment}"),
        marker,
        comment,
    })
}

/// Identifies the server and service without naming them.
fn marker(place: &Place) -> String {
    let Place {
        host,
        port,
        target,
        service,
        user: _,
        restart: _,
        answered: _,
        before_switch: _,
        health: _,
        shared: _,
        start: _,
        about_now: _,
        finished_by: _,
    } = place;
    let digest = Sha256::digest(format!(
        "{host}\0{port}\0{target}\0{}",
        service.as_deref().unwrap_or_default()
    ));
    let hex: String = digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("<!-- deploy-action {hex} -->")
}

fn title(place: &Place, redactor: &Redactor) -> String {
    let title = format!("Deployment of {} failed", place.subject());
    truncate(&redactor.redact(&one_line(title)), TITLE)
}

fn success(report: &Report, end: &End, job: &Job, redactor: &Redactor) -> String {
    let mut page = Document::new(redactor, MOST, MOST_OF_PART);
    page.add(&summary::heading(report, end, redactor));
    page.add(&found(report, redactor));
    page.add(&summary::facts(report, end, job, redactor));
    page.finish()
}

fn failure(report: &Report, end: &End, job: &Job, redactor: &Redactor) -> String {
    let evidence = Evidence {
        report,
        end,
        redactor,
    };
    let mut page = Document::new(redactor, MOST, MOST_OF_PART);
    page.add(&summary::heading(report, end, redactor));
    page.add(&found(report, redactor));
    page.add(&format!(
        "### What happened and what to do\n\n{}",
        summary::what_to_do(&evidence)
    ));
    page.add(&summary::facts(report, end, job, redactor));
    let warnings = summary::warnings(&report.warnings, &report.facts.place, redactor);
    page.add(&warnings);
    page.add(&reproduce(report, end, job, redactor));
    page.add(&summary::steps(report, redactor));
    summary::diagnostics(&evidence, &mut page);
    page.finish()
}

/// How earlier runs ended that did not see the result.
fn found(report: &Report, redactor: &Redactor) -> String {
    let one = |verdict: &Verdict| {
        let text = texts::found(verdict);
        format!("- {}\n", markdown::foreign(&text, redactor))
    };
    report.recovered.iter().take(FOUND).map(one).collect()
}

/// How to see the failure again without touching the server, and where the failed release is.
fn reproduce(report: &Report, end: &End, job: &Job, redactor: &Redactor) -> String {
    let place = &report.facts.place;
    let hint = again(report, end, job)
        .into_iter()
        .chain(kept(place, end))
        .reduce(Hint::then);
    match hint {
        Some(hint) => format!(
            "### How to reproduce\n\n{}",
            markdown::hint(&hint, redactor)
        ),
        None => String::new(),
    }
}

/// `None`: it did not fail because of what is in the commit.
fn again(report: &Report, end: &End, job: &Job) -> Option<Hint> {
    let failure = end.verdict.as_ref()?.failure.as_ref()?;
    let is_deployment = report.facts.task == Task::Deploy;
    let commit = job.commit.as_ref().filter(|_| is_deployment)?;
    let place = &report.facts.place;
    let mut commands = vec![format!("git checkout {}", shell(commit))];
    let text = match failure.step {
        Step::Install => {
            "on another machine, check out the commit and run the commands of the input `install`:"
        }
        Step::BeforeSwitch => {
            "on another machine, with a copy of the data, check out the commit and run the commands of the input \
             `before-switch`:"
        }
        Step::Restart | Step::Verify if place.service.is_some() => {
            let show = place.of_unit("systemctl show -p ExecStart --value");
            commands.extend(show.iter().map(|show| format!("{} {}", place.ssh(), shell(show))));
            "on another machine or a staging server, check out the commit and start it with the unit's command, which the \
             second line shows:"
        }
        Step::Restart | Step::Verify => {
            "on another machine or a staging server, check out the commit and start it:"
        }
        _ => return None,
    };
    Some(hints::steps(text, &commands))
}

/// Where the failed release is, if there is one.
fn kept(place: &Place, end: &End) -> Option<Hint> {
    let verdict = end.verdict.as_ref();
    let verdict = verdict.filter(|it| it.switched && it.outcome != Outcome::Unknown)?;
    let folder = place.below(&format!("releases/{}", verdict.release.as_ref()?));
    let text = Prose::of(
        "the failed release stays on {} until the next successful deployment:",
        [&place.host],
    );
    Some(hints::steps(text, &[format!("ls -la {folder}")]))
}
