//! Starts a staged release beside the live one, asks it as the health check says, and ends it: before anything is switched,
//! so that a release which fails reaches no user.
//!
//! The session starts a supervisor, the supervisor starts the program through a launcher. The supervisor ends all that was
//! started if the session is gone, the session if the supervisor is gone, and the next run if both are.
//!
//! Knows `channel`, `clock`, `exec`, `limits`, `store`, `subcommand` and `unit`.

mod auto;
mod environment;
mod launch;
mod left_overs;
mod look;
mod machine;
mod port;
mod running;
mod start;
mod stop;
mod subject;
mod supervisor;
mod watch;

pub(super) use launch::launch;
pub(super) use left_overs::end_left_overs;
pub(super) use subject::Trial;
pub(super) use supervisor::supervise;

use crate::protocol::{
    Finding, Notice, Operation, Plan, Reason, SmokeTest, SmokeTestError, Step, UnitFile, What,
};
use crate::server::channel::events::Events;
use crate::server::channel::output::Output;
use crate::server::exec::recent::Printed;
use crate::server::exec::shell::cause;
use crate::server::store::durable::failed;
use crate::server::store::layout::Layout;
use crate::server::unit::log::{check_output, Baseline};
use auto::Auto;
use environment::Environment;
use port::Port;
use running::Running;
use start::Start;
use watch::Watch;

/// Tries a release.
///
/// # Errors
/// The release failed, or a limit was reached. In both cases nothing is left running.
pub(in crate::server) fn run(
    trial: &Trial<'_>,
    smoke_test: &SmokeTest,
    events: &mut dyn Events,
) -> Result<(), Reason> {
    let result = tried(trial, smoke_test, events);
    left_overs::remove_folder(trial.layout);
    result
}

fn tried(trial: &Trial<'_>, smoke_test: &SmokeTest, events: &mut dyn Events) -> Result<(), Reason> {
    trial.limits.check()?;
    let health = trial.plan.verification.health.as_ref();
    let port = Port::free(health.map(|health| health.url.port))
        .map_err(failed(Operation::Open, "127.0.0.1".as_ref()))?;
    let start = start(trial, smoke_test, port.number)?;
    events.emit(What::Notice(Notice::SmokeTestStarted {
        command: shown(smoke_test, &start),
        port: port.number,
    }));
    let running = Running::start(trial.layout, &start)?;
    drop(start);
    let file = trial.layout.output(trial.release, Step::SmokeTest);
    let mut output = Output::new(events, file);
    let mut printed = Printed::default();
    let watched = Watch::new(trial, (&running, port.number), &mut output, &mut printed).run();
    let mut is_urgent = || trial.limits.check().is_err();
    // what it prints because it is ended says nothing about it
    let mut late = Printed::default();
    let left = running.end(&mut is_urgent, &mut |line| {
        late.push(line.clone());
        output.line(line);
    });
    left_overs::warn(left, &mut output);
    let judged = match watched {
        Ok(()) => check_log(trial, &printed.into_lines(), &mut output),
        Err(reason) => Err(explained(reason, printed, late)),
    };
    output.finish();
    judged.and_then(|()| trial.limits.check())
}

/// What is started.
fn start(trial: &Trial<'_>, smoke_test: &SmokeTest, port: u16) -> Result<Start, Reason> {
    let health = trial.plan.verification.health.as_ref();
    let auto = Auto {
        layout: trial.layout,
        units: &trial.plan.units,
        health_port: health.map(|health| health.url.port),
        release: trial.release,
        port,
    };
    let mut start = match smoke_test {
        SmokeTest::Commands(script) => {
            let folder = trial.layout.release(trial.release);
            Start::of_commands(script, folder, &auto.environment())
        }
        SmokeTest::Auto => auto
            .start()
            .map_err(|problem| Reason::NotReady(vec![Finding::SmokeTest(problem)]))?,
    };
    let environment = Environment::new().with(&start.environment);
    start.environment = environment.of_trial(trial, port);
    Ok(start)
}

/// Judges what it has printed as the log of a unit.
fn check_log(trial: &Trial<'_>, lines: &[Vec<u8>], events: &mut dyn Events) -> Result<(), Reason> {
    let check = &trial.plan.verification.log;
    let baseline = || match trial.plan.units.first() {
        Some(unit) => Baseline::collect(trial.layout, unit, check),
        None => Baseline::default(),
    };
    check_output(lines, check, baseline, events)
}

/// What was started, for the log.
fn shown(smoke_test: &SmokeTest, start: &Start) -> String {
    match smoke_test {
        SmokeTest::Commands(script) => script.clone(),
        SmokeTest::Auto => {
            let words = std::iter::once(&start.program).chain(&start.arguments);
            words.map(String::as_str).collect::<Vec<_>>().join(" ")
        }
    }
}

/// The reason with the line of its output that explains it best. What it prints while it is ended, it may print because of
/// that, unless it has ended by itself.
fn explained(mut reason: Reason, printed: Printed, late: Printed) -> Reason {
    let mut lines = printed.into_lines();
    if matches!(reason, Reason::SmokeTest(SmokeTestError::Ended { .. })) {
        lines.extend(late.into_lines());
    }
    if let Some(log_line) = reason.log_line_mut() {
        *log_line = cause(&lines);
    }
    reason
}

/// What keeps the smoke test from starting the unit's program, as far as it is known before the upload. `files`: the unit
/// files of the release that goes live; what they change is known after the upload only.
pub(in crate::server) fn check(
    layout: &Layout,
    plan: &Plan,
    files: &[UnitFile],
) -> Option<Finding> {
    auto::check(layout, plan, files).map(Finding::SmokeTest)
}
