//! What can wait: output and logs, the steps with their times, the server.

use super::view::View;
use super::{gantt, health, steps};
use crate::protocol::{Diagnostic, DiagnosticOrigin, Step};
use crate::report::causes::program_outputs;
use crate::report::evidence::{has, is_status};
use crate::report::markdown::{Document, Part};
use crate::report::{count, duration, texts, Mark};
use crate::text::excerpt::lines;
use std::time::Duration;

/// Output of programs that the evidence does not show as a whole, and the log of the failed start.
pub(in crate::report) fn output(view: &View<'_>, page: &mut Document<'_>) {
    let (end, redactor, evidence) = (view.end, view.redactor, view.evidence().all());
    let what = texts::what_happened(end).unwrap_or_default();
    let outputs = program_outputs(end).into_iter();
    let outputs = outputs.map(|it| part("program output", redactor.foreign(&lines(it))));
    let is_unfinished = |mark: Option<Mark>| !matches!(mark, Some(Mark::Done) | None);
    let unfinished = view
        .report
        .steps
        .iter()
        .filter(|run| is_unfinished(run.mark));
    let printed = unfinished.map(|run| {
        let lines: Vec<String> = run.output.last.iter().cloned().collect();
        part(
            &format!("last lines of {}", run.step),
            redactor.foreign(&lines),
        )
    });
    let parts: Vec<Part> = outputs
        .chain(printed)
        .chain(diagnostics(view, |it| it != DiagnosticOrigin::System))
        .filter(|part| !has(&evidence, &part.lines, &what))
        .collect();
    let is_log = |it: &Diagnostic| it.origin == DiagnosticOrigin::Log;
    let before = match view.report.diagnostics.iter().any(is_log) {
        true => "Failed start: ",
        false => "Output: ",
    };
    page.folded_parts(before, &parts);
}

/// The steps, their times, and the answers of the health check.
pub(in crate::report) fn times(view: &View<'_>, page: &mut Document<'_>) {
    let all = &view.report.steps;
    if all.iter().all(|run| run.took.is_none()) {
        return;
    }
    let rollback = all.iter().rfind(|run| run.step == Step::RollBack);
    let rollback = rollback.and_then(|run| run.took);
    let sum: Duration = all.iter().filter_map(|run| run.took).sum();
    let before = duration(sum.saturating_sub(rollback.unwrap_or_default()));
    let title = match rollback {
        Some(took) => format!(
            "Steps and times: {before}, then rollback {}",
            duration(took)
        ),
        None => format!("Steps and times: {before}"),
    };
    let parts = [
        steps::table(view.report, view.redactor),
        health::list(view.report, view.redactor),
        gantt::gantt(all),
    ];
    page.fold(&title, &parts);
}

/// The state of the server when the release failed.
pub(in crate::report) fn server(view: &View<'_>, page: &mut Document<'_>) {
    let parts = diagnostics(view, |it| it == DiagnosticOrigin::System);
    page.folded_parts("The server: ", &parts);
}

fn diagnostics(view: &View<'_>, which: impl Fn(DiagnosticOrigin) -> bool) -> Vec<Part> {
    let all = view.report.diagnostics.iter().filter(|it| which(it.origin));
    all.map(|it| part(&it.title, view.redactor.foreign(&lines(&it.text))))
        .collect()
}

/// Its title is shorter than its caption.
fn part(caption: &str, lines: Vec<String>) -> Part {
    let counted = |what: &str| format!("{what} ({})", count(lines.len() as u64, "line"));
    let first = |end: &str| caption.split(end).next().unwrap_or_default();
    let title = match caption {
        "releases, newest first" => "releases".to_owned(),
        "df -h" => "disk".to_owned(),
        "uname -a" => "kernel".to_owned(),
        _ if is_status(caption) => "status".to_owned(),
        _ if caption.starts_with("health response") => counted("health response"),
        _ => counted(first(", this start")),
    };
    Part {
        title,
        caption: caption.to_owned(),
        lines,
    }
}
