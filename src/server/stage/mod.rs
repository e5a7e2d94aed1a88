//! Brings the tree into the release's folder, in its final path: what other releases hold is copied from there, the rest
//! comes over the wire, and every byte is hashed where it lands.

//!
//! Knows `exec`, `store`, `channel` and `unit`.

pub(super) mod disk_space;
pub(super) mod env_file;
mod files;
pub(super) mod install;
mod known_chunks;
mod new_file;
mod receive;
pub(super) mod shared;
mod sources;

use super::clock::now;
use crate::protocol::{
    root_of, validate, Digest, Entry, Kind, Plan, Reason, ReleaseId, Staged, ToServer, MAX_ENTRIES,
};
use crate::server::channel::inbox::Inbox;
use crate::server::channel::outbox::Outbox;
use crate::server::limits::Limits;
use crate::server::store::durable::failed;
use crate::server::store::journal;
use crate::server::store::layout::Layout;
use crate::server::store::records::{self, Record, State};
use files::{make_files, place, Made};
use receive::{ask_for, broken, Receiver};
use sources::Sources;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{symlink, DirBuilderExt, PermissionsExt};
use std::path::Path;

/// Of the journal, the newest: older ids are long in the past.
const ATTEMPTS: usize = 50;

/// Staging of one release.
pub(in crate::server) struct Stage<'a> {
    pub(in crate::server) layout: &'a Layout,
    pub(in crate::server) plan: &'a Plan,
    pub(in crate::server) inbox: &'a Inbox,
    pub(in crate::server) limits: &'a Limits,
    pub(in crate::server) outbox: &'a mut Outbox,
}

/// The tree's entries as they were announced.
pub(in crate::server) fn manifest(
    plan: &Plan,
    inbox: &Inbox,
    limits: &Limits,
) -> Result<Vec<Entry>, Reason> {
    let count = plan.entries as usize;
    if count > MAX_ENTRIES {
        return Err(broken(format!("{count} entries are too many")));
    }
    let mut entries = Vec::new();
    while entries.len() < count {
        limits.check()?;
        match inbox.next(limits)? {
            ToServer::Entries(more) => entries.extend(more),
            _ => return Err(broken("the manifest is not complete")),
        }
    }
    validate(&entries).map_err(|error| broken(error.to_string()))?;
    if entries.len() != count {
        return Err(broken("the manifest is longer than was announced"));
    }
    Ok(entries)
}

impl Stage<'_> {
    /// Draws the id, builds the tree, says what came from where.
    pub(in crate::server) fn run(&mut self, entries: &[Entry]) -> Result<Staged, Reason> {
        // one that was removed again does not come back under another's name
        let attempts = journal::last(self.layout, ATTEMPTS)
            .into_iter()
            .filter_map(|attempt| attempt.release);
        let release = ReleaseId::next(now(), records::all(self.layout).into_iter().chain(attempts));
        let folder = self.layout.release(release);
        // newest first, and before the new one is among them
        let sources = Sources::new(self.layout);
        records::put(
            self.layout,
            &Record::new(release, State::Incomplete, self.plan.origin.clone()),
        )?;
        records::put_index(self.layout, release, entries)?;
        DirBuilder::new()
            .mode(0o755)
            .create(&folder)
            .map_err(failed("make the folder", &folder))?;
        make_folders(&folder, entries)?;
        // of what is no file, and of empty ones
        let mut digests = vec![Digest::of(b""); entries.len()];
        let staged = self.fill(release, entries, &mut digests, &sources)?;
        // last, so that nothing is ever written through a link
        make_links(&folder, entries)?;
        prove(&folder, entries)?;
        if root_of(entries, &digests) != self.plan.root {
            return Err(broken("the tree is not the one that was announced"));
        }
        Ok(staged)
    }

    fn fill(
        &mut self,
        release: ReleaseId,
        entries: &[Entry],
        digests: &mut [Digest],
        sources: &Sources,
    ) -> Result<Staged, Reason> {
        let folder = self.layout.release(release);
        let mut receiver = Receiver::new(self.inbox, self.limits);
        let asked = receiver.is_asked()?;
        let Made {
            copied,
            mut lacking,
        } = make_files(
            &folder,
            entries,
            digests,
            asked.then_some(sources),
            self.limits,
        )?;
        let received = u32::try_from(lacking.len()).unwrap_or(u32::MAX);
        if asked {
            ask_for(&mut lacking, self.outbox);
        }
        let mut wrong = receiver.receive(lacking, digests)?;
        if !wrong.is_empty() {
            ask_for(&mut wrong, self.outbox);
            receiver.receive(wrong, digests)?;
        }
        Ok(Staged {
            release,
            received,
            received_bytes: receiver.bytes(),
            copied,
        })
    }
}

fn make_folders(folder: &Path, entries: &[Entry]) -> Result<(), Reason> {
    for entry in entries {
        if let Kind::Folder { mode } = entry.kind {
            let path = place(folder, entry);
            let made = fs::create_dir(&path)
                .and_then(|()| fs::set_permissions(&path, Permissions::from_mode(mode)));
            made.map_err(failed("make the folder", &path))?;
        }
    }
    Ok(())
}

fn make_links(folder: &Path, entries: &[Entry]) -> Result<(), Reason> {
    for entry in entries {
        if let Kind::Link { to } = &entry.kind {
            let path = place(folder, entry);
            symlink(OsStr::from_bytes(to), &path).map_err(failed("make the link", &path))?;
        }
    }
    Ok(())
}

/// Looks at everything once more: the names, kinds, sizes, modes and link texts are those that were meant, and there is
/// nothing else. The contents were hashed as they were written.
fn prove(folder: &Path, entries: &[Entry]) -> Result<(), Reason> {
    for entry in entries {
        let path = place(folder, entry);
        let found = fs::symlink_metadata(&path).map_err(failed("look at", &path))?;
        let mode = found.permissions().mode() & 0o7777;
        let right = match &entry.kind {
            Kind::Folder { mode: meant } => found.is_dir() && mode == *meant,
            Kind::File {
                mode: meant, size, ..
            } => found.is_file() && mode == *meant && found.len() == *size,
            Kind::Link { to } => {
                fs::read_link(&path).is_ok_and(|text| text.as_os_str().as_bytes() == to.as_slice())
            }
        };
        if !right {
            return Err(broken(format!("{} is not as it was meant", path.display())));
        }
    }
    let there = count(folder)?;
    if there != entries.len() {
        return Err(broken(format!(
            "the release holds {there} things rather than {}",
            entries.len()
        )));
    }
    Ok(())
}

fn count(folder: &Path) -> Result<usize, Reason> {
    let mut total = 0;
    for entry in fs::read_dir(folder).map_err(failed("read", folder))? {
        let entry = entry.map_err(failed("read", folder))?;
        total += 1;
        if entry
            .file_type()
            .map_err(failed("look at", folder))?
            .is_dir()
        {
            total += count(&entry.path())?;
        }
    }
    Ok(total)
}
