//! Every input, described once, and how all of them together become settings. `--help`, action.yml and the tables in the
//! documentation are made from these descriptions.
//!
//! A file here holds a group of inputs: their definitions and the function that reads them, with what they must not be at
//! the same time.

mod command;
mod commit;
mod health;
mod issue;
mod limits;
mod log;
mod place;
mod server;
mod stage;

use super::environment::Environment;
use super::flags::Flags;
use super::input::{Fallback, Input};
use super::model::{Command, Settings, Surroundings};
use super::problem::Problem;
use super::reader::Reader;
use super::ssh::{HostName, Port};
use super::values::Service;
use super::warning::InputWarning;
use crate::protocol::{Restart, Target, Verification};
use std::fmt::Write;
use std::sync::LazyLock;
use std::time::Duration;

/// All inputs in groups with their titles, in the order in which people meet them.
pub(super) static GROUPS: [(&str, &[&Input]); 8] = [
    ("Command", &command::INPUTS),
    ("Server and login", &server::INPUTS),
    ("Service and target", &place::INPUTS),
    ("Release", &stage::INPUTS),
    ("Health check", &health::INPUTS),
    ("Log of the new process", &log::INPUTS),
    ("Retention and time limits", &limits::INPUTS),
    ("Issue on GitHub", &issue::INPUTS),
];

/// All inputs, in the same order.
pub static INPUTS: LazyLock<Vec<&'static Input>> =
    LazyLock::new(|| GROUPS.map(|(_, inputs)| inputs).concat());

/// The documentation's table of inputs.
pub fn markdown_table() -> String {
    table(|name| format!("`{name}`"))
}

/// The same with an anchor for each input, to which a problem with it can link.
pub fn anchored_table() -> String {
    table(|name| format!("`{name}`<a id=\"input-{name}\"></a>"))
}

fn table(show: impl Fn(&str) -> String) -> String {
    let mut table = String::from("| input | default | meaning |\n|---|---|---|\n");
    for input in INPUTS.iter() {
        let default = match input.fallback {
            Fallback::Required => "required".to_owned(),
            _ => input.default().unwrap_or_default(),
        };
        let meaning = input.meaning.replace('|', "\\|");
        // writing to a String cannot fail
        let _ = writeln!(table, "| {} | {default} | {meaning} |", show(input.name));
    }
    table
}

/// Makes settings of the inputs, or finds everything that is wrong with them. The warnings hold in both cases.
///
/// # Errors
/// All problems, in the order of the inputs.
pub fn read(
    environment: &Environment,
    flags: &Flags,
    around: &Surroundings,
) -> (Result<Settings, Vec<Problem>>, Vec<InputWarning>) {
    let mut reader = Reader::new(environment, flags, &INPUTS);
    let settings = settings(&mut reader, around);
    let Reader {
        problems, warnings, ..
    } = reader;
    match settings {
        Some(settings) if problems.is_empty() => (Ok(settings), warnings),
        _ => (Err(problems), warnings),
    }
}

/// Where the run was to go, as far as it is known although other inputs are wrong.
pub struct KnownPlace {
    /// The server.
    pub host: HostName,
    /// The port of its SSH service.
    pub port: Port,
    /// The units, or none.
    pub service: Service,
    /// The folder on the server.
    pub target: Target,
}

/// The place, if the inputs that name it are valid.
pub fn known_place(
    environment: &Environment,
    flags: &Flags,
    around: &Surroundings,
) -> Option<KnownPlace> {
    let mut reader = Reader::new(environment, flags, &INPUTS);
    let command = command::command(&mut reader).unwrap_or(Command::Deploy);
    let (host, port) = server::address(&mut reader)?;
    let restart = reader.optional(&place::RESTART);
    let (service, target) =
        place::service_and_target(&mut reader, around, command, restart.as_ref())?;
    Some(KnownPlace {
        host,
        port,
        service,
        target,
    })
}

fn settings(reader: &mut Reader<'_>, around: &Surroundings) -> Option<Settings> {
    let command = command::command(reader);
    // an unknown command is read as a deployment, so that all other problems are found as well
    let assumed = command.unwrap_or(Command::Deploy);
    let release = command::release(reader, assumed);
    let server = server::server(reader, around);
    let restart = reader.optional(&place::RESTART);
    let placed = place::place(reader, around, assumed, restart.as_ref());
    let stage = stage::stage(reader, around, assumed, &placed);
    let source = stage.as_ref().and_then(|stage| stage.source.as_ref());
    let work = commit::work(reader, around, source);
    let verification = verification(reader);
    if source.is_some() {
        commit::must_be_known(reader, verification.as_ref(), &work);
    }
    let retention = reader.with_default(&limits::RETENTION);
    let wait_lock = reader.with_default(&limits::WAIT_LOCK);
    let timeout = reader.with_default(&limits::TIMEOUT);
    let issue = issue::issue(reader, around);
    let (place, stage) = (placed.place?, stage?);
    let settings = Settings {
        command: command?,
        release: release?,
        server: server?,
        service: place.service,
        scope: place.scope,
        unit_files: place.unit_files,
        target: place.target,
        source: stage.source,
        commit: work.commit,
        person: work.person,
        excludes: stage.excludes,
        staging: stage.staging,
        restart: restart?.unwrap_or(Restart::Systemctl),
        verification: verification?,
        retention: retention?,
        wait_lock: wait_lock?,
        timeout: timeout?,
        issue: issue?,
    };
    warn_about_gaps(reader, &settings);
    Some(settings)
}

fn verification(reader: &mut Reader<'_>) -> Option<Verification> {
    let health = health::health(reader);
    let log = log::log(reader);
    let (check, command, times) = health?;
    Some(Verification {
        health: check,
        command,
        timeout: times.timeout,
        interval: times.interval,
        settle: times.settle,
        log: log?,
    })
}

/// Valid inputs that leave a broken release unnoticed, or check something else than may be expected.
fn warn_about_gaps(reader: &mut Reader<'_>, settings: &Settings) {
    if settings.unit().is_none() && settings.staging.smoke_test.is_none() {
        for input in [&log::CHECK.input, &log::PATTERN.input] {
            if reader.is_given(input) {
                reader.no_effect(input, "there is no unit whose log could be read");
            }
        }
    }
    for (input, limit) in [
        (
            &server::CONNECT_TIMEOUT.input,
            settings.server.connect_timeout,
        ),
        (&limits::WAIT_LOCK.input, settings.wait_lock),
    ] {
        if limit > settings.timeout && reader.is_given(input) {
            reader.no_effect(input, "timeout is shorter");
        }
    }
    // a release on the server has settings of its own
    if settings.command != Command::Deploy {
        return;
    }
    warn_about_the_smoke_test(reader, settings);
    match &settings.verification.health {
        None if settings.verification.command.is_some() => {}
        None if settings.unit().is_none() => reader.warnings.push(InputWarning::NothingChecked),
        // the app has no HTTP
        None if reader.is_given(&health::URL.input) => {}
        None => reader.warnings.push(InputWarning::UnitOnly),
        Some(health) => {
            let host = &health.url.host;
            if !health.url.is_loopback() && !settings.server.host.is(host) {
                let host = host.clone();
                reader.warnings.push(InputWarning::OtherHealthHost { host });
            }
        }
    }
}

/// Without a URL, the smoke test sees only whether the app stays up.
fn warn_about_the_smoke_test(reader: &mut Reader<'_>, settings: &Settings) {
    let check = &settings.verification;
    if settings.staging.smoke_test.is_none() || check.health.is_some() {
        return;
    }
    // otherwise the app has no HTTP
    if !reader.is_given(&health::URL.input) {
        let settle = check.settle.max(Duration::from_secs(1));
        reader
            .warnings
            .push(InputWarning::SmokeTestUnasked { settle });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::catalog::named;

    #[test]
    fn descriptions_name_the_default() {
        let description = |name| named(&INPUTS, name).map(Input::description).unwrap();
        assert_eq!(
            description("port"),
            "Port of the server's SSH service. Default: `22`."
        );
        assert_eq!(
            description("host"),
            "Server name or address; `name:port` is allowed. Required."
        );
    }
}
