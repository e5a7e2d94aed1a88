//! The command line: reads the inputs, runs the command, and reports by log, summary, outputs, issue and exit code.
//!
//! Knows all rooms.

mod colour;
mod container;
mod crash;
mod deploy;
mod issue;
mod outputs;
mod part;
mod plan;
mod print;
mod releases;
mod screen;
mod secrets;
mod start;
mod summary;
mod unfollowed;

use crate::actions::Context;
use crate::protocol::Outcome;
use crate::report::{self, BadInput, Page, Place};
use crate::server;
use crate::settings::{
    self, Command, Environment, Flags, InputWarning, KnownPlace, Problem, Settings, Surroundings,
    INPUTS,
};
use crate::text::commands;
use outputs::{finish, note};
use part::RunPart;
use print::{Console, Printer};
use releases::ListFormat;
use secrets::Hiding;
use std::ffi::OsString;
use std::process::ExitCode;
use unfollowed::{unfollowed, unlisted};

/// The name and version of the program.
pub const VERSION: &str = concat!("deploy-action ", env!("CARGO_PKG_VERSION"));

fn version() -> String {
    let source = option_env!("DEPLOY_ACTION_SOURCE_HASH").unwrap_or("not a release build");
    format!("{VERSION} (source {source})")
}

/// Runs the program. `arguments` are without its name. Must be called before any thread starts, because it removes inputs
/// and tokens from the environment.
#[must_use]
pub fn run(mut arguments: Vec<OsString>) -> ExitCode {
    crash::hide_details();
    if arguments
        .first()
        .is_some_and(|first| first == server::SUBCOMMAND)
    {
        return serve(&arguments[1..]);
    }
    let environment = settings::take_environment(&INPUTS);
    let Some(part) = RunPart::take(&mut arguments) else {
        return ExitCode::SUCCESS;
    };
    if let Some(outputs) = part.outputs() {
        note(&outputs);
    }
    let part = part.begun();
    let context = Context::from_env();
    let page = Page::of(context.is_actions);
    screen::open(page);
    crash::reported(&part, page, Printer, || {
        start(&part, arguments, &environment, &context)
    })
}

/// Parses the flags and does what they say.
fn start(
    part: &RunPart,
    arguments: Vec<OsString>,
    environment: &Environment,
    context: &Context,
) -> ExitCode {
    let (page, printer) = (Page::of(context.is_actions), Printer);
    if let Some(note) = container::foreign_home(page) {
        printer.aside(&format!("note: {note}"));
    }
    // whatever else is wrong
    let format = ListFormat::of(arguments.iter().any(|argument| argument == "--json"));
    let flags = match Flags::parse(arguments, &INPUTS) {
        Ok(flags) => flags,
        Err(problems) => {
            let hiding = Hiding::of(environment, &Flags::default(), None, context);
            let console = Console {
                context,
                page,
                printer,
                redactor: &hiding.redactor,
            };
            return refuse(&problems, None, format, &console);
        }
    };
    if flags.help {
        printer.line(&settings::help());
    } else if flags.version {
        printer.line(&version());
    } else {
        return command(part, environment, &flags, context);
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

fn command(
    part: &RunPart,
    environment: &Environment,
    flags: &Flags,
    context: &Context,
) -> ExitCode {
    let (settings, warnings) = settings::read(environment, flags, &surroundings(context));
    let context = match &settings {
        Ok(settings) => &deploying(context, settings),
        Err(_) => context,
    };
    let hiding = Hiding::of(environment, flags, settings.as_ref().ok(), context);
    let console = &Console {
        context,
        page: Page::of(context.is_actions),
        printer: Printer,
        redactor: &hiding.redactor,
    };
    // before anything else is printed
    hiding.announce(console.page, console.printer);
    print::trace(flags.verbose || context.debug, &hiding.redactor);
    // the first step has reported them
    let odd = match part.is_second() {
        true => Vec::new(),
        false => notes(&warnings, flags.json, console),
    };
    let format = ListFormat::of(flags.json);
    let settings = match settings {
        Ok(settings) => settings,
        Err(problems) => {
            warn(&odd, console);
            let known = settings::known_place(environment, flags, &surroundings(context));
            return unreadable(part, &problems, known.as_ref(), format, console);
        }
    };
    match settings.command {
        Command::Deploy | Command::Rollback => deploy::deploy(part, &settings, odd, console),
        Command::Releases if part.is_second() => unlisted(part, console),
        Command::Releases => {
            warn(&odd, console);
            list(&settings, format, console)
        }
    }
}

/// The end of a step that cannot read its inputs.
fn unreadable(
    part: &RunPart,
    problems: &[Problem],
    known: Option<&KnownPlace>,
    format: ListFormat,
    console: &Console<'_>,
) -> ExitCode {
    let known = known.map(place);
    match part {
        RunPart::Whole | RunPart::First => {
            let subject = known.map(|place| place.subject());
            refuse(problems, subject.as_deref(), format, console)
        }
        RunPart::Finish { .. } => unfollowed(part, problems, known.unwrap_or_default(), console),
        RunPart::ReportCrash => crash::report_killed(part, console.page, console.printer),
    }
}

/// Notes what is odd about the inputs, and returns what deserves a warning.
fn notes(warnings: &[InputWarning], json: bool, console: &Console<'_>) -> Vec<String> {
    let mut odd = Vec::new();
    for warning in warnings {
        let text = console.redactor.redact(&warning.to_string());
        match (json, warning.is_notice()) {
            (true, _) => console.printer.aside(&format!("warning: {text}")),
            (false, true) => console.printer.line(&format!("note: {text}")),
            (false, false) => odd.push(text),
        }
    }
    odd
}

fn warn(odd: &[String], console: &Console<'_>) {
    for text in odd {
        console.printer.warning(console.page, text);
    }
}

fn surroundings(context: &Context) -> Surroundings {
    Surroundings {
        commit: context.sha.clone(),
        reference: context.reference.clone(),
        ..Surroundings::from_env()
    }
}

/// The context with the commit that is deployed.
fn deploying(context: &Context, settings: &Settings) -> Context {
    let commit = settings.commit.clone().unwrap_or_default();
    let hash = Some(commit.hash).filter(|hash| !hash.is_empty());
    let context = context.clone();
    context.deploying(hash, commit.reference, commit.remote.as_deref())
}

/// Where the run was to go, as far as it is known.
fn place(place: &KnownPlace) -> Place {
    Place {
        host: place.host.to_string(),
        port: place.port.get(),
        service: place.service.unit().map(ToString::to_string),
        target: place.target.to_string(),
        ..Place::default()
    }
}

/// A problem for the summary.
fn bad_input(problem: &Problem) -> BadInput {
    let name = problem.subject();
    BadInput {
        name: name.to_owned(),
        is_input: INPUTS.iter().any(|input| input.name == name),
        value: problem.shown().map(str::to_owned),
        what: problem.what().clone(),
        fix: problem.fix(),
    }
}

/// Reports all problems with the inputs. Nothing was contacted.
fn refuse(
    problems: &[Problem],
    subject: Option<&str>,
    format: ListFormat,
    console: &Console<'_>,
) -> ExitCode {
    let Console {
        page,
        printer,
        redactor,
        context: _,
    } = *console;
    let all = problems.iter().map(ToString::to_string);
    let all: Vec<String> = all.map(|it| redactor.redact(&it)).collect();
    let lines = all.iter().map(|problem| format!("problem: {problem}"));
    let lines: Vec<String> = lines.collect();
    // the runner shows an annotation in the log too
    match page {
        Page::Actions => {
            let text = lines.join("\n");
            printer.line(&commands::error("Problems with the inputs", &text));
        }
        Page::Terminal => lines.iter().for_each(|line| format.line(line, printer)),
    }
    let outcome = Outcome::Invalid;
    let count = problems.len();
    let end = format!(
        "{}: {count} problem{} with the inputs, nothing was contacted",
        outcome.word(),
        if count == 1 { "" } else { "s" }
    );
    format.line(&end, printer);
    if format == ListFormat::Json {
        printer.line(&report::failure_json(outcome, &all));
    }
    let problems: Vec<BadInput> = problems.iter().map(bad_input).collect();
    let markdown = report::invalid_summary(&problems, subject, redactor);
    summary::write(&markdown, page, printer);
    finish(
        &[("outcome", outcome.word().to_owned())],
        outcome,
        page,
        printer,
    );
    ExitCode::from(outcome.code())
}

fn list(settings: &Settings, format: ListFormat, console: &Console<'_>) -> ExitCode {
    let Console {
        page,
        printer,
        redactor,
        context: _,
    } = *console;
    match releases::list(settings, format, console) {
        Ok(outputs) => {
            finish(&outputs, Outcome::Done, page, printer);
            ExitCode::from(Outcome::Done.code())
        }
        Err(failed) => {
            let (end, log) = *failed;
            if format == ListFormat::Json {
                printer.line(&report::end_json(&end, redactor));
            }
            summary::of_run(&log, console);
            finish(
                &report::outputs(&end, log.facts(), redactor),
                end.outcome,
                page,
                printer,
            );
            ExitCode::from(end.outcome.code())
        }
    }
}
