//! What comes over the wire into the release: every byte is hashed where it lands.

use super::durable::{failed, Result};
use super::inbox::{Inbox, Limits};
use super::new_file::NewFile;
use super::outbox::Outbox;
use super::sources::Begun;
use crate::protocol::{Digest, Reason, ToRunner, ToServer};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::Write;

/// Ranges in one answer to what is lacking.
const RANGES: usize = 50_000;

/// A file whose content, or the rest of it, must come from the runner half.
pub(super) struct Lacking {
    /// Of its entry.
    pub(super) index: u32,
    pub(super) file: NewFile,
    pub(super) begun: Option<Begun>,
}

impl Lacking {
    /// Bytes that are to come.
    pub(super) fn left(&self) -> u64 {
        self.file.size - self.begun.as_ref().map_or(0, |begun| begun.size)
    }
}

pub(super) fn broken(what: impl Into<String>) -> Reason {
    Reason::Upload(what.into())
}

/// Whether more may be asked for after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum More {
    No,
    Perhaps,
}

/// Asks for all that is lacking, in order.
pub(super) fn ask_for(lacking: &[Lacking], more: More, outbox: &mut Outbox) {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for Lacking { index, .. } in lacking {
        match ranges.last_mut() {
            Some((_, end)) if *end == *index => *end += 1,
            _ => ranges.push((*index, index + 1)),
        }
    }
    let begun_in = |part: &[(u32, u32)]| -> Vec<(u32, u64)> {
        let all = lacking.iter().filter_map(|it| Some((it.index, it.begun.as_ref()?.size)));
        all.filter(|(index, _)| part.iter().any(|(start, end)| (start..end).contains(&index))).collect()
    };
    let mut parts = ranges.chunks(RANGES).peekable();
    if parts.peek().is_none() {
        outbox.send(&ToRunner::Need { ranges: Vec::new(), begun: Vec::new(), last: more == More::No });
    }
    while let Some(part) = parts.next() {
        let last = more == More::No && parts.peek().is_none();
        outbox.send(&ToRunner::Need { ranges: part.to_vec(), begun: begun_in(part), last });
    }
}

/// Takes contents.
pub(super) struct Receiver<'a> {
    inbox: &'a Inbox,
    limits: &'a Limits,
    /// A message that was looked at already.
    next: Option<ToServer>,
}

impl<'a> Receiver<'a> {
    pub(super) fn new(inbox: &'a Inbox, limits: &'a Limits) -> Self {
        Self { inbox, limits, next: None }
    }

    /// Whether the runner half wants to know what is lacking, rather than to send it all unasked.
    pub(super) fn is_asked(&mut self) -> Result<bool> {
        match self.inbox.next(self.limits)? {
            ToServer::Ask => Ok(true),
            other => {
                self.next = Some(other);
                Ok(false)
            }
        }
    }

    /// Receives them all, in order, and gives back those whose beginning was not right: they are gone, and wanted whole.
    pub(super) fn receive(&mut self, lacking: Vec<Lacking>) -> Result<Vec<Lacking>> {
        let mut wrong = Vec::new();
        for mut file in lacking {
            let begun = file.begun.take();
            let was_begun = begun.is_some();
            if self.is_right(&file, begun)? {
                continue;
            }
            if !was_begun {
                return Err(broken(format!("{} did not arrive as it was sent", file.file.path.display())));
            }
            fs::remove_file(&file.file.path).map_err(failed("remove", &file.file.path))?;
            wrong.push(file);
        }
        Ok(wrong)
    }

    fn is_right(&mut self, Lacking { index, file, .. }: &Lacking, begun: Option<Begun>) -> Result<bool> {
        let begun = match begun {
            Some(begun) => begun,
            None => Begun { target: file.create()?, hasher: Sha256::new(), size: 0 },
        };
        let Begun { mut target, mut hasher, size } = begun;
        let mut left = file.size - size;
        while left > 0 {
            let bytes = self.content(*index, left)?;
            left -= bytes.len() as u64;
            hasher.update(&bytes);
            target.write_all(&bytes).map_err(failed("write", &file.path))?;
        }
        if Digest::from_hasher(hasher) != file.digest {
            return Ok(false);
        }
        file.finish(&target).map(|()| true)
    }

    /// The next piece, which must be of this entry.
    fn content(&mut self, index: u32, left: u64) -> Result<Vec<u8>> {
        self.limits.check()?;
        let message = self.message()?;
        let ToServer::Content { entry, bytes } = message else { return Err(broken("a file's content is missing")) };
        let length = bytes.len() as u64;
        if entry != index || length == 0 || length > left {
            return Err(broken("a content that was not asked for"));
        }
        Ok(bytes)
    }

    /// Nothing more may come.
    pub(super) fn finish(mut self) -> Result<()> {
        match self.message()? {
            ToServer::Sent => Ok(()),
            _ => Err(broken("more came than was asked for")),
        }
    }

    fn message(&mut self) -> Result<ToServer> {
        self.next.take().map_or_else(|| self.inbox.next(self.limits), Ok)
    }
}
