//! Where systemd has a unit file, and how it gets there.

use crate::protocol::{Scope, UnitFile};
use crate::server::store::layout::Layout;
use std::fs;
use std::path::PathBuf;

/// The paths of one unit file.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// systemd's file.
    pub(super) file: PathBuf,
    /// The file in the live release, through `current`.
    pub(super) source: PathBuf,
}

impl Place {
    pub(super) fn of(layout: &Layout, scope: Scope, file: &UnitFile) -> Self {
        Self {
            file: folder(scope).join(&file.name),
            source: layout.current().join(&file.path),
        }
    }

    /// Whether it is a link through `current`: then the switch switches it too.
    pub(super) fn is_link(&self) -> bool {
        fs::read_link(&self.file).is_ok_and(|text| text == self.source)
    }

    /// Whether there is something, even if that is a link to nothing.
    pub(super) fn is_taken(&self) -> bool {
        self.file.symlink_metadata().is_ok()
    }

    /// The program and arguments that renew a copy, as sudoers must allow them literally.
    pub(super) fn install(&self) -> [String; 5] {
        let [source, file] = [&self.source, &self.file].map(|path| path.display().to_string());
        ["install".into(), "-m".into(), "644".into(), source, file]
    }
}

/// Where systemd has the unit files of the server's owner.
pub(super) fn folder(scope: Scope) -> PathBuf {
    match scope {
        Scope::System => PathBuf::from("/etc/systemd/system"),
        Scope::User => {
            let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
            home.join(".config/systemd/user")
        }
    }
}
