//! The units of a service, and which systemd runs them.

use super::names::UnitName;
use serde::{Deserialize, Serialize};

/// Which systemd runs the units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// That of the system: restarted with sudo.
    #[default]
    System,
    /// The deploy user's own: `systemctl --user`.
    User,
}

/// What kind of unit a name stands for: its suffix, without which it is a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitKind {
    /// Restarted by every deployment.
    Service,
    /// Must be active; restarted only if its file changed.
    Timer,
    /// Like a timer; restarted together with its service.
    Socket,
    /// Like a timer.
    Path,
}

/// The units of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Units {
    /// In the order in which they are restarted. The first one owns the port of the health check. Empty: no unit is checked.
    pub names: Vec<UnitName>,
    /// Which systemd runs them.
    pub scope: Scope,
    /// Which files of a release are unit files: paths relative to the release, or patterns as in .gitignore in which `*` does
    /// not stand for `/`.
    pub files: Vec<String>,
}

/// One unit, as the server part asks systemd about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitRef<'a> {
    /// As the user wrote it.
    pub name: &'a str,
    /// Which systemd runs it.
    pub scope: Scope,
}

impl Units {
    /// One unit of the system.
    #[must_use]
    pub fn one(name: UnitName) -> Self {
        Self {
            names: vec![name],
            ..Self::default()
        }
    }

    /// All of them, in their order.
    pub fn all(&self) -> impl Iterator<Item = UnitRef<'_>> {
        let scope = self.scope;
        self.names.iter().map(move |name| UnitRef {
            name: name.as_str(),
            scope,
        })
    }

    /// The names of those after the first.
    #[must_use]
    pub fn others(&self) -> Vec<String> {
        self.all()
            .skip(1)
            .map(|unit| unit.name.to_owned())
            .collect()
    }

    /// The unit that owns the port of the health check.
    #[must_use]
    pub fn first(&self) -> Option<UnitRef<'_>> {
        self.all().next()
    }
}

impl UnitRef<'_> {
    /// What kind of unit it is.
    #[must_use]
    pub fn kind(self) -> UnitKind {
        match self.name.rsplit_once('.').map(|(_, suffix)| suffix) {
            Some("timer") => UnitKind::Timer,
            Some("socket") => UnitKind::Socket,
            Some("path") => UnitKind::Path,
            _ => UnitKind::Service,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_a_unit_is_its_suffix() {
        let kind = |name| {
            let scope = Scope::System;
            UnitRef { name, scope }.kind()
        };
        for service in ["diting", "diting.service", "worker@1", "app.v2", "timer"] {
            assert_eq!(kind(service), UnitKind::Service, "{service}");
        }
        assert_eq!(kind("diting-dump.timer"), UnitKind::Timer);
        assert_eq!(kind("diting.socket"), UnitKind::Socket);
        assert_eq!(kind("inbox.path"), UnitKind::Path);
    }
}
