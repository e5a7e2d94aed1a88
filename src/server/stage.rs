//! Brings the tree into the release's folder, in its final path: what other releases hold is copied from there, the rest
//! comes over the wire, and every byte is hashed where it lands.

use super::clock::now;
use super::durable::{failed, Result};
use super::inbox::{Inbox, Limits};
use super::layout::Layout;
use super::new_file::NewFile;
use super::outbox::Outbox;
use super::records::{self, Record, State};
use super::sources::Sources;
use crate::protocol::{
    root_of, validate, Digest, Entry, Kind, Plan, Reason, ReleaseId, Staged, ToRunner, ToServer, MAX_ENTRIES,
};
use sha2::{Digest as _, Sha256};
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, Permissions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{symlink, DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Ranges in one answer to what is lacking.
const RANGES: usize = 50_000;

/// Staging of one release.
pub(super) struct Stage<'a> {
    pub(super) layout: &'a Layout,
    pub(super) plan: &'a Plan,
    pub(super) inbox: &'a Inbox,
    pub(super) limits: &'a Limits,
    pub(super) outbox: &'a mut Outbox,
}

fn broken(what: impl Into<String>) -> Reason {
    Reason::Upload(what.into())
}

/// The tree's entries as they were announced.
pub(super) fn manifest(plan: &Plan, inbox: &Inbox, limits: &Limits) -> Result<Vec<Entry>> {
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
    if entries.len() != count || root_of(&entries) != plan.root {
        return Err(broken("the manifest is not the one that was announced"));
    }
    Ok(entries)
}

impl Stage<'_> {
    /// Draws the id, builds the tree, says what came from where.
    pub(super) fn run(&mut self, entries: &[Entry]) -> Result<Staged> {
        let release = ReleaseId::next(now(), records::all(self.layout));
        let folder = self.layout.release(release);
        // newest first, and before the new one is among them
        let sources = Sources::new(self.layout);
        records::put(self.layout, &Record::new(release, State::Incomplete, self.plan.origin.clone()))?;
        records::put_index(self.layout, release, entries)?;
        DirBuilder::new().mode(0o755).create(&folder).map_err(failed("make the folder", &folder))?;
        make_folders(&folder, entries)?;
        let staged = self.fill(release, &folder, entries, &sources)?;
        // last, so that nothing is ever written through a link
        make_links(&folder, entries)?;
        prove(&folder, entries)?;
        Ok(staged)
    }

    fn fill(&mut self, release: ReleaseId, folder: &Path, entries: &[Entry], sources: &Sources) -> Result<Staged> {
        let mut first = Some(self.inbox.next(self.limits)?);
        let mut copied = 0;
        let mut lacking = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let Kind::File { mode, size, digest } = entry.kind else { continue };
            let file = NewFile { path: place(folder, entry), mode, size, digest };
            if size == 0 {
                file.write_empty()?;
            } else if first == Some(ToServer::Ask) && sources.copy(&entry.path, &file, self.limits)? {
                copied += 1;
            } else {
                lacking.push((u32::try_from(index).unwrap_or(u32::MAX), file));
            }
        }
        if first == Some(ToServer::Ask) {
            self.ask_for(&lacking);
            first = None;
        }
        let received = u32::try_from(lacking.len()).unwrap_or(u32::MAX);
        let received_bytes = lacking.iter().map(|(_, file)| file.size).sum();
        for (index, file) in &lacking {
            self.receive(*index, file, &mut first)?;
        }
        match first.map_or_else(|| self.inbox.next(self.limits), Ok)? {
            ToServer::Sent => Ok(Staged { release, received, received_bytes, copied }),
            _ => Err(broken("more came than was asked for")),
        }
    }

    fn ask_for(&mut self, lacking: &[(u32, NewFile)]) {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for (index, _) in lacking {
            match ranges.last_mut() {
                Some((_, end)) if *end == *index => *end += 1,
                _ => ranges.push((*index, index + 1)),
            }
        }
        let mut parts = ranges.chunks(RANGES).peekable();
        if parts.peek().is_none() {
            self.outbox.send(&ToRunner::Need { ranges: Vec::new(), last: true });
        }
        while let Some(part) = parts.next() {
            self.outbox.send(&ToRunner::Need { ranges: part.to_vec(), last: parts.peek().is_none() });
        }
    }

    fn receive(&self, index: u32, file: &NewFile, first: &mut Option<ToServer>) -> Result<()> {
        let mut target = file.create()?;
        let mut hasher = Sha256::new();
        let mut left = file.size;
        while left > 0 {
            self.limits.check()?;
            let message = first.take().map_or_else(|| self.inbox.next(self.limits), Ok)?;
            let ToServer::Content { entry, bytes } = message else { return Err(broken("a file's content is missing")) };
            let length = bytes.len() as u64;
            if entry != index || length == 0 || length > left {
                return Err(broken("a content that was not asked for"));
            }
            left -= length;
            hasher.update(&bytes);
            target.write_all(&bytes).map_err(failed("write", &file.path))?;
        }
        if Digest::from_hasher(hasher) != file.digest {
            return Err(broken(format!("{} did not arrive as it was sent", file.path.display())));
        }
        file.finish(&target)
    }
}

fn place(folder: &Path, entry: &Entry) -> PathBuf {
    folder.join(OsStr::from_bytes(&entry.path))
}

fn make_folders(folder: &Path, entries: &[Entry]) -> Result<()> {
    for entry in entries {
        if let Kind::Folder { mode } = entry.kind {
            let path = place(folder, entry);
            let made = fs::create_dir(&path).and_then(|()| fs::set_permissions(&path, Permissions::from_mode(mode)));
            made.map_err(failed("make the folder", &path))?;
        }
    }
    Ok(())
}

fn make_links(folder: &Path, entries: &[Entry]) -> Result<()> {
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
fn prove(folder: &Path, entries: &[Entry]) -> Result<()> {
    for entry in entries {
        let path = place(folder, entry);
        let found = fs::symlink_metadata(&path).map_err(failed("look at", &path))?;
        let mode = found.permissions().mode() & 0o7777;
        let right = match &entry.kind {
            Kind::Folder { mode: meant } => found.is_dir() && mode == *meant,
            Kind::File { mode: meant, size, .. } => found.is_file() && mode == *meant && found.len() == *size,
            Kind::Link { to } => fs::read_link(&path).is_ok_and(|text| text.as_os_str().as_bytes() == to.as_slice()),
        };
        if !right {
            return Err(broken(format!("{} is not as it was meant", path.display())));
        }
    }
    let there = count(folder)?;
    if there != entries.len() {
        return Err(broken(format!("the release holds {there} things rather than {}", entries.len())));
    }
    Ok(())
}

fn count(folder: &Path) -> Result<usize> {
    let mut total = 0;
    for entry in fs::read_dir(folder).map_err(failed("read", folder))? {
        let entry = entry.map_err(failed("read", folder))?;
        total += 1;
        if entry.file_type().map_err(failed("look at", folder))?.is_dir() {
            total += count(&entry.path())?;
        }
    }
    Ok(total)
}
