//! The users that the unit's processes run as, if they are others than the deploy user.

use super::definition::{current::Current, definitions, Definition};
use super::files::staged::Staged;
use super::needs;
use crate::protocol::{Scope, UnitRef};
use crate::server::exec::user::{account_of, group_of, login_name, Group};
use crate::server::store::layout::Layout;
use std::path::{Path, PathBuf};

/// A user that a unit runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct AppUser {
    pub(in crate::server) name: String,
    /// `None`: systemd chooses it at each start.
    pub(in crate::server) uid: Option<u32>,
    /// Its groups, the main one first.
    pub(in crate::server) groups: Vec<Group>,
    /// Paths below the release that systemd reads, as root, before it becomes that user.
    pub(in crate::server) read_by_systemd: Vec<PathBuf>,
}

impl AppUser {
    /// The other users of the unit, or of those that it starts. Root may do everything, and is left out.
    pub(in crate::server) fn all(
        name: UnitRef<'_>,
        layout: &Layout,
        staged: Option<&Staged>,
    ) -> Vec<Self> {
        let units = definitions(name, staged).unwrap_or_default();
        let starts = units.iter().filter(|it| !it.unit.programs().is_empty());
        let of = |definition| Self::of(definition, name.scope, layout);
        starts.filter_map(of).collect()
    }

    fn of(definition: &Definition, scope: Scope, layout: &Layout) -> Option<Self> {
        let unit = &definition.unit;
        let own = rustix::process::geteuid().as_raw();
        let name = unit.get("User");
        if ["", "root", "0"].contains(&name) || Some(name) == login_name().as_deref() {
            return None;
        }
        let account = account_of(name);
        let uid = account.as_ref().map(|account| account.uid);
        // of a user that does not exist, systemd will say so
        if uid.is_none() && unit.get("DynamicUser") != "yes"
            || uid.is_some_and(|it| it == own || it == 0)
        {
            return None;
        }
        let mut groups = account.map(|account| account.groups).unwrap_or_default();
        if let Some(main) = group_of(unit.get("Group")) {
            // it takes the place of the user's own
            groups.splice(..groups.len().min(1), [main]);
        }
        let further = unit.get("SupplementaryGroups").split_whitespace();
        groups.extend(further.filter_map(group_of));
        Some(Self {
            name: name.to_owned(),
            uid,
            groups,
            read_by_systemd: read_by_systemd(definition, scope, layout),
        })
    }

    /// Whether it is this user who reads the path below the release.
    pub(in crate::server) fn reads(&self, path: &str) -> bool {
        !self
            .read_by_systemd
            .iter()
            .any(|read| read == Path::new(path))
    }
}

/// The paths below the release in `EnvironmentFile` and `LoadCredential`.
fn read_by_systemd(definition: &Definition, scope: Scope, layout: &Layout) -> Vec<PathBuf> {
    // it need not exist: links in a release are not known yet
    let (current, release) = (Current::of(layout), layout.releases().join("new"));
    let named = definition.unit.all("EnvironmentFiles").lines();
    let named = named.filter_map(|line| line.rsplit_once(" (").map(|(path, _)| path.to_owned()));
    let below = |path: String| {
        let found = current.follow(Path::new(&path), &release)?;
        found.strip_prefix(&release).ok().map(Path::to_owned)
    };
    named
        .chain(needs::credentials(definition, scope))
        .filter_map(below)
        .collect()
}
