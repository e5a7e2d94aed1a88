use super::{command::command, health::health, steps, unit, unready};
use crate::protocol::{Failure, IoKind, Reason, Step};
use crate::report::place::{shell, Place};
use std::path::Path;

/// What to do about a step that failed.
#[must_use]
pub fn reason(failure: &Failure, place: &Place) -> String {
    match &failure.reason {
        Reason::NotReady(found) => found.iter().map(|it| unready(it, place)).collect::<Vec<_>>().join("\n"),
        Reason::Busy(_) => {
            "wait for that run to end, or cancel it, then run this one again; to have runs wait for each \
                            other, give the job a concurrency group"
                .to_owned()
        }
        Reason::Io { path, kind, operation: _, error: _ } => io(*kind, path, place),
        Reason::Upload(_) => "run it again: what arrived whole is kept; if it happens again, it is a bug".to_owned(),
        Reason::Cancelled => cancelled(failure.step),
        Reason::OutOfTime(_) => "see above which step took the time, or raise the input timeout".to_owned(),
        Reason::Command { ending, output, .. } => command(failure.step, *ending, output, place),
        Reason::Program { .. } => program(place),
        Reason::Shared { path, problem: _ } => steps(
            "put it there on the server, readable for the service, or take it out of the input shared:",
            &[format!("ls -la {}", place.below(&format!("shared/{path}")))],
        ),
        Reason::Log { .. } => log(),
        Reason::NoSuchRelease { .. } => "see what there is by command: releases".to_owned(),
        Reason::StartLimit { .. } => unit::start_limit(place),
        Reason::Crashed { result: end, .. } | Reason::NotRunning { state: end, .. } => unit::crashed(end, place),
        Reason::NotStarted { condition: true } => {
            steps("which Condition… line does this release not meet? On the server:", &unit::conditions(place))
        }
        Reason::NotStarted { condition: false } => unit::look(place),
        Reason::NotRestarted => {
            "does the input restart really restart this unit? A reload keeps the old process".to_owned()
        }
        Reason::Interference(_) => steps(
            "while a deployment runs, nobody else may restart the unit or change current; who it was:",
            &["last -n 5".to_owned(), "sudo journalctl _COMM=sudo -n 20 --no-pager".to_owned()],
        ),
        Reason::Unreadable(_) => steps(
            "this must work on the server for the deploy user:",
            &[format!("sudo -iu {} systemctl show {}", shell(&place.user), place.unit())],
        ),
        Reason::ForeignListener { port, who: _ } => foreign_listener(*port),
        Reason::Unhealthy { last, .. } => health(last, place),
        Reason::Interrupted => interrupted(),
    }
}

fn interrupted() -> String {
    steps(
        "run it again: the next run first brings it to its end; on the server, why it happened:",
        &[
            "uptime".to_owned(),
            "sudo dmesg -T | grep -iE 'oom|out of memory'".to_owned(),
        ],
    )
}

fn cancelled(step: Step) -> String {
    match step {
        Step::BeforeSwitch => {
            "what before-switch did may be half done (a migration?), and the old release goes on with \
                               that: mend it before you deploy again"
                .to_owned()
        }
        _ => "run it again: what was uploaded is kept".to_owned(),
    }
}

fn program(place: &Place) -> String {
    steps(
        "does install make it (is it among the dependencies in uv.lock)? Does the unit name the right path? Compare:",
        &[format!("systemctl cat {}", place.unit())],
    )
}

fn log() -> String {
    "these lines are of the new start; what is no crash can be told apart by the inputs log-pattern and log-check"
        .to_owned()
}

fn foreign_listener(port: u16) -> String {
    steps(
        "an old process, often one started by hand; find it on the server, end it, then deploy again:",
        &[format!("sudo ss -tlnp 'sport = :{port}'"), "sudo kill PID".to_owned()],
    )
}

fn io(kind: IoKind, path: &str, place: &Place) -> String {
    let folder = Path::new(path)
        .parent()
        .and_then(Path::to_str)
        .map_or_else(|| shell(path), shell);
    let path = shell(path);
    match kind {
        IoKind::Full => steps(
            "make room on the server (files may be used up, too):",
            &[
                format!("df -h {0}; df -i {0}", shell(&place.target)),
                format!("sudo du -xsh {} /var/log", place.below("releases")),
                "sudo journalctl --vacuum-time=7d".to_owned(),
            ],
        ),
        IoKind::ReadOnly => steps(
            "the file system is read-only, often after an error of the disk; on the server:",
            &[
                format!("findmnt -T {path}"),
                "sudo dmesg -T | tail -n 30".to_owned(),
            ],
        ),
        IoKind::Denied => steps(
            "see on the server who may what, and give to the deploy user what it needs:",
            &[
                format!("namei -l {path}"),
                format!("sudo chown {}: {folder}", shell(&place.user)),
            ],
        ),
        IoKind::Other => steps("look at it on the server:", &[format!("namei -l {path}")]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::place;

    #[test]
    fn a_run_cut_off_in_before_switch_is_not_simply_run_again() {
        let all = [Step::Upload, Step::BeforeSwitch].map(|step| {
            reason(
                &Failure {
                    step,
                    reason: Reason::Cancelled,
                },
                &place(),
            )
        });
        insta::assert_snapshot!(all.join("\n---\n"), @"
        run it again: what was uploaded is kept
        ---
        what before-switch did may be half done (a migration?), and the old release goes on with that: mend it before you deploy again
        ");
    }
}
