//! The server part's way onto a server that lacks it: a second channel of the same connection.

use super::binaries::Binaries;
use super::bootstrap::{copy_line, Missing, Packing};
use crate::protocol::{Bug, Digest, RunError, RunEvent, ServerPartError, TransactionId};
use crate::runner::ssh::{Connection, OutputTail, Pipes};
use flate2::{write::GzEncoder, Compression};
use std::io::{self, Write};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const INSTALLED: &str = "deploy-action-installed ";

/// Copies the server part for the server's CPU into `target`.
///
/// # Errors
/// If there is none, or the server can't take it, with its words.
pub(crate) async fn copy_server_part(
    connection: &Connection,
    target: &str,
    transaction: &TransactionId,
    missing: &Missing,
    binaries: &Binaries,
    emit: &mut dyn FnMut(RunEvent),
) -> Result<(), RunError> {
    let (digest, bytes) = binaries.read(&missing.cpu)?;
    let packed = pack(missing.packing, bytes).map_err(|error| {
        RunError::Bug(Bug::Compress {
            error: error.to_string(),
        })
    })?;
    emit(RunEvent::CopyingServerPart {
        bytes: packed.len() as u64,
    });
    let line = copy_line(target, transaction, missing.packing, digest)?;
    let (pipes, _child) = connection.run(&line).await?;
    send(pipes, &packed, digest).await
}

/// That it was copied, and still is not there.
pub(crate) fn still_missing(target: &str) -> RunError {
    let folder = format!("{target}/.deploy/bin");
    RunError::ServerPart {
        error: ServerPartError::Gone { folder },
        output: Vec::new(),
    }
}

fn pack(packing: Packing, bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    if packing == Packing::Plain {
        return Ok(bytes);
    }
    let mut stream = GzEncoder::new(Vec::new(), Compression::new(6));
    stream.write_all(&bytes)?;
    stream.finish()
}

async fn send<I, O, E>(pipes: Pipes<I, O, E>, packed: &[u8], digest: Digest) -> Result<(), RunError>
where
    I: AsyncWrite + Unpin,
    O: AsyncRead + Unpin,
    E: AsyncRead + Unpin,
{
    let Pipes {
        mut stdin,
        stdout,
        stderr,
    } = pipes;
    let sending = async move {
        // where the other end stops reading, its words tell why
        let _unread = stdin.write_all(packed).await;
        let _unread = stdin.shutdown().await;
    };
    let ((), answer, errors) = tokio::join!(sending, tail_of(stdout), tail_of(stderr));
    let word = format!("{INSTALLED}{digest}\n");
    if answer
        .windows(word.len())
        .any(|found| found == word.as_bytes())
    {
        return Ok(());
    }
    let output = if errors.is_empty() { answer } else { errors };
    Err(RunError::ServerPart {
        error: ServerPartError::Copy,
        output,
    })
}

async fn tail_of(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut tail = OutputTail::default();
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        tail.push(&buffer[..n]);
    }
    tail.take()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;

    async fn told(stdout: &[u8], stderr: &[u8]) -> Result<(), RunError> {
        // nobody reads what is sent
        let (stdin, _) = duplex(16);
        send(
            Pipes {
                stdin,
                stdout,
                stderr,
            },
            &[0; 100],
            Digest::of(b"part"),
        )
        .await
    }

    #[tokio::test]
    async fn only_the_word_with_the_right_digest_counts() {
        let word = |part: &[u8]| format!("motd\n{INSTALLED}{}\n", Digest::of(part));
        assert_eq!(told(word(b"part").as_bytes(), b"noise").await, Ok(()));
        assert!(told(word(b"other").as_bytes(), b"").await.is_err());
    }

    #[tokio::test]
    async fn what_the_server_said_comes_along() {
        let Err(RunError::ServerPart { output, .. }) =
            told(b"motd", b"mkdir: Permission denied\n").await
        else {
            panic!("installed")
        };
        assert_eq!(output, b"mkdir: Permission denied\n");
        let Err(RunError::ServerPart { output, .. }) =
            told(b"This account is not available.\n", b"").await
        else {
            panic!("installed")
        };
        assert_eq!(output, b"This account is not available.\n");
    }

    #[test]
    fn what_is_packed_is_smaller_and_what_is_not_is_as_it_was() {
        let bytes = vec![b'x'; 10_000];
        assert!(pack(Packing::Gzip, bytes.clone()).unwrap().len() < 1000);
        assert_eq!(pack(Packing::Plain, bytes.clone()).unwrap(), bytes);
    }
}
