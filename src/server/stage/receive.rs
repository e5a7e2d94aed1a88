//! What comes over the wire into the release: every byte is hashed where it lands.

use super::known_chunks::{KnownChunks, Open, BETWEEN_CHECKS};
use super::new_file::NewFile;
use crate::protocol::chunks::ChunkDigest;
use crate::protocol::{Digest, Known, Reason, ShortDigest, ToRunner, ToServer};
use crate::server::channel::inbox::Inbox;
use crate::server::channel::outbox::Outbox;
use crate::server::limits::Limits;
use crate::server::store::durable::failed;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::Write;

/// Bytes of one answer to what is lacking, well below [`crate::protocol::wire::MAX_FRAME`].
const ANSWER: usize = 256 << 10;
/// Of one range, at the most.
const RANGE: usize = 10;

/// A file whose content must come from the runner half.
pub(in crate::server) struct Lacking {
    /// Of its entry.
    pub(in crate::server) index: u32,
    pub(in crate::server) file: NewFile,
    pub(in crate::server) known: Option<KnownChunks>,
}

pub(in crate::server) fn broken(what: impl Into<String>) -> Reason {
    Reason::Upload(what.into())
}

/// Asks for all that is lacking, in order.
pub(in crate::server) fn ask_for(lacking: &mut [Lacking], outbox: &mut Outbox) {
    let mut answer = Answer::default();
    for Lacking { index, known, .. } in lacking {
        if answer.bytes > ANSWER {
            outbox.send(&std::mem::take(&mut answer).into_message(false));
        }
        answer.add(*index, known.as_mut().map(KnownChunks::take_digests));
    }
    outbox.send(&answer.into_message(true));
}

#[derive(Default)]
struct Answer {
    ranges: Vec<(u32, u32)>,
    known: Vec<Known>,
    /// About so long.
    bytes: usize,
}

impl Answer {
    fn add(&mut self, index: u32, chunks: Option<Vec<ChunkDigest>>) {
        match self.ranges.last_mut() {
            Some((_, end)) if *end == index => *end += 1,
            _ => {
                self.ranges.push((index, index + 1));
                self.bytes += RANGE;
            }
        }
        if let Some(chunks) = chunks {
            self.bytes += RANGE + size_of_val(chunks.as_slice());
            self.known.push(Known {
                entry: index,
                chunks,
            });
        }
    }

    fn into_message(self, last: bool) -> ToRunner {
        ToRunner::Need {
            ranges: self.ranges,
            known: self.known,
            last,
        }
    }
}

/// Takes contents.
pub(in crate::server) struct Receiver<'a> {
    inbox: &'a Inbox,
    limits: &'a Limits,
    /// A message that was looked at already.
    next: Option<ToServer>,
    bytes: u64,
}

impl<'a> Receiver<'a> {
    pub(in crate::server) fn new(inbox: &'a Inbox, limits: &'a Limits) -> Self {
        Self {
            inbox,
            limits,
            next: None,
            bytes: 0,
        }
    }

    /// Whether the runner half wants to know what is lacking, rather than to send it all unasked.
    pub(in crate::server) fn is_asked(&mut self) -> Result<bool, Reason> {
        match self.inbox.next(self.limits)? {
            ToServer::Ask => Ok(true),
            other => {
                self.next = Some(other);
                Ok(false)
            }
        }
    }

    /// Bytes of contents that came.
    pub(in crate::server) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Receives them all, in order, and writes down their digests. Gives back those that were put together wrongly of what
    /// was known: they are gone, and wanted whole.
    pub(in crate::server) fn receive(
        &mut self,
        lacking: Vec<Lacking>,
        digests: &mut [Digest],
    ) -> Result<Vec<Lacking>, Reason> {
        let mut wrong = Vec::new();
        for Lacking { index, file, known } in lacking {
            let known = known.map(KnownChunks::open);
            let target = file.create()?;
            let digest = self.content(index, &file, &target, known.as_ref())?;
            if ShortDigest::from(digest) == file.digest {
                file.finish(&target)?;
                digests[index as usize] = digest;
            } else if known.is_some() {
                fs::remove_file(&file.path).map_err(failed("remove", &file.path))?;
                wrong.push(Lacking {
                    index,
                    file,
                    known: None,
                });
            } else {
                return Err(broken(format!(
                    "{} did not arrive as it was sent",
                    file.path.display()
                )));
            }
        }
        match self.message()? {
            ToServer::Sent => Ok(wrong),
            _ => Err(broken("more came than was asked for")),
        }
    }

    /// The digest of one file's content, which is written meanwhile.
    fn content(
        &mut self,
        index: u32,
        file: &NewFile,
        mut target: &File,
        known: Option<&Open>,
    ) -> Result<Digest, Reason> {
        let mut hasher = Sha256::new();
        let mut left = file.size;
        let mut take = |bytes: &[u8]| {
            left = left
                .checked_sub(bytes.len() as u64)
                .ok_or_else(|| broken("a content that was not asked for"))?;
            hasher.update(bytes);
            target
                .write_all(bytes)
                .map_err(failed("write", &file.path))?;
            Ok(left)
        };
        while take(&[])? > 0 {
            self.limits.check()?;
            match self.message()? {
                ToServer::Content { entry, bytes } if entry == index && !bytes.is_empty() => {
                    self.bytes += bytes.len() as u64;
                    take(&bytes)?;
                }
                ToServer::Known {
                    entry,
                    first,
                    count,
                } if entry == index && count > 0 => {
                    for chunk in (first as usize..).take(count as usize) {
                        if chunk.is_multiple_of(BETWEEN_CHECKS) {
                            self.limits.check()?;
                        }
                        let bytes = known.and_then(|known| known.read(chunk));
                        take(
                            &bytes.ok_or_else(|| {
                                broken("a chunk is to be taken that is not known")
                            })?,
                        )?;
                    }
                }
                ToServer::Content { .. } | ToServer::Known { .. } => {
                    return Err(broken("a content that was not asked for"));
                }
                _ => return Err(broken("a file's content is missing")),
            }
        }
        Ok(Digest::from_hasher(hasher))
    }

    fn message(&mut self) -> Result<ToServer, Reason> {
        self.next
            .take()
            .map_or_else(|| self.inbox.next(self.limits), Ok)
    }
}
