//! Checks what must be fixed first, before anything is changed, and reports all findings at once.

use super::initial_state::InitialState;
use super::own_systemd;
use super::units::{check_others, may_change, CheckedUnit};
use crate::protocol::{
    Attempt, Finding, HealthAnswer, HealthError, Install, LinkState, Notice, Operation, Plan,
    Reason, ReleaseId, Restart, Scope, SystemdError, Task, TreeEntry, UnitFile, UnitKind, UnitRef,
    UnreadableState, Verification, Warning, What,
};
use crate::server::channel::events::{Events, OfUnit};
use crate::server::exec::process;
use crate::server::exec::user::{group_of_others, user};
use crate::server::smoke_test;
use crate::server::stage::app_access::AppUsers;
use crate::server::stage::{disk_space, shared};
use crate::server::store::durable::failed;
use crate::server::store::layout::Layout;
use crate::server::store::links::Link;
use crate::server::store::listing::{self, Extent};
use crate::server::store::private;
use crate::server::store::records;
use crate::server::store::retention::{self, After};
use crate::server::store::rollback_target;
use crate::server::unit::definition;
use crate::server::unit::files::{self, ready};
use crate::server::unit::health::HealthCheck;
use crate::server::unit::hidden;
use crate::server::unit::login::{detaching, Detaching};
use crate::server::unit::pager;
use crate::server::unit::systemd::{self, Unit};
use rustix::fs::{access, Access};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

/// Checks the server. Warnings and notices become events; findings are the reason why it is not ready.
pub(super) fn check<'a>(
    layout: &Layout,
    plan: &'a Plan,
    entries: &[TreeEntry],
    events: &mut dyn Events,
) -> Result<InitialState<'a>, Reason> {
    let mut findings = Vec::new();
    check_target(layout, events, &mut findings);
    let current = check_current(layout, events, &mut findings);
    let previous = check_previous(layout, &mut findings);
    let files = unit_files(layout, plan, entries, current.as_ref());
    let units = check_server(layout, plan, Some(&files), events, &mut findings);
    // a rollback needs no disk space
    let mut app_users = AppUsers::default();
    if plan.task == Task::Deploy {
        findings.extend(ready::check(layout, &plan.units, &files, current.as_ref()));
        // of the others, the release's own files are read after the upload
        let known = units.iter().filter(|it| !it.has_files);
        app_users = AppUsers::of(known.map(|it| it.name), layout, &plan.staging, None);
        findings.extend(app_users.check(layout, &plan.staging, events));
        findings.extend(smoke_test::check(layout, plan, &files));
        findings.extend(shared::check(layout, &plan.staging.shared));
        // what an interrupted upload left would not be used twice
        let make_room = || make_room(layout, plan);
        findings.extend(disk_space::check(layout, plan, entries, events, make_room)?);
    }
    let mut state = InitialState {
        current,
        previous: previous.into_release(),
        units,
        app_users,
    };
    if !findings.is_empty() {
        findings.extend(check_rollback_target(layout, plan, &state, events));
        return Err(Reason::NotReady(findings));
    }
    for unit in &mut state.units {
        check_reset(plan, unit, events);
    }
    check_pager(plan, events);
    check_socket_unit(plan, &state.units, events);
    Ok(state)
}

/// The unit files of the release that goes live; in a rollback, which has not found its target yet, of the live one.
fn unit_files(
    layout: &Layout,
    plan: &Plan,
    entries: &[TreeEntry],
    current: Option<&ReleaseId>,
) -> Vec<UnitFile> {
    let patterns = &plan.units.files;
    match (&plan.task, current) {
        (Task::Deploy, _) => files::of_tree(entries, patterns),
        (Task::RollBack { .. }, Some(current)) => files::of_release(layout, current, patterns),
        (Task::RollBack { .. }, None) => Vec::new(),
    }
}

/// What can be checked without the target, and without the unit files of the release.
fn check_server<'a>(
    layout: &Layout,
    plan: &'a Plan,
    files: Option<&[UnitFile]>,
    events: &mut dyn Events,
    findings: &mut Vec<Finding>,
) -> Vec<CheckedUnit<'a>> {
    own_systemd::check(plan.units.scope, findings);
    let mut units = Vec::new();
    for name in plan.units.all() {
        let label = (plan.units.names.len() > 1).then_some(name.name);
        let mut events = OfUnit {
            unit: label,
            events,
        };
        let comes = match files {
            Some(files) => ready::define(files, name),
            // of a release whose files are not known, it may
            None => !plan.units.files.is_empty(),
        };
        let has_files = may_change(plan, files, name);
        let unit = check_unit(name, comes, &mut events, findings);
        units.extend(unit.map(|unit| CheckedUnit {
            name,
            label,
            unit,
            resettable: false,
            has_files,
        }));
    }
    if plan.task == Task::Deploy {
        check_release(layout, plan, &units, findings);
    }
    check_others(plan, &units, findings);
    check_rights(plan, findings);
    check_install(plan, findings);
    check_detaching(events, findings);
    units
}

/// Whether the release to roll back to is there, if that is known already: the current one may still have to be taken over.
fn check_rollback_target(
    layout: &Layout,
    plan: &Plan,
    state: &InitialState<'_>,
    events: &mut dyn Events,
) -> Option<Finding> {
    let Task::RollBack { to } = &plan.task else {
        return None;
    };
    state
        .current
        .as_ref()
        .and_then(|current| records::get(layout, current))?;
    match rollback_target::find(layout, to.as_deref()) {
        Err(Reason::NoSuchRelease { wanted, error }) => {
            let listing = listing::list(layout, Extent::Brief);
            events.emit(What::Releases(Box::new(listing)));
            Some(Finding::RollbackTarget { wanted, error })
        }
        _ => None,
    }
}

/// Deletes what retention deletes when the disk is full.
pub(super) fn make_room(layout: &Layout, plan: &Plan) {
    let health = plan.verification.health.as_ref();
    let hidden = || hidden::starts(&plan.units, health);
    let after = (&plan.transaction, After::FullDisk);
    retention::run(layout, plan.retention, after, hidden);
}

/// Creates the folders that everything else needs.
pub(super) fn create_folders(layout: &Layout) -> Result<(), Reason> {
    private::create_folders(layout).map_err(|(folder, error)| {
        if error.kind() == io::ErrorKind::PermissionDenied {
            return Reason::NotReady(vec![Finding::Target {
                path: folder.display().to_string(),
                user: user(),
                error: error.to_string(),
            }]);
        }
        failed(Operation::CreateFolder, &folder)(error)
    })
}

/// The same reason, with whatever else can be found without those folders.
pub(super) fn and_others(
    reason: Reason,
    layout: &Layout,
    plan: &Plan,
    events: &mut dyn Events,
) -> Reason {
    let Reason::NotReady(mut findings) = reason else {
        return reason;
    };
    check_server(layout, plan, None, events, &mut findings);
    Reason::NotReady(findings)
}

fn check_target(layout: &Layout, events: &mut dyn Events, findings: &mut Vec<Finding>) {
    let found = fs::metadata(layout.target()).ok();
    let writable = found.filter(|found| found.mode() & 0o020 != 0);
    if let Some(group) = writable.and_then(|found| group_of_others(found.gid())) {
        events.emit(What::Warning(Warning::GroupWritable {
            path: layout.target().display().to_string(),
            group,
        }));
    }
    for folder in [
        layout.target().to_owned(),
        layout.releases(),
        layout.deploy_folder(),
    ] {
        if let Err(error) = access(&folder, Access::WRITE_OK | Access::EXEC_OK) {
            let path = folder.display().to_string();
            findings.push(Finding::Target {
                path,
                user: user(),
                error: error.to_string(),
            });
        }
    }
}

fn check_current(
    layout: &Layout,
    events: &mut dyn Events,
    findings: &mut Vec<Finding>,
) -> Option<ReleaseId> {
    match Link::read(layout, &layout.current()) {
        Link::Absent => None,
        Link::To { release, foreign } => {
            if let Some(text) = foreign {
                events.emit(What::Notice(Notice::LinkReplaced {
                    name: "current".to_owned(),
                    target: text.display().to_string(),
                }));
            }
            Some(release)
        }
        Link::Other(found) => {
            findings.push(Finding::Link {
                name: "current".to_owned(),
                found,
            });
            None
        }
    }
}

fn check_previous(layout: &Layout, findings: &mut Vec<Finding>) -> Link {
    if layout.previous().is_dir() && !layout.previous().is_symlink() {
        findings.push(Finding::Link {
            name: "previous".to_owned(),
            found: LinkState::Folder,
        });
    }
    Link::read(layout, &layout.previous())
}

fn check_unit(
    name: UnitRef<'_>,
    comes: bool,
    events: &mut dyn Events,
    findings: &mut Vec<Finding>,
) -> Option<Unit> {
    let unit = match Unit::show(name) {
        Ok(unit) => unit,
        Err(Reason::Unreadable(UnreadableState::Systemd(error))) => {
            findings.extend(own_systemd::unreachable(name.scope, error));
            return None;
        }
        Err(_) => return None,
    };
    if !unit.knows_invocations() {
        findings.push(Finding::NoSystemd(SystemdError::TooOld));
    }
    let state = unit.get("LoadState").to_owned();
    // systemd gets the file with the switch: before the first deployment, a link through `current` leads nowhere
    let comes = comes && matches!(state.as_str(), "not-found" | "bad-setting");
    if state != "loaded" && !comes {
        findings.push(own_systemd::unusable(name, state));
    }
    if unit.get("NeedDaemonReload") == "yes" {
        events.emit(What::Warning(Warning::DaemonReload));
    }
    if matches!(unit.get("UnitFileState"), "disabled" | "linked") {
        events.emit(What::Warning(Warning::NotEnabled(name.name.to_owned())));
    }
    Some(unit)
}

/// Whether the units will run the release, unless that cannot be told yet or the first one's health response shows it.
fn check_release(
    layout: &Layout,
    plan: &Plan,
    units: &[CheckedUnit<'_>],
    findings: &mut Vec<Finding>,
) {
    let shown = definition::is_shown(&plan.verification);
    let first = plan.units.first().filter(|_| shown);
    for it in units.iter().filter(|it| Some(it.name) != first) {
        let is_service = it.label.is_none() || it.name.kind() == UnitKind::Service;
        if is_service && it.unit.get("LoadState") == "loaded" && !it.has_files {
            findings.extend(definition::elsewhere(layout, plan, it.name, None));
        }
    }
}

fn check_rights(plan: &Plan, findings: &mut Vec<Finding>) {
    if plan.restart != Restart::Systemctl {
        return;
    }
    for name in plan.units.all() {
        if let Err(output) = systemd::ask_sudo("restart", name) {
            findings.push(Finding::Sudo {
                service: name.name.to_owned(),
                user: user(),
                output,
            });
        }
    }
}

/// Whether the deploy user may reset systemd's start limit. If not, a deployment may have to wait for it. Of several units,
/// only services are restarted often.
fn check_reset(plan: &Plan, it: &mut CheckedUnit<'_>, events: &mut dyn Events) {
    let is_service = it.label.is_none() || it.name.kind() == UnitKind::Service;
    if plan.restart != Restart::Systemctl || !is_service {
        return;
    }
    it.resettable = systemd::may_run("reset-failed", it.name);
    if !it.resettable && it.unit.start_limit().is_some() {
        let warning = Warning::NoResetFailed {
            service: it.name.name.to_owned(),
            user: user(),
        };
        let unit = it.label;
        OfUnit { unit, events }.emit(What::Warning(warning));
    }
}

/// Whether the sudoers line for the log gives more than it says.
fn check_pager(plan: &Plan, events: &mut dyn Events) {
    let with_sudo = |unit: &UnitRef<'_>| unit.scope == Scope::System && pager::is_unsafe();
    if let Some(name) = plan.units.first().filter(with_sudo) {
        events.emit(What::Warning(Warning::UnsafePager {
            service: name.name.to_owned(),
            user: user(),
        }));
    }
}

/// Whether a socket unit keeps connections waiting while the first unit restarts.
fn check_socket_unit(plan: &Plan, units: &[CheckedUnit<'_>], events: &mut dyn Events) {
    let Some(first) = units.first().filter(|_| plan.restart != Restart::Nothing) else {
        return;
    };
    let listens = |name: &&str| {
        let scope = first.name.scope;
        let shown = Unit::show(UnitRef { name, scope });
        shown.is_ok_and(|socket| socket.get("ActiveState") == "active")
    };
    if let Some(socket) = first.unit.socket_units().find(listens) {
        events.emit(What::Notice(Notice::SocketUnit {
            socket: socket.to_owned(),
            service: first.name.name.to_owned(),
        }));
    }
}

fn check_install(plan: &Plan, findings: &mut Vec<Finding>) {
    let needed = match plan.staging.install {
        Install::Nothing => return,
        Install::Uv => "uv",
        Install::Commands(_) => "sh",
    };
    if process::which(needed).is_none() {
        let path = process::search_path().to_string_lossy().into_owned();
        findings.push(Finding::Missing {
            program: needed.to_owned(),
            path,
        });
    }
}

fn check_detaching(events: &mut dyn Events, findings: &mut Vec<Finding>) {
    match detaching() {
        Detaching::Plain | Detaching::Scope => {}
        Detaching::Unknown => events.emit(What::Notice(Notice::LingerNotChecked)),
        // the same command cures both
        Detaching::Impossible
            if findings
                .iter()
                .any(|it| matches!(it, Finding::NoLinger { .. })) => {}
        Detaching::Impossible => findings.push(Finding::KillUserProcesses { user: user() }),
    }
}

/// Whether the current release is good: once committed as healthy or, if it has no record, healthy now. In the second case
/// it is taken over, and so is the previous release.
pub(super) fn assess_current(
    layout: &Layout,
    plan: &Plan,
    before: &InitialState<'_>,
    events: &mut dyn Events,
) -> Result<bool, Reason> {
    let Some(current) = &before.current else {
        return Ok(false);
    };
    match records::get(layout, current) {
        Some(record) => return Ok(record.state == records::State::Good),
        None => {
            if let Some((unit, answer)) = not_healthy(layout, plan, before, current) {
                let warning = Warning::OldUnhealthy(answer);
                OfUnit { unit, events }.emit(What::Warning(warning));
                return Ok(false);
            }
        }
    }
    for id in [Some(current), before.previous.as_ref()]
        .into_iter()
        .flatten()
    {
        if records::get(layout, id).is_none() {
            records::put(layout, &records::Record::taken_over(id.clone()))?;
            events.emit(What::Notice(Notice::TakenOver(id.clone())));
        }
    }
    Ok(true)
}

/// Why the current release is not healthy, by one request. `health-match` and `health-command` are left out, because the
/// release may be older than they are.
fn not_healthy<'a>(
    layout: &Layout,
    plan: &Plan,
    before: &InitialState<'a>,
    current: &ReleaseId,
) -> Option<(Option<&'a str>, HealthAnswer)> {
    let verification = without_match(&plan.verification);
    let (unit, attempt) = look(layout, &verification, before, (current, None))?;
    let is_healthy = attempt.answer.is_healthy();
    (!is_healthy).then_some((unit, attempt.answer))
}

/// One look at the release that is live: at its units, and at the answer to one health check; with the unit it is about, if there
/// are several. `None`: the units are up, and nothing else can be asked.
pub(super) fn look<'a>(
    layout: &Layout,
    verification: &Verification,
    before: &InitialState<'a>,
    (current, commit): (&ReleaseId, Option<&str>),
) -> Option<(Option<&'a str>, Attempt)> {
    let is_down = |it: &&CheckedUnit<'_>| !it.unit.is_up() && it.unit.get("LoadState") == "loaded";
    let down = before.units.iter().find(is_down);
    let (answer, took) = match down {
        Some(it) => {
            let answer = HealthAnswer::Broken(HealthError::Unit(it.unit.state()));
            (answer, Duration::ZERO)
        }
        None => {
            let check = HealthCheck::new(verification, layout, current, commit)?;
            let answered = check.run(Duration::from_secs(10));
            (answered.answer, answered.took)
        }
    };
    let attempt = Attempt {
        number: 1,
        answer,
        took,
    };
    Some((
        down.or(before.units.first()).and_then(|it| it.label),
        attempt,
    ))
}

/// The same without `health-match` and `health-command`, which an older release may not support.
pub(super) fn without_match(verification: &Verification) -> Verification {
    let mut verification = verification.clone();
    if let Some(health) = &mut verification.health {
        health.pattern = None;
    }
    verification.command = None;
    verification
}
