//! Checks the unit files of a release before the switch. A failure leaves the server as it was.

use super::analyze::{Checked, Copies};
use super::place::folder;
use super::staged::{has_files_of, load, Staged};
use super::{accounts, of_release};
use crate::protocol::{
    Finding, Notice, Plan, Reason, RejectedUnitFile, ReleaseId, Scope, Task, UnitFile, UnitKind,
    UnitRef, Units, Verification, Warning, What,
};
use crate::server::channel::events::Events;
use crate::server::store::layout::Layout;
use crate::server::store::links;
use crate::server::unit::{definition, needs};
use std::collections::BTreeSet;

/// More errors than anyone reads at once.
const MOST: usize = 20;

/// Checks what the units will be after the switch, and whether the release has what they need. Warnings and notices become
/// events.
///
/// # Errors
/// All that is wrong with the unit files, or with the release, with the unit that lacks something if there are several.
pub(in crate::server) fn check(
    layout: &Layout,
    plan: &Plan,
    release: &ReleaseId,
    verification: &Verification,
    events: &mut dyn Events,
) -> Result<(), (Reason, Option<String>)> {
    let units = &plan.units;
    let staged = Staged::of(layout, release, units);
    check_files(layout, &staged, units, events).map_err(|reason| (reason, None))?;
    needs::check(layout, release, &staged, units, &plan.restart)?;
    let found: Vec<Finding> = services_to_judge(plan, &staged, verification)
        .filter_map(|unit| definition::elsewhere(layout, plan, unit, Some(&staged)))
        .collect();
    match found.is_empty() {
        true => Ok(()),
        false => Err((Reason::NotReady(found), None)),
    }
}

/// The services of which it is not known yet whether they will run the release: before the upload, only what is loaded was
/// known. Of the first one, the health response may show it.
fn services_to_judge<'a>(
    plan: &'a Plan,
    staged: &'a Staged,
    verification: &Verification,
) -> impl Iterator<Item = UnitRef<'a>> {
    let units = &plan.units;
    let shown = units.first().filter(|_| definition::is_shown(verification));
    let is_service =
        |unit: &UnitRef<'_>| units.names.len() == 1 || unit.kind() == UnitKind::Service;
    let services = units.all().filter(is_service);
    services.filter(move |unit| {
        let is_new = || !staged.files.is_empty() && has_files_of(&staged.files, &load(*unit).0);
        Some(*unit) != shown && (plan.task != Task::Deploy || is_new())
    })
}

/// Checks the files by themselves.
fn check_files(
    layout: &Layout,
    staged: &Staged,
    units: &Units,
    events: &mut dyn Events,
) -> Result<(), Reason> {
    if units.files.is_empty() {
        return Ok(());
    }
    let mut errors = clashes(&staged.files);
    let listed: Vec<_> = units.all().map(load).collect();
    for (name, loaded) in &listed {
        let dangling = staged.dangling(loaded);
        errors.extend(dangling.map(|file| RejectedUnitFile {
            file,
            message: format!("the release lacks it, but {name} is a link to it on the server"),
        }));
    }
    if errors.is_empty() {
        let checked = changed_units(staged, units.scope, listed.iter().map(|(name, _)| name));
        for unit in &checked {
            let missing = accounts::missing(&unit.unit).into_iter();
            errors.extend(missing.map(|setting| RejectedUnitFile {
                file: unit.file().to_owned(),
                message: format!("{setting} does not exist on the server"),
            }));
        }
        let copies = Copies {
            staged,
            units: &checked,
            scope: units.scope,
            folder: layout.deploy_folder().join("unit-check"),
        };
        if !checked.is_empty() {
            match copies.verify() {
                Ok(found) => errors.extend(found),
                Err(error) => events.emit(What::Notice(Notice::UnitFilesNotVerified { error })),
            }
        }
    }
    if errors.is_empty() {
        warn_of_gone(layout, staged, units, events);
        return Ok(());
    }
    errors.truncate(MOST);
    Err(Reason::RejectedUnitFiles(errors))
}

/// Files that systemd would take for the same one.
fn clashes(files: &[UnitFile]) -> Vec<RejectedUnitFile> {
    let mut names = BTreeSet::new();
    let again = files.iter().filter(|file| !names.insert(&file.name));
    let error = |file: &UnitFile| RejectedUnitFile {
        file: file.path.clone(),
        message: format!(
            "another unit file of the release is named {} too",
            file.name
        ),
    };
    again.map(error).collect()
}

/// The units whose files the release changes: the listed ones, and those that only have files.
fn changed_units<'a>(
    staged: &'a Staged,
    scope: Scope,
    listed: impl Iterator<Item = &'a String>,
) -> Vec<Checked<'a>> {
    let mut names: BTreeSet<&str> = listed.map(String::as_str).collect();
    for file in &staged.files {
        let is_listed = |name: &&str| has_files_of(std::slice::from_ref(file), name);
        if !names.iter().any(is_listed) {
            names.insert(file.unit());
        }
    }
    let checked = |name: &str| {
        let unit = UnitRef { name, scope };
        let (name, loaded) = load(unit);
        let parts = staged.changed(&name, unit, &loaded)?;
        let has_file = parts.first().is_some_and(|part| !part.name.contains('/'));
        let (unit, text) = staged.effective(&name, scope, &parts);
        has_file.then_some(Checked {
            name,
            parts,
            unit,
            text,
        })
    };
    names.into_iter().filter_map(checked).collect()
}

/// Warns of the unit files of the live release that this one no longer has, if they are still on the server.
fn warn_of_gone(layout: &Layout, staged: &Staged, units: &Units, events: &mut dyn Events) {
    let Some(live) = links::live(layout) else {
        return;
    };
    let own = folder(units.scope);
    let old = of_release(layout, &live, &units.files);
    let is_gone = |file: &&UnitFile| {
        let is_there = own.join(&file.name).symlink_metadata().is_ok();
        is_there && !staged.files.iter().any(|it| it.name == file.name)
    };
    for file in old.into_iter().filter(|file| is_gone(&file)) {
        events.emit(What::Warning(Warning::UnitFileGone {
            name: file.name,
            scope: units.scope,
        }));
    }
}
