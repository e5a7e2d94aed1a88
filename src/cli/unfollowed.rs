//! The action's second step where it has nothing to follow, or cannot.

use super::part::RunPart;
use super::print::Console;
use super::{crash, outputs, summary};
use crate::protocol::Outcome;
use crate::report::{self, texts, Place};
use crate::settings::Problem;
use crate::text::Prose;
use std::process::ExitCode;

/// The first step could read the inputs. What it has begun goes on, so the outputs stay those that it left.
pub(super) fn unfollowed(
    part: &RunPart,
    problems: &[Problem],
    place: Place,
    console: &Console<'_>,
) -> ExitCode {
    let problems = problems.iter().map(ToString::to_string);
    let problems: Vec<String> = problems.map(|it| console.redactor.redact(&it)).collect();
    for problem in &problems {
        let text = format!("cannot follow the deployment: {problem}");
        console.printer.warning(console.page, &text);
    }
    let outcome = Outcome::Unknown;
    // otherwise the first step has written its page
    if part.reported().is_none() {
        let finished_by = part.facts().place.finished_by;
        let place = Place {
            finished_by,
            ..place
        };
        write(outcome, &texts::unfollowed(&problems, &place), console);
    }
    ExitCode::from(outcome.code())
}

/// Behind a listing that was killed.
pub(super) fn unlisted(part: &RunPart, console: &Console<'_>) -> ExitCode {
    let Console { page, printer, .. } = *console;
    let crashed = matches!(
        part,
        RunPart::ReportCrash | RunPart::Finish { crashed: true, .. }
    );
    if crashed {
        return crash::report_killed(part, page, printer);
    }
    let outcome = Outcome::Cancelled;
    write(outcome, &texts::unlisted(), console);
    let all = [("outcome", outcome.word().to_owned())];
    outputs::finish(&all, outcome, page, printer);
    ExitCode::SUCCESS
}

/// The only line of the log's end and of the page.
fn write(outcome: Outcome, text: &Prose, console: &Console<'_>) {
    let Console {
        page,
        printer,
        redactor,
        ..
    } = *console;
    let line = redactor.redact(&format!("{}: {text}", outcome.word()));
    printer.line(&line);
    summary::write(
        &report::short_summary(outcome, text, redactor),
        page,
        printer,
    );
}
