//! Gives the units' users what it needs of a release, if that is another user than the deploy user: its `.env` to read, and
//! the shared folders to write. A group that both are in, or what the folder around hands down, makes it possible.

use super::modes::{Acl, HandedDown, Somebody};
use crate::protocol::{
    AccessFix, AppAccess, Finding, Operation, Reason, ReleaseId, SharedPath, Staging, UnitRef,
    Warning, What,
};
use crate::server::channel::events::Events;
use crate::server::exec::user::{has_only, login_name};
use crate::server::store::durable::failed;
use crate::server::store::layout::Layout;
use crate::server::store::links;
use crate::server::store::records::{self, State};
use crate::server::unit::app_user::AppUser;
use crate::server::unit::files::staged::Staged;
use rustix::fs::{fchmod, fchown, open, Gid, Mode, OFlags};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const READ: u32 = 4;
const ALL: u32 = 7;
const ENTER: u32 = 1;
const SETGID: u32 = 0o2000;
const GROUP: u32 = 0o070;
/// `.env`, if its group may read it.
const ENV_MODE: u32 = 0o640;
/// Groups of people or programs that have nothing to do with each other.
const COMMON: [&str; 3] = ["users", "nogroup", "nobody"];

/// The other users that the units run as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::server) struct AppUsers(Vec<AppUser>);

/// How something new gets the rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The bits for the group are enough.
    Mode,
    /// It gets this group, too.
    Group(u32),
}

impl AppUsers {
    /// Of these units, as far as it matters for what is staged. `staged`: the release's unit files, if they are known yet.
    pub(in crate::server) fn of<'a>(
        units: impl Iterator<Item = UnitRef<'a>>,
        layout: &Layout,
        staging: &Staging,
        staged: Option<&Staged>,
    ) -> Self {
        let mut all = Self::default();
        if staging.env_file.is_none() && staging.shared.is_empty() {
            return all;
        }
        for user in units.flat_map(|unit| AppUser::all(unit, layout, staged)) {
            // of two units, systemd may read another file for each
            if !all.0.contains(&user) {
                all.0.push(user);
            }
        }
        all
    }

    /// Checks, before the upload, that they can get what they need. Changes nothing. What a good release lives with, a shared
    /// folder with files in it, and a file may be used in another way, and a user that systemd chooses cannot be looked at:
    /// these are a warning.
    pub(in crate::server) fn check(
        &self,
        layout: &Layout,
        staging: &Staging,
        events: &mut dyn Events,
    ) -> Option<Finding> {
        let is_known = |user: &&AppUser| user.uid.is_some();
        let (known, chosen): (Vec<&AppUser>, Vec<&AppUser>) = self.0.iter().partition(is_known);
        let live = Live::of(layout);
        let mut finding = None;
        for (users, is_sure) in [(known, true), (chosen, false)] {
            let Some(first) = users.first() else { continue };
            let mut lacks = Lacks::new(first, &users, live);
            lacks.add_all(layout, staging, true);
            if is_sure && !lacks.found.is_empty() {
                finding = Some(Finding::AppAccess(lacks.found));
                continue;
            }
            lacks.add_all(layout, staging, false);
            if !lacks.found.is_empty() {
                events.emit(What::Warning(Warning::AppAccess(lacks.found)));
            }
        }
        finding
    }

    /// Lets them read the new `.env` in a release.
    pub(super) fn let_read_env(&self, release: &Path) -> Result<(), Reason> {
        let readers = readers(self.0.iter(), ".env");
        let way = way(release, &readers, READ, ENV_MODE).filter(|_| !readers.is_empty());
        let path = release.join(".env");
        way.map_or(Ok(()), |way| give(&path, way, ENV_MODE))
    }

    /// Creates a shared folder and those around it. `mode` is that of the source, if it has the folder.
    pub(super) fn create_shared(&self, kept: &Path, mode: u32) -> Result<(), Reason> {
        let missing: Vec<&Path> = kept.ancestors().take_while(|it| !it.exists()).collect();
        let Some(around) = missing.last().and_then(|outermost| outermost.parent()) else {
            return Ok(());
        };
        let users: Vec<&AppUser> = self.0.iter().collect();
        let way = way(around, &users, ALL, mode | GROUP).filter(|_| !users.is_empty());
        for path in missing.iter().rev() {
            let mode = match (way, *path == kept) {
                (_, false) => 0o755,
                (None, true) => mode,
                (Some(_), true) => mode | GROUP,
            };
            let around = path.parent().unwrap_or(path);
            HandedDown::by(around).create_folder(path, mode)?;
            if let Some(way @ Way::Group(_)) = way {
                give(path, way, mode | SETGID)?;
            }
        }
        Ok(())
    }

    /// Opens an empty shared folder that an earlier run has created for the deploy user alone.
    pub(super) fn open_shared(&self, layout: &Layout, kept: &Path) -> Result<(), Reason> {
        let users: Vec<&AppUser> = self.0.iter().collect();
        match way_to_open(layout, kept, &users) {
            Some((way, mode)) => give(kept, way, mode),
            None => Ok(()),
        }
    }
}

/// Those who read the path below a release themselves.
fn readers<'a>(users: impl Iterator<Item = &'a AppUser>, path: &str) -> Vec<&'a AppUser> {
    users.filter(|user| user.reads(path)).collect()
}

/// Follows no link: the users may have put one in its place.
fn give(path: &Path, way: Way, mode: u32) -> Result<(), Reason> {
    let set = || -> rustix::io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = open(path, flags, Mode::empty())?;
        if let Way::Group(gid) = way {
            fchown(&file, None, Some(Gid::from_raw(gid)))?;
        }
        fchmod(&file, Mode::from_raw_mode(mode))
    };
    set().map_err(|error| failed(Operation::SetMode, path)(error.into()))
}

/// Whether the path in `shared` leads through no link. What those lead to is for the server's owner to open.
fn is_without_link(layout: &Layout, kept: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let below = kept.strip_prefix(layout.shared()).ok();
    let expected = below
        .zip(real(&layout.shared()))
        .map(|(below, shared)| shared.join(below));
    expected.is_some() && expected == real(kept)
}

/// How all of them get `wanted` for what the deploy user creates in the folder with this mode.
fn way(folder: &Path, users: &[&AppUser], wanted: u32, mode: u32) -> Option<Way> {
    let found = fs::metadata(folder).ok()?;
    if !all_have(folder, users, ENTER) {
        return None;
    }
    let acl = Acl::of_new(folder, mode);
    let own = rustix::process::geteuid().as_raw();
    let with_group = |gid: u32| all_given(&acl, (own, gid), users, wanted);
    let inherited = match found.mode() & SETGID {
        0 => None,
        _ => Some(found.gid()),
    };
    let usual = inherited.unwrap_or(rustix::process::getegid().as_raw());
    let is_usable = |gid: u32| inherited == Some(gid) || is_for_them(gid, users);
    if with_group(usual) && is_usable(usual) {
        return Some(Way::Mode);
    }
    let candidates = group_candidates(users).into_iter();
    let mut usable = candidates.filter(|gid| with_group(*gid) && is_usable(*gid));
    usable.next().map(Way::Group)
}

/// The groups of the first one that the deploy user can give to a file, the main one first.
fn group_candidates(users: &[&AppUser]) -> Vec<u32> {
    let own = rustix::process::getgroups().unwrap_or_default();
    let is_root = rustix::process::geteuid().is_root();
    let groups = users
        .first()
        .map(|user| user.groups.as_slice())
        .unwrap_or_default();
    let gids = groups.iter().map(|group| group.gid);
    gids.filter(|gid| is_root || own.iter().any(|it| it.as_raw() == *gid))
        .collect()
}

/// Whether the group is there for these users: the main one of a user, or one that nobody else is in.
fn is_for_them(gid: u32, users: &[&AppUser]) -> bool {
    let groups = || users.iter().flat_map(|user| &user.groups);
    let is_common = |name: &str| COMMON.contains(&name);
    if groups().any(|group| group.gid == gid && is_common(&group.name)) {
        return false;
    }
    let is_main = |user: &&AppUser| user.groups.first().is_some_and(|main| main.gid == gid);
    if gid == rustix::process::getegid().as_raw() || users.iter().any(is_main) {
        return true;
    }
    let login = login_name().unwrap_or_default();
    let mut names: Vec<&str> = users.iter().map(|user| user.name.as_str()).collect();
    names.push(&login);
    has_only(gid, &names)
}

/// An empty folder of the deploy user that they cannot write yet.
fn way_to_open(layout: &Layout, kept: &Path, users: &[&AppUser]) -> Option<(Way, u32)> {
    let (acl, found) = Acl::of(kept).ok()?;
    let own = rustix::process::geteuid().as_raw();
    let mode = found.mode() & 0o7777 | GROUP;
    let is_open = all_given(&acl, (found.uid(), found.gid()), users, ALL);
    if users.is_empty()
        || is_open
        || found.uid() != own
        || !is_empty(kept)
        || !is_without_link(layout, kept)
    {
        return None;
    }
    let with_group = |gid: u32| {
        let in_group = |user: &&AppUser| user.groups.iter().any(|group| group.gid == gid);
        users.iter().all(in_group) && is_for_them(gid, users)
    };
    if with_group(found.gid()) {
        return Some((Way::Mode, mode));
    }
    let gid = group_candidates(users)
        .into_iter()
        .find(|gid| with_group(*gid))?;
    Some((Way::Group(gid), mode | SETGID))
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

fn all_have(path: &Path, users: &[&AppUser], wanted: u32) -> bool {
    Acl::of(path)
        .is_ok_and(|(acl, found)| all_given(&acl, (found.uid(), found.gid()), users, wanted))
}

fn all_given(acl: &Acl, owner: (u32, u32), users: &[&AppUser], wanted: u32) -> bool {
    users.iter().all(|user| {
        let groups: Vec<u32> = user.groups.iter().map(|group| group.gid).collect();
        let somebody = Somebody {
            uid: user.uid,
            groups: &groups,
        };
        acl.gives(owner, &somebody, wanted)
    })
}

/// What the live release shows about the users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Live {
    /// It was once healthy, so the shared folders that it has are enough, or it can do without them.
    is_good: bool,
    /// It was so with a `.env`, which `install`, `before-switch` or the unit may open or read for the users.
    has_env: bool,
}

impl Live {
    fn of(layout: &Layout) -> Self {
        let is_good =
            |id: &ReleaseId| records::get(layout, id).is_some_and(|it| it.state == State::Good);
        let good = links::live(layout).filter(is_good);
        let env = good.as_ref().map(|id| layout.release(id).join(".env"));
        Self {
            is_good: good.is_some(),
            has_env: env.is_some_and(|env| env.is_file()),
        }
    }
}

/// What the users cannot do, and what would help.
struct Lacks<'a> {
    users: &'a [&'a AppUser],
    live: Live,
    found: AppAccess,
}

impl<'a> Lacks<'a> {
    fn new(first: &AppUser, users: &'a [&'a AppUser], live: Live) -> Self {
        let main = first
            .groups
            .first()
            .filter(|main| !COMMON.contains(&main.name.as_str()));
        // one group does not help all of them
        let shared = main.filter(|main| users.iter().all(|user| user.groups.contains(main)));
        let found = AppAccess {
            user: first.name.clone(),
            group: shared.map(|group| group.name.clone()).unwrap_or_default(),
            reads: Vec::new(),
            writes: Vec::new(),
            fixes: Vec::new(),
        };
        Self { users, live, found }
    }

    /// `sure`: only what is new, so that nobody can use it in another way. Otherwise only the rest.
    fn add_all(&mut self, layout: &Layout, staging: &Staging, sure: bool) {
        if sure != self.live.has_env && staging.env_file.is_some() {
            self.env(layout);
        }
        for shared in &staging.shared {
            let kept = layout.shared().join(&shared.path);
            let readers = readers(self.users.iter().copied(), &shared.path);
            let is_new = || is_empty(&kept) && !self.live.is_good;
            match (kept.exists(), shared.folder) {
                (false, true) if sure => self.new_folder(layout, shared),
                (true, true) if is_new() == sure => self.existing_folder(layout, shared),
                (true, false) if !sure && !all_have(&kept, &readers, READ) => {
                    self.found.reads.push(format!("{} in shared", shared.path));
                    self.fix(AccessFix::Read(format!("shared/{}", shared.path)));
                }
                _ => {}
            }
        }
    }

    fn env(&mut self, layout: &Layout) {
        let readers = readers(self.users.iter().copied(), ".env");
        if way(&layout.releases(), &readers, READ, ENV_MODE).is_none() && !readers.is_empty() {
            self.found.reads.push(".env".to_owned());
            self.fix(AccessFix::HandDown("releases".to_owned()));
        }
    }

    fn new_folder(&mut self, layout: &Layout, shared: &SharedPath) {
        let kept = layout.shared().join(&shared.path);
        let Some(around) = kept.ancestors().skip(1).find(|it| it.exists()) else {
            return;
        };
        if way(around, self.users, ALL, 0o770).is_some() {
            return;
        }
        self.found.writes.push(shared.path.clone());
        match around.strip_prefix(layout.target()) {
            Ok(inside) if inside != Path::new("") => {
                self.fix(AccessFix::HandDown(inside.display().to_string()));
            }
            _ => self.fix(AccessFix::CreateShared),
        }
    }

    fn existing_folder(&mut self, layout: &Layout, shared: &SharedPath) {
        let kept = &layout.shared().join(&shared.path);
        if all_have(kept, self.users, ALL) || way_to_open(layout, kept, self.users).is_some() {
            return;
        }
        self.found.writes.push(shared.path.clone());
        self.fix(AccessFix::Write(format!("shared/{}", shared.path)));
    }

    fn fix(&mut self, fix: AccessFix) {
        if !self.found.group.is_empty() && !self.found.fixes.contains(&fix) {
            self.found.fixes.push(fix);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Secret;
    use crate::server::exec::user::Group;
    use crate::server::store::private;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    const WEB: u32 = 33;

    fn web(groups: &[(u32, &str)]) -> AppUser {
        let group = |(gid, name): &(u32, &str)| Group {
            gid: *gid,
            name: (*name).to_owned(),
        };
        AppUser {
            name: "www-data".to_owned(),
            uid: Some(WEB),
            groups: groups.iter().map(group).collect(),
            read_by_systemd: Vec::new(),
        }
    }

    /// The test runs as root, who can give every group.
    #[test]
    fn a_way_is_what_the_folder_hands_down_or_a_group_that_is_there_for_them() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path();
        let way = |user: &AppUser| way(folder, &[user], READ, ENV_MODE);
        let set = |mode| fs::set_permissions(folder, Permissions::from_mode(mode)).unwrap();
        set(0o755);
        let www = web(&[(WEB, "www-data"), (4, "adm")]);
        assert_eq!(way(&www), Some(Way::Group(WEB)));
        assert_eq!(way(&web(&[])), None);
        // everybody is in that one
        assert_eq!(way(&web(&[(100, "users")])), None);
        rustix::fs::chown(folder, None, Some(Gid::from_raw(WEB))).unwrap();
        set(0o2755);
        assert_eq!(way(&www), Some(Way::Mode));
        // it cannot even be entered
        set(0o2700);
        assert_eq!(way(&www), None);
    }

    struct Warned(Vec<AppAccess>);

    impl Events for Warned {
        fn emit(&mut self, what: What) {
            if let What::Warning(Warning::AppAccess(found)) = what {
                self.0.push(found);
            }
        }
    }

    /// What is a finding, and what is a warning, for a user that is in no group.
    fn lacks(layout: &Layout, staging: &Staging) -> [Vec<String>; 2] {
        let names = |found: AppAccess| [found.reads, found.writes].concat();
        let mut events = Warned(Vec::new());
        let finding = AppUsers(vec![web(&[])]).check(layout, staging, &mut events);
        let finding = finding.map(|finding| match finding {
            Finding::AppAccess(found) => names(found),
            other => panic!("{other}"),
        });
        let warned = events.0.into_iter().flat_map(names).collect();
        [finding.unwrap_or_default(), warned]
    }

    /// Of earlier versions, in which `install` or the unit opens `.env`, and an empty folder is only read.
    #[test]
    fn what_a_good_release_lives_with_is_only_a_warning() {
        let temporary = tempfile::tempdir().unwrap();
        let layout = Layout::new(temporary.path().to_str().unwrap());
        let id: ReleaseId = "20251129-120000".parse().unwrap();
        let release = layout.release(&id);
        private::create_folders(&layout).unwrap();
        fs::create_dir_all(layout.shared().join("old")).unwrap();
        fs::create_dir(&release).unwrap();
        fs::write(release.join(".env"), "").unwrap();
        std::os::unix::fs::symlink(Layout::link_text(&id), layout.current()).unwrap();
        let shared = |path: &str| SharedPath {
            path: path.to_owned(),
            folder: true,
        };
        let mut staging = Staging {
            env_file: Some(Secret::from("KEY=1")),
            shared: vec![shared("old"), shared("new")],
            ..Staging::default()
        };
        assert_eq!(lacks(&layout, &staging)[0], [".env", "old", "new"]);

        records::put(&layout, &records::Record::taken_over(id)).unwrap();
        assert_eq!(lacks(&layout, &staging)[0], ["new"]);
        staging.shared.pop();
        let [finding, warned] = lacks(&layout, &staging);
        assert_eq!(
            (finding, warned),
            (vec![], vec![".env".into(), "old".into()])
        );
        // the input is new
        fs::remove_file(release.join(".env")).unwrap();
        assert_eq!(lacks(&layout, &staging)[0], [".env"]);
    }

    /// A user that may write around it has put a link there.
    #[test]
    fn what_a_link_leads_to_is_not_opened() {
        let temporary = tempfile::tempdir().unwrap();
        let layout = Layout::new(temporary.path().to_str().unwrap());
        let (folder, elsewhere) = (layout.shared().join("a"), temporary.path().join("private"));
        fs::create_dir_all(&folder).unwrap();
        fs::create_dir(&elsewhere).unwrap();
        let www = web(&[(WEB, "www-data")]);
        let way = |name: &str| way_to_open(&layout, &layout.shared().join(name), &[&www]);
        assert_eq!(way("a"), Some((Way::Group(WEB), 0o2775)));
        std::os::unix::fs::symlink(&elsewhere, layout.shared().join("b")).unwrap();
        assert_eq!(way("b"), None);
        assert!(give(&layout.shared().join("b"), Way::Mode, 0o777).is_err());
        assert_eq!(fs::metadata(&elsewhere).unwrap().mode() & 0o777, 0o755);
    }
}
