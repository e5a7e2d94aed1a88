//! What is reported if the program itself crashes: the outcome `error`, wherever that was. What kills the process itself,
//! such as a lack of memory, the action's second step reports.

use super::outputs::{finish, write};
use super::part::RunPart;
use super::print::{Console, Printer};
use super::summary;
use crate::actions::Context;
use crate::protocol::{Bug, End, Outcome, RunError, RunEvent};
use crate::report::{Log, Page, ReportedBy};
use crate::text::Redactor;
use std::io::{self, Write};
use std::panic::{catch_unwind, set_hook, AssertUnwindSafe, PanicHookInfo};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::OnceLock;
use std::time::Instant;

/// Where the first crash was.
static PLACE: OnceLock<String> = OnceLock::new();
/// The transaction is in the outputs, so the second step follows it.
static BEGUN: AtomicBool = AtomicBool::new(false);

/// From now on a crash names its place in the source, and not what it was about: that may be a secret.
pub(super) fn hide_details() {
    set_hook(Box::new(|crash: &PanicHookInfo<'_>| {
        let at = crash
            .location()
            .map(|at| format!("{}:{}", at.file(), at.line()));
        let at = at.unwrap_or_default();
        if writeln!(io::stderr(), "deploy-action crashed at {at}").is_err() {
            tracing::info!("nobody reads standard error");
        }
        // of several crashes, the first is the cause
        let _is_first = PLACE.set(at);
    }));
}

/// From now on the server may be asked for something.
pub(super) fn has_begun() {
    BEGUN.store(true, Ordering::Relaxed);
}

/// Runs the program. If it crashes, that is reported.
pub(super) fn reported(
    part: &RunPart,
    page: Page,
    printer: Printer,
    program: impl FnOnce() -> ExitCode,
) -> ExitCode {
    let started = Instant::now();
    catch_unwind(AssertUnwindSafe(program)).unwrap_or_else(|_| {
        let begun = BEGUN.load(Ordering::Relaxed) || matches!(part, RunPart::Finish { .. });
        let at = PLACE.get().cloned();
        let error = RunError::Bug(Bug::Crashed { at, begun });
        report(error, started, part, page, printer);
        ExitCode::from(Outcome::Error.code())
    })
}

/// Reports that the first step was killed before it began a transaction, or while it only listed releases.
pub(super) fn report_killed(part: &RunPart, page: Page, printer: Printer) -> ExitCode {
    let error = RunError::Killed { begun: false };
    report(error, Instant::now(), part, page, printer);
    ExitCode::from(Outcome::Error.code())
}

/// Reports an end without a run. Nothing of what the run knew is trusted any more. A transaction that may have been begun
/// is not finished: the second step follows it.
fn report(error: RunError, started: Instant, part: &RunPart, page: Page, printer: Printer) {
    let end = part.corrected(End {
        outcome: Outcome::Error,
        verdict: None,
        error: Some(error),
        took: started.elapsed(),
    });
    let by = part.reported_by();
    let mut log = Log::new(page).reported_by(by).knowing(part.facts());
    for line in log.on(&RunEvent::Ended(Box::new(end.clone()))) {
        printer.line(&line);
    }
    let context = Context::from_env();
    // nothing of the inputs is shown
    let redactor = &Redactor::default();
    let console = Console {
        context: &context,
        page,
        printer,
        redactor,
    };
    if by.is_here(&end) {
        summary::of_run(&log, &console);
    }
    let outputs = part.outputs_of(&end, log.facts(), redactor);
    match end.is_final() {
        _ if by == ReportedBy::PreviousStep => {}
        true => finish(&outputs, end.outcome, page, printer),
        false => write(&outputs, page, printer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Not a test itself: the process that crashes in the next test.
    #[test]
    #[ignore = "run by the next test"]
    fn crashes() {
        let Some(when) = std::env::var_os("CRASHES") else {
            return;
        };
        hide_details();
        let part = RunPart::take(&mut Vec::new()).unwrap().begun();
        reported(&part, Page::Actions, Printer, || {
            if when == "late" {
                has_begun();
            }
            let secret = String::from("hunter2");
            let _end = &secret[99..];
            ExitCode::SUCCESS
        });
    }

    /// The log of that process.
    fn crashed(variables: &[(&str, &str)]) -> String {
        let done = Command::new(std::env::current_exe().unwrap())
            .args([
                "--ignored",
                "--exact",
                "--nocapture",
                "cli::crash::tests::crashes",
            ])
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        String::from_utf8([done.stdout, done.stderr].concat()).unwrap()
    }

    #[test]
    fn a_crash_is_an_error_in_outputs_summary_and_annotation_and_tells_no_secret() {
        // only what the next step finishes is reported there
        for (when, next_step, finished, reported) in [
            ("early", "", true, true),
            ("late", "", false, true),
            ("early", "true", true, true),
            ("late", "true", false, false),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let (outputs, summary) = (folder.path().join("out"), folder.path().join("summary"));
            let log = crashed(&[
                ("CRASHES", when),
                ("DEPLOY_ACTION_HAS_NEXT_STEP", next_step),
                ("GITHUB_OUTPUT", outputs.to_str().unwrap()),
                ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap()),
            ]);
            let outputs = std::fs::read_to_string(outputs).unwrap();
            let summary = std::fs::read_to_string(summary).unwrap_or_default();
            assert_eq!(
                log.contains("::error title=Bug in deploy-action::"),
                reported,
                "{log}"
            );
            assert_eq!(log.contains("handed over to the next step"), !reported);
            assert!(log.contains("crashed at src/cli/crash.rs:"), "{log}");
            assert!(outputs.contains("\nerror\n"), "{outputs}");
            assert_eq!(outputs.contains("finished"), finished, "{outputs}");
            assert_eq!(summary.contains("it crashed at"), reported, "{summary}");
            assert!(![log, outputs, summary].concat().contains("hunter2"));
        }
    }

    #[test]
    fn a_step_that_cannot_write_outputs_hands_nothing_over() {
        let folder = tempfile::tempdir().unwrap();
        let summary = folder.path().join("summary");
        let log = crashed(&[
            ("CRASHES", "late"),
            ("DEPLOY_ACTION_HAS_NEXT_STEP", "true"),
            ("GITHUB_OUTPUT", "/dev/full"),
            ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap()),
        ]);
        assert!(
            log.contains("::error title=Bug in deploy-action::"),
            "{log}"
        );
        assert!(!log.contains("handed over"), "{log}");
        assert!(std::fs::read_to_string(summary)
            .unwrap()
            .contains("it crashed at"));
    }
}
