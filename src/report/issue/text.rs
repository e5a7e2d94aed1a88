//! The issue's texts: like the summary, but for someone who reads them later and has not seen the run.

use super::quiet::quiet;
use super::types::IssueText;
use crate::protocol::{End, Outcome, Step, Task, Verdict};
use crate::report::hints::{self, Hint};
use crate::report::markdown::{self, Document};
use crate::report::place::shell;
use crate::report::summary::View;
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
    let view = View {
        report,
        end,
        job,
        redactor,
    };
    let comment = match end.outcome.is_success() {
        true => success(&view),
        false => failure(&view),
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
        others: _,
        scope: _,
        unit_files: _,
        user: _,
        restart: _,
        answered: _,
        commits: _,
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

fn success(view: &View<'_>) -> String {
    let mut page = Document::new(view.redactor, MOST, MOST_OF_PART);
    page.add(&summary::heading(view));
    page.add(&found(view));
    page.add(&summary::success(view));
    page.add(&summary::links(view, Vec::new()));
    page.finish()
}

fn failure(view: &View<'_>) -> String {
    let View {
        report, redactor, ..
    } = *view;
    let mut page = Document::new(redactor, MOST, MOST_OF_PART);
    page.add(&summary::heading(view));
    page.add(&found(view));
    summary::failure(view, &mut page);
    page.add(&summary::compare(view));
    page.add(&summary::links(view, Vec::new()));
    page.fold("How to reproduce", &[reproduce(view)]);
    summary::output(view, &mut page);
    summary::times(view, &mut page);
    summary::server(view, &mut page);
    let place = &report.facts.place;
    page.add(&summary::warnings(&report.warnings, place, redactor));
    page.finish()
}

/// How earlier runs ended that did not see the result.
fn found(view: &View<'_>) -> String {
    let one = |verdict: &Verdict| {
        let text = texts::found(verdict);
        format!("- {}\n", markdown::foreign(&text, view.redactor))
    };
    view.report.recovered.iter().take(FOUND).map(one).collect()
}

/// How to see the failure again without touching the server, and where the failed release is.
fn reproduce(view: &View<'_>) -> String {
    let View {
        report,
        end,
        job,
        redactor,
    } = *view;
    let place = &report.facts.place;
    let hint = again(report, end, job)
        .into_iter()
        .chain(kept(place, end))
        .reduce(Hint::then);
    hint.map_or_else(String::new, |hint| markdown::hint(&hint, redactor))
}

/// `None`: it did not fail because of what is in the commit.
fn again(report: &Report, end: &End, job: &Job) -> Option<Hint> {
    let failure = end.verdict.as_ref()?.failure.as_ref()?;
    let is_deployment = report.facts.task == Task::Deploy;
    let commit = job.commit.as_ref().filter(|_| is_deployment)?;
    let place = &report.facts.place.about(failure);
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
