//! The command line: inputs to a deployment, events to the log, the end to outputs and an exit code. Knows all.

mod colour;
mod issue;
mod plan;
mod print;
mod releases;
mod screen;
mod start;
mod summary;

use crate::actions::{Context, Outputs};
use crate::github::IssueResult;
use crate::protocol::{End, Outcome, RunError, RunEvent, TransactionId};
use crate::report::{self, Log, Page};
use crate::settings::{self, Command, Environment, Flags, Problem, Settings, Surroundings, INPUTS};
use crate::text::{commands, harmless, Redactor};
use crate::{runner, server};
use print::Printer;
use releases::Form;
use start::{announced, no_start, redactor, runtime};
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Instant;

/// The version and the hash of the sources that the program was built of: the same line on every CPU.
pub const VERSION: &str = concat!("deploy-action ", env!("CARGO_PKG_VERSION"));

fn version() -> String {
    let source = option_env!("DEPLOY_ACTION_SOURCE_HASH").unwrap_or("not a release build");
    format!("{VERSION} (source {source})")
}

/// The first argument of the step that comes after the one which deploys, and [`BEGUN`] what it is to follow.
const FINISH: &str = "finish";
const BEGUN: &str = "DEPLOY_ACTION_TRANSACTION";

/// What the process is there for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Errand {
    /// All of it.
    Whole,
    /// To follow a transaction that an earlier process began and did not see to its end.
    Finish(TransactionId),
}

impl Errand {
    /// Takes its word off the arguments; `None`: there is nothing to follow.
    fn of(arguments: &mut Vec<OsString>) -> Option<Self> {
        if arguments.first().is_none_or(|first| first != FINISH) {
            return Some(Self::Whole);
        }
        arguments.remove(0);
        let begun = std::env::var(BEGUN).ok()?;
        TransactionId::try_from(begun).ok().map(Self::Finish)
    }
}

/// Runs the program; `arguments` without its name. To be called before any thread exists: it takes inputs and tokens out
/// of the environment.
#[must_use]
pub fn run(mut arguments: Vec<OsString>) -> ExitCode {
    if arguments
        .first()
        .is_some_and(|first| first == server::SUBCOMMAND)
    {
        return serve(&arguments[1..]);
    }
    let environment = settings::take_environment(&INPUTS);
    let Some(errand) = Errand::of(&mut arguments) else {
        return ExitCode::SUCCESS;
    };
    let context = Context::from_env();
    let page = if context.is_actions {
        Page::Actions
    } else {
        Page::Terminal
    };
    screen::open(page);
    let printer = Printer;
    let flags = match Flags::parse(arguments, &INPUTS) {
        Ok(flags) => flags,
        Err(problems) => return refuse(&problems, page, printer),
    };
    if flags.help {
        printer.line(&settings::help());
    } else if flags.version {
        printer.line(&version());
    } else {
        return command(
            &errand,
            &environment,
            &flags,
            &Desk {
                context: &context,
                page,
                printer,
            },
        );
    }
    ExitCode::SUCCESS
}

fn serve(arguments: &[OsString]) -> ExitCode {
    let arguments: Vec<String> = arguments
        .iter()
        .map(|text| text.to_string_lossy().into_owned())
        .collect();
    server::run(&arguments)
}

/// Where a run is told of, and of which job it is part.
#[derive(Debug, Clone, Copy)]
struct Desk<'a> {
    context: &'a Context,
    page: Page,
    printer: Printer,
}

fn command(errand: &Errand, environment: &Environment, flags: &Flags, desk: &Desk<'_>) -> ExitCode {
    let Desk {
        context,
        page,
        printer,
    } = *desk;
    print::trace(flags.verbose || context.debug);
    let (settings, warnings) = settings::read(environment, flags, &Surroundings::from_env());
    // the step before has told them
    for warning in warnings.iter().filter(|_| *errand == Errand::Whole) {
        match (flags.json, warning.is_notice()) {
            (true, _) => printer.aside(&format!("warning: {warning}")),
            (false, true) => printer.line(&format!("note: {warning}")),
            (false, false) => printer.warning(page, warning),
        }
    }
    let settings = match settings {
        Ok(settings) => settings,
        Err(problems) => return refuse(&problems, page, printer),
    };
    match settings.command {
        Command::Deploy | Command::Rollback => deploy(errand, &settings, desk),
        // it left nothing behind that could be followed
        Command::Releases if *errand != Errand::Whole => ExitCode::SUCCESS,
        Command::Releases => {
            let form = if flags.json { Form::Json } else { Form::Table };
            list(&settings, context, form, page, printer)
        }
    }
}

/// Bad input: everything at once, and nothing was contacted.
fn refuse(problems: &[Problem], page: Page, printer: Printer) -> ExitCode {
    for problem in problems {
        printer.line(&format!("bad input: {problem}"));
    }
    if page == Page::Actions {
        let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
        printer.line(&commands::error("Bad input", &all.join("\n")));
    }
    let outcome = Outcome::Invalid;
    let count = problems.len();
    let end = format!(
        "{}: {count} bad input{}, nothing was contacted",
        outcome.word(),
        if count == 1 { "" } else { "s" }
    );
    printer.line(&end);
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    summary::write(
        &report::invalid_summary(&problems, &Redactor::default()),
        page,
        printer,
    );
    finish(
        &[("outcome", outcome.word().to_owned())],
        outcome,
        page,
        printer,
    );
    ExitCode::from(outcome.code())
}

fn list(
    settings: &Settings,
    context: &Context,
    form: Form,
    page: Page,
    printer: Printer,
) -> ExitCode {
    match releases::list(settings, context, form, page, printer) {
        Ok(()) => {
            // for the step that follows up a run which was cut off
            write(&[("finished", "true".to_owned())], page, printer);
            ExitCode::SUCCESS
        }
        Err(ended) => {
            let (end, log) = *ended;
            summary::of_run(&log, context, &redactor(settings, context), page, printer);
            finish(
                &report::outputs(&end, log.facts()),
                end.outcome,
                page,
                printer,
            );
            ExitCode::from(end.outcome.code())
        }
    }
}

fn deploy(errand: &Errand, settings: &Settings, desk: &Desk<'_>) -> ExitCode {
    let Desk {
        context,
        page,
        printer,
    } = *desk;
    let mut log = Log::new(page).hiding(redactor(settings, context));
    let started = Instant::now();
    let mut last = String::new();
    let mut emit = |event: RunEvent| {
        for line in log.on(&event) {
            printer.line(&line);
            last = line;
        }
        screen::activity(log.report().activity());
    };
    let end = run_deployment(errand, settings, context, &mut emit).unwrap_or_else(|error| {
        let end = no_start(error, started);
        emit(RunEvent::Ended(Box::new(end.clone())));
        end
    });
    // before GitHub is asked, so that a job that is cancelled meanwhile has them
    summary::of_run(&log, context, &redactor(settings, context), page, printer);
    write(&report::outputs(&end, log.facts()), page, printer);
    // the step behind this one sees the end, and has the time
    let is_first = context.is_actions && *errand == Errand::Whole;
    let told = match end.outcome {
        Outcome::Unknown if is_first => IssueResult::default(),
        _ => issue::tell(
            settings,
            context,
            log.report(),
            &redactor(settings, context),
        ),
    };
    let outputs = say(&told, &redactor(settings, context), page, printer);
    if told != IssueResult::default() {
        // it says what is live
        printer.line(&last);
    }
    let is_known = end.verdict.as_ref().is_some_and(|verdict| verdict.switched);
    match is_first && is_known && issue::was_cut_off(&told) {
        // not finished: the server knows the verdict, and the step behind this one asks it and tells the issue
        true => write(&outputs, page, printer),
        false => finish(&outputs, end.outcome, page, printer),
    }
    ExitCode::from(end.outcome.code())
}

/// What came of the issue; gives the outputs.
fn say(
    told: &IssueResult,
    redactor: &Redactor,
    page: Page,
    printer: Printer,
) -> Vec<(&'static str, String)> {
    for warning in &told.warnings {
        printer.warning(page, &redactor.redact(warning));
    }
    let Some(issue) = &told.issue else {
        return Vec::new();
    };
    let url = redactor.redact(&harmless(issue.url.as_bytes()));
    printer.line(&format!("issue: {url}"));
    vec![
        ("issue-url", url),
        ("issue-number", issue.number.to_string()),
    ]
}

fn run_deployment(
    errand: &Errand,
    settings: &Settings,
    context: &Context,
    emit: &mut dyn FnMut(RunEvent),
) -> Result<End, RunError> {
    match errand {
        Errand::Whole => {
            let (transaction, runtime) = announced()?;
            let deployment = plan::deployment(settings, context, transaction);
            Ok(runtime.block_on(runner::deploy(deployment, emit)))
        }
        Errand::Finish(transaction) => {
            let deployment = plan::deployment(settings, context, transaction.clone());
            Ok(runtime()?.block_on(runner::finish(deployment, emit)))
        }
    }
}

/// Outputs come last and change nothing: what can't be written is a warning.
fn finish(outputs: &[(&str, String)], outcome: Outcome, page: Page, printer: Printer) {
    let mut all = outputs.to_vec();
    if outcome != Outcome::Unknown {
        all.push(("finished", "true".to_owned()));
    }
    write(&all, page, printer);
}

fn write(all: &[(&str, String)], page: Page, printer: Printer) {
    let all: Vec<(&str, &str)> = all
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    if let Err(error) = Outputs::from_env().set_all(&all) {
        printer.warning(
            page,
            &format!("the step's outputs are not written: {error}"),
        );
    }
}
