//! Checks, before anything is written, that the release fits on the disk.

use crate::protocol::{EntryKind, Finding, Operation, Plan, Reason, TreeEntry, Warning, What};
use crate::server::channel::events::Events;
use crate::server::store::durable::failed;
use crate::server::store::layout::Layout;
use rustix::fs::{statvfs, StatVfs};
use std::io;

/// Inodes for the files that install creates and for deploy-action's records.
const EXTRA_INODES: u64 = 1000;
/// Used disk space above which there is a warning, in percent.
const NEARLY_FULL: u8 = 80;

/// What a release needs on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SpaceNeeded {
    bytes: u64,
    inodes: u64,
}

impl SpaceNeeded {
    /// For the whole tree, in whole blocks: files that are copied from other releases need disk space too.
    fn by(entries: &[TreeEntry], block: u64) -> Self {
        let size = |entry: &TreeEntry| match entry.kind {
            EntryKind::File { size, .. } => size.div_ceil(block).saturating_mul(block),
            EntryKind::Folder { .. } | EntryKind::Link { .. } => 0,
        };
        let bytes = entries.iter().map(size).fold(0, u64::saturating_add);
        Self {
            bytes,
            inodes: entries.len() as u64 + EXTRA_INODES,
        }
    }
}

/// Warns if the disk is nearly full. Returns what is missing for the release and for `min-free`, even after `make_room`; 0 turns
/// the check off.
pub(in crate::server) fn check(
    layout: &Layout,
    plan: &Plan,
    entries: &[TreeEntry],
    events: &mut dyn Events,
    make_room: impl FnOnce(),
) -> Result<Option<Finding>, Reason> {
    let path = layout.releases();
    let inspect = || {
        statvfs(&path)
            .map_err(io::Error::from)
            .map_err(failed(Operation::InspectDisk, &path))
    };
    let missing = |disk: &StatVfs| {
        let needed = SpaceNeeded::by(entries, disk.f_frsize.max(1));
        shortage(disk, needed, plan.staging.min_free)
    };
    let mut disk = inspect()?;
    if missing(&disk).is_some() {
        make_room();
        disk = inspect()?;
    }
    if let Some(used) = used(&disk).filter(|used| *used > NEARLY_FULL) {
        events.emit(What::Warning(Warning::DiskNearlyFull(used)));
    }
    Ok(missing(&disk))
}

/// Used disk space in percent of what the deploy user can use, rounded up, as `df` counts.
fn used(disk: &StatVfs) -> Option<u8> {
    let used = disk.f_blocks.saturating_sub(disk.f_bfree);
    let all = used.saturating_add(disk.f_bavail);
    let percent = (u128::from(used) * 100).div_ceil(u128::from(all).max(1));
    (all > 0).then(|| u8::try_from(percent).unwrap_or(100))
}

fn shortage(disk: &StatVfs, needed: SpaceNeeded, min_free: u64) -> Option<Finding> {
    if min_free == 0 {
        return None;
    }
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    // file systems without a fixed number of inodes report none
    let inodes = Some(disk.f_favail).filter(|free| disk.f_files > 0 && *free < needed.inodes);
    let fits = free >= needed.bytes.saturating_add(min_free);
    // if both are short, only the bytes are reported
    let inodes = inodes.filter(|_| fits);
    (!fits || inodes.is_some()).then_some(Finding::NoSpace {
        needed: needed.bytes,
        free,
        min_free,
        inodes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ShortDigest;
    use rustix::fs::StatVfsMountFlags;

    /// 100 blocks of 1 kB, 10 of them reserved for root.
    fn disk(free: u64, inodes: (u64, u64)) -> StatVfs {
        StatVfs {
            f_bsize: 4096,
            f_frsize: 1024,
            f_blocks: 100,
            f_bfree: free + 10,
            f_bavail: free,
            f_files: inodes.0,
            f_ffree: inodes.1,
            f_favail: inodes.1,
            f_fsid: 0,
            f_flag: StatVfsMountFlags::empty(),
            f_namemax: 255,
        }
    }

    #[test]
    fn used_disk_space_is_what_df_shows() {
        let percent = |free| used(&disk(free, (0, 0)));
        assert_eq!(
            [
                percent(90),
                percent(45),
                percent(18),
                percent(17),
                percent(0)
            ],
            [0, 50, 80, 82, 100].map(Some)
        );
        assert_eq!(
            used(&StatVfs {
                f_blocks: 0,
                f_bfree: 0,
                ..disk(0, (0, 0))
            }),
            None
        );
    }

    #[test]
    fn min_free_must_be_left() {
        let needed = SpaceNeeded {
            bytes: 10 << 10,
            inodes: 5,
        };
        let lacks = |free, min_free| shortage(&disk(free, (0, 0)), needed, min_free).is_some();
        assert!(!lacks(20, 10 << 10));
        assert!(lacks(20, (10 << 10) + 1));
        assert!(lacks(19, 10 << 10));
        assert!(lacks(90, u64::MAX));
        assert!(!lacks(0, 0), "nothing was asked for");
    }

    #[test]
    fn inodes_count_if_the_file_system_counts_them() {
        let needed = SpaceNeeded {
            bytes: 0,
            inodes: 5,
        };
        let lacks = |inodes| match shortage(&disk(90, inodes), needed, 1) {
            Some(Finding::NoSpace { inodes, .. }) => inodes,
            _ => None,
        };
        assert_eq!(
            [
                lacks((0, 0)),
                lacks((10, 5)),
                lacks((10, 4)),
                lacks((10, 0))
            ],
            [None, None, Some(4), Some(0)]
        );
    }

    #[test]
    fn a_file_takes_whole_blocks() {
        let file = |size| TreeEntry {
            path: Vec::new(),
            kind: EntryKind::File {
                mode: 0o644,
                size,
                digest: ShortDigest::of(b""),
            },
        };
        let entries = [
            file(0),
            file(1),
            file(4096),
            file(4097),
            TreeEntry {
                path: Vec::new(),
                kind: EntryKind::Folder { mode: 0o755 },
            },
        ];
        assert_eq!(
            SpaceNeeded::by(&entries, 4096),
            SpaceNeeded {
                bytes: 4 * 4096,
                inodes: 5 + EXTRA_INODES
            }
        );
        assert_eq!(
            SpaceNeeded::by(&[file(u64::MAX), file(u64::MAX)], 1).bytes,
            u64::MAX
        );
    }
}
