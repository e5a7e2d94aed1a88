//! The commands `deploy` and `rollback`.

use super::outputs::{finish, write};
use super::part::RunPart;
use super::print::{Console, Printer};
use super::start::{announced, no_start, runtime};
use super::{issue, plan, screen, summary};
use crate::actions::Context;
use crate::github::IssueResult;
use crate::protocol::{End, Outcome, RunError, RunEvent};
use crate::report::{self, Activity, Log, Page};
use crate::runner;
use crate::settings::Settings;
use crate::text::{harmless, Redactor};
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
    let Console {
        context,
        page,
        printer,
        redactor,
    } = *console;
    let mut log = Log::new(page).hiding(redactor.clone()).warning_of(odd);
    let started = Instant::now();
    let mut last = None;
    let mut emit = |event: RunEvent| {
        let event = match event {
            RunEvent::Ended(end) => RunEvent::Ended(Box::new(part.corrected(*end))),
            event => event,
        };
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
    let end = part.corrected(end);
    // before the issue, so that they exist even if the job is cancelled meanwhile
    summary::of_run(&log, console);
    write(&report::outputs(&end, log.facts(), redactor), page, printer);
    let ended = Ended {
        end: &end,
        log: &log,
        last: &last.unwrap_or_default(),
    };
    finish_report(part, settings, console, &ended);
    ExitCode::from(end.outcome.code())
}

/// A run that has ended, and the last line of its log, which says what is live.
struct Ended<'a> {
    end: &'a End,
    log: &'a Log,
    last: &'a str,
}

/// Updates the issue and writes the last outputs.
fn finish_report(part: &RunPart, settings: &Settings, console: &Console<'_>, ended: &Ended<'_>) {
    let Console {
        context,
        page,
        printer,
        redactor,
    } = *console;
    // the second step sees the end of the transaction and has more time
    let has_second_step = context.is_actions && *part == RunPart::Whole;
    let result = match ended.end.outcome {
        Outcome::Unknown if has_second_step => IssueResult::default(),
        _ => issue::update(settings, context, ended.log.report(), redactor),
    };
    let outputs = report_issue(&result, redactor, page, printer);
    // the last line of the log must be the one that says what is live
    printer.line(ended.last);
    let verdict = ended.end.verdict.as_ref();
    let is_known = verdict.is_some_and(|verdict| verdict.switched);
    match has_second_step && is_known && issue::was_interrupted(&result) {
        // not finished: the second step gets the verdict from the server and updates the issue
        true => write(&outputs, page, printer),
        false => finish(&outputs, ended.end.outcome, page, printer),
    }
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
    let url = redactor.redact(&harmless(issue.url.as_bytes()));
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
        RunPart::Whole => {
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
