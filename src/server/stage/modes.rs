//! The modes of new folders and files: those of the source, and what the folder around hands down. A setgid folder hands
//! down its group, a default ACL the rights of further users and groups; a plain chmod would take both away.

use crate::protocol::{Operation, Reason};
use crate::server::store::durable::failed;
use rustix::fs::{open, Mode, OFlags};
use rustix::io::Errno;
use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

const SETGID: u32 = 0o2000;
/// With an ACL, these bits are the most that it gives to anyone but the owner and all others.
const GROUP: u32 = 0o070;

/// The rights in new folders and files that are not the source's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HandedDown {
    group_bits: u32,
}

impl HandedDown {
    /// By this folder.
    pub(super) fn by(folder: &Path) -> Self {
        let group_bits = if default_acl(folder).is_some() {
            GROUP
        } else {
            0
        };
        Self { group_bits }
    }

    /// Creates a folder with this mode and what is handed down.
    pub(super) fn create_folder(self, path: &Path, mode: u32) -> Result<(), Reason> {
        // mkdir keeps what is handed down; chmod would take the setgid bit away from who is not in the group. No other
        // thread creates files meanwhile.
        let usual = rustix::process::umask(Mode::empty());
        let most = mode | self.group_bits;
        let created = DirBuilder::new().mode(most).create(path);
        rustix::process::umask(usual);
        created.map_err(failed(Operation::CreateFolder, path))?;
        match self.group_bits {
            0 => Ok(()),
            _ => self
                .complete(path, mode)
                .map_err(failed(Operation::SetMode, path)),
        }
    }

    /// Adds what a default ACL has taken from the mode of a new folder: it may give nothing to the group or to others.
    /// Follows no link: a user with rights by that ACL may have put one in its place.
    fn complete(self, path: &Path, mode: u32) -> io::Result<()> {
        if fs::symlink_metadata(path)?.mode() & mode == mode {
            return Ok(());
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = File::from(open(path, flags, Mode::empty())?);
        let kept = folder.metadata()?.mode() & (self.group_bits | SETGID);
        folder.set_permissions(Permissions::from_mode(mode | kept))
    }

    /// The mode for a new file, which the source has with `mode`.
    pub(super) fn file_mode(self, mode: u32, created: &Metadata) -> u32 {
        mode | created.mode() & self.group_bits
    }

    /// Whether a folder or a file has the mode `expected`, and nothing else but what was handed down.
    pub(super) fn allows(self, found: &Metadata, expected: u32) -> bool {
        let setgid = if found.is_dir() { SETGID } else { 0 };
        let mode = found.mode() & 0o7777;
        mode == expected | mode & (self.group_bits | setgid)
    }
}

/// Who may do what with a file or a folder: acl(5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Acl(Vec<(Tag, u32)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Owner,
    User(u32),
    Group,
    NamedGroup(u32),
    Mask,
    Others,
}

/// Somebody who wants something.
pub(super) struct Somebody<'a> {
    /// `None`: nobody else has this number.
    pub(super) uid: Option<u32>,
    pub(super) groups: &'a [u32],
}

impl Acl {
    /// That of a file or a folder.
    pub(super) fn of(path: &Path) -> io::Result<(Self, Metadata)> {
        let found = fs::metadata(path)?;
        let acl = read(path, "system.posix_acl_access");
        let acl = acl.unwrap_or_else(|| Self::of_mode(found.mode()));
        Ok((acl, found))
    }

    /// That of what is created in `folder` with this mode.
    pub(super) fn of_new(folder: &Path, mode: u32) -> Self {
        match default_acl(folder) {
            Some(acl) => acl.limited_to(mode),
            None => Self::of_mode(mode),
        }
    }

    fn of_mode(mode: u32) -> Self {
        let bits = |tag, shift: u32| (tag, mode >> shift & 7);
        Self(vec![
            bits(Tag::Owner, 6),
            bits(Tag::Group, 3),
            bits(Tag::Others, 0),
        ])
    }

    /// As the kernel does it when something is created.
    fn limited_to(mut self, mode: u32) -> Self {
        let has_mask = self.0.iter().any(|(tag, _)| *tag == Tag::Mask);
        for (tag, rights) in &mut self.0 {
            match tag {
                Tag::Owner => *rights &= mode >> 6,
                Tag::Mask => *rights &= mode >> 3,
                Tag::Group if !has_mask => *rights &= mode >> 3,
                Tag::Others => *rights &= mode,
                Tag::Group | Tag::User(_) | Tag::NamedGroup(_) => {}
            }
        }
        self
    }

    /// Whether `somebody` has all the rights `wanted`, as bits like those of a mode.
    pub(super) fn gives(
        &self,
        (owner, group): (u32, u32),
        somebody: &Somebody<'_>,
        wanted: u32,
    ) -> bool {
        let of = |tag: Tag| self.0.iter().find(|it| it.0 == tag).map(|it| it.1);
        let mask = of(Tag::Mask).unwrap_or(7);
        let has = |rights: u32| rights & wanted == wanted;
        if somebody.uid == Some(owner) {
            return of(Tag::Owner).is_some_and(has);
        }
        if let Some(rights) = somebody.uid.and_then(|uid| of(Tag::User(uid))) {
            return has(rights & mask);
        }
        let is_in = |tag: &Tag| match tag {
            Tag::Group => somebody.groups.contains(&group),
            Tag::NamedGroup(named) => somebody.groups.contains(named),
            _ => false,
        };
        let mut groups = self.0.iter().filter(|(tag, _)| is_in(tag)).peekable();
        match groups.peek() {
            Some(_) => groups.any(|(_, rights)| has(rights & mask)),
            None => of(Tag::Others).is_some_and(has),
        }
    }

    /// From the bytes that the kernel keeps: linux/posix_acl_xattr.h.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let entries = bytes.strip_prefix(&2_u32.to_le_bytes())?;
        let entry = |bytes: &[u8]| {
            let [tag, tag_high, rights, _, id @ ..] = bytes else {
                return None;
            };
            let id = u32::from_le_bytes(id.try_into().ok()?);
            let tag = match u16::from_le_bytes([*tag, *tag_high]) {
                0x01 => Tag::Owner,
                0x02 => Tag::User(id),
                0x04 => Tag::Group,
                0x08 => Tag::NamedGroup(id),
                0x10 => Tag::Mask,
                0x20 => Tag::Others,
                _ => return None,
            };
            Some((tag, u32::from(*rights)))
        };
        entries
            .chunks(8)
            .map(entry)
            .collect::<Option<_>>()
            .map(Self)
    }
}

fn default_acl(folder: &Path) -> Option<Acl> {
    read(folder, "system.posix_acl_default")
}

/// `None`: there is none, or the file system has none.
fn read(path: &Path, name: &str) -> Option<Acl> {
    let mut bytes = [0; 4096];
    match rustix::fs::getxattr(path, name, &mut bytes) {
        Ok(length) => Acl::parse(&bytes[..length]),
        Err(Errno::NODATA | Errno::OPNOTSUPP) => None,
        Err(error) => {
            tracing::info!(%error, "an access control list cannot be read");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOY: u32 = 1000;
    const WEB: u32 = 33;

    fn web(groups: &[u32]) -> Somebody<'_> {
        Somebody {
            uid: Some(WEB),
            groups,
        }
    }

    /// The row of a server with an ACL for the service's user.
    #[test]
    fn a_mode_of_the_source_takes_nothing_away_that_the_folder_hands_down() {
        let temporary = tempfile::tempdir().unwrap();
        let target = temporary.path().join("target");
        fs::create_dir(&target).unwrap();
        set_default_acl(
            &target,
            &[
                (1, 7, u32::MAX),
                (2, 7, WEB),
                (4, 5, u32::MAX),
                (0x10, 7, u32::MAX),
                (0x20, 5, u32::MAX),
            ],
        );
        fs::set_permissions(&target, Permissions::from_mode(0o2755)).unwrap();

        let handed_down = HandedDown::by(&target);
        let (first, second) = (target.join("1"), target.join("1/2"));
        handed_down.create_folder(&first, 0o755).unwrap();
        handed_down.create_folder(&second, 0o755).unwrap();
        let gives = |path: &Path, wanted| {
            let (acl, found) = Acl::of(path).unwrap();
            acl.gives((found.uid(), found.gid()), &web(&[]), wanted)
        };
        assert!(gives(&second, 7));
        let found = fs::metadata(&second).unwrap();
        assert_eq!(found.mode() & 0o7777, 0o2775);
        assert!(handed_down.allows(&found, 0o755) && !handed_down.allows(&found, 0o700));

        let file = second.join("file");
        let created = fs::File::create(&file).unwrap();
        let mode = handed_down.file_mode(0o600, &created.metadata().unwrap());
        created
            .set_permissions(Permissions::from_mode(mode))
            .unwrap();
        assert!(gives(&file, 6) && mode & 0o7 == 0);
        // what no folder hands down stays as it is
        assert_eq!(
            HandedDown::by(temporary.path()).file_mode(0o600, &created.metadata().unwrap()),
            0o600
        );
    }

    /// setfacl copies the mode of a private folder into its default ACL.
    #[test]
    fn a_folder_has_its_mode_though_the_default_acl_gives_nothing_to_the_group_or_others() {
        let none = u32::MAX;
        let no_others = [
            (1, 7, none),
            (2, 7, WEB),
            (4, 5, none),
            (0x10, 7, none),
            (0x20, 0, none),
        ];
        let no_group = [(1, 7, none), (4, 0, none), (0x20, 5, none)];
        for (acl, expected) in [(&no_others[..], 0o2775), (&no_group[..], 0o2755)] {
            let temporary = tempfile::tempdir().unwrap();
            let target = temporary.path();
            set_default_acl(target, acl);
            fs::set_permissions(target, Permissions::from_mode(0o2750)).unwrap();
            let handed_down = HandedDown::by(target);
            let (first, second) = (target.join("1"), target.join("1/2"));
            for folder in [&first, &second] {
                handed_down.create_folder(folder, 0o755).unwrap();
                let found = fs::metadata(folder).unwrap();
                assert_eq!(found.mode() & 0o7777, expected);
                assert!(handed_down.allows(&found, 0o755));
            }
        }
    }

    fn set_default_acl(folder: &Path, entries: &[(u16, u16, u32)]) {
        let flags = rustix::fs::XattrFlags::empty();
        let acl = bytes(entries);
        rustix::fs::setxattr(folder, "system.posix_acl_default", &acl, flags).unwrap();
    }

    fn bytes(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut bytes = 2_u32.to_le_bytes().to_vec();
        for (tag, rights, id) in entries {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(rights.to_le_bytes());
            bytes.extend(id.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn a_mode_gives_its_rights_to_the_first_of_owner_group_and_others() {
        let gives = |mode, owner, groups: &[u32], wanted| {
            Acl::of_mode(mode).gives((owner, 7), &web(groups), wanted)
        };
        assert!(gives(0o640, WEB, &[], 6) && !gives(0o640, DEPLOY, &[WEB], 4));
        assert!(gives(0o640, DEPLOY, &[WEB, 7], 4) && !gives(0o640, DEPLOY, &[7], 6));
        // others have more, but it is the group's turn
        assert!(!gives(0o604, DEPLOY, &[7], 4) && gives(0o604, DEPLOY, &[8], 4));
        assert!(!gives(0o077, WEB, &[7], 4));
    }

    #[test]
    fn an_acl_gives_what_its_mask_leaves() {
        let acl = |mask| {
            let entries = [
                (1, 7, 0),
                (2, 7, WEB),
                (4, 5, 0),
                (8, 6, 9),
                (0x10, mask, 0),
                (0x20, 0, 0),
            ];
            Acl::parse(&bytes(&entries)).unwrap()
        };
        let gives =
            |acl: &Acl, who: &Somebody<'_>, wanted| acl.gives((DEPLOY, DEPLOY), who, wanted);
        assert!(gives(&acl(7), &web(&[]), 7) && !gives(&acl(5), &web(&[]), 7));
        let other = |groups| Somebody { uid: None, groups };
        assert!(gives(&acl(7), &other(&[9, DEPLOY]), 6) && gives(&acl(7), &other(&[9, DEPLOY]), 5));
        // of no group alone
        assert!(!gives(&acl(7), &other(&[9, DEPLOY]), 7) && !gives(&acl(7), &other(&[8]), 4));
        // a file that is created for its owner alone
        assert!(gives(&acl(7).limited_to(0o640), &web(&[]), 4));
        assert!(!gives(&acl(7).limited_to(0o600), &web(&[]), 4));
        assert_eq!(Acl::parse(b"other"), None);
        assert_eq!(Acl::parse(&bytes(&[(3, 7, 0)])), None);
    }
}
