//! All inputs together: what they are, and what they must not be at the same time.

mod health;
mod issue;
mod place;
mod server;
mod stage;

use std::time::Duration;

use super::commands::{Command, Restart};
use super::durations::within;
use super::flags::Flags;
use super::given::Given;
use super::health::Probe;
use super::log::{self, LogCheck, LogLevel};
use super::model::{Settings, Surroundings};
use super::problem::{Problem, Wrong};
use super::reader::Reader;
use super::release::ReleaseChoice;
use super::retention::Retention;
use super::warning::Warning;
use stage::Stage;

const SECOND: Duration = Duration::from_secs(1);

/// No job of GitHub's own runners lives longer.
const JOB: Duration = Duration::from_secs(6 * 3600);

/// Makes settings of the inputs, or finds everything that is wrong with them. The warnings hold in both cases.
///
/// # Errors
/// All problems, in the order of the table of inputs.
pub fn read(
    given: &Given,
    flags: &Flags,
    around: &Surroundings,
) -> (Result<Settings, Vec<Problem>>, Vec<Warning>) {
    let mut reader = Reader::new(given, flags);
    let settings = settings(&mut reader, around);
    let Reader {
        problems, warnings, ..
    } = reader;
    match settings {
        Some(settings) if problems.is_empty() => (Ok(settings), warnings),
        _ => (Err(problems), warnings),
    }
}

fn settings(reader: &mut Reader<'_>, around: &Surroundings) -> Option<Settings> {
    let command = reader.with_default("command", Command::parse);
    // for the problems' sake, a command that is none is taken for the usual one
    let meant = command.unwrap_or(Command::Deploy);
    reader.disregard(meant.unused(), meant.word());
    let release = release(reader, meant);
    let server = server::server(reader, around);
    let restart = reader.optional("restart", Restart::parse);
    let place = place::place(reader, around, meant, restart.as_ref());
    let stage = Stage::of(meant, reader, around);
    let health = health::health(reader);
    let log_check = log_check(reader);
    let retention = reader.with_default("retention", Retention::parse);
    let wait_lock = reader.with_default("wait-lock", |text| within(text, Duration::ZERO..=JOB));
    let timeout = reader.with_default("timeout", |text| within(text, SECOND..=JOB));
    let issue = issue::issue(reader, around);
    let ((service, target), stage) = (place?, stage?);
    let settings = Settings {
        command: command?,
        release: release?,
        server: server?,
        service,
        target,
        source: stage.source,
        excludes: stage.excludes,
        shared: stage.shared,
        env_file: stage.env_file,
        install: stage.install,
        env: stage.env,
        before_switch: stage.before_switch,
        restart: restart?.unwrap_or(Restart::Default),
        health: health?,
        log_check: log_check?,
        retention: retention?,
        min_free: stage.min_free,
        wait_lock: wait_lock?,
        timeout: timeout?,
        issue: issue?,
    };
    warn_of_gaps(reader, &settings);
    Some(settings)
}

/// Who names a release and forgets the command would get a deployment in its place.
fn release(reader: &mut Reader<'_>, command: Command) -> Option<Option<ReleaseChoice>> {
    let release = reader.optional("release", ReleaseChoice::parse)?;
    if release.is_some() && command == Command::Deploy {
        let cure = "Write `command: rollback` to go back to it, or leave out `release`";
        reader.problem(
            "release",
            None,
            Wrong::new("is given, but `command` is `deploy`", cure),
        );
        return None;
    }
    Some(release)
}

fn log_check(reader: &mut Reader<'_>) -> Option<LogCheck> {
    let level = reader.with_default("log-check", LogLevel::parse);
    let pattern = reader.optional("log-pattern", log::pattern);
    if level == Some(LogLevel::Off) && matches!(pattern, Some(Some(_))) {
        reader.warnings.push(Warning::NoEffect {
            input: "log-pattern",
            because: "log-check is off",
        });
    }
    Some(LogCheck {
        level: level?,
        pattern: pattern?,
    })
}

/// What is valid, but leaves a broken release unseen or looks where a person may not expect it.
fn warn_of_gaps(reader: &mut Reader<'_>, settings: &Settings) {
    if settings.unit().is_none() && reader.is_given("log-check") {
        reader.warnings.push(Warning::NoEffect {
            input: "log-check",
            because: "there is no unit whose log is looked at",
        });
    }
    if settings.command != Command::Deploy {
        // a release that is there has settings of its own
        return;
    }
    match &settings.health.probe {
        None if settings.unit().is_none() => reader.warnings.push(Warning::NothingChecked),
        None => reader.warnings.push(Warning::UnitOnly),
        Some(Probe { url, .. }) => {
            let host = url.host().as_str();
            if !url.is_loopback() && !host.eq_ignore_ascii_case(settings.server.host.as_str()) {
                reader.warnings.push(Warning::OtherHealthHost {
                    host: host.to_owned(),
                });
            }
        }
    }
}
