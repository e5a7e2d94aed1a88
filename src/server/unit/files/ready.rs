//! What must be fixed on the server before the unit files of a release can go live and be rolled back.

use super::place::Place;
use super::{full_name, is_of, of_release};
use crate::protocol::{
    Finding, ReleaseId, Scope, UnitFile, UnitFileError, UnitFileProblem, UnitKind, UnitRef, Units,
};
use crate::server::exec::user::user;
use crate::server::store::layout::Layout;
use crate::server::unit::systemd;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Checks the unit files of the release that is to go live. `old`: the release to roll back to.
pub(in crate::server) fn check(
    layout: &Layout,
    units: &Units,
    files: &[UnitFile],
    old: Option<&ReleaseId>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if files.is_empty() || units.scope == Scope::User {
        return findings;
    }
    let other_disk = is_on_other_file_system(layout);
    for file in files {
        let place = Place::of(layout, units.scope, file);
        let lacking = old.filter(|old| is_service(file) && !has(layout, old, file));
        let error = match (place.is_link(), lacking) {
            (true, _) if other_disk => UnitFileError::OtherFileSystem,
            (true, Some(old)) => UnitFileError::LackedBy(old.clone()),
            (true, None) => continue,
            (false, _) if is_renewable(&place) => continue,
            (false, _) if place.is_taken() => UnitFileError::Fixed,
            (false, _) => UnitFileError::Absent,
        };
        findings.push(problem(file, error, !other_disk && lacking.is_none()));
    }
    if let Err(output) = systemd::ask_sudo_for(&systemd::RELOAD) {
        let user = user();
        findings.push(Finding::DaemonReload { user, output });
    }
    findings
}

/// What else must be fixed before an earlier release can go live: a unit must not be a link to what it does not have.
pub(in crate::server) fn check_earlier(
    layout: &Layout,
    units: &Units,
    release: &ReleaseId,
    current: Option<&ReleaseId>,
) -> Vec<Finding> {
    let files = of_release(layout, release, &units.files);
    let mut findings = check(layout, units, &files, current);
    let live = current.map(|current| of_release(layout, current, &units.files));
    for file in live
        .iter()
        .flatten()
        .filter(|file| !has(layout, release, file))
    {
        let place = Place::of(layout, units.scope, file);
        let is_listed = units.all().any(|unit| is_of(file, &full_name(unit.name)));
        if is_listed && !file.is_drop_in() && place.is_link() {
            let error = UnitFileError::LackedBy(release.clone());
            findings.push(problem(file, error, false));
        }
    }
    findings
}

/// Whether one of the files defines the unit.
pub(in crate::server) fn define(files: &[UnitFile], unit: UnitRef<'_>) -> bool {
    let name = full_name(unit.name);
    files
        .iter()
        .any(|file| !file.is_drop_in() && is_of(file, &name))
}

fn problem(file: &UnitFile, error: UnitFileError, link: bool) -> Finding {
    let path = file.path.clone();
    Finding::UnitFile(UnitFileProblem { path, error, link })
}

fn is_service(file: &UnitFile) -> bool {
    let (name, scope) = (file.unit(), Scope::System);
    !file.is_drop_in() && UnitRef { name, scope }.kind() == UnitKind::Service
}

fn has(layout: &Layout, release: &ReleaseId, file: &UnitFile) -> bool {
    let path = layout.release(release).join(&file.path);
    path.symlink_metadata().is_ok_and(|found| found.is_file())
}

/// Whether the deploy user may make or renew a copy there.
fn is_renewable(place: &Place) -> bool {
    let folder = place.file.parent();
    folder.is_some_and(Path::is_dir)
        && systemd::ask_sudo_for(&place.install().each_ref().map(String::as_str)).is_ok()
}

/// Whether systemd, which reads unit files before it mounts anything, would find none in a release.
fn is_on_other_file_system(layout: &Layout) -> bool {
    let device = |path: &Path| fs::metadata(path).map(|found| found.dev()).ok();
    let root = device(Path::new("/"));
    [layout.target(), &layout.releases()]
        .iter()
        .any(|path| device(path) != root)
}
