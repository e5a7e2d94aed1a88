//! Lists the releases and the last attempts. It does not take the lock, so a running deployment may change them.

use super::journal;
use super::layout::Layout;
use super::links;
use super::pending::Pending;
use super::records::{self, State};
use super::rollback_target::{self, Target};
use crate::protocol::{ListedRelease, Listing, Origin, ReleaseId, Standing};
use crate::server::clock::now;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Attempts that are listed.
const ATTEMPTS: usize = 20;
/// Releases that are listed, newest first: more do not fit into one message.
const RELEASES: usize = 500;
/// The same for a brief listing, which stands in a report.
const BRIEF: usize = 20;
/// Maximum length of each text, in characters, for the same reason.
const MAX_CHARS: usize = 200;
/// The unit of stat(2)'s block count, in bytes, independent of the disk.
const BLOCK: u64 = 512;

/// How much is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Extent {
    /// Everything that fits into one message.
    Whole,
    /// The newest releases, without what takes long: sizes and attempts.
    Brief,
}

/// The releases and attempts of the target. What is live, and what a rollback leads to, is among them, however old it is.
pub(in crate::server) fn list(layout: &Layout, extent: Extent) -> Listing {
    let live = links::live(layout);
    let rollback_target = match rollback_target::find(layout, None) {
        Ok(Target::Earlier(release)) => Some(release),
        Ok(Target::Live(_)) | Err(_) => None,
    };
    let (most, attempts) = match extent {
        Extent::Whole => (RELEASES, ATTEMPTS),
        Extent::Brief => (BRIEF, 0),
    };
    let pending = Pending::read(layout).ok().flatten();
    let row = Row {
        layout,
        extent,
        live: live.as_ref(),
        previous: links::previous(layout),
        on_trial: pending.map(|pending| pending.release),
    };
    let all = records::present(layout).into_iter().rev().enumerate();
    let is_named = |id: &ReleaseId| [&live, &rollback_target].contains(&&Some(id.clone()));
    let (listed, others): (Vec<_>, Vec<_>) = all.partition(|(at, id)| *at < most || is_named(id));
    let releases = listed.into_iter().map(|(_, id)| row.of(id)).collect();
    let mut attempts = journal::last(layout, attempts);
    for attempt in &mut attempts {
        attempt.origin = short(std::mem::take(&mut attempt.origin));
    }
    Listing {
        releases,
        more: others.len() as u64,
        attempts,
        rollback_target,
        live,
    }
}

/// What the row of a release is made from.
struct Row<'a> {
    layout: &'a Layout,
    extent: Extent,
    live: Option<&'a ReleaseId>,
    previous: Option<ReleaseId>,
    on_trial: Option<ReleaseId>,
}

impl Row<'_> {
    fn of(&self, id: ReleaseId) -> ListedRelease {
        let layout = self.layout;
        let record = records::get(layout, &id);
        let measured = || size(&layout.release(&id)).ok();
        ListedRelease {
            age: now().saturating_sub(records::created(layout, &id)),
            standing: record
                .as_ref()
                .map_or(Standing::Unknown, |record| match record.state {
                    State::Complete if self.on_trial.as_ref() == Some(&id) => Standing::OnTrial,
                    state => standing(state),
                }),
            current: self.live == Some(&id),
            previous: self.previous.as_ref() == Some(&id),
            size: (self.extent == Extent::Whole).then(measured).flatten(),
            origin: short(record.map(|record| record.origin).unwrap_or_default()),
            release: id,
        }
    }
}

fn standing(state: State) -> Standing {
    match state {
        State::Good => Standing::Good,
        State::Failed => Standing::Failed,
        State::Incomplete => Standing::Incomplete,
        State::Complete => Standing::Complete,
    }
}

fn short(origin: Origin) -> Origin {
    let cut = |text: String| text.chars().take(MAX_CHARS).collect::<String>();
    Origin {
        commit: origin.commit.map(cut),
        reference: origin.reference.map(cut),
        actor: origin.actor.map(cut),
        run: origin.run.map(cut),
        tool: cut(origin.tool),
        changed: origin.changed,
    }
}

/// Bytes on the disk as `du` counts them: a file with several names counts once, links are not followed.
fn size(folder: &Path) -> io::Result<u64> {
    let (mut total, mut seen) = (0, HashSet::new());
    let mut folders = vec![folder.to_owned()];
    total += fs::symlink_metadata(folder)?.blocks() * BLOCK;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let found = entry.metadata()?;
            if found.is_dir() {
                folders.push(entry.path());
            }
            if found.is_dir() || found.nlink() == 1 || seen.insert((found.dev(), found.ino())) {
                total += found.blocks() * BLOCK;
            }
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_size_counts_every_file_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let empty = size(path).unwrap();
        fs::write(path.join("file"), vec![1; 100_000]).unwrap();
        let with_file = size(path).unwrap();
        assert!(with_file >= empty + 100_000, "{empty} {with_file}");
        fs::hard_link(path.join("file"), path.join("again")).unwrap();
        symlink("/usr", path.join("link")).unwrap();
        assert!(size(path).unwrap() < with_file + 100_000);
        assert!(size(&path.join("none")).is_err());
    }

    #[test]
    fn very_long_texts_of_an_origin_are_cut() {
        let long = || "é".repeat(9999);
        let origin = Origin {
            commit: Some(long()),
            actor: Some(long()),
            tool: long(),
            ..Origin::default()
        };
        let short = short(origin);
        assert_eq!(short.tool.chars().count(), MAX_CHARS);
        assert!(crate::protocol::wire::frame(&vec![short; RELEASES + ATTEMPTS]).is_ok());
    }
}
