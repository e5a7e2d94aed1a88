//! What `systemd-analyze verify` prints about the unit files of a release. It reads copies in which `current` is replaced by
//! the release's folder, because programs are looked for where they will be after the switch.

use super::read;
use super::staged::{template, Part, Staged};
use crate::protocol::{Ending, RejectedUnitFile, Scope, UnitRef};
use crate::server::exec::process::{command, quick};
use crate::server::store::durable;
use crate::server::unit::needs;
use crate::server::unit::systemd::Unit;
use crate::text::excerpt::{last_line, lines};
use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(20);
/// These parts of messages are advice about what works.
const ADVICE: [&str; 8] = [
    "obsolete",
    "is unsafe",
    "not safe",
    "legacy directory",
    "please use",
    "has been removed",
    "deprecated",
    "skipping",
];
/// These only follow what another message says.
const GENERAL: [&str; 4] = [
    "Unit configuration has fatal error",
    "has a bad unit file setting",
    "failed to load properly",
    "Transaction order is cyclic",
];

/// A unit whose files are checked.
pub(super) struct Checked<'a> {
    /// The full name.
    pub(super) name: String,
    pub(super) parts: Vec<Part<'a>>,
    /// As it will be.
    pub(super) unit: Unit,
    /// The lines of its files.
    pub(super) text: String,
}

impl Checked<'_> {
    /// The file of the release that a message about the unit is about.
    pub(super) fn file(&self) -> &str {
        let mut files = self.parts.iter().filter_map(|part| part.file);
        files.next().map_or("", |file| file.path.as_str())
    }
}

/// Copies of unit files.
pub(super) struct Copies<'a> {
    pub(super) staged: &'a Staged,
    pub(super) units: &'a [Checked<'a>],
    pub(super) scope: Scope,
    /// Where they are while they are checked.
    pub(super) folder: PathBuf,
}

impl Copies<'_> {
    /// What is wrong with the files.
    ///
    /// # Errors
    /// Why that is unknown.
    pub(super) fn verify(&self) -> Result<Vec<RejectedUnitFile>, String> {
        let done = self.write().map_err(|error| error.to_string());
        let found = done.and_then(|()| self.run());
        // the next check does it otherwise
        drop(fs::remove_dir_all(&self.folder));
        found
    }

    fn write(&self) -> io::Result<()> {
        drop(fs::remove_dir_all(&self.folder));
        let create = |folder: &Path| DirBuilder::new().recursive(true).mode(0o700).create(folder);
        create(&self.folder)?;
        for part in self.units.iter().flat_map(|unit| &unit.parts) {
            let path = self.folder.join(&part.name);
            create(path.parent().unwrap_or(&self.folder))?;
            let text = read(&part.path).unwrap_or_default();
            let mut file = durable::private();
            let mut file = file.write(true).create(true).truncate(true).open(path)?;
            file.write_all(
                self.staged
                    .current
                    .replaced(&text, &self.staged.folder)
                    .as_bytes(),
            )?;
        }
        Ok(())
    }

    fn run(&self) -> Result<Vec<RejectedUnitFile>, String> {
        let mut verify = command("systemd-analyze");
        verify.env("SYSTEMD_COLORS", "0");
        if self.scope == Scope::User {
            // without a login there is none, and any private folder will do
            verify.arg("--user").env("XDG_RUNTIME_DIR", &self.folder);
        }
        verify.args(["verify", "--man=no"]);
        verify.args(self.units.iter().map(|unit| self.folder.join(&unit.name)));
        let (ending, output) = quick(&mut verify, TIMEOUT).map_err(|error| error.to_string())?;
        let (found, is_about_them) = self.errors(&output);
        match ending {
            Ending::Exit(0 | 1) if is_about_them => Ok(found),
            Ending::Exit(0) => Ok(found),
            _ if !found.is_empty() => Ok(found),
            ending => Err(format!("it {ending}: {}", last_line(&output))),
        }
    }

    /// What counts, and whether anything was about these files.
    fn errors(&self, output: &[u8]) -> (Vec<RejectedUnitFile>, bool) {
        let (mut found, mut general) = (
            Vec::<RejectedUnitFile>::new(),
            Vec::<RejectedUnitFile>::new(),
        );
        let mut is_about_them = false;
        for line in lines(output) {
            let Some((error, unit)) = self.about(&line) else {
                continue;
            };
            is_about_them = true;
            let is_one_of = |texts: &[&str]| texts.iter().any(|it| error.message.contains(it));
            if is_one_of(&GENERAL) {
                general.push(error);
            } else if !is_one_of(&ADVICE) && self.counts(&error.message, unit) {
                found.push(error);
            }
        }
        for error in general {
            if !found.iter().any(|it| it.file == error.file) {
                found.push(error);
            }
        }
        found.dedup();
        for error in &mut found {
            let folder = self.staged.folder.display().to_string();
            error.message = error.message.replace(&folder, &self.staged.current.shown());
        }
        (found, is_about_them)
    }

    /// The file that a line is about, and the unit, if it is one of the release's.
    fn about(&self, line: &str) -> Option<(RejectedUnitFile, Option<&Checked<'_>>)> {
        let error = |file: &str, message: &str| RejectedUnitFile {
            file: file.to_owned(),
            message: message.to_owned(),
        };
        if let Some(rest) = line.strip_prefix(&format!("{}/", self.folder.display())) {
            let parts = self.units.iter().flat_map(|unit| &unit.parts);
            let mut files = parts.filter_map(|part| {
                let message = rest.strip_prefix(&part.name)?.strip_prefix(':')?;
                let file = part.file?;
                let numbered = message.split_once(": ");
                let numbered = numbered.filter(|(it, _)| it.bytes().all(|it| it.is_ascii_digit()));
                Some(match numbered {
                    Some((number, text)) => error(&format!("{}:{number}", file.path), text),
                    None => error(&file.path, message.trim_start()),
                })
            });
            return Some((files.next()?, None));
        }
        let (name, message) = match line.strip_prefix("Unit ") {
            Some(rest) => rest.split_once(' ')?,
            None => line.split_once(": ")?,
        };
        let is_of = |unit: &&Checked<'_>| {
            unit.name == name || template(name).is_some_and(|it| it == unit.name)
        };
        let unit = self.units.iter().find(is_of)?;
        Some((error(unit.file(), message), Some(unit)))
    }

    /// Whether a message says something about the files, and not only about what the deploy user can see.
    fn counts(&self, message: &str, unit: Option<&Checked<'_>>) -> bool {
        if let Some((program, error)) = between(message, "Command ", " is not executable: ") {
            // what leads through `current` is looked at elsewhere, and before systemd 252 names are not searched for
            let path = Path::new(program);
            let is_in_view = unit.is_some_and(|it| !needs::has_own_view(&it.unit, &it.text));
            return path.is_absolute()
                && error.starts_with("No such file")
                && is_in_view
                && !path.starts_with(&self.staged.folder)
                && self
                    .staged
                    .current
                    .follow(path, &self.staged.folder)
                    .is_none();
        }
        match between(message, "Unit ", " not found.") {
            // it does not know the mounts in /etc/fstab, nor what generators create
            Some((name, _)) => {
                let scope = self.scope;
                let shown = Unit::show(UnitRef { name, scope });
                shown.is_ok_and(|unit| unit.get("LoadState") == "not-found")
            }
            None => true,
        }
    }
}

/// What stands between the two texts, and after the second one.
fn between<'a>(text: &'a str, first: &str, second: &str) -> Option<(&'a str, &'a str)> {
    let (_, rest) = text.split_once(first)?;
    rest.split_once(second)
}
