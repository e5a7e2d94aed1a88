//! Copies the server part to the server, over a second channel of the same connection.

use super::binaries::Binaries;
use super::bootstrap::{copy_header, copy_line, input_was_read, MissingServerPart, Packing};
use crate::protocol::{
    Bug, Digest, LoginScriptError, RunError, RunEvent, ServerPartError, TransactionId,
};
use crate::runner::ssh::{Connection, OutputTail, Pipes};
use flate2::{write::GzEncoder, Compression};
use std::io::{self, Write};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const INSTALLED: &str = "deploy-action-installed ";

/// Copies the server part for the server's CPU into `target`.
///
/// # Errors
/// If there is none for this CPU, or the server cannot install it.
pub(crate) async fn copy_server_part(
    connection: &Connection,
    target: &str,
    transaction: &TransactionId,
    missing: &MissingServerPart,
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
    let copy = Copy {
        transaction,
        packed: &packed,
        digest,
    };
    copy.send(pipes).await
}

/// The server part on its way.
struct Copy<'a> {
    transaction: &'a TransactionId,
    packed: &'a [u8],
    digest: Digest,
}

/// The error if the server part is missing even after it was copied.
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

impl Copy<'_> {
    async fn send<I, O, E>(&self, pipes: Pipes<I, O, E>) -> Result<(), RunError>
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
        let header = copy_header(self.transaction);
        let sending = async move {
            // if the server stops reading, its output says why
            let _unread = stdin.write_all(header.as_bytes()).await;
            let _unread = stdin.write_all(self.packed).await;
            let _unread = stdin.shutdown().await;
        };
        let ((), stdout, stderr) = tokio::join!(sending, end_of(stdout), end_of(stderr));
        let confirmation = format!("{INSTALLED}{}\n", self.digest);
        if stdout
            .windows(confirmation.len())
            .any(|found| found == confirmation.as_bytes())
        {
            return Ok(());
        }
        if input_was_read(&stdout, self.transaction) {
            return Err(RunError::LoginScript {
                error: LoginScriptError::InputRead,
                output: stderr,
            });
        }
        let output = if stderr.is_empty() { stdout } else { stderr };
        Err(RunError::ServerPart {
            error: ServerPartError::Copy,
            output,
        })
    }
}

async fn end_of(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
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
    use crate::runner::testing::transaction;
    use tokio::io::duplex;

    async fn sent(stdout: &[u8], stderr: &[u8]) -> Result<(), RunError> {
        // the data is not read
        let (stdin, _) = duplex(16);
        let copy = Copy {
            transaction: &transaction(),
            packed: &[0; 100],
            digest: Digest::of(b"part"),
        };
        copy.send(Pipes {
            stdin,
            stdout,
            stderr,
        })
        .await
    }

    #[tokio::test]
    async fn only_the_right_digest_confirms_the_copy() {
        let confirmation = |part: &[u8]| format!("motd\n{INSTALLED}{}\n", Digest::of(part));
        assert_eq!(
            sent(confirmation(b"part").as_bytes(), b"noise").await,
            Ok(())
        );
        assert!(sent(confirmation(b"other").as_bytes(), b"").await.is_err());
    }

    #[tokio::test]
    async fn the_output_of_the_server_is_part_of_the_error() {
        let Err(RunError::ServerPart { output, .. }) =
            sent(b"motd", b"mkdir: Permission denied\n").await
        else {
            panic!("installed")
        };
        assert_eq!(output, b"mkdir: Permission denied\n");
        let Err(RunError::ServerPart { output, .. }) =
            sent(b"This account is not available.\n", b"").await
        else {
            panic!("installed")
        };
        assert_eq!(output, b"This account is not available.\n");
    }

    #[tokio::test]
    async fn a_login_script_that_reads_the_input_is_named() {
        let read = |id: &TransactionId| format!("motd\ndeploy-action-input-read:{id}:\n");
        let printed = sent(
            read(&transaction()).as_bytes(),
            b"gzip: not in gzip format\n",
        )
        .await;
        let Err(RunError::LoginScript { error, .. }) = printed else {
            panic!("{printed:?}")
        };
        assert_eq!(error, LoginScriptError::InputRead);
        let other = TransactionId::from_random([8; 16]);
        let echoed = sent(read(&other).as_bytes(), b"").await;
        assert!(
            matches!(echoed, Err(RunError::ServerPart { .. })),
            "{echoed:?}"
        );
    }

    #[test]
    fn gzip_makes_it_smaller_and_plain_changes_nothing() {
        let bytes = vec![b'x'; 10_000];
        assert!(pack(Packing::Gzip, bytes.clone()).unwrap().len() < 1000);
        assert_eq!(pack(Packing::Plain, bytes.clone()).unwrap(), bytes);
    }
}
