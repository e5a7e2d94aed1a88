//! Understands what comes back over a channel: noise first, then the protocol. No I/O.

use super::truncate::bounded;
use crate::protocol::wire::{FromServer, WireError};
use crate::protocol::{
    greeting, Event, Known, Listing, ProtocolError, ToRunner, TransactionId, What,
};
use crate::runner::server_part::Missing;
use crate::runner::ssh::{LineSplitter, MAX_BYTES};
use crate::runner::upload::Needed;
use std::collections::BTreeSet;

/// The most bytes before the first word.
const MOST_NOISE: usize = 1 << 20;
/// The most chunks that a server may know: a megabyte of digests.
const MOST_CHUNKS: usize = 128 << 10;
/// The most lines of noise that are shown.
const MOST_LINES: u32 = 100;

/// Something that came over the line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A line of somebody else's.
    Noise(Vec<u8>),
    /// The server part is there and speaks.
    Greeted,
    /// There is no server part.
    Missing(Missing),
    /// Something happened.
    Event(Event),
    /// Contents are asked for.
    Need(Needed),
    /// What is on the server.
    Listing(Box<Listing>),
}

/// Listens to one channel.
pub(super) struct Listener<'a> {
    transaction: &'a TransactionId,
    greeting: Vec<u8>,
    /// What came before the greeting and is no whole line yet.
    early: Vec<u8>,
    noise: usize,
    greeted: bool,
    frames: FromServer,
    needs: Needs,
    errors: LineSplitter,
    shown: u32,
}

impl<'a> Listener<'a> {
    /// For a manifest of `entries` entries.
    pub(super) fn new(transaction: &'a TransactionId, entries: u32) -> Self {
        Self {
            transaction,
            greeting: greeting(transaction).into_bytes(),
            early: Vec::new(),
            noise: 0,
            greeted: false,
            frames: FromServer::default(),
            needs: Needs {
                entries,
                from: 0,
                known: BTreeSet::new(),
                chunks: 0,
                complete: false,
            },
            errors: LineSplitter::default(),
            shown: 0,
        }
    }

    /// Whether the server part has spoken.
    pub(super) fn greeted(&self) -> bool {
        self.greeted
    }

    /// Takes what came over standard output.
    pub(super) fn output(
        &mut self,
        bytes: &[u8],
        heard: &mut dyn FnMut(Heard),
    ) -> Result<(), ProtocolError> {
        if self.greeted {
            self.frames.push(bytes);
        } else {
            self.early(bytes, heard)?;
        }
        while self.greeted {
            match self
                .frames
                .next_message()
                .map_err(|error| protocol_error(&error))?
            {
                Some(message) => self.message(message)?.into_iter().for_each(&mut *heard),
                None => break,
            }
        }
        Ok(())
    }

    /// Takes what came over standard error.
    pub(super) fn errors(&mut self, bytes: &[u8], heard: &mut dyn FnMut(Heard)) {
        let mut lines = std::mem::take(&mut self.errors);
        lines.push(bytes, |line| self.show(line, heard));
        self.errors = lines;
    }

    /// What stands behind the last line's end on both, when the channel is at its end.
    pub(super) fn rest(&mut self, heard: &mut dyn FnMut(Heard)) {
        let early = std::mem::take(&mut self.early);
        for line in [
            self.errors.rest(),
            Some(early).filter(|line| !line.is_empty()),
        ]
        .into_iter()
        .flatten()
        {
            self.show(line, heard);
        }
    }

    fn early(&mut self, bytes: &[u8], heard: &mut dyn FnMut(Heard)) -> Result<(), ProtocolError> {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end + 1);
            rest = after;
            self.early.extend_from_slice(line);
            let line = std::mem::take(&mut self.early);
            if let Some(before) = line.strip_suffix(self.greeting.as_slice()) {
                self.greeted = true;
                self.show(before.to_vec(), heard);
                heard(Heard::Greeted);
                self.frames.push(rest);
                return Ok(());
            }
            self.noise += line.len();
            match Missing::read(&line, self.transaction) {
                Some(missing) => heard(Heard::Missing(missing)),
                None => self.show(line, heard),
            }
        }
        self.early.extend_from_slice(rest);
        if self.noise + self.early.len() > MOST_NOISE {
            return Err(ProtocolError::NoGreeting {
                limit: MOST_NOISE as u64,
            });
        }
        Ok(())
    }

    fn show(&mut self, mut line: Vec<u8>, heard: &mut dyn FnMut(Heard)) {
        while matches!(line.last(), Some(b'\n' | b'\r')) {
            line.pop();
        }
        if self.shown < MOST_LINES && !line.is_empty() {
            self.shown += 1;
            line.truncate(MAX_BYTES);
            heard(Heard::Noise(line));
        }
    }

    fn message(&mut self, message: ToRunner) -> Result<Option<Heard>, ProtocolError> {
        Ok(Some(match message {
            ToRunner::Event(Event {
                what: What::Ended(verdict),
                ..
            }) if verdict.transaction != *self.transaction => {
                return Err(ProtocolError::OtherTransaction)
            }
            ToRunner::Event(Event { at, what }) => {
                return Ok(bounded(what).map(|what| Heard::Event(Event { at, what })))
            }
            ToRunner::Listing(listing) => Heard::Listing(listing),
            ToRunner::Need {
                ranges,
                known,
                last,
            } => Heard::Need(self.needs.check(ranges, known, last)?),
        }))
    }
}

/// Sees to it that the server asks for each file once at most, in order, and for nothing else: but for those of which it
/// had an earlier version, once more.
struct Needs {
    entries: u32,
    from: u32,
    known: BTreeSet<u32>,
    chunks: usize,
    complete: bool,
}

impl Needs {
    fn check(
        &mut self,
        ranges: Vec<(u32, u32)>,
        known: Vec<Known>,
        last: bool,
    ) -> Result<Needed, ProtocolError> {
        for (start, end) in &ranges {
            let is_new = *start >= self.from && !self.complete;
            let is_fine = is_new || (*start..*end).all(|index| self.known.remove(&index));
            if !is_fine || start >= end || *end > self.entries {
                return Err(ProtocolError::Entries {
                    start: *start,
                    end: *end,
                    entries: self.entries,
                });
            }
            self.from = self.from.max(*end);
        }
        if self.complete && (ranges.is_empty() || !known.is_empty()) {
            return Err(ProtocolError::AfterLast);
        }
        if ranges.is_empty() && !last {
            return Err(ProtocolError::Nothing);
        }
        self.chunks += known.iter().map(|known| known.chunks.len()).sum::<usize>();
        if self.chunks > MOST_CHUNKS {
            return Err(ProtocolError::TooManyChunks {
                limit: MOST_CHUNKS as u64,
            });
        }
        let mut asked = ranges.iter().flat_map(|(start, end)| *start..*end);
        if !known
            .iter()
            .all(|known| asked.any(|index| index == known.entry))
        {
            return Err(ProtocolError::Chunks);
        }
        self.known.extend(known.iter().map(|known| known.entry));
        self.complete = last;
        Ok(Needed {
            ranges,
            known,
            last,
        })
    }
}

fn protocol_error(error: &WireError) -> ProtocolError {
    match error {
        WireError::TooLong(bytes) => ProtocolError::TooLong(*bytes as u64),
        WireError::Garbled(_) | WireError::Io(_) => ProtocolError::Unreadable,
    }
}

#[cfg(test)]
mod tests;
