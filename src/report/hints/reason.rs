//! Hints for a step that failed on the server.

use super::steps::{on_server, steps, Hint};
use super::{
    command::{command, Failed},
    finding::{finding, rollback_target},
    health::health,
    shared, smoke_test, unit,
};
use crate::protocol::{Failure, Interference, IoKind, Reason, Step, UnitState};
use crate::report::place::{shell, Place};
use std::path::Path;

/// Why a command with unit files failed.
fn unit_files(place: &Place) -> Hint {
    on_server(
        "its output shows why: is the disk full or read-only, or was the deploy user's line in sudoers removed? On the server",
        [
            "df -h /etc; findmnt -T /etc/systemd/system".to_owned(),
            format!("sudo -l -U {}", shell(&place.user)),
        ],
    )
}

/// What to do about a step that failed, with commands for the unit that failed.
#[must_use]
pub fn reason(failure: &Failure, place: &Place) -> Hint {
    let place = place.about(failure);
    let of_smoke_test = match failure.step {
        Step::SmokeTest => smoke_test::unhealthy(&failure.reason, &place),
        _ => None,
    };
    of_smoke_test.unwrap_or_else(|| of_reason(failure, &place))
}

#[expect(
    clippy::too_many_lines,
    reason = "one exhaustive match, so that no reason is without a hint"
)]
fn of_reason(failure: &Failure, place: &Place) -> Hint {
    match &failure.reason {
        Reason::NotReady(found) => found.iter().fold(Hint::default(), |all, it| all.then(finding(it, place))),
        Reason::Busy(_) => {
            "wait for that run to end, or cancel it, then run this one again; to make runs wait for each other, give the job \
             a concurrency group".into()
        }
        Reason::Io { path, kind, operation: _, error: _ } => io(*kind, path, place),
        Reason::Upload(_) => "run it again: complete files are kept; if it happens again, it is a bug in deploy-action".into(),
        Reason::Cancelled => cancelled(failure.step),
        Reason::OutOfTime(_) => "check above which step took the time, or raise the input timeout".into(),
        Reason::Command { ending, output, line: _, log_line } => {
            let failed = Failed {
                ending: *ending,
                output,
                log_line: log_line.as_deref(),
            };
            command(failure.step, &failed, place)
        }
        Reason::Program { property, path, error: _, others } => {
            let others = others.iter().map(|it| (it.property.as_str(), it.path.as_str()));
            let all: Vec<_> = std::iter::once((property.as_str(), path.as_str())).chain(others).collect();
            needs(&all, failure.step, place)
        }
        Reason::Shared { path, error } => shared::unusable(path, error, place),
        Reason::Log { .. } => log(),
        Reason::NoSuchRelease { error, .. } => rollback_target(error),
        Reason::StartLimit { .. } => unit::start_limit(place),
        Reason::Crashed { end, log_line }
        | Reason::NotRunning {
            state: UnitState::Ended { end, .. },
            log_line,
        } => unit::ended(end, log_line.as_deref(), place),
        Reason::NotRunning {
            state: UnitState::Changing { active, sub },
            ..
        } if active == "activating" && sub == "start" => {
            unit::never_ready(unit::NeverReady::StillStarting, place)
        }
        Reason::NotRunning {
            state: UnitState::Changing { .. } | UnitState::Other(_),
            log_line,
        } => unit::in_its_log(log_line.as_deref(), place),
        Reason::NotRunning {
            state: UnitState::OtherRelease(_),
            ..
        } => other_release(place),
        Reason::NotStarted { condition: true } => {
            steps("which Condition… line of the unit is not met? On the server:", &unit::conditions(place))
        }
        Reason::NotStarted { condition: false } => unit::look(place),
        Reason::NotRestarted => {
            "does the input restart name this unit? A reload keeps the old process".into()
        }
        Reason::Interference(Interference::GoingDown) => {
            "when the server is up again, run it again; the next run first ends what is pending".into()
        }
        Reason::Interference(Interference::OwnSystemdDown) => own_systemd(place),
        Reason::Interference(_) => on_server(
            "during a deployment, no one else may restart or stop the unit or change current; to find out who did",
            ["last -n 5".to_owned(), "sudo journalctl _COMM=sudo -n 20 --no-pager".to_owned()],
        ),
        Reason::Unreadable(_) => steps(
            "this must work on the server for the deploy user:",
            &place.of_unit("systemctl show"),
        ),
        Reason::OtherListener { .. } => other_listener(place),
        Reason::Unhealthy { last, log_line, .. } => health(last, log_line.as_deref(), place),
        Reason::Interrupted => interrupted(),
        Reason::UnitFiles { .. } => unit_files(place),
        Reason::SmokeTest(error) => smoke_test::failed(error, place),
        Reason::RejectedUnitFiles(_) => rejected_unit_files(failure.step),
    }
}

/// The next login starts the user's own systemd.
fn own_systemd(place: &Place) -> Hint {
    steps(
        "run it again: the next run first ends what is pending. Who stopped it? On the server, as root:",
        &[format!("sudo journalctl -u \"user@$(id -u {}).service\" -n 20 --no-pager", shell(&place.user))],
    )
}

fn other_release(place: &Place) -> Hint {
    steps(
        "after a reload, many servers keep the folder and the code of the release before: let the input restart start a new process \
         (systemctl restart). Otherwise, does the unit really lead to current? Compare:",
        &place.of_unit("systemctl cat"),
    )
}

fn interrupted() -> Hint {
    on_server(
        "run it again: the next run first finishes it; to find out why, on the server",
        [
            "uptime".to_owned(),
            "sudo dmesg -T | grep -iE 'oom|out of memory'".to_owned(),
        ],
    )
}

fn rejected_unit_files(step: Step) -> Hint {
    match step {
        Step::Check => "roll back to another release (command: releases lists them), or deploy one with other unit files".into(),
        _ => {
            "fix these files and deploy again; a user or group that is missing must be created on the server first, and a setting \
             that its systemd does not know needs a newer one"
                .into()
        }
    }
}

fn cancelled(step: Step) -> Hint {
    match step {
        Step::BeforeSwitch => {
            "before-switch may have left something half done (a migration?), which the old release now uses: fix it before you \
             deploy again".into()
        }
        _ => "run it again: what was uploaded is kept".into(),
    }
}

/// What to do about paths that a release lacks, each with the line of the unit that names it.
fn needs(all: &[(&str, &str)], step: Step, place: &Place) -> Hint {
    let compare = |text: &'static str| steps(text, &place.of_unit("systemctl cat"));
    if step == Step::Check {
        return compare(
            "that release was made before the unit needed it: roll back to another one (command: releases lists them), or change the \
             unit. Compare:",
        );
    }
    let is_env = |it: &&(&str, &str)| it.0 == "EnvironmentFile" && it.1.ends_with("/current/.env");
    let is_program = |it: &&(&str, &str)| it.0.starts_with("Exec") && !it.0.ends_with("Paths");
    let mut hint = Hint::default();
    if all.iter().any(|it| is_env(&it)) {
        hint = hint.then(
            "set the input `env-file`: its content becomes the `.env` of the release. If the service can do without it, let the unit \
             say so: `EnvironmentFile=-/…`"
                .into(),
        );
    }
    if all.iter().any(|it| is_program(&it)) {
        hint = hint.then(compare(
            "does install create the program (is it a dependency in uv.lock)? Does the unit name the right path? Compare:",
        ));
    }
    if all.iter().any(|it| !is_env(&it) && !is_program(&it)) {
        hint = hint.then(compare(
            "what the unit names must be in the repository (is it in `.gitignore`, or in the input exclude?), be created by install, or \
             be named in the input shared. Compare:",
        ));
    }
    hint
}

fn log() -> Hint {
    "these lines are from the new process; if they are no crash, set the input log-pattern or log-check".into()
}

/// The process is only the server's word: what must be ended, the command shows.
fn other_listener(place: &Place) -> Hint {
    let port = place.health.as_ref().map(|health| health.port);
    let port = port.map(|port| format!(" 'sport = :{port}'"));
    on_server(
        "an old process, often one that was started from the command line; find it on the server, end it (kill), then deploy again",
        [format!("sudo ss -tlnp{}", port.unwrap_or_default())],
    )
}

fn io(kind: IoKind, path: &str, place: &Place) -> Hint {
    let folder = Path::new(path).parent().and_then(Path::to_str);
    let folder = folder.and_then(|folder| place.own_path(folder));
    let target = shell(&place.target);
    let folder = folder.unwrap_or_else(|| target.clone());
    let path = place.own_path(path).unwrap_or(target);
    match kind {
        IoKind::Full => unit::full(place),
        IoKind::ReadOnly => on_server(
            "the file system is read-only, often after an error of the disk; on the server",
            [
                format!("findmnt -T {path}"),
                "sudo dmesg -T | tail -n 30".to_owned(),
            ],
        ),
        IoKind::Denied => on_server(
            "check the permissions on the server, and give the deploy user what it needs",
            [
                format!("namei -l {path}"),
                format!("sudo chown {}: {folder}", shell(&place.user)),
            ],
        ),
        IoKind::Other => steps("inspect it on the server:", &[format!("namei -l {path}")]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::place;

    #[test]
    fn a_run_interrupted_in_before_switch_is_not_simply_run_again() {
        let all = [Step::Upload, Step::BeforeSwitch].map(|step| {
            reason(
                &Failure {
                    step,
                    reason: Reason::Cancelled,
                    unit: None,
                },
                &place(),
            )
        });
        insta::assert_snapshot!(all.map(|it| it.to_string()).join("\n---\n"), @"
        run it again: what was uploaded is kept
        ---
        before-switch may have left something half done (a migration?), which the old release now uses: fix it before you deploy again
        ");
    }
}
