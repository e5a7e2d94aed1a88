//! The issue's texts: like the summary, but for someone who reads them later and has not seen the run.

use super::types::IssueText;
use crate::protocol::{
    Diagnostic, DiagnosticOrigin, End, Outcome, Reason, Step, Task, Verdict, Warning,
};
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
    let end = report.end.as_ref()?;
    let place = &report.facts.place;
    let marker = marker(place);
    let comment = match end.outcome.is_success() {
        true => success(report, end, job, logs, redactor),
        false => failure(report, end, job, logs, redactor),
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
    let what = place.service.as_ref().unwrap_or(&place.target);
    truncate(
        &redactor.redact(&one_line(format!(
            "Deployment of {what} to {} failed",
            place.host
        ))),
        TITLE,
    )
}

fn success(report: &Report, end: &End, job: &Job, logs: RawLogs, redactor: &Redactor) -> String {
    let mut page = Document::new(redactor, MOST, MOST_OF_PART);
    page.add(&summary::heading(report, end, redactor));
    page.add(&found(report, logs, redactor));
    page.add(&summary::facts(report, end, job, redactor));
    page.finish()
}

fn failure(report: &Report, end: &End, job: &Job, logs: RawLogs, redactor: &Redactor) -> String {
    let quiet = without_logs(end);
    let end = match logs {
        RawLogs::Show => end,
        RawLogs::Hide => &quiet,
    };
    let evidence = Evidence {
        report,
        end,
        logs,
        redactor,
    };
    let mut page = Document::new(redactor, MOST, MOST_OF_PART);
    page.add(&summary::heading(report, end, redactor));
    page.add(&found(report, logs, redactor));
    page.add(&format!(
        "### What happened and what to do\n\n{}",
        summary::what_to_do(&evidence)
    ));
    page.add(&summary::facts(report, end, job, redactor));
    page.add(&warnings(report, logs, redactor));
    page.add(&reproduce(report, end, job, redactor));
    page.add(&summary::steps(report, redactor));
    let shown: Vec<&Diagnostic> = report
        .diagnostics
        .iter()
        .filter(|it| is_shown(it, logs))
        .collect();
    summary::diagnostics(&evidence, &shown, &mut page);
    page.finish()
}

/// How earlier runs ended that did not see the result.
fn found(report: &Report, logs: RawLogs, redactor: &Redactor) -> String {
    let shown = |verdict: &Verdict| match logs {
        RawLogs::Show => texts::found(verdict),
        RawLogs::Hide => texts::found(&quiet(verdict)),
    };
    let one = |verdict: &Verdict| format!("- {}\n", markdown::foreign(&shown(verdict), redactor));
    report.recovered.iter().take(FOUND).map(one).collect()
}

fn warnings(report: &Report, logs: RawLogs, redactor: &Redactor) -> String {
    let shown: Vec<Warning> = match logs {
        RawLogs::Show => report.warnings.clone(),
        RawLogs::Hide => report.warnings.iter().map(quiet_warning).collect(),
    };
    summary::warnings(&shown, &report.facts.place, redactor)
}

/// The same warning without lines of the application's log.
fn quiet_warning(warning: &Warning) -> Warning {
    match warning {
        Warning::LoggedErrors(_) => Warning::LoggedErrors(Vec::new()),
        Warning::MaybeOldCrashes { read, user, .. } => Warning::MaybeOldCrashes {
            lines: Vec::new(),
            read: *read,
            user: user.clone(),
        },
        Warning::RollbackDoubt(reason) => Warning::RollbackDoubt(Box::new(quiet_reason(reason))),
        Warning::Leftover { .. }
        | Warning::DaemonReload
        | Warning::NotEnabled(_)
        | Warning::DiskNearlyFull(_)
        | Warning::LogNotChecked(_)
        | Warning::NoResetFailed { .. }
        | Warning::ListenerNotChecked(_)
        | Warning::ReleaseNotSeen(_)
        | Warning::OtherRelease(_)
        | Warning::DataLeftBehind(_)
        | Warning::OldUnhealthy(_) => warning.clone(),
    }
}

fn is_shown(diagnostic: &Diagnostic, logs: RawLogs) -> bool {
    logs == RawLogs::Show || diagnostic.origin == DiagnosticOrigin::System
}

/// The same end without output of the application.
fn without_logs(end: &End) -> End {
    End {
        verdict: end.verdict.as_ref().map(quiet),
        ..end.clone()
    }
}

/// The same verdict without lines of the application's log and without output of commands.
fn quiet(verdict: &Verdict) -> Verdict {
    let mut verdict = verdict.clone();
    for failure in [&mut verdict.failure, &mut verdict.rollback]
        .into_iter()
        .flatten()
    {
        failure.reason = quiet_reason(&failure.reason);
    }
    verdict
}

/// The same reason without them.
fn quiet_reason(reason: &Reason) -> Reason {
    let mut reason = reason.clone();
    match &mut reason {
        Reason::Log { lines } => lines.clear(),
        Reason::Command { output, .. } => output.clear(),
        _ => {}
    }
    if let Some(log_line) = reason.log_line_mut() {
        *log_line = None;
    }
    reason
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
