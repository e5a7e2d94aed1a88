//! Checks what must be fixed first, before anything is changed, and reports all findings at once.

use super::initial_state::InitialState;
use super::own_systemd;
use crate::protocol::{
    Attempt, Finding, HealthAnswer, HealthError, Install, LinkState, Notice, Operation, Plan,
    Reason, ReleaseId, Restart, Scope, SystemdError, Task, TreeEntry, UnitRef, UnreadableState,
    Verification, Warning, What,
};
use crate::server::channel::events::Events;
use crate::server::exec::process;
use crate::server::exec::user::{group_of_others, user};
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
use crate::server::unit::definition::{self, LeadsToCurrent};
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
pub(super) fn check(
    layout: &Layout,
    plan: &Plan,
    entries: &[TreeEntry],
    events: &mut dyn Events,
) -> Result<InitialState, Reason> {
    let mut findings = Vec::new();
    check_target(layout, events, &mut findings);
    let current = check_current(layout, events, &mut findings);
    let previous = check_previous(layout, &mut findings);
    let unit = check_server(layout, plan, events, &mut findings);
    // a rollback needs no disk space
    let mut app_users = AppUsers::default();
    if plan.task == Task::Deploy {
        if let Some(name) = plan.units.first().filter(|_| unit.is_some()) {
            app_users = AppUsers::of(name, layout, &plan.staging);
            findings.extend(app_users.check(layout, &plan.staging, events));
        }
        findings.extend(shared::check(layout, &plan.staging.shared));
        // what an interrupted upload left would not be used twice
        let make_room = || make_room(layout, plan);
        findings.extend(disk_space::check(layout, plan, entries, events, make_room)?);
    }
    let mut state = InitialState {
        current,
        previous: previous.into_release(),
        unit,
        resettable: false,
        app_users,
    };
    if !findings.is_empty() {
        findings.extend(check_rollback_target(layout, plan, &state, events));
        return Err(Reason::NotReady(findings));
    }
    state.resettable = check_reset(plan, state.unit.as_ref(), events);
    check_pager(plan, events);
    Ok(state)
}

/// What can be checked without the target.
fn check_server(
    layout: &Layout,
    plan: &Plan,
    events: &mut dyn Events,
    findings: &mut Vec<Finding>,
) -> Option<Unit> {
    own_systemd::check(plan.units.scope, findings);
    let name = plan.units.first();
    let unit = name.and_then(|name| check_unit(name, events, findings));
    if plan.task == Task::Deploy {
        let shown = shows_release(&plan.verification);
        check_release(layout, plan, unit.as_ref(), shown, findings);
    }
    check_rights(plan, findings);
    check_install(plan, findings);
    check_detaching(events, findings);
    unit
}

/// Whether the release to roll back to is there, if that is known already: the current one may still have to be taken over.
fn check_rollback_target(
    layout: &Layout,
    plan: &Plan,
    state: &InitialState,
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
    check_server(layout, plan, events, &mut findings);
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
    if state != "loaded" {
        findings.push(own_systemd::unusable(name, state));
    }
    if unit.get("NeedDaemonReload") == "yes" {
        events.emit(What::Warning(Warning::DaemonReload));
    }
    if unit.get("UnitFileState") == "disabled" {
        events.emit(What::Warning(Warning::NotEnabled(name.name.to_owned())));
    }
    Some(unit)
}

/// Whether the health response names the release.
pub(super) fn shows_release(verification: &Verification) -> bool {
    let health = verification.health.as_ref();
    let pattern = health.and_then(|health| health.pattern.as_ref());
    pattern.is_some_and(|pattern| pattern.names_release() || pattern.names_commit())
}

/// Whether the unit will run the release that `current` leads to, and whether that will be seen. `shown`: its health
/// response says so.
pub(super) fn check_release(
    layout: &Layout,
    plan: &Plan,
    unit: Option<&Unit>,
    shown: bool,
    findings: &mut Vec<Finding>,
) {
    let Some((name, unit)) = plan.units.first().zip(unit).filter(|_| !shown) else {
        return;
    };
    if unit.get("LoadState") != "loaded" || plan.restart == Restart::Nothing {
        return;
    }
    if let LeadsToCurrent::No { starts } = LeadsToCurrent::of(name, unit, layout) {
        findings.push(Finding::UnitElsewhere {
            service: name.name.to_owned(),
            starts,
            target: plan.target.to_string(),
        });
    } else if definition::is_reload(&plan.restart) && definition::is_hidden(unit) {
        findings.push(Finding::ReloadUnseen {
            service: name.name.to_owned(),
            user: user(),
        });
    }
}

fn check_rights(plan: &Plan, findings: &mut Vec<Finding>) {
    if let (Restart::Systemctl, Some(name)) = (&plan.restart, plan.units.first()) {
        if let Err(output) = systemd::ask_sudo("restart", name) {
            findings.push(Finding::Sudo {
                service: name.name.to_owned(),
                user: user(),
                output,
            });
        }
    }
}

/// Whether the deploy user may reset systemd's start limit. If not, a deployment may have to wait for it.
fn check_reset(plan: &Plan, unit: Option<&Unit>, events: &mut dyn Events) -> bool {
    let (Restart::Systemctl, Some(name)) = (&plan.restart, plan.units.first()) else {
        return false;
    };
    let resettable = systemd::may_run("reset-failed", name);
    if !resettable && unit.and_then(Unit::start_limit).is_some() {
        events.emit(What::Warning(Warning::NoResetFailed {
            service: name.name.to_owned(),
            user: user(),
        }));
    }
    resettable
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
    before: &InitialState,
    events: &mut dyn Events,
) -> Result<bool, Reason> {
    let Some(current) = &before.current else {
        return Ok(false);
    };
    match records::get(layout, current) {
        Some(record) => return Ok(record.state == records::State::Good),
        None => {
            if let Some(answer) = not_healthy(plan, before, current) {
                events.emit(What::Warning(Warning::OldUnhealthy(answer)));
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

/// Why the current release is not healthy, by one request. `health-match` is left out, because the release may be older
/// than that input.
fn not_healthy(plan: &Plan, before: &InitialState, current: &ReleaseId) -> Option<HealthAnswer> {
    let verification = without_match(&plan.verification);
    let attempt = look(&verification, before, current, None)?;
    (!matches!(attempt.answer, HealthAnswer::Healthy { .. })).then_some(attempt.answer)
}

/// One look at the release that is live: at its unit, and at the answer to one request. `None`: the unit is up, and nothing
/// else can be asked.
pub(super) fn look(
    verification: &Verification,
    before: &InitialState,
    current: &ReleaseId,
    commit: Option<&str>,
) -> Option<Attempt> {
    let (answer, took) = match before.unit.as_ref().filter(|unit| !unit.is_up()) {
        Some(unit) => {
            let answer = HealthAnswer::Broken(HealthError::Unit(unit.state()));
            (answer, Duration::ZERO)
        }
        None => {
            let health = verification.health.as_ref()?;
            let request = HealthCheck::new(health, current, commit).run(Duration::from_secs(10));
            (request.answer, request.took)
        }
    };
    Some(Attempt {
        number: 1,
        answer,
        took,
    })
}

/// The same without `health-match`, which an older release may not support.
pub(super) fn without_match(verification: &Verification) -> Verification {
    let mut verification = verification.clone();
    if let Some(health) = &mut verification.health {
        health.pattern = None;
    }
    verification
}
