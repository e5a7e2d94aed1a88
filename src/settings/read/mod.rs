//! All inputs together: what they are, and what they must not be at the same time.

mod health;
mod place;
mod server;

use std::fs;
use std::io;
use std::time::Duration;

use super::commands::{Command, Install, InstallPlan, Restart};
use super::durations::within;
use super::excludes::{Excludes, DEPLOY_IGNORE};
use super::flags::Flags;
use super::given::Given;
use super::health::Probe;
use super::model::{Settings, Surroundings};
use super::problem::{wrong, Problem, Wrong};
use super::reader::Reader;
use super::retention::Retention;
use super::source::Source;
use super::warning::Warning;

const SECOND: Duration = Duration::from_secs(1);

/// No job of GitHub's own runners lives longer.
const JOB: Duration = Duration::from_secs(6 * 3600);

/// A `.deployignore` of more bytes is none.
const LONGEST_LIST: u64 = 1 << 20;

/// Makes settings of the inputs, or finds everything that is wrong with them. The warnings hold in both cases.
///
/// # Errors
/// All problems, in the order of the table of inputs.
pub fn read(given: &Given, flags: &Flags, around: &Surroundings) -> (Result<Settings, Vec<Problem>>, Vec<Warning>) {
    let mut reader = Reader::new(given, flags);
    let settings = settings(&mut reader, around);
    let Reader { problems, warnings, .. } = reader;
    match settings {
        Some(settings) if problems.is_empty() => (Ok(settings), warnings),
        _ => (Err(problems), warnings),
    }
}

fn settings(reader: &mut Reader<'_>, around: &Surroundings) -> Option<Settings> {
    let command = reader.with_default("command", Command::parse);
    let server = server::server(reader, around);
    let restart = reader.optional("restart", Restart::parse);
    let place = place::place(reader, around, restart.as_ref());
    let source =
        reader.with_default("source", |text| Source::parse(text, &around.current_dir, around.workspace.as_deref()));
    let excludes = excludes(reader, source.as_ref());
    let install = install(reader, source.as_ref());
    let health = health::health(reader);
    let retention = reader.with_default("retention", Retention::parse);
    let timeout = reader.with_default("timeout", |text| within(text, Duration::from_secs(1)..=JOB));
    let (service, target) = place?;
    let settings = Settings {
        command: command?,
        server: server?,
        service,
        target,
        source: source?,
        excludes: excludes?,
        install: install?,
        restart: restart?.unwrap_or(Restart::Default),
        health: health?,
        retention: retention?,
        timeout: timeout?,
    };
    warn_of_gaps(reader, &settings);
    Some(settings)
}

fn excludes(reader: &mut Reader<'_>, source: Option<&Source>) -> Option<Excludes> {
    let given = reader.with_default("exclude", Excludes::parse);
    match source.map_or(Ok(None), deploy_ignore) {
        Ok(None) => given,
        Ok(Some(more)) => given.map(|given| given.and(more)),
        Err(wrong) => {
            reader.problem("exclude", None, wrong.at(&format!("the source's {DEPLOY_IGNORE}")));
            None
        }
    }
}

/// The list that lies in the source, if there is one.
fn deploy_ignore(source: &Source) -> Result<Option<Excludes>, Wrong> {
    let path = source.path().join(DEPLOY_IGNORE);
    // not through a link, which may lead out of the workspace
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(file) if file.is_file() && file.len() <= LONGEST_LIST => {}
        _ => return wrong("is not a text file that can be read", "Write patterns into it as in .gitignore"),
    }
    match fs::read_to_string(&path) {
        Ok(text) => Excludes::parse(text.trim_start_matches('\u{feff}')).map(Some),
        Err(_) => wrong("is not a text file that can be read", "Save it as UTF-8 text"),
    }
}

fn install(reader: &mut Reader<'_>, source: Option<&Source>) -> Option<InstallPlan> {
    let install = reader.with_default("install", Install::parse)?;
    install.plan(source?).map_err(|wrong| reader.problem("install", None, wrong)).ok()
}

/// What is valid, but leaves a broken release unseen or looks where a person may not expect it.
fn warn_of_gaps(reader: &mut Reader<'_>, settings: &Settings) {
    match &settings.health.probe {
        None if settings.unit().is_none() => reader.warnings.push(Warning::NothingChecked),
        None => reader.warnings.push(Warning::UnitOnly),
        Some(Probe { url, .. }) => {
            let host = url.host().as_str();
            if !url.is_loopback() && !host.eq_ignore_ascii_case(settings.server.host.as_str()) {
                reader.warnings.push(Warning::OtherHealthHost { host: host.to_owned() });
            }
        }
    }
}
