//! Decodes what the server sends over a channel: unexpected output first, then the protocol. No I/O.

use super::truncate::truncated;
use crate::protocol::wire::{FromServer, WireError};
use crate::protocol::{
    greeting, Event, KnownFile, Listing, ProtocolError, Refusal, ToRunner, TransactionId,
    UnsafeFolder, What,
};
use crate::runner::server_part::{read_unsafe, MissingServerPart};
use crate::runner::ssh::{LineSplitter, MAX_BYTES};
use crate::runner::upload::Need;
use std::collections::BTreeSet;

/// How much of an incomplete line before the greeting is kept: the greeting, or the line of a missing server part, is at
/// its end.
const MAX_LINE: usize = 64 << 10;
/// The most chunks that a server may know: a megabyte of digests.
const MAX_CHUNKS: usize = 128 << 10;
/// The most lines of unexpected output that are shown.
const MAX_LINES: u32 = 100;

/// What was received.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// A line that is not of the protocol.
    UnexpectedLine(Vec<u8>),
    /// The greeting of the server part.
    Greeting,
    /// The server part is missing.
    Missing(MissingServerPart),
    /// The server part was not started, because others could have replaced it.
    Unsafe(UnsafeFolder),
    /// An event.
    Event(Event),
    /// The server needs contents.
    Need(Need),
    /// What is on the server.
    Listing(Box<Listing>),
    /// The login does not do what it is for.
    Refused(Refusal),
}

/// Decodes the output of one channel.
pub(super) struct Decoder<'a> {
    transaction: &'a TransactionId,
    greeting: Vec<u8>,
    /// An incomplete line before the greeting.
    line: Vec<u8>,
    before_greeting: u64,
    greeted: bool,
    frames: FromServer,
    needs: NeedCheck,
    stderr: LineSplitter,
    shown: u32,
}

impl<'a> Decoder<'a> {
    /// For a manifest of `entries` entries.
    pub(super) fn new(transaction: &'a TransactionId, entries: u32) -> Self {
        Self {
            transaction,
            greeting: greeting(transaction).into_bytes(),
            line: Vec::new(),
            before_greeting: 0,
            greeted: false,
            frames: FromServer::default(),
            needs: NeedCheck {
                entries,
                from: 0,
                known: BTreeSet::new(),
                chunks: 0,
                complete: false,
            },
            stderr: LineSplitter::default(),
            shown: 0,
        }
    }

    /// Whether the greeting was received.
    pub(super) fn greeted(&self) -> bool {
        self.greeted
    }

    /// How many bytes came before the greeting.
    pub(super) fn before_greeting(&self) -> u64 {
        self.before_greeting
    }

    /// Adds bytes of standard output.
    pub(super) fn output(
        &mut self,
        bytes: &[u8],
        emit: &mut dyn FnMut(Received),
    ) -> Result<(), ProtocolError> {
        if self.greeted {
            self.frames.push(bytes);
        } else {
            self.until_greeting(bytes, emit);
        }
        while self.greeted {
            match self
                .frames
                .next_message()
                .map_err(|error| protocol_error(&error))?
            {
                Some(message) => self.message(message)?.into_iter().for_each(&mut *emit),
                None => break,
            }
        }
        Ok(())
    }

    /// Adds bytes of standard error.
    pub(super) fn errors(&mut self, bytes: &[u8], emit: &mut dyn FnMut(Received)) {
        let mut lines = std::mem::take(&mut self.stderr);
        lines.push(bytes, |line| self.show(line, emit));
        self.stderr = lines;
    }

    /// Passes on the incomplete last lines of both, when the channel has ended.
    pub(super) fn rest(&mut self, emit: &mut dyn FnMut(Received)) {
        let incomplete = std::mem::take(&mut self.line);
        for line in [
            self.stderr.rest(),
            Some(incomplete).filter(|line| !line.is_empty()),
        ]
        .into_iter()
        .flatten()
        {
            self.show(line, emit);
        }
    }

    fn until_greeting(&mut self, bytes: &[u8], emit: &mut dyn FnMut(Received)) {
        self.before_greeting += bytes.len() as u64;
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end + 1);
            rest = after;
            self.line.extend_from_slice(line);
            let line = std::mem::take(&mut self.line);
            if let Some(before) = line.strip_suffix(self.greeting.as_slice()) {
                self.greeted = true;
                self.show(before.to_vec(), emit);
                emit(Received::Greeting);
                self.frames.push(rest);
                return;
            }
            if let Some(missing) = MissingServerPart::read(&line, self.transaction) {
                emit(Received::Missing(missing));
            } else if let Some(folder) = read_unsafe(&line, self.transaction) {
                emit(Received::Unsafe(folder));
            } else {
                self.show(line, emit);
            }
        }
        self.line.extend_from_slice(rest);
        let excess = self.line.len().saturating_sub(MAX_LINE);
        self.line.drain(..excess);
    }

    fn show(&mut self, mut line: Vec<u8>, emit: &mut dyn FnMut(Received)) {
        while matches!(line.last(), Some(b'\n' | b'\r')) {
            line.pop();
        }
        if self.shown < MAX_LINES && !line.is_empty() {
            self.shown += 1;
            line.truncate(MAX_BYTES);
            emit(Received::UnexpectedLine(line));
        }
    }

    fn message(&mut self, message: ToRunner) -> Result<Option<Received>, ProtocolError> {
        Ok(Some(match message {
            ToRunner::Event(Event {
                what: What::Ended(verdict),
                ..
            }) if verdict.transaction != *self.transaction => {
                return Err(ProtocolError::OtherTransaction)
            }
            ToRunner::Event(Event { at, what }) => {
                let is_end = matches!(what, What::Ended(_));
                return match truncated(what) {
                    None if is_end => Err(ProtocolError::Unreadable),
                    what => Ok(what.map(|what| Received::Event(Event { at, what }))),
                };
            }
            ToRunner::Listing(listing) => Received::Listing(listing),
            ToRunner::Refused(refusal) => Received::Refused(refusal),
            ToRunner::Need {
                ranges,
                known,
                last,
            } => Received::Need(self.needs.check(ranges, known, last)?),
        }))
    }
}

/// Checks that the server asks for each file at most once, in order, and for nothing else. It may ask once more for a
/// file of which it had an earlier version.
struct NeedCheck {
    entries: u32,
    from: u32,
    known: BTreeSet<u32>,
    chunks: usize,
    complete: bool,
}

impl NeedCheck {
    fn check(
        &mut self,
        ranges: Vec<(u32, u32)>,
        known: Vec<KnownFile>,
        last: bool,
    ) -> Result<Need, ProtocolError> {
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
        if self.chunks > MAX_CHUNKS {
            return Err(ProtocolError::TooManyChunks {
                limit: MAX_CHUNKS as u64,
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
        Ok(Need {
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
