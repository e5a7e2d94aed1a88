//! What the server looks like at the moment of failure, before anything is put back.

use super::layout::Layout;
use super::log;
use super::pending::Pending;
use super::process::quick;
use super::shell::command;
use super::systemd::Unit;
use crate::protocol::{Diagnostic, Ending};
use std::process::Command;
use std::time::Duration;

const LINES: usize = 50;
const PATIENCE: Duration = Duration::from_secs(5);
const MOST: usize = 32 << 10;

/// Looks at the unit's log and state.
pub(super) fn look(layout: &Layout, pending: &Pending) -> Vec<Diagnostic> {
    let Some(service) = pending.service.as_deref() else { return Vec::new() };
    let mut found = Vec::new();
    found.extend(log(service));
    found.extend(show("systemctl status", command("systemctl").args(["status", "--no-pager", "-n0", "--", service])));
    found.extend(show("df -h", command("df").arg("-h").arg(layout.target())));
    found
}

/// The log of the failed start: the journal of this invocation, else what the one literal sudo line shows that a
/// server's set-up may allow. Never an earlier invocation's.
fn log(service: &str) -> Option<Diagnostic> {
    let invocation = Unit::show(service).map(|unit| unit.invocation().to_owned()).unwrap_or_default();
    let start = log::Start { service, invocation: &invocation, since: None };
    let title = format!("log of {service}, this start");
    let from_journal = (!invocation.is_empty()).then(|| show(&title, &mut log::journal(&start, LINES))).flatten();
    from_journal.or_else(|| show(&format!("systemctl status {service}"), &mut log::status(service)))
}

fn show(title: &str, look: &mut Command) -> Option<Diagnostic> {
    let (ending, mut text) = quick(look.env("LC_ALL", "C.UTF-8"), PATIENCE).ok()?;
    // systemctl status ends with 3 where the unit is not running, which is what it is asked for
    let useful = matches!(ending, Ending::Exit(0 | 3)) && !text.is_empty();
    if text.len() > MOST {
        text.drain(..text.len() - MOST);
    }
    useful.then(|| Diagnostic { title: title.to_owned(), text })
}
