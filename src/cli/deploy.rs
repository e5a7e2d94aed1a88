//! The commands `deploy` and `rollback`.

use super::issue::{self, IssueUpdate};
use super::outputs::{finish, note, write};
use super::part::{deadline_in, deadline_of, FirstStep, RunPart};
use super::print::{Console, Printer};
use super::start::{announced, no_start, runtime};
use super::{plan, screen, summary};
use crate::actions::Context;
use crate::github::IssueResult;
use crate::protocol::{End, Event, RunError, RunEvent, What};
use crate::report::{self, Activity, Facts, Log, Page, Place};
use crate::runner;
use crate::settings::Settings;
use crate::text::Redactor;
use std::process::ExitCode;
use std::time::Instant;

/// Runs one of these commands, or follows it, and reports how it ended.
/// `odd` is what is odd about the inputs.
pub(super) fn deploy(
    part: &RunPart,
    settings: &Settings,
    odd: Vec<String>,
    console: &Console<'_>,
) -> ExitCode {
    let ended = run(part, settings, odd, console);
    if let Some(first) = part.reported() {
        return update_issue(first, settings, console, &ended);
    }
    match part.reported_by().is_here(&ended.end) {
        true => report_here(part, settings, console, &ended),
        false => hand_over(console, &ended),
    }
    ExitCode::from(ended.end.outcome.code())
}

/// Runs or follows it, and prints its log but the last line.
fn run(part: &RunPart, settings: &Settings, odd: Vec<String>, console: &Console<'_>) -> Ended {
    let Console {
        context,
        page,
        printer,
        redactor,
    } = *console;
    let log = Log::new(page).hiding(redactor.clone()).warning_of(odd);
    let mut log = log
        .reported_by(part.reported_by())
        .knowing(known(part, settings));
    let started = Instant::now();
    let mut last = None;
    let mut emit = |event: RunEvent| {
        let event = match event {
            RunEvent::Ended(end) => RunEvent::Ended(Box::new(part.corrected(*end))),
            event => event,
        };
        if *part == RunPart::First {
            keep(&event, redactor);
        }
        let mut lines = log.on(&event);
        if matches!(event, RunEvent::Ended(_)) {
            last = lines.pop();
        }
        for line in lines {
            printer.line(&line);
        }
        screen::activity(Activity::now(log.report()));
    };
    let end = run_part(part, settings, context, &mut emit).unwrap_or_else(|error| {
        let end = no_start(error, started);
        emit(RunEvent::Ended(Box::new(end.clone())));
        end
    });
    // as it was shown
    let end = log.report().end.clone().unwrap_or(end);
    let last = last.unwrap_or_default();
    Ended { end, log, last }
}

/// What is known before anything is planned.
fn known(part: &RunPart, settings: &Settings) -> Facts {
    let facts = part.facts();
    let place = Place {
        finished_by: facts.place.finished_by,
        ..plan::place(settings)
    };
    Facts { place, ..facts }
}

/// Writes what the next step must know if this one is killed.
fn keep(event: &RunEvent, redactor: &Redactor) {
    let RunEvent::Server(Event {
        what:
            What::PointOfNoReturn {
                release,
                previous,
                deadline,
                ..
            },
        ..
    }) = event
    else {
        return;
    };
    // what was taken over may have any name
    let id = |id: &dyn ToString| redactor.redact(&id.to_string());
    let previous = previous.as_ref().map(|it| id(it)).unwrap_or_default();
    note(&[
        ("release", id(release)),
        ("previous-release", previous),
        deadline_in(*deadline),
    ]);
}

/// A run that has ended, and the last line of its log, which says what is live.
struct Ended {
    end: End,
    log: Log,
    last: String,
}

/// The next step reports it; if there is none, the outputs are what is known.
fn hand_over(console: &Console<'_>, ended: &Ended) {
    console.printer.line(&ended.last);
    let mut outputs = report::outputs(&ended.end, ended.log.facts(), console.redactor);
    outputs.extend(deadline_of(&ended.end));
    write(&outputs, console.page, console.printer);
}

/// Writes the summary, the outputs and the issue.
fn report_here(part: &RunPart, settings: &Settings, console: &Console<'_>, ended: &Ended) {
    let Console {
        context,
        page,
        printer,
        redactor,
    } = *console;
    let Ended { end, log, last } = ended;
    // before the issue, so that they exist even if the job is cancelled meanwhile
    summary::of_run(log, console);
    write(&part.outputs_of(end, log.facts(), redactor), page, printer);
    let update = issue::update(settings, context, log.report(), redactor);
    let outputs = report_issue(&update.result, redactor, page, printer);
    // the last line of the log must be the one that says what is live
    printer.line(last);
    let verdict = end.verdict.as_ref();
    let is_known = verdict.is_some_and(|verdict| verdict.switched);
    if *part == RunPart::First && is_known && update.was_interrupted() {
        // not finished: the second step gets the verdict from the server and updates the issue
        write(&outputs, page, printer);
    } else {
        summary::write(&update.line(redactor), page, printer);
        finish(&outputs, end.outcome, page, printer);
    }
}

/// The first step has reported everything but the issue.
fn update_issue(
    first: &FirstStep,
    settings: &Settings,
    console: &Console<'_>,
    ended: &Ended,
) -> ExitCode {
    let Console {
        context,
        page,
        printer,
        redactor,
    } = *console;
    let Ended { end, log, last } = ended;
    let outcome = first.reported().unwrap_or(end.outcome);
    let (update, mut outputs) = match end.verdict {
        Some(_) => (
            issue::update(settings, context, log.report(), redactor),
            report::outputs(end, log.facts(), redactor),
        ),
        None => (
            IssueUpdate::missed(outcome, settings.issue.opens),
            Vec::new(),
        ),
    };
    outputs.extend(report_issue(&update.result, redactor, page, printer));
    printer.line(last);
    summary::write(&update.line(redactor), page, printer);
    finish(&outputs, outcome, page, printer);
    ExitCode::from(outcome.code())
}

/// Reports what was done with the issue, and returns the outputs.
fn report_issue(
    result: &IssueResult,
    redactor: &Redactor,
    page: Page,
    printer: Printer,
) -> Vec<(&'static str, String)> {
    for warning in &result.warnings {
        printer.warning(page, &redactor.redact(warning));
    }
    let Some(issue) = &result.issue else {
        return Vec::new();
    };
    let url = issue::shown_url(&issue.url, redactor);
    printer.line(&format!("issue: {url}"));
    vec![
        ("issue-url", url),
        ("issue-number", issue.number.to_string()),
    ]
}

fn run_part(
    part: &RunPart,
    settings: &Settings,
    context: &Context,
    emit: &mut dyn FnMut(RunEvent),
) -> Result<End, RunError> {
    match part {
        RunPart::Whole | RunPart::First => {
            let (transaction, runtime) = announced()?;
            let deployment = plan::deployment(settings, context, transaction);
            Ok(runtime.block_on(runner::deploy(deployment, emit)))
        }
        RunPart::Finish { transaction, .. } => {
            let deployment = plan::deployment(settings, context, transaction.clone());
            Ok(runtime()?.block_on(runner::finish(deployment, emit)))
        }
        RunPart::ReportCrash => Err(RunError::Killed { begun: false }),
    }
}
