//! Uploads the tree into the release's folder. What other releases hold is copied from there, the rest is received from
//! the runner half, and every byte is hashed where it is written.

use super::files::{path_of, BuiltFiles, FileBuilder};
use super::modes::HandedDown;
use super::receive::{request, Receiver};
use super::sources::Sources;
use crate::protocol::{
    root_of, BadUpload, Digest, EntryKind, Operation, Plan, Reason, ReleaseId, Staged, TreeEntry,
};
use crate::server::channel::inbox::Inbox;
use crate::server::channel::outbox::Outbox;
use crate::server::clock::now;
use crate::server::limits::Limits;
use crate::server::store::durable::failed;
use crate::server::store::journal;
use crate::server::store::layout::Layout;
use crate::server::store::records::{self, Record, State};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

/// How many of the last attempts are read: the ids of older ones are long in the past.
const ATTEMPTS: usize = 50;

/// The upload of one tree.
pub(super) struct TreeUpload<'a> {
    pub(super) layout: &'a Layout,
    pub(super) plan: &'a Plan,
    pub(super) inbox: &'a Inbox,
    pub(super) limits: &'a Limits,
    pub(super) outbox: &'a mut Outbox,
}

impl TreeUpload<'_> {
    /// Chooses the release's id and creates its tree. Returns what was copied and what was received.
    pub(super) fn run(&mut self, entries: &[TreeEntry]) -> Result<Staged, Reason> {
        // the id of a deleted release is not used again
        let attempts = journal::last(self.layout, ATTEMPTS)
            .into_iter()
            .filter_map(|attempt| attempt.release);
        let release = ReleaseId::next(now(), records::all(self.layout).into_iter().chain(attempts));
        let folder = self.layout.release(&release);
        // before the new release is one of them
        let sources = Sources::new(self.layout);
        records::put(
            self.layout,
            &Record::new(release.clone(), State::Incomplete, self.plan.origin.clone()),
        )?;
        records::put_index(self.layout, &release, entries)?;
        let handed_down = HandedDown::by(&self.layout.releases());
        handed_down.create_folder(&folder, 0o755)?;
        create_folders(&folder, entries, handed_down)?;
        // the initial value is right for everything but files with content
        let mut digests = vec![Digest::of(b""); entries.len()];
        let staged = self.fill((release, handed_down), entries, &mut digests, &sources)?;
        // last, so nothing is ever written through a link
        create_links(&folder, entries)?;
        check_tree(&folder, entries, handed_down)?;
        if root_of(entries, &digests) != self.plan.root {
            return Err(Reason::Upload(BadUpload::OtherTree));
        }
        Ok(staged)
    }

    fn fill(
        &mut self,
        (release, handed_down): (ReleaseId, HandedDown),
        entries: &[TreeEntry],
        digests: &mut [Digest],
        sources: &Sources,
    ) -> Result<Staged, Reason> {
        let folder = self.layout.release(&release);
        let mut receiver = Receiver::new(self.inbox, self.limits);
        let on_request = receiver.is_on_request()?;
        let builder = FileBuilder {
            folder: &folder,
            handed_down,
            sources: on_request.then_some(sources),
            limits: self.limits,
        };
        let BuiltFiles {
            copied,
            mut missing,
        } = builder.build(entries, digests)?;
        let received = u32::try_from(missing.len()).unwrap_or(u32::MAX);
        if on_request {
            request(&mut missing, self.outbox);
        }
        let mut mismatched = receiver.receive(missing, digests)?;
        if !mismatched.is_empty() {
            request(&mut mismatched, self.outbox);
            receiver.receive(mismatched, digests)?;
        }
        Ok(Staged {
            release,
            received,
            received_bytes: receiver.bytes(),
            copied,
        })
    }
}

fn create_folders(
    folder: &Path,
    entries: &[TreeEntry],
    handed_down: HandedDown,
) -> Result<(), Reason> {
    for entry in entries {
        if let EntryKind::Folder { mode } = entry.kind {
            handed_down.create_folder(&path_of(folder, entry), mode)?;
        }
    }
    Ok(())
}

fn create_links(folder: &Path, entries: &[TreeEntry]) -> Result<(), Reason> {
    for entry in entries {
        if let EntryKind::Link { to } = &entry.kind {
            let path = path_of(folder, entry);
            symlink(OsStr::from_bytes(to), &path).map_err(failed(Operation::CreateLink, &path))?;
        }
    }
    Ok(())
}

/// Checks that the tree has the entries of the manifest and no others: names, kinds, sizes, modes and link texts. The
/// contents were hashed when they were written.
fn check_tree(folder: &Path, entries: &[TreeEntry], handed_down: HandedDown) -> Result<(), Reason> {
    for entry in entries {
        let path = path_of(folder, entry);
        let found = fs::symlink_metadata(&path).map_err(failed(Operation::Inspect, &path))?;
        let has_mode = |expected| handed_down.allows(&found, expected);
        let matches = match &entry.kind {
            EntryKind::Folder { mode } => found.is_dir() && has_mode(*mode),
            EntryKind::File { mode, size, .. } => {
                found.is_file() && has_mode(*mode) && found.len() == *size
            }
            EntryKind::Link { to } => {
                fs::read_link(&path).is_ok_and(|text| text.as_os_str().as_bytes() == to.as_slice())
            }
        };
        if !matches {
            let path = path.display().to_string();
            return Err(Reason::Upload(BadUpload::Differs(path)));
        }
    }
    let there = count(folder)?;
    if there != entries.len() {
        return Err(Reason::Upload(BadUpload::Count {
            found: there as u64,
            announced: entries.len() as u64,
        }));
    }
    Ok(())
}

fn count(folder: &Path) -> Result<usize, Reason> {
    let mut total = 0;
    for entry in fs::read_dir(folder).map_err(failed(Operation::Read, folder))? {
        let entry = entry.map_err(failed(Operation::Read, folder))?;
        total += 1;
        if entry
            .file_type()
            .map_err(failed(Operation::Inspect, folder))?
            .is_dir()
        {
            total += count(&entry.path())?;
        }
    }
    Ok(total)
}
