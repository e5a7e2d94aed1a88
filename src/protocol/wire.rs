//! Framing: a length (4 bytes, little-endian), then one message. The length is limited, so a hostile peer gets an error, not
//! memory.
//!
//! What goes to the server is one zlib stream of frames; what comes back is plain.

use super::{ToRunner, ToServer};
use flate2::{write::ZlibEncoder, Compression};
use serde::{de::DeserializeOwned, Serialize};
use std::io::{self, Read, Write};
use std::marker::PhantomData;

/// The longest message, in bytes.
pub const MAX_FRAME: usize = 1 << 20;
/// The longest content in one [`ToServer::Content`].
pub const MAX_PIECE: usize = 256 << 10;
/// A tree that packs to at most this many bytes is sent without a request.
pub const UNASKED: usize = 64 << 10;

/// Why a message cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// A frame over [`MAX_FRAME`].
    #[error("a message of {0} bytes is too long")]
    TooLong(usize),
    /// A frame that is not a message.
    #[error("a message cannot be read")]
    Garbled(#[source] postcard::Error),
    /// Reading or writing failed.
    #[error("the connection was lost")]
    Io(#[from] io::Error),
}

/// One message as a frame.
///
/// # Errors
/// If it is over [`MAX_FRAME`].
pub fn frame<M: Serialize>(message: &M) -> Result<Vec<u8>, WireError> {
    let mut bytes = postcard::to_extend(message, vec![0; 4]).map_err(WireError::Garbled)?;
    let length = bytes.len() - 4;
    if length > MAX_FRAME {
        return Err(WireError::TooLong(length));
    }
    bytes[..4].copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    Ok(bytes)
}

/// Packs messages to the server.
pub struct Packer {
    stream: ZlibEncoder<Vec<u8>>,
}

impl Default for Packer {
    fn default() -> Self {
        Self::with_level(6)
    }
}

impl Packer {
    /// Packs at zlib's `level`, 0 to 9: lower saves time, higher saves bytes. The server reads every level.
    #[must_use]
    pub fn with_level(level: u32) -> Self {
        Self {
            stream: ZlibEncoder::new(Vec::new(), Compression::new(level.min(9))),
        }
    }

    /// Adds a message.
    ///
    /// # Errors
    /// If it is over [`MAX_FRAME`].
    pub fn push(&mut self, message: &ToServer) -> Result<(), WireError> {
        self.stream.write_all(&frame(message)?)?;
        Ok(())
    }

    /// Packed bytes that were not taken, without those in the encoder's window.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.stream.get_ref().len()
    }

    /// Takes the packed bytes, without those in the encoder's window.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.stream.get_mut())
    }

    /// Takes everything that was pushed.
    ///
    /// # Errors
    /// Never in practice: the stream is memory.
    pub fn flush(&mut self) -> Result<Vec<u8>, WireError> {
        self.stream.flush()?;
        Ok(self.take())
    }
}

/// Reads the next frame of a blocking stream; `None` if the stream ends before it.
///
/// # Errors
/// If reading fails, or the frame is not a message.
pub fn read<M: DeserializeOwned>(stream: &mut impl Read) -> Result<Option<M>, WireError> {
    let mut length = [0; 4];
    let mut have = 0;
    while have < length.len() {
        match stream.read(&mut length[have..])? {
            0 if have == 0 => return Ok(None),
            0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            n => have += n,
        }
    }
    let length = checked(length)?;
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes)?;
    postcard::from_bytes(&bytes)
        .map(Some)
        .map_err(WireError::Garbled)
}

fn checked(length: [u8; 4]) -> Result<usize, WireError> {
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_FRAME {
        return Err(WireError::TooLong(length));
    }
    Ok(length)
}

/// Reads frames that arrive in arbitrary pieces.
pub struct Unframer<M> {
    buffer: Vec<u8>,
    message: PhantomData<M>,
}

impl<M> Default for Unframer<M> {
    fn default() -> Self {
        Self {
            buffer: Vec::new(),
            message: PhantomData,
        }
    }
}

impl<M: DeserializeOwned> Unframer<M> {
    /// Adds bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete message, if there is one.
    ///
    /// # Errors
    /// If the bytes are not a message.
    pub fn next_message(&mut self) -> Result<Option<M>, WireError> {
        let Some(length) = self.buffer.first_chunk::<4>() else {
            return Ok(None);
        };
        let length = checked(*length)?;
        let Some(bytes) = self.buffer.get(4..4 + length) else {
            return Ok(None);
        };
        let message = postcard::from_bytes(bytes).map_err(WireError::Garbled)?;
        self.buffer.drain(..4 + length);
        Ok(Some(message))
    }
}

/// Reads the messages of the server part.
pub type FromServer = Unframer<ToRunner>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Event, Step, What};
    use proptest::prelude::*;

    fn event(at: u64) -> ToRunner {
        ToRunner::Event(Event {
            at,
            what: What::Step(Step::Check),
        })
    }

    #[test]
    fn messages_arrive_whole_whatever_the_pieces() {
        let bytes: Vec<u8> = (0..5).flat_map(|at| frame(&event(at)).unwrap()).collect();
        for size in 1..bytes.len() {
            let mut unframer = FromServer::default();
            let mut seen = Vec::new();
            for piece in bytes.chunks(size) {
                unframer.push(piece);
                while let Some(message) = unframer.next_message().unwrap() {
                    seen.push(message);
                }
            }
            assert_eq!(seen, (0..5).map(event).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_packed_can_be_read_after_a_flush() {
        let mut packer = Packer::default();
        let sent = ToServer::Content {
            entry: 7,
            bytes: vec![b'x'; MAX_PIECE],
        };
        packer.push(&sent).unwrap();
        packer.push(&ToServer::Sent).unwrap();
        let packed = packer.flush().unwrap();
        assert!(packed.len() < 2000);
        let mut stream = flate2::read::ZlibDecoder::new(&packed[..]);
        assert_eq!(read::<ToServer>(&mut stream).unwrap(), Some(sent));
        assert_eq!(read::<ToServer>(&mut stream).unwrap(), Some(ToServer::Sent));
    }

    #[test]
    fn a_frame_that_claims_gigabytes_is_refused_before_they_are_reserved() {
        let mut unframer = FromServer::default();
        unframer.push(&u32::MAX.to_le_bytes());
        assert!(matches!(
            unframer.next_message(),
            Err(WireError::TooLong(_))
        ));
        assert!(matches!(
            read::<ToServer>(&mut &u32::MAX.to_le_bytes()[..]),
            Err(WireError::TooLong(_))
        ));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut unframer = FromServer::default();
            unframer.push(&bytes);
            while let Ok(Some(_)) = unframer.next_message() {}
            let mut stream = flate2::read::ZlibDecoder::new(&bytes[..]);
            while let Ok(Some(_)) = read::<ToServer>(&mut stream) {}
        }
    }
}
